use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use url::Url;

use super::server::{Act, Server, answer, say};
use super::*;

const CANARY: &str = "c4n4ry-5ecret";

fn settings(base: &Url) -> Settings {
    Settings {
        requests_per_second: 1e6,
        burst: 1000,
        timeout: Duration::from_millis(400),
        deadline: Duration::from_secs(3),
        backoff: Duration::from_millis(10),
        ..Settings::new(base.clone(), Auth::Bearer(CANARY.into()))
    }
}

fn open(server: &Server) -> Transport {
    Transport::open(settings(&server.base)).unwrap()
}

fn change() -> Call {
    Call::post(&["accounts"]).json(json!({"username": "x", "secret": CANARY})).hiding(CANARY.into())
}

/// The class of an error, after making sure that it tells no secret.
fn class<T>(result: Result<T, CallError>) -> String {
    let Err(error) = result else { return "ok".to_owned() };
    for shown in [error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains(CANARY) && !shown.contains("c4n4ry") && shown.len() < 800, "{shown}");
    }
    match error {
        CallError::NotSent { .. } => "not sent".to_owned(),
        CallError::Lost { .. } => "lost".to_owned(),
        CallError::Refused { status, code, .. } => format!("refused {status} {}", code.unwrap_or_default()),
        CallError::Limited { wait } => format!("limited {:?}", wait.map(|wait| wait.as_secs())),
    }
}

