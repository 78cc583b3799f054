//! The emulator over real sockets.

mod faults;
mod hostile;
mod server;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// The service accounts of the organisation.
const ACCOUNTS: &str = "/mixpanel/api/app/organizations/90210/service-accounts";
/// A change whose effect is one more service account.
const CREATE: &str = r#"{"username":"new","projects":[{"id":3187001,"role":"analyst"}]}"#;

fn start(switches: Switches, faults: Faults) -> Emulator {
    Emulator::start(Tenant::example(7), switches, faults).unwrap()
}

/// `Authorization` of the tool's own account.
fn tool(emulator: &Emulator) -> String {
    basic(emulator, 88_101)
}

fn basic(emulator: &Emulator, account: u64) -> String {
    let tenant = emulator.tenant();
    let account = &tenant.mixpanel.service_accounts[&account];
    format!("Basic {}", STANDARD.encode(format!("{}:{}", account.username, account.secret)))
}

fn connect(emulator: &Emulator) -> TcpStream {
    let base = emulator.base_url("");
    let address = base.trim_start_matches("http://").trim_end_matches('/');
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// What came back: status, head, body.
struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
}

fn text(method: &str, path: &str, authorization: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends, and reads until the end. The error is that of the socket.
fn exchange(emulator: &Emulator, text: &str) -> io::Result<Got> {
    let mut stream = connect(emulator);
    stream.write_all(text.as_bytes())?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw)?;
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let head = String::from_utf8_lossy(&raw[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    Ok(Got { status, head, body: raw[end + 4..].to_vec() })
}

fn create(emulator: &Emulator) -> io::Result<Got> {
    exchange(emulator, &text("POST", ACCOUNTS, &tool(emulator), CREATE))
}

fn accounts(emulator: &Emulator) -> usize {
    emulator.tenant().mixpanel.service_accounts.len()
}
