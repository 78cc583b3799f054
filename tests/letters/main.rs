//! Letters of incidents, sent by the real program to a mail server and a webhook that run here: what arrived is what counts.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../emulated/mod.rs"]
mod emulated;
mod hook;
mod smtp;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use common::command;
use emulated::{Ran, VICTIM, World};
use hook::Hook;
use portcullis::lockdown::incidents::Incidents;
use portcullis::lockdown::operation::{Kind, Operation};
use portcullis::lockdown::record::{Entry, Verdict};
use portcullis::lockdown::step::{Guided, GuidedProof};
use portcullis::sys::clock::{Clock as _, System};
use serde_json::Value;
use smtp::{AUTHORITY, Habits, Server};

const PASSWORD: &str = "CANARY-mail-password";
const HOOK_PATH: &str = "/services/CANARY-T000/B000?sig=CANARY-sig";
const READERS: &str = "security = ['sec@acme.example', 'soc@acme.example']\ncompliance = ['privacy@acme.example']\n\
                       project-owners = ['data@acme.example']\nstakeholders = ['all@acme.example']\n";

fn plain(port: u16) -> String {
    format!(
        "smtp = {{ host = '127.0.0.1', port = {port}, tls = 'none', from = 'portcullis@acme.example' }}\n"
    )
}

fn encrypted(port: u16, tls: &str, more: &str) -> String {
    format!(
        "smtp = {{ host = 'localhost', port = {port}, tls = '{tls}', from = 'portcullis@acme.example'{more} }}\n"
    )
}

const LOGIN: &str = ", username = 'portcullis', credential = 'env:MAIL'";

/// A tenant with these lines of `[notify]`, and secrets for them in the environment.
fn world(notify: &str, hook: Option<&Hook>) -> World {
    let mut world = World::new();
    world.configure(&format!("{}[notify]\n{READERS}{notify}", world.mixpanel()));
    world.environment.push(("MAIL".to_owned(), PASSWORD.to_owned()));
    if let Some(hook) = hook {
        let address = format!("http://127.0.0.1:{}{HOOK_PATH}", hook.port);
        world.environment.push(("HOOK".to_owned(), address));
        world.environment.push(("TOKEN".to_owned(), "CANARY-hook-token".to_owned()));
    }
    world
}

/// The same, where certificates of the tests' authority are trusted.
fn trusting(notify: &str) -> World {
    let world = world(notify, None);
    let ca = world.place.write("ca.pem", AUTHORITY.as_bytes());
    let text = std::fs::read_to_string(world.place.path("portcullis.toml")).unwrap();
    let text = text.replace("[http]\n", &format!("[http]\nca-file = '{}'\n", ca.display()));
    world.place.write("portcullis.toml", text.as_bytes());
    world
}

fn run(world: &World, args: &[&str]) -> Ran {
    let ran = world.run(args);
    let journals = journals(world);
    for text in [&ran.out, &ran.err, &journals] {
        assert!(!text.contains("CANARY"), "{args:?}: {text}");
    }
    ran
}

fn journals(world: &World) -> String {
    let Ok(folders) = std::fs::read_dir(world.place.path("incidents")) else { return String::new() };
    let files = folders.map(|folder| folder.unwrap().path().join("journal.jsonl"));
    files.filter_map(|file| std::fs::read_to_string(file).ok()).collect()
}

