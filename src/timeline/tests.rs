//! Charts of made-up stories.

use std::io::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::chart::{self, facts};
use super::gate::Gate;
use super::gather::{FIELDS, Gather};
use super::mark::{Mark, Marks};
use super::page::Page;
use super::story::Story;
use crate::finding::Finding;
use crate::lockdown::record::Verdict;
use crate::output::{Sink, Summary};
use crate::rule::{self, Level};
use crate::scan::{self, Config, Progress};
use crate::synth::{self, Log};

const ACCOUNT: &str = "jane@agency.example";
const ADMIN: &str = "ada.abel@acme.example";

/// A story of `count` exports, a minute apart, whose texts are `text`.
fn story(count: i64, text: &str) -> Option<Story> {
    let gather = Gather::new(ACCOUNT, Vec::new());
    let start = 1_790_000_000_000_000_000;
    let value = |_: usize, field: usize| match FIELDS.get(field).copied() {
        Some("event.action") => Some("raw_event_export.requested"),
        Some("user.email") => Some(ACCOUNT),
        Some("source.ip" | "details.name" | "source.geo.city_name" | "source.as.organization.name") => {
            Some(text)
        }
        Some("details.rows") => Some("1000"),
        Some("source.geo.location.lat" | "source.geo.location.lon") => Some("NaN"),
        _ => None,
    };
    let times = (0..count).map(|minute| Some(start + minute * 60_000_000_000));
    gather.unit((0, 0), "mixpanel-audit", times, &value, &[]).unwrap();
    Story::of(ACCOUNT, TimeZone::UTC, gather.finish(Marks::default()), None)
}

#[test]
fn five_events_and_half_a_million_are_drawn_and_the_same_each_time() {
    for count in [5, 500_000] {
        let page = || Page::of(&story(count, "192.0.2.1").unwrap(), None);
        let (one, two) = (page(), page());
        assert!(!one.drawn.is_empty(), "{:?}", one.left_out);
        assert!(one.svg("x").unwrap() == two.svg("x").unwrap(), "{count}");
        let size = one.svg("x").unwrap().len();
        assert!(size < 2 << 20, "{count} events are {size} bytes of SVG");
    }
    let page = || Page::of(&story(5, "192.0.2.1").unwrap(), None);
    assert!(page().png().unwrap() == page().png().unwrap());
}

#[test]
fn hostile_text_is_text() {
    let evil = "</text><script>alert(1)</script>&\"'\u{1b}[2J\u{202e}\u{0}\u{ffff}\u{10ffff}漢字".repeat(40);
    let page = Page::of(&story(5, &evil).unwrap(), None);
    let svg = page.svg(&evil).unwrap();
    assert!(
        !svg.contains("<script")
            && !svg.contains('\u{1b}')
            && !svg.contains('\u{202e}')
            && !svg.contains('\u{0}')
    );
    assert!(!page.png().unwrap().is_empty());
}

#[test]
fn an_account_without_events_is_no_story() {
    assert!(story(0, "x").is_none());
}

/// The story that a log of these records tells, with the findings of the built-in rules.
pub(crate) fn of_log(source: Option<&str>, records: &[Value], gate: Option<Gate>) -> Story {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.ndjson");
    let mut file = std::fs::File::create(&log).unwrap();
    records.iter().for_each(|record| writeln!(file, "{record}").unwrap());
    of_path(&log.display().to_string(), source, ACCOUNT, gate)
}

fn of_path(log: &str, source: Option<&str>, account: &str, gate: Option<Gate>) -> Story {
    let mut config = Config::new(vec![log.to_owned()], rule::load_embedded());
    config.source = source.map(str::to_owned);
    config.account = Some(account.to_owned());
    config.projection = Some(Gather::projection());
    let mut taken = Taken::default();
    let gather = Gather::new(account, taken.0.rules_of(&config.rules));
    scan::read_rows(&config, &mut taken, &gather, &Quiet).unwrap();
    Story::of(account, TimeZone::UTC, gather.finish(taken.0), gate).unwrap()
}

/// A record of Okta's System Log: minutes after one o'clock, who did what to whom, and how it ended.
pub(crate) fn okta(minute: u32, actor: &str, action: &str, target: &str, outcome: &str) -> Value {
    json!({
        "eventType": action,
        "published": format!("2026-10-24T01:{minute:02}:00.000Z"),
        "actor": {"alternateId": actor, "type": "User"},
        "client": {"ipAddress": "203.0.113.77"},
        "outcome": {"result": outcome},
        "target": [{"type": "User", "alternateId": target}],
    })
}

