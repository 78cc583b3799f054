//! What a server may answer instead of what it should: no store takes it for a secret, shows it, or stumbles.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use portcullis::config::Value as Key;
use portcullis::lockdown::store::{Store, StoreError, Version};

use super::emulated::open;
use super::merge;

/// Answers whatever it is asked with this body, until the test ends.
pub(crate) fn server(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream, status, body));
        }
    });
    base
}

fn answer(mut stream: TcpStream, status: &str, body: &str) {
    let (mut seen, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let Ok(count @ 1..) = stream.read(&mut part) else { return };
        seen.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if rest.len() >= length.unwrap_or(0) {
            break;
        }
    }
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let _ = stream.write_all(answer.as_bytes());
}

fn stores(base: &str) -> Vec<Arc<dyn Store>> {
    let text = |name: &'static str, value: &str| [(name, Key::Text(value.to_owned()))].into_iter().collect();
    let kinds = [
        ("vault", "CANARYtoken", text("mount", "secret")),
        ("aws-secrets-manager", "AKIA1:CANARYtoken", text("region", "eu-west-1")),
        ("onepassword-connect", "CANARYtoken", text("vault", "v2345678901234567890123456")),
        ("gcp-secret-manager", "CANARYtoken", text("project", "acme")),
        ("azure-key-vault", "CANARYtoken", [].into_iter().collect()),
    ];
    kinds.into_iter().map(|(kind, credential, keys)| open(kind, base, credential, keys).unwrap()).collect()
}

/// Fails where an error shows a secret, or what would act on a terminal.
fn is_fit_to_show<T>(result: &Result<T, StoreError>, what: &str) {
    let Err(error) = result else { return };
    let shown = error.to_string();
    assert!(!shown.contains("CANARY") && !shown.contains(char::is_control), "{what}: {shown}");
    assert!(!format!("{error:?}").contains("CANARY"), "{what}");
}

pub(crate) const BODIES: [&str; 16] = [
    "{}",
    "[]",
    "null",
    "7",
    "[[[[[[[[[[[[[[[[",
    r#"{"data":{"metadata":{"version":-1},"data":"CANARY"}}"#,
    r#"{"data":{"metadata":{"version":18446744073709551615},"data":{"a":1}}}"#,
    r#"{"VersionId":"\u001b[2J","SecretString":"CANARY","Name":"x"}"#,
    r#"{"VersionId":"v","SecretString":7,"SecretBinary":"Q0FOQVJZ"}"#,
    r#"{"Name":"etl","VersionIdsToStages":{"\u001b[2J":["AWSCURRENT"],"b":["AWSCURRENT"]}}"#,
    r#"{"name":"projects/1/secrets/etl/versions/99999999999999999999","payload":{"data":"%%%"}}"#,
    r#"{"name":"projects/1/secrets/etl/versions/1","payload":{"data":"e30=","dataCrc32c":"1"}}"#,
    r#"{"id":"https://elsewhere.example/secrets/etl/\u001b[2J","value":"{}"}"#,
    r#"{"value":[{"id":"x/00000000000000000000000000000000"}],"nextLink":"http://elsewhere.example/"}"#,
    r#"[{"id":"i2345678901234567890123456","title":"etl"},{"id":"j2345678901234567890123456","title":"etl"}]"#,
    r#"{"id":"i2345678901234567890123456","version":1.5,"fields":[{"id":"f","label":"\u001b[2J","value":"CANARY"}]}"#,
];

#[tokio::test]
async fn no_answer_is_taken_for_what_it_is_not() {
    for body in BODIES {
        let base = server("200 OK", body);
        for store in stores(&base) {
            let what = format!("{} given {body}", store.name());
            let read = store.read("etl").await;
            is_fit_to_show(&read, &what);
            // Two bodies are those of a real entry with nothing secret in it.
            assert!(!matches!(&read, Ok(Some(entry)) if format!("{entry:?}").contains("CANARY")), "{what}");
            is_fit_to_show(&store.version("etl").await, &what);
            for version in [Version::Number(1), Version::Name("0".repeat(32))] {
                is_fit_to_show(&store.earlier("etl", &version).await, &what);
                let write = merge(&[("secret", "CANARYnew")]);
                let written = store.write("etl", write, &version, "k").await;
                assert!(written.is_err(), "{what}: {written:?}");
                is_fit_to_show(&written, &what);
            }
            for check in store.check().await {
                assert!(
                    !check.note.contains("CANARY") && !check.note.contains(char::is_control),
                    "{what}: {check:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn no_refusal_shows_more_than_it_should() {
    let body = r#"{"error":{"code":"\u001b[2J","message":"token CANARYtoken and CANARYtoken \u202e\u0007"},"__type":"x#\u001b"}"#;
    for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "409 Conflict"] {
        let base = server(status, body);
        for store in stores(&base) {
            let what = format!("{} given {status}", store.name());
            is_fit_to_show(&store.read("etl").await, &what);
            let write = merge(&[("secret", "CANARYnew")]);
            is_fit_to_show(&store.write("etl", write, &Version::NONE, "k").await, &what);
        }
    }
}