/// An incident as it may be after a run, without one: hostile names are in it.
fn incident(world: &World, account: &str, who: &[&str]) -> String {
    let incidents = Incidents::new(&world.place.path("incidents"));
    let name = "2026-10-24-made".to_owned();
    let held = incidents.hold(&name).unwrap();
    let mut journal = held.journal().unwrap();
    let guided = |(at, who): (usize, &&str)| Guided {
        id: format!("step-{at}"),
        title: "take it up\r\nBcc: evil@elsewhere.example\u{1b}]0;x\u{7}".to_owned(),
        who: (*who).to_owned(),
        how: "so\r\n.\r\nMAIL FROM:<evil@elsewhere.example>\u{202e}".to_owned(),
        proof: GuidedProof::Attested,
        required: true,
    };
    let guided = who.iter().enumerate().map(guided).collect();
    let (incident, account) = (name.clone(), account.to_owned());
    let operation = Operation::new(Kind::Lockdown, Vec::new());
    for entry in [
        Entry::Opened { incident, account, tag: "t".into(), version: "0".into(), operation },
        Entry::Planned { pass: 1, hash: "h".into(), steps: Vec::new(), guided },
        Entry::Confirmed {
            hash: "h".into(),
            how: "--yes".into(),
            commit: false,
            unread: [].into(),
            except: [].into(),
        },
        Entry::Concluded { verdict: Verdict::Partial, reasons: vec!["why\u{202e}\r\nX: y".into()] },
    ] {
        journal.append(&entry, System.now()).unwrap();
    }
    name
}