/// A log in which the account is reported at one o'clock, and then this happens to it: minute, action, outcome.
pub(crate) fn against(acts: &[(u32, &str, &str)]) -> Vec<Value> {
    let reported = "user.account.report_suspicious_activity_by_enduser";
    let mut records = vec![okta(0, ACCOUNT, reported, ACCOUNT, "SUCCESS")];
    records
        .extend(acts.iter().map(|(minute, action, outcome)| okta(*minute, ADMIN, action, ACCOUNT, outcome)));
    records
}

/// What the first chart says of this.
fn fact(story: &Story, about: &str) -> String {
    facts::facts(story).into_iter().find(|(name, _)| *name == about).unwrap().1
}

fn drawn(story: &Story, name: &str) -> Result<String, String> {
    let page = Page::of(story, chart::find(name));
    match page.left_out.first() {
        Some((_, why)) => Err(why.clone()),
        None => Ok(page.svg("x").unwrap()),
    }
}

#[test]
fn a_block_that_lasts_is_the_gate() {
    let story = of_log(None, &against(&[(20, "user.lifecycle.suspend", "SUCCESS")]), None);
    assert_eq!(
        fact(&story, "the gate"),
        "fell Sat 24 Oct 2026, 01:20:00 UTC, 20 min after the first suspicious moment (suspend by ada.abel@acme.example, says the log)"
    );
    assert_eq!(story.key.taken_back, None);
}

#[test]
fn a_block_that_failed_or_may_have_is_none() {
    for outcome in ["FAILURE", "DENY", "SKIPPED", "UNKNOWN"] {
        let story = of_log(None, &against(&[(20, "user.lifecycle.suspend", outcome)]), None);
        assert_eq!((&story.key.contained, &story.key.taken_back), (&None, &None), "{outcome}");
        assert_eq!(
            fact(&story, "the gate"),
            "has not fallen: no lockdown and no suspension is known",
            "{outcome}"
        );
        let svg = drawn(&story, "lanes").unwrap();
        let how = if ["FAILURE", "DENY"].contains(&outcome) { "failed" } else { "outcome not known" };
        assert!(svg.contains(how), "{outcome}: the chart shows what was tried");
    }
}

#[test]
fn a_block_that_was_taken_back_does_not_hold() {
    for back in ["user.lifecycle.unsuspend", "user.lifecycle.activate", "user.account.unlock"] {
        let acts = [(20, "user.lifecycle.suspend", "SUCCESS"), (25, back, "SUCCESS")];
        let story = of_log(None, &against(&acts), None);
        assert_eq!(story.key.contained, None, "{back}");
        let said = fact(&story, "the gate");
        let told = "does not hold: shut out Sat 24 Oct 2026, 01:20:00 UTC (suspend by ada.abel@acme.example, says the log), \
                    and let in again Sat 24 Oct 2026, 01:25:00 UTC, 5 min later (";
        assert!(said.starts_with(told), "{said}");
        assert!(drawn(&story, "lanes").unwrap().contains("let in again"), "{back}");
    }
}

#[test]
fn what_did_not_happen_or_came_before_takes_nothing_back() {
    let suspended = (20, "user.lifecycle.suspend", "SUCCESS");
    let unsuspend = |minute, outcome| (minute, "user.lifecycle.unsuspend", outcome);
    for acts in [
        vec![suspended, unsuspend(25, "FAILURE")],
        vec![unsuspend(10, "SUCCESS"), suspended],
        vec![suspended, (25, "user.lifecycle.suspend", "SUCCESS")],
    ] {
        let story = of_log(None, &against(&acts), None);
        assert_eq!(story.clock.exact(story.key.contained.unwrap().nanos), "Sat 24 Oct 2026, 01:20:00 UTC");
    }
    // Blocked again: the block that lasts counts.
    let acts = [suspended, unsuspend(25, "SUCCESS"), (30, "user.lifecycle.suspend", "SUCCESS")];
    let story = of_log(None, &against(&acts), None);
    assert_eq!(story.clock.exact(story.key.contained.unwrap().nanos), "Sat 24 Oct 2026, 01:30:00 UTC");
    // Blocked again in vain.
    let acts = [suspended, unsuspend(25, "SUCCESS"), (30, "user.lifecycle.suspend", "FAILURE")];
    assert!(of_log(None, &against(&acts), None).key.contained.is_none());
}

