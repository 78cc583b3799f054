//! A finding: one rule, the record that made it fire, and why.

use serde::{Deserialize, Serialize};

use crate::event::time::Timestamp;
use crate::rule::Level;

/// One alert. Written as one JSON line by the `jsonl` output.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule's `id` (a UUID), else its `name`, else its title.
    pub rule_id: String,
    /// The rule's short name: its `name`, else the file's stem.
    pub rule_name: String,
    /// The rule's title.
    pub title: String,
    /// Who wrote the rule, as the rule says it. Some licences ask that alerts keep this.
    pub author: Option<String>,
    /// Severity, from the rule.
    pub level: Level,
    /// When the event happened; `None` where the record's time is absent or ambiguous.
    pub time: Option<Timestamp>,
    /// `user.email` of the record.
    pub actor: Option<String>,
    /// `source.ip` of the record.
    pub source_ip: Option<String>,
    /// `event.action` of the record.
    pub action: Option<String>,
    /// The rule's tags.
    pub tags: Vec<String>,
    /// 0 to 100.
    pub score: u8,
    /// The facts that made the rule fire.
    pub why: Vec<Fact>,
    /// The records it rests on.
    pub events: Vec<EventRef>,
    /// What a responder should do first, from the rule.
    pub response: Option<String>,
}

/// One fact: what the rule wanted of a field and what the record had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The field as the rule names it; `keywords` for a search over the whole record.
    pub field: String,
    /// The value in the record; `None` where the field is absent or null.
    pub seen: Option<String>,
    /// What the rule asks, in words: `equals 'x'`, `ends with '.exe'`, `is in 10.0.0.0/8`, `does not exist`.
    pub expected: String,
    /// For a value that depends on what came before: what it rests on, in words.
    pub note: Option<String>,
}

/// Where a record's raw bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRef {
    /// The input's label: its path without a compression suffix.
    pub path: String,
    /// Counts from 1 within the input; blank lines and rejected ranges do not count.
    pub record: u64,
    /// First byte, in the decompressed stream.
    pub offset: u64,
    /// Bytes, without the line end.
    pub length: u64,
    /// SHA-256 of exactly these bytes, lower-case hex.
    pub sha256: String,
}
