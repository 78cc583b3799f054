use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use url::Url;

use super::server::{Act, Received, Server, answer, say};
use super::*;

const SECRET: &str = "c4n4ry ~+/&5ecret";
const UNKNOWN_TOKEN: &str = r#"{"error":{"code":"InvalidAuthenticationToken","message":"Expired."}}"#;

fn is_token(request: &Received) -> bool {
    request.line.starts_with("POST ") && request.line.ends_with("/token")
}

fn token(value: &str, lasts: &str) -> Act {
    say(200, &format!(r#"{{"access_token":"{value}","token_type":"Bearer"{lasts}}}"#))
}

fn client(base: &Url, shows: Shows) -> TokenClient {
    let endpoint = base.join("/token").unwrap();
    TokenClient { endpoint, id: "id 1".to_owned(), shows, fields: vec![("scope", "s/.default".to_owned())] }
}

fn open_as(base: &Url, client: TokenClient) -> Transport {
    let settings = Settings {
        requests_per_second: 1e6,
        burst: 1000,
        timeout: Duration::from_millis(400),
        deadline: Duration::from_secs(2),
        backoff: Duration::from_millis(10),
        ..Settings::new(base.clone(), Auth::Bearer(SECRET.into()))
    };
    Transport::open(settings).unwrap().with_client(client).unwrap()
}

fn open(server: &Server) -> Transport {
    open_as(&server.base, client(&server.base, Shows::Post))
}

fn tokens(server: &Server) -> usize {
    server.received().iter().filter(|request| is_token(request)).count()
}

fn others(server: &Server) -> usize {
    server.count() - tokens(server)
}

/// Says what went wrong, and no secret.
fn told(error: &CallError) -> String {
    let shown = format!("{error} {error:?}");
    for secret in ["c4n4ry", "5ecret", "t0ken"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.len() < 2000 && !shown.contains('\u{1b}'), "{shown}");
    error.to_string()
}

#[tokio::test]
async fn requests_side_by_side_share_one_token() {
    let server = Server::start(|_, request| {
        if is_token(request) {
            let Act::Say(bytes) = token("t0ken-1", r#","expires_in":3600"#) else { unreachable!() };
            Act::Late(Duration::from_millis(50), bytes)
        } else {
            say(200, "{}")
        }
    })
    .await;
    let transport = open(&server);
    assert_eq!((transport.client_id(), transport.claims(), server.count()), (Some("id 1"), None, 0));
    let reads = (0..8).map(|_| async { transport.read(&Call::get(&["a"])).await.map(drop) });
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    transport.change(&Call::post(&["b"]).json(json!({})), "k").await.unwrap();
    assert_eq!((tokens(&server), others(&server)), (1, 9));
    for request in server.received() {
        if is_token(&request) {
            let expected = "grant_type=client_credentials&scope=s%2F.default&client_id=id+1&client_secret=c4n4ry+%7E%2B%2F%265ecret";
            assert_eq!(request.body, expected);
            assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
            assert_eq!((request.header("authorization"), request.header("idempotency-key")), (None, None));
        } else {
            assert_eq!(request.header("authorization"), Some("Bearer t0ken-1"));
        }
    }
    assert_eq!(transport.stats().sent, 10, "the limits count the token request too");
}

#[tokio::test]
async fn basic_authentication_encodes_id_and_secret() {
    let server =
        Server::start(|_, request| if is_token(request) { token("t0ken", "") } else { say(200, "{}") }).await;
    let transport = open_as(&server.base, client(&server.base, Shows::Basic));
    transport.read(&Call::get(&["a"])).await.unwrap();
    let asked = &server.received()[0];
    assert_eq!(asked.body, "grant_type=client_credentials&scope=s%2F.default");
    // `id%201:c4n4ry%20~%2B%2F%265ecret`
    let expected = "Basic aWQlMjAxOmM0bjRyeSUyMH4lMkIlMkYlMjY1ZWNyZXQ=";
    assert_eq!(asked.header("authorization"), Some(expected));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let given = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&given);
    let server = Server::start(move |_, request| {
        if is_token(request) {
            let number = count.fetch_add(1, Ordering::SeqCst);
            // As text too, which some vendors write.
            return token(&format!("t0ken-{number}"), if number == 0 { r#","expires_in":"1""# } else { "" });
        }
        say(200, "{}")
    })
    .await;
    let transport = open(&server);
    transport.read(&Call::get(&["a"])).await.unwrap();
    transport.read(&Call::get(&["a"])).await.unwrap();
    assert_eq!(tokens(&server), 1);
    tokio::time::sleep(Duration::from_millis(800)).await;
    transport.read(&Call::get(&["a"])).await.unwrap();
    assert_eq!(tokens(&server), 2, "a quarter of its life before its end");
    let bearer = server.received().last().unwrap().header("authorization").map(str::to_owned);
    assert_eq!(bearer.as_deref(), Some("Bearer t0ken-1"));
}

/// A server that takes the tokens of `good` in turn, one after each call of `next`; `refusal` is what it says otherwise.
async fn revoking(refusal: Act, same: bool) -> (Server, Arc<AtomicUsize>) {
    let valid = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&valid);
    let server = Server::start(move |_, request| {
        let valid = now.load(Ordering::SeqCst);
        let given = format!("t0ken-{}", if same { 0 } else { valid });
        if is_token(request) {
            return token(&given, r#","expires_in":3600"#);
        }
        let bearer = format!("Bearer t0ken-{valid}");
        if request.header("authorization") == Some(&bearer) { say(200, "{}") } else { refusal.clone() }
    })
    .await;
    (server, valid)
}

#[tokio::test]
async fn a_token_that_was_taken_and_is_refused_is_renewed_once() {
    let (server, valid) = revoking(say(401, UNKNOWN_TOKEN), false).await;
    let transport = open(&server);
    transport.read(&Call::get(&["a"])).await.unwrap();
    valid.store(1, Ordering::SeqCst);
    let reads = (0..4).map(|_| async { transport.read(&Call::get(&["a"])).await.map(drop) });
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    assert_eq!(tokens(&server), 2);
    valid.store(2, Ordering::SeqCst);
    transport.change(&Call::post(&["b"]).json(json!({"x": 1})), "key").await.unwrap();
    let received = server.received();
    let changes: Vec<&Received> = received.iter().filter(|request| request.line == "POST /api/b").collect();
    assert_eq!(changes.len(), 2, "refused with the old token, done with the new one");
    assert!(changes.iter().all(|change| change.header("idempotency-key") == Some("key")));
    assert!(changes.iter().all(|change| change.body == r#"{"x":1}"#));
}

#[tokio::test]
async fn a_change_that_something_in_between_refused_does_not_go_again() {
    let (server, valid) = revoking(say(401, "<html>Sign in</html>"), false).await;
    let transport = open(&server);
    transport.read(&Call::get(&["a"])).await.unwrap();
    valid.store(1, Ordering::SeqCst);
    let error = transport.change(&Call::post(&["b"]), "key").await.unwrap_err();
    assert_eq!((error.status(), tokens(&server), others(&server)), (Some(401), 1, 2));
    // A read does.
    transport.read(&Call::get(&["a"])).await.unwrap();
    assert_eq!(tokens(&server), 2);
}

#[tokio::test]
async fn what_a_new_token_would_not_change_is_not_tried_for_ever() {
    // Never taken: the client may not do it.
    let (server, valid) = revoking(say(401, UNKNOWN_TOKEN), true).await;
    valid.store(7, Ordering::SeqCst);
    let transport = open(&server);
    let error = transport.read(&Call::get(&["a"])).await.unwrap_err();
    assert_eq!((error.status(), tokens(&server), others(&server)), (Some(401), 1, 2));
    // The vendor gives the same token again.
    let (server, valid) = revoking(say(401, UNKNOWN_TOKEN), true).await;
    let transport = open(&server);
    transport.read(&Call::get(&["a"])).await.unwrap();
    valid.store(7, Ordering::SeqCst);
    let error = transport.change(&Call::post(&["b"]), "key").await.unwrap_err();
    assert_eq!((error.status(), tokens(&server), others(&server)), (Some(401), 2, 2));
}

/// Answers to a token request, what is told of them, and how often one is asked for (0: until the deadline).
fn no_tokens() -> Vec<(Act, &'static str, usize)> {
    let echo = format!(r#"{{"error":"invalid_client","error_description":"bad secret {SECRET} of id 1"}}"#);
    vec![
        (say(401, &echo), "401 invalid_client: no access token from http://127.0.0.1", 2),
        (
            say(401, r#"{"error":"access_denied","error_description":"Unauthorized"}"#),
            "`client-id` and `credential`",
            2,
        ),
        (say(400, r#"{"error":"invalid_client"}"#), "whether the secret has expired", 2),
        (say(400, r#"{"error":"unauthorized_client"}"#), "vendor's console", 2),
        (
            say(403, r#"{"error":"access_denied","error_description":"no grant"}"#),
            "status 403): no grant; look",
            2,
        ),
        (say(404, r#"{"code":"NOT_FOUND","message":"No such environment."}"#), "401 NOT_FOUND", 2),
        (say(200, "<html>t0ken</html>"), "not JSON", 2),
        (say(200, ""), "not JSON", 1),
        (say(200, "[]"), "does not say that its token is a bearer token", 1),
        (say(200, r#"{"access_token":"t0ken"}"#), "does not say that its token is a bearer token", 1),
        (say(200, r#"{"access_token":"t0ken","token_type":"mac"}"#), "of the type “mac”", 1),
        (say(200, r#"{"access_token":"t0ken","token_type":"t0ken-t0ken"}"#), "of another type", 1),
        (say(200, r#"{"token_type":"bearer"}"#), "no `access_token`", 1),
        (say(200, r#"{"token_type":"bearer","access_token":["t0ken"]}"#), "no `access_token`", 1),
        (token("", ""), "cannot stand in a header", 1),
        (token(r"t0ken\r\nx-evil: 1", ""), "cannot stand in a header", 1),
        (token(&"t0ken".repeat(4000), ""), "cannot stand in a header", 1),
        (token("t0ken", r#","expires_in":-1"#), "no time", 1),
        (token("t0ken", r#","expires_in":"soon""#), "no time", 1),
        (token("t0ken", r#","expires_in":{"s":1}"#), "no time", 1),
        (say(503, &echo), "status 503", 0),
        (Act::Late(Duration::from_secs(5), Vec::new()), "time-out", 0),
        (Act::SayAndReset(Vec::new()), "the token request", 0),
        (Act::Say(answer(429, &[("retry-after", "3600")], "")), "3600 s", 1),
    ]
}

#[tokio::test]
async fn without_a_token_nothing_leaves_and_what_to_do_is_told() {
    for (act, expected, times) in no_tokens() {
        let server = Server::always(act.clone()).await;
        let transport = open(&server);
        let error = transport.read(&Call::get(&["users", "1"])).await.unwrap_err();
        let text = told(&error);
        assert!(text.contains(expected), "{act:?}: {text}");
        assert!(matches!(error.status(), None | Some(401)), "no other status is the object's: {text}");
        match times {
            0 => assert!(server.count() > 2, "{act:?}: {}", server.count()),
            _ => assert_eq!(server.count(), times, "{act:?}"),
        }
        assert_eq!(others(&server), 0, "{act:?}");
        let error = transport.change(&Call::delete(&["users", "1"]), "k").await.unwrap_err();
        told(&error);
        let kept = matches!(error, CallError::NotSent { .. } | CallError::Limited { .. });
        assert!(kept && others(&server) == 0, "{act:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_no_token() {
    let server = Server::always(say(200, &"x".repeat(exchange::LARGEST + 1))).await;
    let mut settings = Settings::new(server.base.clone(), Auth::Bearer(SECRET.into()));
    settings.timeout = Duration::from_secs(20);
    let transport =
        Transport::open(settings).unwrap().with_client(client(&server.base, Shows::Post)).unwrap();
    let error = transport.read(&Call::get(&["a"])).await.unwrap_err();
    assert!(told(&error).contains("larger than 16 MiB"), "{error}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn those_who_wait_share_a_failure_too() {
    let server = Server::always(Act::Late(
        Duration::from_millis(30),
        answer(401, &[], r#"{"error":"invalid_client"}"#),
    ))
    .await;
    let transport = open(&server);
    let reads = (0..8).map(|_| async { transport.read(&Call::get(&["a"])).await.map(drop) });
    assert!(join_all(reads).await.iter().all(|read| read.as_ref().unwrap_err().status() == Some(401)));
    assert_eq!(server.count(), 2, "believed when it came twice, and for all");
    assert!(transport.authorize().await.is_err());
    assert_eq!(server.count(), 4, "whoever comes later asks again");
}

#[tokio::test]
async fn no_redirect_takes_the_secret_along() {
    let elsewhere = Server::always(token("t0ken", "")).await;
    let there = elsewhere.base.join("/token").unwrap();
    for status in [301, 302, 303, 307, 308] {
        for shows in [Shows::Post, Shows::Basic] {
            let server = Server::always(Act::Say(answer(status, &[("location", there.as_str())], ""))).await;
            let transport = open_as(&server.base, client(&server.base, shows));
            let error = transport.read(&Call::get(&["a"])).await.unwrap_err();
            let text = told(&error);
            assert!(text.contains("redirected to") && text.contains("correct the address"), "{text}");
            assert_eq!(server.count(), 2);
        }
    }
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn a_token_that_an_answer_repeats_is_not_shown() {
    let server = Server::start(|_, request| {
        if is_token(request) { token("t0ken-9", "") } else { say(400, r#"{"message":"bad t0ken-9"}"#) }
    })
    .await;
    let error = open(&server).read(&Call::get(&["a"])).await.unwrap_err();
    assert!(told(&error).contains("bad …"), "{error}");
}

#[test]
fn a_client_has_a_secret_and_no_worse_a_way() {
    let base = Url::parse("https://api.example/v1").unwrap();
    let transport = Transport::open(Settings::new(base.clone(), Auth::Bearer(SECRET.into()))).unwrap();
    let plain =
        TokenClient { endpoint: Url::parse("http://api.example/t").unwrap(), ..client(&base, Shows::Post) };
    assert!(told(&transport.with_client(plain).err().unwrap()).contains("https"));
    let nobody = transport.with_auth(Auth::None).with_client(client(&base, Shows::Post));
    assert!(nobody.err().unwrap().to_string().contains("credential"));
    let inner = TokenClient {
        endpoint: Url::parse("https://a:b@api.example/t").unwrap(),
        ..client(&base, Shows::Post)
    };
    assert!(transport.with_client(inner).is_err());
}

fn session_of(answer: &mut serde_json::Value) -> Result<Session, String> {
    let about = answer["site"].as_str().ok_or("no site")?.to_owned();
    let token = answer["token"].as_str().ok_or("no token")?.into();
    Ok(Session { token, lasts: Duration::from_hours(1), about })
}

fn signed_in(server: &Server) -> Transport {
    open_as(&server.base, client(&server.base, Shows::Post)).with_auth(Auth::None).with_sign_in(SignIn {
        id: "id 1".to_owned(),
        secret: SECRET.into(),
        call: Call::post(&["token"]).named("the sign-in").json(json!({ "secret": SECRET })),
        header: "x-acme-auth",
        read: session_of,
        advice: "look there",
    })
}

/// Each sign-in ends the session before, as that of somebody else may: here once, right after the first.
#[tokio::test]
async fn a_session_is_shown_in_the_header_of_the_vendor_and_begun_anew_when_it_was_ended() {
    let given = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |_, request| {
        if is_token(request) {
            let number = given.fetch_add(1, Ordering::SeqCst);
            return say(200, &format!(r#"{{"token":"t0ken-{number}","site":"s{number}"}}"#));
        }
        match request.header("x-acme-auth") {
            Some("t0ken-0") => {
                say(401, r#"{"error":{"code":"401002","detail":"c4n4ry ~+/&5ecret t0ken-0"}}"#)
            }
            Some("t0ken-1") => say(200, "{}"),
            other => panic!("{other:?}"),
        }
    })
    .await;
    let transport = signed_in(&server);
    assert_eq!((transport.session().await.unwrap().as_str(), transport.client_id()), ("s0", Some("id 1")));
    transport.change(&Call::post(&["b"]).json(json!({})), "k").await.unwrap();
    assert_eq!((transport.session().await.unwrap().as_str(), tokens(&server), others(&server)), ("s1", 2, 2));
    let asked = &server.received()[0];
    assert_eq!(asked.body, json!({ "secret": SECRET }).to_string());
    assert!(asked.header("x-acme-auth").is_none() && asked.header("authorization").is_none());
    assert!(asked.header("idempotency-key").is_none(), "a sign-in is a read");
    assert!(server.received().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn a_sign_in_that_is_refused_or_is_none_shows_no_secret_and_sends_nothing_else() {
    let refusal = r#"{"error":{"code":"401001","detail":"c4n4ry ~+/&5ecret is wrong"}}"#;
    for (act, class, times) in [
        (say(401, refusal), "status 401", 2),
        (say(404, refusal), "status 401", 2),
        (say(200, r#"{"site":"c4n4ry ~+/&5ecret"}"#), "no token", 1),
        (say(200, r#"{"site":"s","token":"t0ken\r\nx: 1"}"#), "cannot stand in a header", 1),
        (say(200, "<html>"), "JSON", 2),
    ] {
        let server = Server::always(act).await;
        let transport = signed_in(&server);
        let read = told(&transport.session().await.unwrap_err());
        assert!(read.contains(class), "{read}");
        assert_eq!(tokens(&server), times, "{class}");
        let change = transport.change(&Call::post(&["b"]).json(json!({})), "k").await.unwrap_err();
        assert!(matches!(&change, CallError::NotSent { .. }), "{}", told(&change));
        assert_eq!(others(&server), 0);
    }
    // Always refused: signed in once more for each try, and then believed.
    let server = Server::start(|_, request| {
        if is_token(request) { say(200, r#"{"token":"t0ken","site":"s"}"#) } else { say(401, UNKNOWN_TOKEN) }
    })
    .await;
    let error = signed_in(&server).read(&Call::get(&["a"])).await.unwrap_err();
    assert_eq!((error.status(), told(&error).contains("401")), (Some(401), true));
    assert!(tokens(&server) <= 3 && others(&server) <= 4, "{} {}", tokens(&server), others(&server));
}