#[test]
fn a_verdict_does_not_outlast_the_block() {
    let proved = of_log(None, &against(&[]), None).key.suspicious.unwrap().nanos + 60_000_000_000;
    let gate = || Gate { verdict: Some((proved, Verdict::Contained)), ..Gate::default() };
    let story = of_log(None, &against(&[]), Some(gate()));
    assert_eq!(story.key.contained.map(|moment| moment.what), Some("verdict CONTAINED".to_owned()));
    let acts = against(&[(20, "user.lifecycle.unsuspend", "SUCCESS")]);
    let story = of_log(None, &acts, Some(gate()));
    assert_eq!(story.key.contained, None);
    let said = fact(&story, "the gate");
    assert!(said.contains("let in again Sat 24 Oct 2026, 01:20:00 UTC, 19 min later"), "{said}");
}

#[test]
fn whom_the_account_made_is_shut_out_by_a_block_that_lasts_alone() {
    let made = "new@agency.example";
    let fate = |acts: &[(u32, &str, &str)]| {
        let mut records = against(&[]);
        records.push(okta(5, ACCOUNT, "user.lifecycle.create", made, "SUCCESS"));
        records.extend(acts.iter().map(|(minute, act, outcome)| okta(*minute, ADMIN, act, made, outcome)));
        drawn(&of_log(None, &records, None), "credentials").unwrap()
    };
    let shut = (10, "user.lifecycle.deactivate", "SUCCESS");
    assert!(fate(&[shut]).contains("deactivate, Sat 24 Oct 2026, 01:10"));
    let open = fate(&[
        (10, "user.lifecycle.deactivate", "FAILURE"),
        (11, "group.user_membership.remove", "SUCCESS"),
    ]);
    assert!(open.contains("of which 0 are known to be shut out") && !open.contains("deactivate"), "{open}");
    let back = fate(&[shut, (12, "user.lifecycle.activate", "SUCCESS")]);
    assert!(back.contains("let in again, Sat 24 Oct 2026, 01:12"), "{back}");
}

fn of_fixture(log: &str, account: &str) -> Story {
    let log = format!("{}/fixtures/source/{log}", env!("CARGO_MANIFEST_DIR"));
    of_path(&log, None, account, None)
}

#[test]
fn what_identity_providers_log_is_told_as_what_it_is() {
    for (log, way_out, made, gate) in [
        (
            "entra/page.json",
            "Add service principal credentials",
            ["factor, ", "credential"],
            "Disable account",
        ),
        (
            "entra/monitor.ndjson",
            "Add service principal credentials",
            ["factor, ", "credential"],
            "Disable account",
        ),
        ("google/page.json", "authorize api client access", ["factor, ", "API client"], "suspend user"),
        (
            "google/activities.ndjson",
            "authorize api client access",
            ["factor, ", "API client"],
            "suspend user",
        ),
        ("auth0/logs.ndjson", "application created", ["factor, ", "application"], "account blocked"),
        ("auth0/stream.ndjson", "application created", ["factor, ", "application"], "account blocked"),
        ("pingone/page.json", "device created", ["factor, ", "factor, "], "user locked"),
    ] {
        let story = of_fixture(log, ACCOUNT);
        let said = fact(&story, "ways out");
        assert!(said.contains(way_out), "{log}: {said}");
        let drawn = drawn(&story, "credentials").unwrap();
        assert!(made.iter().all(|made| drawn.contains(made)), "{log}: {drawn}");
        let said = fact(&story, "the gate");
        let by = format!(" ({gate} by ada.abel@acme.example, says the log)");
        assert!(
            said.starts_with("fell Sat 24 Oct 2026, 08:47:00 UTC") && said.ends_with(&by),
            "{log}: {said}"
        );
        assert_eq!(facts::unread(&story, &story.own), None, "{log}");
    }
}