fn fates(ran: &Ran) -> BTreeMap<String, String> {
    let value = ran.json();
    let messages = value["messages"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    messages.map(|message| (text(&message["to"]), text(&message["fate"]))).collect()
}

fn readers(server: &Server) -> Vec<String> {
    let letters = server.letters();
    letters.iter().flat_map(|letter| letter.to.iter().cloned()).collect()
}

#[test]
fn a_lockdown_tells_everybody_once_and_again_when_it_stands_otherwise() {
    let (server, hook) = (Server::start(Habits::default()), Hook::fine());
    let notify = format!(
        "send = 'end'\n{}webhook = {{ url = 'env:HOOK', credential = 'env:TOKEN' }}\n",
        plain(server.port)
    );
    let world = world(&notify, Some(&hook));
    let dry = run(&world, &["lockdown", VICTIM, "--dry-run"]);
    assert!(dry.code == 0 && server.lines().is_empty() && hook.requests().is_empty(), "{}", dry.err);
    let ran = run(&world, &["lockdown", VICTIM, "--yes", "--json"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert_eq!(
        readers(&server),
        [
            "sec@acme.example",
            "soc@acme.example",
            "privacy@acme.example",
            "data@acme.example",
            "all@acme.example"
        ]
    );
    let letters = server.letters();
    assert!(letters.iter().all(|letter| letter.to.len() == 1 && letter.from == "portcullis@acme.example"));
    assert_eq!(letters[0].subject(), format!("account locked out: {VICTIM}"));
    assert_eq!(letters[0].header("To"), "<sec@acme.example>");
    assert_eq!(letters[0].header("Auto-Submitted"), "auto-generated");
    assert!(letters[0].text.contains("What people have to do:"), "{}", letters[0].text);
    assert!(!letters[4].text.contains("What people have to do:"), "{}", letters[4].text);
    let ids: BTreeSet<&str> = letters.iter().map(|letter| letter.header("Message-ID")).collect();
    assert_eq!(ids.len(), 5);
    let [request] = &hook.requests()[..] else { panic!("{:?}", hook.requests()) };
    assert_eq!(request.line, format!("POST {HOOK_PATH}"));
    assert_eq!(request.header("idempotency-key"), request.body["id"].as_str());
    assert_eq!(request.header("authorization"), Some("Bearer CANARY-hook-token"));
    assert_eq!(request.body["verdict"], "PARTIAL");
    assert_eq!(request.body["text"].as_str().unwrap().replace('\n', "\r\n"), letters[0].text);
    // The same again: nobody is told twice.
    let incident = world.incident();
    let verified = run(&world, &["verify", &incident, "--json", "--wait", "1s"]);
    assert_eq!((verified.code, server.letters().len(), hook.requests().len()), (4, 5, 1), "{}", verified.err);
    let shown = run(&world, &["notify", &incident, "--json"]);
    assert!(fates(&shown).values().all(|fate| fate == "accepted"), "{}", shown.out);
    // It was a false alarm: everybody is told that.
    let restored = run(&world, &["restore", &incident, "--yes", "--wait", "1s"]);
    assert_eq!((server.letters().len(), hook.requests().len()), (10, 2), "{}{}", restored.out, restored.err);
    assert!(server.letters()[5..].iter().all(|letter| letter.text.contains("a false alarm")));
    let folder = world.place.path("incidents").join(&incident).join("letters");
    assert!(folder.join("to-security.txt").is_file() && folder.join("to-all.txt").is_file());
}

#[test]
fn what_cannot_be_sent_is_said_and_changes_no_verdict() {
    // Nobody listens there any more.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refusing =
        Hook::start("HTTP/1.1 403 No\r\ncontent-length: 14\r\nconnection: close\r\n\r\n{\"error\":\"no\"}");
    let notify = format!("send = 'end'\n{}webhook = {{ url = 'env:HOOK' }}\n", plain(port));
    let world = world(&notify, Some(&refusing));
    let ran = run(&world, &["lockdown", VICTIM, "--yes", "--json"]);
    assert_eq!((ran.code, &ran.json()["verdict"]), (4, &Value::from("PARTIAL")), "{}", ran.err);
    assert!(
        ran.err.contains("to-security.txt by mail to sec@acme.example: not sent: 127.0.0.1:"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("to-security.txt by webhook: refused: status 403"), "{}", ran.err);
    let status = run(&world, &["status", &world.incident()]);
    assert_eq!(status.code, 4);
    assert!(
        status.out.contains("letter: to-all.txt by mail to all@acme.example: not sent"),
        "{}",
        status.out
    );
    // A secret that is not there is no reason to stop either.
    let mut without = world;
    without.environment.retain(|(name, _)| name != "HOOK");
    let again = run(&without, &["verify", &without.incident(), "--json", "--wait", "1s"]);
    assert_eq!(again.code, 4, "{}", again.err);
    assert!(again.err.contains("HOOK is not set"), "{}", again.err);
}

#[test]
fn only_who_asks_has_letters_sent_unless_the_configuration_says_otherwise() {
    let server = Server::start(Habits { refuses: Some("soc@acme.example"), ..Habits::default() });
    let world = world(&plain(server.port), None);
    let ran = run(&world, &["lockdown", VICTIM, "--yes", "--json"]);
    assert_eq!((ran.code, server.lines().len()), (4, 0), "{}", ran.err);
    let incident = world.incident();
    let shown = run(&world, &["notify", &incident]);
    assert!(shown.code == 0 && shown.out.contains("not tried") && server.lines().is_empty(), "{}", shown.out);
    let one = run(&world, &["notify", &incident, "--send", "--json", "--letter", "to-compliance.txt"]);
    assert_eq!((one.code, readers(&server)), (0, vec!["privacy@acme.example".to_owned()]), "{}", one.err);
    // One reader is refused; the others are told all the same.
    let sent = run(&world, &["notify", &incident, "--send", "--json"]);
    assert_eq!(sent.code, 4, "{}", sent.err);
    assert_eq!(fates(&sent)["soc@acme.example"], "refused");
    assert_eq!(readers(&server).len(), 4);
    assert!(sent.err.contains("550 5.1.1 nobody here\\u{1b}[2J"), "{}", sent.err);
    let bad = run(&world, &["notify", &incident, "--letter", "x"]);
    assert!(bad.code == 2 && bad.err.contains("to-security.txt"), "{}", bad.err);
}

#[test]
fn passwords_and_letters_leave_encrypted_alone() {
    let habits = Habits { login: Some(("portcullis", PASSWORD)), ..Habits::default() };
    for (tls, habits) in [
        ("starttls", Habits { starttls: true, ..habits.clone() }),
        ("tls", Habits { tls: true, ..habits.clone() }),
        ("tls", Habits { tls: true, login_alone: true, ..habits.clone() }),
    ] {
        let server = Server::start(habits);
        let world = trusting(&encrypted(server.port, tls, LOGIN));
        let incident = incident(&world, VICTIM, &[]);
        let doctor = run(&world, &["doctor", "--json"]);
        let works = |report: &Value| {
            let rows = report["checks"].as_array().unwrap();
            rows.iter().find(|row| row["system"] == "notify").map(|row| row["state"].clone())
        };
        assert_eq!(works(&doctor.json()), Some(Value::from("works")), "{}", doctor.out);
        assert!(server.letters().is_empty(), "doctor sends nothing");
        let sent = run(&world, &["notify", &incident, "--send", "--json"]);
        assert_eq!((sent.code, server.letters().len()), (0, 5), "{}", sent.err);
        let letters = server.letters();
        assert!(
            letters.iter().all(|letter| letter.encrypted && letter.user.as_deref() == Some("portcullis"))
        );
        assert!(server.plain().iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS"));
    }
}

#[test]
fn a_server_that_cannot_be_trusted_gets_nothing() {
    let habits = Habits { login: Some(("portcullis", PASSWORD)), ..Habits::default() };
    let cases = [
        ("starttls", habits.clone(), true, "STARTTLS"),
        ("starttls", Habits { starttls: true, injects: true, ..habits.clone() }, true, "between STARTTLS"),
        ("starttls", Habits { starttls: true, ..habits.clone() }, false, "certificate"),
        ("tls", Habits { tls: true, ..habits.clone() }, false, "certificate"),
        ("tls", Habits { tls: true, babbles: true, ..habits.clone() }, true, "says more than"),
        (
            "tls",
            Habits { tls: true, login: Some(("portcullis", "other")), ..habits.clone() },
            true,
            "sign-in: 535",
        ),
    ];
    for (tls, habits, trusted, why) in cases {
        let server = Server::start(habits);
        let notify = encrypted(server.port, tls, LOGIN);
        let world = if trusted { trusting(&notify) } else { world(&notify, None) };
        let incident = incident(&world, VICTIM, &[]);
        let sent = run(&world, &["notify", &incident, "--send", "--json", "--letter", "to-all.txt"]);
        assert_eq!((sent.code, server.letters().len()), (4, 0), "{why}: {}", sent.err);
        assert_eq!(fates(&sent)["all@acme.example"], "not-sent");
        assert!(sent.err.contains(why), "{why}: {}", sent.err);
        let safe = |line: &String| line.starts_with("EHLO") || line == "STARTTLS" || line == "QUIT";
        assert!(server.plain().iter().all(safe), "{why}: {:?}", server.plain());
        let doctor = run(&world, &["doctor"]);
        assert!(doctor.code == 4 && doctor.out.contains("sign in to the mail server"), "{}", doctor.out);
    }
}

#[test]
fn a_server_that_repeats_the_password_does_not_show_it() {
    let server = Server::start(Habits {
        tls: true,
        login: Some(("portcullis", PASSWORD)),
        repeats: Some(PASSWORD),
        ..Habits::default()
    });
    let world = trusting(&encrypted(server.port, "tls", LOGIN));
    let incident = incident(&world, VICTIM, &[]);
    let sent = run(&world, &["notify", &incident, "--send", "--json"]);
    assert!(sent.code == 4 && sent.err.contains("554 "), "{}", sent.err);
}

/// Slack takes what stands in `<` and `>` for a mention or a link.
#[test]
fn hostile_names_become_no_mention() {
    let hook = Hook::fine();
    let world = world("webhook = { url = 'env:HOOK', form = 'slack' }\n", Some(&hook));
    let account = "<!channel> <@U1> &lt;!here&gt;@agency.example";
    let incident = incident(&world, account, &["<!everyone>"]);
    let sent = run(&world, &["notify", &incident, "--send", "--json"]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    let [request] = &hook.requests()[..] else { panic!("{:?}", hook.requests()) };
    let text = request.body["text"].as_str().unwrap();
    assert!(text.contains("&lt;!channel&gt; &lt;@U1&gt; &amp;lt;!here&amp;gt;@agency.example"), "{text}");
    assert!(!text.contains(['<', '>']), "{text}");
    let keys: Vec<&String> = request.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["mrkdwn", "text"]);
    // What the folder has is as it was.
    let letter =
        std::fs::read_to_string(world.place.path(&format!("incidents/{incident}/letters/to-security.txt")));
    assert!(letter.unwrap().contains("<!channel>"));
}

#[test]
fn hostile_names_become_no_header_no_reader_and_no_command() {
    let (server, hook) = (Server::start(Habits::default()), Hook::fine());
    let world = world(&format!("{}webhook = {{ url = 'env:HOOK' }}\n", plain(server.port)), Some(&hook));
    let account = "jane\r\nBcc: evil@elsewhere.example\u{202e}\u{1b}[2J@agency.example";
    let who = ["evil@elsewhere.example", "a@x\r\nRCPT TO:<evil@elsewhere.example>", "data@acme.example"];
    let incident = incident(&world, account, &who);
    let sent = run(&world, &["notify", &incident, "--send", "--json"]);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    assert!(readers(&server).iter().all(|reader| reader.ends_with("@acme.example")));
    assert_eq!(readers(&server).iter().filter(|reader| *reader == "data@acme.example").count(), 2);
    for letter in server.letters() {
        assert_eq!(letter.headers.len(), 9, "{:?}", letter.headers);
        let shown = format!("{}{}", letter.subject(), letter.text.replace("\r\n", "\n"));
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}', '\r']), "{shown:?}");
        assert!(!letter.text.lines().any(|line| line.starts_with("Bcc") || line == "."), "{}", letter.text);
    }
    let verbs = ["EHLO", "MAIL FROM:<portcullis@acme.example>", "RCPT TO:<", "DATA", "QUIT", "."];
    let commands = server.lines();
    let ours = commands.iter().filter(|line| line.contains("evil") || line.starts_with("MAIL"));
    assert!(ours.clone().all(|line| verbs.iter().any(|verb| line.starts_with(verb))), "{commands:?}");
    assert!(!commands.iter().any(|line| line.contains("evil")), "{commands:?}");
    let [request] = &hook.requests()[..] else { panic!("{:?}", hook.requests()) };
    assert!(!request.body.to_string().contains(['\u{1b}', '\u{202e}']), "{}", request.body);
    assert_eq!(request.body["reasons"][0], "why\\u{202e}\\r\\nX: y");
    assert!(!sent.out.contains(['\u{1b}', '\u{202e}']) && !sent.err.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn the_account_itself_is_never_written_to() {
    let server = Server::start(Habits::default());
    let world = world(&plain(server.port), None);
    let incident = incident(&world, "SEC@acme.example", &["sec@acme.example"]);
    let sent = run(&world, &["notify", &incident, "--send", "--json"]);
    assert_eq!(
        (sent.code, &sent.json()["withheld"]),
        (0, &Value::from(vec!["sec@acme.example"])),
        "{}",
        sent.err
    );
    assert!(!readers(&server).contains(&"sec@acme.example".to_owned()) && readers(&server).len() == 4);
}

#[test]
fn an_answer_that_is_lost_is_not_known_and_sent_again_under_the_same_name() {
    let server = Server::start(Habits { drops: true, ..Habits::default() });
    let world = world(&plain(server.port), None);
    let incident = incident(&world, VICTIM, &[]);
    let args = ["notify", incident.as_str(), "--send", "--json", "--letter", "to-all.txt"];
    let first = run(&world, &args);
    assert_eq!((first.code, fates(&first)["all@acme.example"].as_str()), (5, "lost"), "{}", first.err);
    assert!(!first.err.contains("sent again"), "{}", first.err);
    let second = run(&world, &args);
    assert!(second.err.contains("to-all.txt by mail to all@acme.example was sent again"), "{}", second.err);
    let letters = server.letters();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].header("Message-ID"), letters[1].header("Message-ID"));
}

#[test]
fn a_redirect_carries_no_letter_and_no_token_elsewhere() {
    let elsewhere = Hook::fine();
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let hook = Hook::start(&format!(
            "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:{}/stolen\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            elsewhere.port
        ));
        let world = world("webhook = { url = 'env:HOOK', credential = 'env:TOKEN' }\n", Some(&hook));
        let incident = incident(&world, VICTIM, &[]);
        let sent = run(&world, &["notify", &incident, "--send", "--json"]);
        assert!(matches!(sent.code, 4 | 5), "{status}: {}", sent.err);
        assert_eq!((hook.requests().len(), elsewhere.requests().len()), (1, 0), "{status}: {}", sent.err);
        let doctor = run(&world, &["doctor", "--json"]);
        assert!(doctor.out.contains("reach the webhook's server"), "{}", doctor.out);
        let asked = hook.requests();
        assert!(
            asked[1..]
                .iter()
                .all(|request| request.line == "GET /" && request.header("authorization").is_none())
        );
        assert!(elsewhere.requests().is_empty());
    }
}

/// Killed at every point of a run and run again: everybody is told, and whoever may have been told twice has the same name on both.
#[test]
fn killed_at_any_point_it_tells_everybody_and_says_what_may_have_arrived_twice() {
    let (mut twice, mut point) = (0, 0);
    loop {
        point += 1;
        let (server, hook) = (Server::start(Habits::default()), Hook::fine());
        let notify = format!("{}webhook = {{ url = 'env:HOOK' }}\n", plain(server.port));
        let mut world = world(&notify, Some(&hook));
        let incident = incident(&world, VICTIM, &[]);
        let args = ["notify", incident.as_str(), "--send", "--json"];
        world.environment.push(("PORTCULLIS_CRASH_AT".to_owned(), point.to_string()));
        let killed = !survives(&world, &args);
        world.environment.pop();
        let (before, asked) = (server.letters().len(), hook.requests().len());
        let again = run(&world, &args);
        assert_eq!(again.code, 0, "{point}: {}", again.err);
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for letter in server.letters() {
            *names.entry(letter.header("Message-ID").to_owned()).or_default() += 1;
        }
        for request in hook.requests() {
            *names.entry(request.header("idempotency-key").unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(names.len(), 6, "{point}: all are told");
        let repeated = names.values().filter(|count| **count > 1).count();
        assert!(names.values().all(|count| *count <= 2) && repeated <= 1, "{point}: {names:?}");
        assert!(repeated == 0 || again.err.contains("sent again"), "{point}: {}", again.err);
        twice += repeated;
        if !killed {
            assert_eq!((before, asked), (5, 1));
            assert!(!again.err.contains("sent"), "{}", again.err);
            break;
        }
    }
    // Six messages, each with its intent, its way out and its outcome, before and after.
    assert!(point > 6 * 6 && twice >= 6, "{point} points, {twice} letters twice");
}

/// Whether the program was not killed.
fn survives(world: &World, args: &[&str]) -> bool {
    let environment = world.environment.iter().map(|(name, value)| (name, value));
    let output = command(world.place.folder.path()).args(args).envs(environment).output().unwrap();
    output.status.code().is_some()
}

#[test]
fn an_owner_in_the_inventory_is_told_what_is_theirs() {
    let server = Server::start(Habits::default());
    let world = world(&plain(server.port), None);
    let inventory: PathBuf = world.place.write(
        "integrations.toml",
        b"[[integration]]\nname = 'x'\ntype = 'other'\nconsumer = 'x'\nowner = 'etl@acme.example'\n",
    );
    let text = std::fs::read_to_string(world.place.path("portcullis.toml")).unwrap();
    let text = format!("inventory = '{}'\n{text}", inventory.display());
    world.place.write("portcullis.toml", text.as_bytes());
    let incident = incident(&world, VICTIM, &["etl@acme.example", "stranger@acme.example"]);
    let sent = run(&world, &["notify", &incident, "--send", "--json"]);
    assert_eq!(sent.code, 0, "{}", sent.err);
    let letters = server.letters();
    let own: Vec<_> = letters.iter().filter(|letter| letter.to == ["etl@acme.example"]).collect();
    assert!(own.len() == 1 && own[0].text.contains("1. take it up"), "{own:?}");
    assert!(own[0].subject().ends_with("what you have to do"), "{}", own[0].subject());
    assert!(!readers(&server).contains(&"stranger@acme.example".to_owned()));
}
