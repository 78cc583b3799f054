//! Runs the real binary in a clean environment.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test file uses its part, and fails by panicking"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A record that a rule finds.
pub const HIT: &str = r#"{"date_time":"2026-10-24T01:36:17Z","user":{"email":"jane@agency.example"},"action":"user.twofactor_disabled","ip_address":"203.0.113.77"}"#;
/// A record that no rule above informational finds.
pub const PLAIN: &str = r#"{"date_time":"2026-10-24T01:00:00Z","user":{"email":"ada@acme.example"},"action":"bookmark.created","ip_address":"192.0.2.1"}"#;

/// What a scan came to.
pub struct Scanned {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
    pub ledger: Value,
}

impl Scanned {
    /// Findings by line.
    pub fn findings(&self) -> Vec<Value> {
        let text = String::from_utf8(self.stdout.clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Findings of the planted record.
    pub fn hits(&self) -> usize {
        self.findings().iter().filter(|finding| finding["action"] == "user.twofactor_disabled").count()
    }

    /// Bytes of every input are parsed, blank or rejected; their sum.
    pub fn balance(&self) -> u64 {
        let number = |value: &Value| value.as_u64().unwrap();
        let inputs = self.ledger["inputs"].as_array().unwrap();
        inputs.iter().fold(0, |sum, input| {
            let accounted = number(&input["parsed_bytes"])
                + number(&input["blank_bytes"])
                + number(&input["rejected_bytes"]);
            assert_eq!(number(&input["bytes"]), accounted, "{input}");
            sum + accounted
        })
    }

    /// Line, offset and reason of every rejected range.
    pub fn rejected(&self) -> Vec<(u64, u64, String)> {
        let inputs = self.ledger["inputs"].as_array().unwrap();
        let ranges = inputs.iter().flat_map(|input| input["rejected"].as_array().unwrap());
        ranges
            .map(|range| {
                let number = |key: &str| range[key].as_u64().unwrap_or_default();
                (number("line"), number("offset"), range["reason"].as_str().unwrap().to_owned())
            })
            .collect()
    }
}

/// A folder to scan in.
pub struct Place {
    pub folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        path
    }

    /// Scans with a ledger, from inside the folder, so that labels are relative.
    pub fn scan(&self, args: &[&str]) -> Scanned {
        self.scan_with(args, None)
    }

    pub fn scan_with(&self, args: &[&str], stdin: Option<&[u8]>) -> Scanned {
        let ledger = tempfile::NamedTempFile::new().unwrap();
        let mut child = command(self.folder.path())
            .args(["scan", "--format", "jsonl", "--ledger"])
            .arg(ledger.path())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let bytes = stdin.unwrap_or_default().to_vec();
        let feeder = std::thread::spawn(move || input.write_all(&bytes));
        let output = child.wait_with_output().unwrap();
        // The program may stop reading early.
        let _fed = feeder.join().unwrap();
        let text = std::fs::read_to_string(ledger.path()).unwrap();
        Scanned {
            code: output.status.code().unwrap(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
            ledger: serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }
}

/// The program, in this folder and without the caller's environment.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().current_dir(folder);
    command
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