#[test]
fn numbers_of_onelogin_are_told_in_words() {
    let story = of_fixture("onelogin/page.json", "Jane Doe");
    assert_eq!(fact(&story, "ways out"), "user created");
    assert!(drawn(&story, "lanes").unwrap().contains("privilege granted"));
    // Events name people: the one who is blocked there has another name.
    assert_eq!(fact(&story, "the gate"), "has not fallen: no lockdown and no suspension is known");
    let act = |minute: u32, actor: &str, number: u32| {
        json!({
            "id": minute, "created_at": format!("2026-10-24T01:{minute:02}:00.000Z"), "event_type_id": number, "account_id": 1,
            "actor_user_id": 7, "actor_user_name": actor, "user_id": 8, "user_name": ACCOUNT, "ipaddr": "203.0.113.77",
        })
    };
    let mut records = vec![act(0, ACCOUNT, 72), act(20, "Ada Abel", 551)];
    let said = |records: &[Value]| fact(&of_log(Some("onelogin"), records, None), "the gate");
    assert!(
        said(&records).ends_with("(user suspended by API by Ada Abel, says the log)"),
        "{}",
        said(&records)
    );
    records.push(act(30, "Ada Abel", 16));
    assert!(
        said(&records).contains("let in again Sat 24 Oct 2026, 01:30:00 UTC, 10 min later (user activated")
    );
}

/// What a call to Auth0's Management API did to the account.
fn auth0(minute: u32, actor: &str, blocked: &str, code: &str) -> Value {
    json!({
        "date": format!("2026-10-24T01:{minute:02}:00.000Z"), "type": code, "log_id": minute.to_string(), "client_id": "c",
        "ip": "203.0.113.77", "details": {
            "request": {"method": "patch", "path": "/api/v2/users/auth0|6", "auth": {"user": {"email": actor}},
                "body": {"blocked": blocked == "true"}},
            "response": {"body": {"email": ACCOUNT}}},
    })
}

#[test]
fn blocks_of_each_vendor_that_failed_or_were_taken_back_are_none() {
    let entra = |minute: u32, actor: &str, activity: &str, result: &str| {
        json!({
            "activityDateTime": format!("2026-10-24T01:{minute:02}:00Z"), "activityDisplayName": activity, "result": result,
            "initiatedBy": {"user": {"userPrincipalName": actor, "ipAddress": "203.0.113.77"}},
            "targetResources": [{"type": "User", "userPrincipalName": ACCOUNT}],
        })
    };
    let google = |minute: u32, actor: &str, name: &str, _: &str| {
        json!({
            "id": {"time": format!("2026-10-24T01:{minute:02}:00.000Z"), "applicationName": "admin", "uniqueQualifier": "1"},
            "actor": {"email": actor}, "ipAddress": "203.0.113.77",
            "events": [{"name": "CHANGE_X", "parameters": []}, {"name": name, "parameters": [{"name": "USER_EMAIL", "value": ACCOUNT}]}],
        })
    };
    let invited = json!({
        "date": "2026-10-24T01:00:00.000Z", "type": "sapi", "log_id": "0", "client_id": "c", "ip": "203.0.113.77", "details": {
            "request": {"method": "post", "path": "/api/v2/users/auth0|6/roles", "auth": {"user": {"email": ACCOUNT}}}},
    });
    for (source, first, block, failed, back) in [
        (
            "entra",
            entra(0, ACCOUNT, "Add member to role", "success"),
            entra(20, ADMIN, "Disable account", "success"),
            Some(entra(20, ADMIN, "Disable account", "failure")),
            entra(25, ADMIN, "Enable account", "success"),
        ),
        (
            "google-workspace",
            google(0, ACCOUNT, "ASSIGN_ROLE", ""),
            google(20, ADMIN, "SUSPEND_USER", ""),
            None,
            google(25, ADMIN, "UNSUSPEND_USER", ""),
        ),
        (
            "auth0",
            invited,
            auth0(20, ADMIN, "true", "sapi"),
            Some(auth0(20, ADMIN, "true", "fapi")),
            auth0(25, ADMIN, "false", "sapi"),
        ),
    ] {
        let said = |records: &[&Value]| {
            let records: Vec<Value> = records.iter().copied().cloned().collect();
            fact(&of_log(Some(source), &records, None), "the gate")
        };
        assert!(said(&[&first, &block]).starts_with("fell Sat 24 Oct 2026, 01:20:00 UTC"), "{source}");
        let lifted = said(&[&first, &block, &back]);
        assert!(
            lifted.contains("let in again Sat 24 Oct 2026, 01:25:00 UTC, 5 min later"),
            "{source}: {lifted}"
        );
        if let Some(failed) = failed {
            assert!(said(&[&first, &failed]).starts_with("has not fallen"), "{source}");
        }
    }
}