/// Answers of every kind, with the class after a change and how often a read asks (0: until the deadline).
fn answers() -> Vec<(&'static str, Act, &'static str, usize)> {
    let echo = format!(r#"{{"error":"bad Bearer {CANARY} or \u00634n4ry-5ecret","token":"{CANARY}"}}"#);
    let whole = answer(200, &[], "{}");
    let chunked = b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n".to_vec();
    let short = b"HTTP/1.1 200 X\r\ncontent-length: 50\r\n\r\n{\"a\":".to_vec();
    vec![
        ("success", Act::Say(whole.clone()), "ok", 1),
        ("created", say(201, r#"{"a":1}"#), "ok", 1),
        ("no content", Act::Say(b"HTTP/1.1 204 X\r\n\r\n".to_vec()), "ok", 1),
        ("closed", Act::SayAndClose(Vec::new()), "lost", 0),
        ("reset", Act::SayAndReset(Vec::new()), "lost", 0),
        ("cut head", Act::SayAndClose(b"HTTP/1.1 200 X\r\ncontent-".to_vec()), "lost", 0),
        ("cut body", Act::SayAndClose(short.clone()), "lost", 0),
        ("reset body", Act::SayAndReset(short.clone()), "lost", 0),
        ("cut chunks", Act::SayAndClose(chunked), "lost", 0),
        ("slow body", Act::Say(short), "lost", 0),
        ("late", Act::Late(Duration::from_secs(5), whole), "lost", 0),
        ("not http", Act::SayAndClose(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()), "lost", 0),
        ("500", say(500, &echo), "lost", 0),
        ("502 page", say(502, "<html>Authorization: Bearer c4n4ry-5ecret</html>"), "lost", 0),
        ("503", say(503, ""), "lost", 0),
        ("408", say(408, ""), "lost", 0),
        ("400", say(400, &echo), "refused 400 ", 2),
        (
            "401",
            say(401, r#"{"errorCode":"E0000011","errorSummary":"Invalid token"}"#),
            "refused 401 E0000011",
            2,
        ),
        ("404", say(404, "no"), "refused 404 ", 2),
        (
            "cut 403",
            Act::SayAndClose(b"HTTP/1.1 403 X\r\ncontent-length: 50\r\n\r\nno".to_vec()),
            "refused 403 ",
            2,
        ),
        ("407", say(407, "proxy"), "not sent", 1),
        ("429", say(429, &echo), "limited None", 0),
        ("429 long", Act::Say(answer(429, &[("retry-after", "3600")], "")), "limited Some(3600)", 1),
    ]
}

#[tokio::test]
async fn every_answer_to_a_change_is_classed_and_the_change_left_once() {
    for (name, act, expected, _) in answers() {
        let server = Server::always(act).await;
        let transport = open(&server);
        assert_eq!(class(transport.change(&change(), "key-1").await), expected, "{name}");
        sleep(Duration::from_millis(20)).await;
        let received = server.received();
        assert_eq!(received.len(), 1, "{name}");
        assert_eq!(received[0].line, "POST /api/accounts", "{name}");
        assert_eq!(received[0].header("idempotency-key"), Some("key-1"));
        assert_eq!(received[0].header("authorization"), Some("Bearer c4n4ry-5ecret"));
        assert_eq!(received[0].header("accept"), Some("application/json"));
        assert_eq!(received[0].header("user-agent"), Some(concat!("portcullis/", env!("CARGO_PKG_VERSION"))));
        assert_eq!(received[0].body, r#"{"secret":"c4n4ry-5ecret","username":"x"}"#);
        assert_eq!(transport.stats().sent, 1);
    }
}

#[tokio::test]
async fn reads_are_sent_again_when_time_may_help_and_until_the_deadline_only() {
    for (name, act, expected, times) in answers() {
        let server = Server::always(act).await;
        let settings = Settings {
            timeout: Duration::from_millis(100),
            deadline: Duration::from_millis(700),
            ..settings(&server.base)
        };
        let transport = Transport::open(settings).unwrap();
        let start = Instant::now();
        let class = class(transport.read(&Call::get(&["accounts"])).await);
        assert!(start.elapsed() < Duration::from_millis(1200), "{name}: {:?}", start.elapsed());
        match times {
            0 => assert!(server.count() > 2, "{name}: {}", server.count()),
            _ => assert_eq!(server.count(), times, "{name}"),
        }
        // The last refusal of a read that is limited without a time names what is left of the pause.
        if name == "429" {
            assert!(class.starts_with("limited"), "{name}: {class}");
        } else {
            assert_eq!(class, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_read_that_succeeds_in_the_end_is_a_success() {
    let server = Server::start(|number, _| match number {
        0 => Act::SayAndReset(Vec::new()),
        1 => say(503, ""),
        2 => say(429, ""),
        3 => Act::Say(answer(429, &[("retry-after", "1")], "")),
        _ => say(200, r#"{"a":1}"#),
    })
    .await;
    let transport = open(&server);
    let start = Instant::now();
    let reply = transport.read(&Call::get(&["a"]).query("q", "1 2")).await.unwrap();
    assert_eq!(reply.json().unwrap(), json!({"a": 1}));
    assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After is kept");
    assert_eq!(server.count(), 5);
    assert_eq!(server.received()[4].line, "GET /api/a?q=1%202");
    assert_eq!((transport.stats().sent, transport.stats().limited), (5, 2));
}

/// Whatever stands before a provider may answer in its place for once.
#[tokio::test]
async fn a_refusal_or_a_page_is_believed_when_it_comes_twice() {
    for odd in [say(404, "no"), say(403, "{}"), say(200, "<html>One moment</html>")] {
        let once = odd.clone();
        let server =
            Server::start(move |number, _| if number == 0 { once.clone() } else { say(200, "{}") }).await;
        assert!(open(&server).read(&Call::get(&["a"])).await.is_ok(), "{odd:?}");
        assert_eq!(server.count(), 2, "{odd:?}");
        let server = Server::always(odd.clone()).await;
        assert!(open(&server).read(&Call::get(&["a"])).await.is_err(), "{odd:?}");
        assert_eq!(server.count(), 2, "{odd:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_was_not_sent() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/api", listener.local_addr().unwrap())
    };
    // Reserved for names that do not exist (RFC 6761).
    for base in [closed.as_str(), "http://portcullis.invalid/"] {
        let transport = Transport::open(settings(&Url::parse(base).unwrap())).unwrap();
        assert_eq!(class(transport.change(&change(), "k").await), "not sent", "{base}");
    }
    let server = Server::always(say(200, "{}")).await;
    let transport = open(&server);
    assert_eq!(class(transport.change(&change(), "bad\nkey").await), "not sent");
    assert_eq!(class(transport.change(&Call::delete(&["users", ".."]), "k").await), "not sent");
    let odd = transport.with_auth(Auth::Bearer("c4n4ry-5ecret\n".into()));
    assert_eq!(class(odd.change(&change(), "k").await), "not sent");
    assert!(matches!(odd.credential(&Call::get(&["a"])).await, Credential::Unknown { .. }));
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn an_answer_without_end_is_an_error() {
    let body = "x".repeat(exchange::LARGEST + 1);
    let server = Server::always(say(200, &body)).await;
    let transport =
        Transport::open(Settings { timeout: Duration::from_secs(20), ..settings(&server.base) }).unwrap();
    assert_eq!(class(transport.read(&Call::get(&["a"])).await), "lost");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_change_on_a_connection_that_the_server_closes_leaves_once_at_most() {
    // The server closes or resets an idle connection sooner or later after its answer; the client may or may not have
    // noticed when it sends.
    for wait in 0..20 {
        for reset in [false, true] {
            let server = Server::start(move |number, _| match (number, reset) {
                (0, _) => say(200, "{}"),
                (_, true) => Act::SayAndReset(Vec::new()),
                (_, false) => Act::SayAndClose(Vec::new()),
            })
            .await;
            let transport = open(&server);
            transport.read(&Call::get(&["warm"])).await.unwrap();
            sleep(Duration::from_millis(wait)).await;
            assert_eq!(class(transport.change(&change(), "k").await), "lost");
            sleep(Duration::from_millis(5)).await;
            let received = server.received();
            assert_eq!(received.len(), 2);
            assert_eq!(received[1].connection, 0, "the pooled connection was used");
        }
    }
}

#[tokio::test]
async fn a_change_meets_a_connection_that_closed_while_idle_and_leaves_once() {
    for wait in [0, 1, 2, 5, 20] {
        let server = Server::start(|number, _| match number {
            0 => Act::SayAndClose(answer(200, &[], "{}")),
            _ => say(200, "{}"),
        })
        .await;
        let transport = open(&server);
        transport.read(&Call::get(&["warm"])).await.unwrap();
        sleep(Duration::from_millis(wait)).await;
        let result = class(transport.change(&change(), "k").await);
        let posts = server.received().iter().filter(|request| request.line.starts_with("POST")).count();
        // Noticed: a new connection. Not noticed: the bytes went nowhere, and nobody knows.
        assert!(
            matches!((result.as_str(), posts), ("ok", 1) | ("lost", 0)),
            "{result} with {posts} after {wait} ms"
        );
    }
}

#[tokio::test]
async fn the_slash_at_the_end_is_followed_once_on_the_same_origin() {
    for status in [301, 302, 307, 308] {
        let server = Server::start(move |_, request| {
            let path = request.line.split(' ').nth(1).unwrap();
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            if path.ends_with('/') {
                return say(200, "{}");
            }
            Act::Say(answer(status, &[("location", &format!("{path}/?{query}"))], ""))
        })
        .await;
        let transport = open(&server);
        transport.change(&change().query("a", "1"), "k").await.unwrap();
        transport.read(&Call::get(&["accounts"]).query("a", "1")).await.unwrap();
        let received = server.received();
        let lines: Vec<&str> = received.iter().map(|request| request.line.as_str()).collect();
        let expected = [
            "POST /api/accounts?a=1",
            "POST /api/accounts/?a=1",
            "GET /api/accounts?a=1",
            "GET /api/accounts/?a=1",
        ];
        assert_eq!(lines, expected);
        assert_eq!(received[0].body, received[1].body);
        assert_eq!(received[1].header("idempotency-key"), Some("k"));
        assert_eq!(received[1].header("authorization"), Some("Bearer c4n4ry-5ecret"));
    }
}

#[tokio::test]
async fn other_redirects_are_errors_and_nothing_goes_elsewhere() {
    let elsewhere = Server::always(say(200, "{}")).await;
    let there = elsewhere.base.join("/api/accounts/").unwrap();
    for (location, after_302) in [
        (there.as_str(), "lost"),
        ("/api/other", "lost"),
        ("/api/accounts/?a=2", "lost"),
        ("https://127.0.0.1/api/accounts/", "lost"),
        ("//[", "lost"),
    ] {
        for (status, expected) in
            [(301, "refused 301 "), (302, after_302), (303, "lost"), (307, "refused 307 ")]
        {
            let server = Server::always(Act::Say(answer(status, &[("location", location)], ""))).await;
            let transport = open(&server);
            assert_eq!(class(transport.change(&change(), "k").await), expected, "{status} {location}");
            assert_eq!(class(transport.read(&change()).await), format!("refused {status} "));
            assert!(matches!(transport.credential(&change()).await, Credential::Unknown { .. }));
            assert_eq!(server.count(), 4, "{status} {location}");
        }
    }
    // Back and forth.
    let server = Server::start(|_, request| {
        let path = request.line.split(' ').nth(1).unwrap();
        let other = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
        Act::Say(answer(301, &[("location", &other)], ""))
    })
    .await;
    let error = open(&server).change(&change(), "k").await.unwrap_err();
    assert!(error.to_string().contains("redirected to http://127.0.0.1"), "{error}");
    assert_eq!((server.count(), elsewhere.count()), (2, 0));
}

#[tokio::test]
async fn a_limit_holds_the_whole_instance() {
    let server = Server::start(|number, _| match number {
        0 => Act::Say(answer(429, &[("retry-after", "1")], "")),
        _ => say(200, "{}"),
    })
    .await;
    let transport = open(&server);
    assert_eq!(class(transport.change(&change(), "k").await), "limited Some(1)");
    let start = Instant::now();
    let other = transport.with_auth(Auth::None);
    let (call, another) = (Call::get(&["a"]), change());
    let (read, changed) = tokio::join!(other.read(&call), transport.change(&another, "k"));
    assert!(read.is_ok() && changed.is_ok() && start.elapsed() >= Duration::from_millis(950));
    assert!(transport.stats().waited >= Duration::from_millis(1900), "{:?}", transport.stats());
}

#[tokio::test]
async fn no_more_are_under_way_than_allowed() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let server = Server::start(|_, _| {
        MOST.fetch_max(NOW.load(Ordering::SeqCst), Ordering::SeqCst);
        Act::Late(Duration::from_millis(20), answer(200, &[], "{}"))
    })
    .await;
    let transport = Transport::open(Settings { concurrency: 3, ..settings(&server.base) }).unwrap();
    let start = Instant::now();
    let calls = (0..12).map(|_| async {
        NOW.fetch_add(1, Ordering::SeqCst);
        transport.read(&Call::get(&["a"])).await.unwrap();
        NOW.fetch_sub(1, Ordering::SeqCst);
    });
    futures_util::future::join_all(calls).await;
    assert!(start.elapsed() >= Duration::from_millis(80), "12 by 3 at a time, 20 ms each");
    let connections = server.received().iter().map(|request| request.connection).max().unwrap() + 1;
    assert_eq!((server.count(), connections), (12, 3));
}

#[tokio::test]
async fn only_the_provider_s_own_refusal_proves_a_credential_dead() {
    let bearer = [("www-authenticate", "Bearer realm=\"x\", error=\"invalid_token\"")];
    let basic = [("www-authenticate", "Basic realm=\"proxy\"")];
    let own = r#"{"errorCode":"E0000011","errorSummary":"Invalid token provided"}"#;
    let cases = [
        (say(200, "{}"), "alive"),
        (say(204, ""), "alive"),
        (say(401, own), "dead E0000011"),
        (say(401, r#"{"error":"Invalid credentials","status":"error"}"#), "dead "),
        (Act::Say(answer(401, &bearer, "")), "dead "),
        (Act::Say(answer(401, &basic, "")), "unknown"),
        (Act::Say(answer(401, &basic, "<html>Sign in</html>")), "unknown"),
        (say(401, ""), "unknown"),
        (say(401, "[]"), "unknown"),
        (say(401, r#"{"ok":false}"#), "unknown"),
        (
            Act::SayAndClose(b"HTTP/1.1 401 X\r\ncontent-length: 90\r\n\r\n{\"error\":\"x\"}".to_vec()),
            "unknown",
        ),
        (say(403, own), "no access"),
        (say(400, own), "unknown"),
        (say(404, own), "unknown"),
        (say(407, own), "unknown"),
        (Act::Say(answer(429, &[("retry-after", "1")], own)), "unknown"),
        (say(500, own), "unknown"),
        (say(503, own), "unknown"),
        (Act::SayAndReset(Vec::new()), "unknown"),
        (Act::Late(Duration::from_secs(3), answer(401, &[], own)), "unknown"),
        (Act::Say(answer(302, &[("location", "/login")], "")), "unknown"),
    ];
    for (act, expected) in cases {
        let server = Server::always(act.clone()).await;
        let found = match open(&server).credential(&Call::get(&["me"])).await {
            Credential::Alive => "alive".to_owned(),
            Credential::Dead { status, code } => {
                assert_eq!(status, 401);
                format!("dead {}", code.unwrap_or_default())
            }
            Credential::NoAccess => "no access".to_owned(),
            Credential::Unknown { why } => {
                assert!(!why.is_empty() && !why.contains(CANARY), "{why}");
                "unknown".to_owned()
            }
        };
        assert_eq!(found, expected, "{act:?}");
        assert_eq!(server.count(), 1, "one request: {act:?}");
    }
}

#[tokio::test]
async fn every_scheme_of_authentication_is_sent_and_the_old_one_can_be_tried() {
    let server = Server::always(say(200, "{}")).await;
    let transport = open(&server);
    let cases = [
        (Auth::None, "authorization", None),
        (
            Auth::Basic { username: "sa".to_owned(), secret: "pw:ü".into() },
            "authorization",
            Some("Basic c2E6cHc6w7w="),
        ),
        (Auth::Bearer("t".into()), "authorization", Some("Bearer t")),
        (
            Auth::Header { name: "authorization", prefix: "SSWS ", secret: "t".into() },
            "authorization",
            Some("SSWS t"),
        ),
        (Auth::Header { name: "X-Vault-Token", prefix: "", secret: "t".into() }, "x-vault-token", Some("t")),
    ];
    for (at, (auth, name, expected)) in cases.into_iter().enumerate() {
        transport.with_auth(auth).read(&Call::get(&["a"])).await.unwrap();
        assert_eq!(server.received()[at].header(name), expected);
    }
}

#[tokio::test]
async fn bodies_and_headers_go_as_they_are_asked_for() {
    let server = Server::always(say(200, "{}")).await;
    let transport = open(&server);
    let form =
        Body::Form(vec![("name".to_owned(), "a b&c".to_owned()), ("project_id".to_owned(), "7".to_owned())]);
    let scim = Body::JsonAs("application/scim+json", json!({"active": false}));
    let cases = [
        (Call::post(&["a"]).body(form), "application/x-www-form-urlencoded", "name=a+b%26c&project_id=7"),
        (Call::patch(&["a"]).body(scim), "application/scim+json", r#"{"active":false}"#),
        (
            Call::patch(&["a"]).body(Body::MergePatch(json!({"a": null}))),
            "application/merge-patch+json",
            r#"{"a":null}"#,
        ),
        (Call::put(&["a"]).json(json!([1])), "application/json", "[1]"),
    ];
    for (at, (call, kind, body)) in cases.into_iter().enumerate() {
        transport.change(&call.header("accept", "application/x"), "k").await.unwrap();
        let request = &server.received()[at];
        assert_eq!((request.header("content-type"), request.body.as_str()), (Some(kind), body));
        let accepts: Vec<_> = request.headers.iter().filter(|(name, _)| name == "accept").collect();
        assert_eq!(accepts.len(), 1, "{accepts:?}");
    }
}

#[tokio::test]
async fn a_status_that_a_call_also_takes_is_a_reply() {
    let server = Server::start(|number, _| say(if number >= 2 { 410 } else { 404 }, "{}")).await;
    let transport = open(&server);
    let call = Call::delete(&["a"]).also(404).also(429);
    assert_eq!(transport.change(&call, "k").await.unwrap().status, 404);
    assert_eq!(transport.read(&call).await.unwrap().status, 404);
    assert_eq!(class(transport.read(&call).await), "refused 410 ");
}

#[tokio::test]
async fn pages_are_read_to_their_end() {
    let server = Server::start(|number, _| match number {
        0 => Act::Say(answer(200, &[("link", "</api/a?after=1>; rel=\"next\"")], "[1]")),
        1 => Act::Say(answer(200, &[("link", "<?after=2>; rel=next")], "[2]")),
        _ => say(200, "[3]"),
    })
    .await;
    let mut seen = Vec::new();
    let call = Call::get(&["a"]).query("limit", "1");
    let each = |reply: &Reply| {
        seen.push(reply.json()?[0].as_u64());
        Ok(Next::Link)
    };
    open(&server).pages(call, each).await.unwrap();
    assert_eq!(seen, [Some(1), Some(2), Some(3)]);
    let lines: Vec<String> = server.received().into_iter().map(|request| request.line).collect();
    assert_eq!(lines, ["GET /api/a?limit=1", "GET /api/a?after=1", "GET /api/a?after=2"]);

    let server = Server::always(say(200, "{}")).await;
    let mut offset = 1;
    let each = |_: &Reply| {
        let next = Next::offset("startIndex", 1, offset, 2, Some(5));
        offset += 2;
        Ok(next)
    };
    open(&server).pages(Call::get(&["Users"]).query("startIndex", "1"), each).await.unwrap();
    let lines: Vec<String> = server.received().into_iter().map(|request| request.line).collect();
    assert_eq!(
        lines,
        ["GET /api/Users?startIndex=1", "GET /api/Users?startIndex=3", "GET /api/Users?startIndex=5"]
    );
}

#[tokio::test]
async fn pages_do_not_leave_the_origin_and_do_not_go_round() {
    let elsewhere = Server::always(say(200, "{}")).await;
    let link = format!("<{}>; rel=\"next\"", elsewhere.base);
    let server = Server::always(Act::Say(answer(200, &[("link", &link)], "{}"))).await;
    assert_eq!(class(open(&server).pages(Call::get(&["a"]), |_| Ok(Next::Link)).await), "not sent");
    assert_eq!((server.count(), elsewhere.count()), (1, 0));
    let server = Server::always(Act::Say(answer(200, &[("link", "</api/a>; rel=\"next\"")], "{}"))).await;
    assert_eq!(class(open(&server).pages(Call::get(&["a"]), |_| Ok(Next::Link)).await), "lost");
    assert_eq!(server.count(), 1);
}

#[test]
fn addresses_that_would_give_a_credential_away_are_refused() {
    let with = |base: &str, proxy: Option<&str>| {
        let base = Url::parse(base).unwrap();
        let proxy = proxy.map(|proxy| Url::parse(proxy).unwrap());
        class(Transport::open(Settings { proxy, ..settings(&base) }))
    };
    assert_eq!(with("http://user:c4n4ry@x.test/", None), "not sent");
    assert_eq!(with("ftp://x.test/", None), "not sent");
    assert_eq!(with("http://x.test/", Some("http://user:c4n4ry@proxy.test")), "not sent");
    assert_eq!(with("https://x.test/", Some("http://user:c4n4ry@proxy.test")), "ok");
    let missing = Settings {
        ca_file: Some("/no/such/file".into()),
        ..settings(&Url::parse("https://x.test").unwrap())
    };
    assert_eq!(class(Transport::open(missing)), "not sent");
}
