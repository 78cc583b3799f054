//! A log as a test thinks of it, and how it is written.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Monday, 2026-08-03T08:00:00Z.
pub const MONDAY: i64 = 1_785_744_000;
pub const DAY: i64 = 86_400;

/// One record. What is `None` is not written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Seconds since 1970.
    pub time: Option<i64>,
    /// `user.email`.
    pub actor: Option<String>,
    /// `source.ip`.
    pub ip: Option<String>,
    /// `event.action`.
    pub action: String,
    /// `details.n`: raw JSON.
    pub n: Option<String>,
    /// `details.target`.
    pub target: Option<String>,
}

impl Record {
    /// A record of this second after [`MONDAY`].
    pub fn at(seconds: i64, action: &str) -> Self {
        let actor = Some("jane@agency.example".to_owned());
        Self { time: Some(MONDAY + seconds), actor, action: action.to_owned(), ..Self::default() }
    }

    pub fn by(mut self, actor: &str) -> Self {
        self.actor = Some(actor.to_owned());
        self
    }

    pub fn from(mut self, ip: &str) -> Self {
        self.ip = Some(ip.to_owned());
        self
    }

    pub fn n(mut self, n: &str) -> Self {
        self.n = Some(n.to_owned());
        self
    }

    pub fn target(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    pub fn nobody(mut self) -> Self {
        self.actor = None;
        self
    }

    pub fn timeless(mut self) -> Self {
        self.time = None;
        self
    }

    /// A field's text, as rules see it.
    pub fn field(&self, name: &str) -> Option<String> {
        match name {
            "user.email" => self.actor.clone(),
            "source.ip" => self.ip.clone(),
            "event.action" => Some(self.action.clone()),
            "details.target" => self.target.clone(),
            "details.n" => {
                let n = self.n.clone()?;
                (n != "null").then(|| n.trim_matches('"').to_owned())
            }
            _ => None,
        }
    }

    /// As one line, without its end. Files take turns: NDJSON of Mixpanel, of Okta, CSV of Mixpanel.
    pub fn line(&self, file: usize) -> String {
        if file % 3 == 2 {
            return self.row();
        }
        let okta = file % 3 == 1;
        let mut parts = Vec::new();
        let text = |name: &str, value: &str| format!("\"{name}\":{}", serde_json::Value::from(value));
        let inside = |name: &str, part: String| format!("\"{name}\":{{{part}}}");
        let time = self.time.map(stamp);
        parts.extend(time.map(|time| text(if okta { "published" } else { "date_time" }, &time)));
        let actor = |actor: &str| {
            if okta { inside("actor", text("alternateId", actor)) } else { text("user", actor) }
        };
        parts.extend(self.actor.as_deref().map(actor));
        parts.push(text(if okta { "eventType" } else { "action" }, &self.action));
        let ip =
            |ip: &str| if okta { inside("client", text("ipAddress", ip)) } else { text("ip_address", ip) };
        parts.extend(self.ip.as_deref().map(ip));
        let mut details = Vec::new();
        details.extend(self.n.as_deref().map(|n| format!("\"n\":{n}")));
        details.extend(self.target.as_deref().map(|target| text("target", target)));
        parts.push(inside("details", details.join(",")));
        format!("{{{}}}", parts.join(","))
    }

    /// As a row under [`HEADER`].
    fn row(&self) -> String {
        let quoted =
            |text: &Option<String>| text.as_ref().map(|text| format!("\"{text}\"")).unwrap_or_default();
        let n = self.n.as_deref().filter(|n| *n != "null").unwrap_or_default();
        let time = self.time.map(stamp).unwrap_or_default();
        let (actor, target, ip) =
            (quoted(&self.actor), quoted(&self.target), self.ip.as_deref().unwrap_or_default());
        format!("{time},{actor},{},{ip},{n},{target}", self.action)
    }
}

const HEADER: &str = "Date and Time,User,Action,IP Address,details.n,details.target";

fn stamp(time: i64) -> String {
    jiff::Timestamp::from_second(time).unwrap().to_string()
}

/// The digest that findings name a record by.
pub fn digest(line: &str) -> String {
    let bytes = Sha256::digest(line.as_bytes());
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The action of the first line of each file.
pub const HEAD: &str = "head";

/// Where a record was put: its file and, counting from 1, its place there.
pub type Place = (usize, u64);

/// Records in order of arrival, each with its file.
#[derive(Debug, Clone, Default)]
pub struct Log {
    pub records: Vec<(usize, Record)>,
}

impl Log {
    /// All in one file.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Self {
        Self { records: records.into_iter().map(|record| (0, record)).collect() }
    }

    /// Indices of records in the order of inputs and, within them, of arrival.
    pub fn input_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.records.len()).collect();
        order.sort_by_key(|&at| (self.records[at].0, at));
        order
    }

    /// The same records, in [`Log::input_order`].
    pub fn sorted(&self) -> Vec<Record> {
        self.input_order().into_iter().map(|at| self.records[at].1.clone()).collect()
    }
}

/// Files that several logs share. A first line in each lets the log be recognised; no rule finds it.
pub struct Files {
    pub texts: BTreeMap<usize, (String, u64)>,
}

impl Files {
    pub fn new() -> Self {
        Self { texts: BTreeMap::new() }
    }

    /// Adds a line and says where it is.
    pub fn push(&mut self, file: usize, record: &Record) -> Place {
        let (text, count) = self.texts.entry(file).or_insert_with(|| {
            let mut first = Record::at(0, HEAD).by("head@head.example").from("192.0.2.254");
            first.time = Some(946_684_800);
            let header = if file % 3 == 2 { format!("{HEADER}\n") } else { String::new() };
            (format!("{header}{}\n", first.line(file)), 1)
        });
        text.push_str(&record.line(file));
        text.push('\n');
        *count += 1;
        (file, *count)
    }
}