#[test]
fn of_a_log_that_is_not_known_nothing_is_denied() {
    let record = |actor: &str, action: &str| {
        json!({
            "@timestamp": "2026-10-24T01:00:00Z", "event.action": action, "user.email": actor, "user.target.email": ACCOUNT,
            "source.ip": "203.0.113.77",
        })
    };
    let unknown = "the kinds of actions of this log are not known to the report (json)";
    let story = of_log(Some("json"), &[record(ACCOUNT, "key_made"), record(ADMIN, "account_shut")], None);
    assert_eq!(fact(&story, "the gate"), format!("not known to have fallen: no lockdown, and {unknown}"));
    for (chart, what) in [
        ("credentials", "no credential, person or factor that the account made in the incident is known"),
        ("volume", "no export of the account is known"),
    ] {
        assert_eq!(drawn(&story, chart).unwrap_err(), format!("{what}, but {unknown}"));
    }
    let story = of_log(None, &against(&[]), None);
    let denied = "the account made no credential, person or factor in the incident, say the logs";
    assert_eq!(drawn(&story, "credentials").unwrap_err(), denied, "this log is known");
    assert_eq!(fact(&story, "ways out"), "none were opened, say the logs");
}

#[test]
fn of_event_types_that_are_not_known_nothing_is_denied() {
    let mut records = against(&[]);
    records.push(okta(1, ACCOUNT, "user.brand_new", ACCOUNT, "SUCCESS"));
    records.push(okta(2, ACCOUNT, "user.tried_new", ACCOUNT, "FAILURE"));
    // What others do ends the incident here, so that the chart reaches this far.
    records.push(okta(3, ADMIN, "user.lifecycle.suspend", ACCOUNT, "FAILURE"));
    let story = of_log(None, &records, None);
    let unread = "the report does not know what these event types mean: user.brand_new";
    assert_eq!(fact(&story, "ways out"), format!("none is known, but {unread}"));
    assert_eq!(fact(&story, "what left"), format!("no export is known, but {unread}"));
    assert!(drawn(&story, "credentials").unwrap_err().ends_with(unread));
}

/// Findings as (nanoseconds, rule, level), sorted.
fn told(marks: &Marks) -> Vec<(Option<i64>, String, Level)> {
    let rule = |mark: &Mark| marks.rules[mark.rule as usize].id.clone();
    let mut told: Vec<_> = marks.all.iter().map(|mark| (mark.nanos, rule(mark), mark.level)).collect();
    told.sort();
    told
}

#[test]
fn matches_that_come_with_the_records_are_the_findings_of_a_scan() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.ndjson");
    let options = synth::Options {
        seed: 3,
        start: synth::START,
        story: synth::STORY_START,
        until: i64::MAX,
        days: 91,
        people: 12,
        records: 4_000,
        incident: true,
    };
    synth::write(Log::MixpanelNdjson, &options, &mut std::fs::File::create(&log).unwrap()).unwrap();
    let config = |account: &str| {
        let rules = rule::load_embedded();
        let mut config = Config::new(vec![log.display().to_string()], rules);
        (config.account, config.chunk_size) = (Some(account.to_owned()), 64 << 10);
        config
    };
    let (mut full, mut brief) = (Taken::default(), Taken::default());
    let ledger = scan::run(&config(ACCOUNT), &mut full, &Quiet).unwrap();
    let mut config = config(&ACCOUNT.to_uppercase());
    config.projection = Some(Gather::projection());
    let gather = Gather::new(ACCOUNT, brief.0.rules_of(&config.rules));
    scan::read_rows(&config, &mut brief, &gather, &Quiet).unwrap();
    let by_history = brief.0.said.len();
    let gathered = gather.finish(brief.0);
    let by_record = gathered.marks.all.len();
    let story = Story::of(ACCOUNT, TimeZone::UTC, gathered, None).unwrap();
    full.0.sort();
    assert_eq!(told(&story.marks), told(&full.0));
    assert!(by_record > 30 && by_history > 3, "{by_record} {by_history}");
    assert!(ledger.inputs[0].coverage.records > 4_000);
}

#[derive(Default)]
struct Taken(Marks);

impl Sink for Taken {
    fn finding(&mut self, finding: &Finding) -> std::io::Result<()> {
        self.0.add(finding);
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> std::io::Result<()> {
        Ok(())
    }
}

struct Quiet;

impl Progress for Quiet {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}
