//! Every fault, seen from the client's side.

use super::*;

fn quick(what: What) -> Emulator {
    let faults =
        Faults { hold_ms: 80, dribble_ms: 5, huge_bytes: 3 << 20, ..Faults::one(When::NthChange(1), what) };
    start(Switches::default(), faults)
}

/// The error that a client sees, or its status.
fn outcome(emulator: &Emulator) -> Result<u16, io::ErrorKind> {
    create(emulator).map(|got| got.status).map_err(|error| error.kind())
}

#[test]
fn each_kind_has_its_effect_or_none() {
    for what in Fault::ALL {
        let emulator = quick(*what);
        let before = accounts(&emulator);
        let seen = outcome(&emulator);
        assert!(emulator.settle(Duration::from_secs(5)), "{what}");
        assert_eq!(accounts(&emulator) - before, usize::from(what.has_effect()), "{what}");
        let record = &emulator.requests()[0];
        assert_eq!(record.took_effect, what.has_effect(), "{what}");
        assert_eq!(record.fault.as_deref(), Some(what.to_string().as_str()));
        let expected = match what {
            What::Status(status) | What::StatusAfter(status) => Ok(*status),
            What::RateLimited(_) => Ok(429),
            What::SlashRedirect => Ok(301),
            What::RedirectElsewhere => Ok(307),
            What::TimeoutBefore | What::TimeoutAfter => Err(io::ErrorKind::UnexpectedEof),
            What::ResetBefore | What::ResetAfter => Err(io::ErrorKind::ConnectionReset),
            What::NotJson => Ok(200),
            What::SlowBody | What::TruncatedBody | What::HugeBody => Ok(201),
        };
        assert_eq!(seen, expected, "{what}");
        assert_eq!(outcome(&emulator), Ok(201), "after {what}");
    }
}

#[test]
fn bodies_are_dressed() {
    let truncated = create(&quick(What::TruncatedBody)).unwrap();
    let length = truncated.head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.lines().next().unwrap().parse().unwrap();
    assert!(truncated.body.len() < length && !truncated.body.is_empty());
    assert!(create(&quick(What::HugeBody)).unwrap().body.len() > 3 << 20);
    let page = create(&quick(What::NotJson)).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&page.body).is_err());
    let begun = std::time::Instant::now();
    create(&quick(What::SlowBody)).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[test]
fn a_timeout_holds_the_connection() {
    let begun = std::time::Instant::now();
    assert!(create(&quick(What::TimeoutAfter)).is_err());
    assert!(begun.elapsed() >= Duration::from_millis(80));
}

#[test]
fn redirects_go_to_the_slash_and_to_the_trap() {
    let here = create(&quick(What::SlashRedirect)).unwrap();
    assert!(
        here.head.contains("/mixpanel/api/app/organizations/90210/service-accounts/\r\n"),
        "{}",
        here.head
    );
    let emulator = quick(What::RedirectElsewhere);
    let there = create(&emulator).unwrap();
    let location = there.head.split("location: http://").nth(1).unwrap().lines().next().unwrap();
    let (host, path) = location.split_at(location.find('/').unwrap());
    for header in ["x-plain: 1", "x-vault-token: hvs"] {
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: y\r\n{header}\r\nconnection: close\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    let trapped: Vec<bool> = emulator.trapped().iter().map(|trapped| trapped.with_credentials).collect();
    assert_eq!(trapped, [false, true]);
}
