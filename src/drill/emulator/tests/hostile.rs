//! Whatever is sent, the emulator answers.

use std::time::Duration as Passed;

use proptest::prelude::*;

use super::*;
use crate::event::time::Timestamp;

/// Sends to a service without sockets; every answer must have a status.
fn handled(tenant: &mut Tenant, service: &dyn Service, request: &Request) -> u16 {
    let (wall, switches) = (Timestamp { nanos: 1_792_803_720_000_000_000, digits: 3 }, Switches::default());
    let moment = Moment { now: Passed::from_secs(1), wall, switches: &switches };
    let answer = service.handle(tenant, request, &moment);
    assert!((200..600).contains(&answer.status));
    answer.status
}

#[test]
fn strange_requests_get_an_answer() {
    let emulator = start(Switches::default(), Faults::default());
    let auth = tool(&emulator);
    let bodies = ["", "{", "[]", "null", "{\"projects\":7}", "{\"username\":\"\\ud800\"}", "[[[[[[[[[["];
    for path in [
        "/",
        "//",
        "/mixpanel",
        "/mixpanel/",
        "/mixpanel/%2e%2e/%00",
        "/mixpanel/api/app/projects/-1/x",
        "/mixpanel/api/app/projects/99999999999999999999/service-accounts",
        "/okta",
        "/vault/v1/%ff",
        ACCOUNTS,
        "/mixpanel/api/2.0/nessie/pipeline/pause",
        "/scim/v2/Users?filter=%22",
        "/mixpanel/api/2.0/export?from_date=x",
    ] {
        for (method, body) in
            ["GET", "POST", "PATCH", "DELETE", "HEAD", "BREW"].iter().zip(bodies.iter().cycle())
        {
            assert!(exchange(&emulator, &text(method, path, &auth, body)).is_ok(), "{method} {path}");
        }
    }
    for raw in ["\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}"] {
        let mut stream = connect(&emulator);
        stream.write_all(raw.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // It may close or answer; it must not hang.
        assert!(stream.read_to_end(&mut Vec::new()).is_ok(), "{raw:?}");
    }
    assert_eq!(create(&emulator).unwrap().status, 201);
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "api",
            "app",
            "2.0",
            "v1",
            "v2",
            "organizations",
            "90210",
            "service-accounts",
            "88101",
            "88123",
            "projects",
            "3187001",
            "warehouse-sources",
            "imports",
            "9001",
            "add-to-project",
            "remove-from-project",
            "nessie",
            "pipeline",
            "pause",
            "data-deletions",
            "v3.0",
            "c0ffee00-4711",
            "users",
            "Users",
            "Groups",
            "lifecycle",
            "suspend",
            "secret",
            "data",
            "me",
            "export",
            "",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}",
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        r#"\{"(projects|username|role|paused|options|data|Operations|active)":(null|1|-1|"x"|\[\]|\[1\]|\[\{"id":3187001,"role":""\}\]|true|\{\})\}"#
            .prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_request_panics(
        service in 0..SERVICES.len(),
        method in prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "LIST"]),
        path in prop::collection::vec(segment(), 0..7),
        query in ".{0,40}",
        body in body(),
        header in prop_oneof![Just("tool".to_owned()), "(Basic|Bearer|SSWS) [A-Za-z0-9+/=]{0,12}", ".{0,20}"],
    ) {
        let mut tenant = Tenant::example(7);
        let tool = &tenant.mixpanel.service_accounts[&88_101];
        let pair = STANDARD.encode(format!("{}:{}", tool.username, tool.secret));
        let header = if header == "tool" { format!("Basic {pair}") } else { header };
        let mut request = Request::new(method, &format!("/{}?{query}", path.join("/")));
        request = request.with_header("authorization", &header);
        request.body = body;
        handled(&mut tenant, SERVICES[service], &request);
    }
}
