//! Timesketch: JSON lines, or CSV, with the three columns that its importer asks for.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Format, Options, Sink, Summary, alert, csv};
use crate::finding::Finding;

/// See the module.
pub const JSONL: Format = Format {
    name: "timesketch",
    description: "JSON lines for Timesketch; a record without a time is put at 1970",
    open: |out, _: Options| Box::new(Timesketch { out, form: Form::Jsonl }),
    open_grouped: None,
};

/// See the module.
pub const CSV: Format = Format {
    name: "timesketch-csv",
    description: "CSV for Timesketch; a record without a time is put at 1970",
    open: |out, _: Options| Box::new(Timesketch { out, form: Form::Csv { started: false } }),
    open_grouped: None,
};

/// The importer refuses a row without a time; its message says that there is none.
const NO_TIME: &str = "1970-01-01T00:00:00Z";
const COLUMNS: [&str; 13] = [
    "message",
    "datetime",
    "timestamp_desc",
    "level",
    "score",
    "user_email",
    "source_ip",
    "action",
    "rule_id",
    "tag",
    "file",
    "record",
    "sha256",
];

enum Form {
    Jsonl,
    Csv { started: bool },
}

struct Timesketch<'a> {
    out: Box<dyn Write + 'a>,
    form: Form,
}

impl Timesketch<'_> {
    fn start(&mut self) -> io::Result<()> {
        match &mut self.form {
            Form::Csv { started } if !*started => {
                *started = true;
                csv::row(&mut self.out, COLUMNS)
            }
            Form::Csv { .. } | Form::Jsonl => Ok(()),
        }
    }
}

impl Sink for Timesketch<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.start()?;
        let values = COLUMNS.iter().zip(values(finding));
        match self.form {
            Form::Jsonl => {
                let row: Map<String, Value> =
                    values.map(|(name, value)| ((*name).to_owned(), value)).collect();
                super::json::write(&mut self.out, &row)?;
                self.out.write_all(b"\n")
            }
            Form::Csv { .. } => csv::row(
                &mut self.out,
                values.map(|(_, value)| match value {
                    Value::String(text) => csv::shown(&text),
                    Value::Null => String::new(),
                    value => csv::shown(&value.to_string()),
                }),
            ),
        }
    }

    fn finish(&mut self, _: &Summary) -> io::Result<()> {
        self.start()?;
        self.out.flush()
    }
}

fn values(finding: &Finding) -> [Value; COLUMNS.len()] {
    let last = finding.events.last();
    [
        json!(alert::message(finding)),
        json!(finding.time.map_or_else(|| NO_TIME.to_owned(), |time| time.to_rfc3339())),
        json!("Portcullis finding"),
        json!(finding.level.name()),
        json!(finding.score),
        json!(finding.actor),
        json!(finding.source_ip),
        json!(finding.action),
        json!(finding.rule_id),
        json!(finding.tags),
        json!(last.map(|event| &event.path)),
        json!(last.map(|event| event.record)),
        json!(last.map(|event| &event.sha256)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::{hostile, sample, written};

    #[test]
    fn every_row_has_what_the_importer_asks_for() {
        let findings = [sample(), hostile(), Finding { time: None, ..sample() }];
        let text = written(&JSONL, Options::default(), &findings);
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            for column in ["message", "datetime", "timestamp_desc"] {
                assert!(row[column].as_str().is_some_and(|text| !text.is_empty()), "{line}");
            }
        }
        assert!(text.lines().nth(2).unwrap().contains("no time that can be read"), "{text}");
        let table = written(&CSV, Options::default(), &findings);
        assert!(table.starts_with("message,datetime,timestamp_desc,"), "{table}");
        assert!(!table.contains(['\u{1b}', '\u{202e}', '\u{7f}']), "{table:?}");
        assert!(table.contains("\"'=") && table.contains("2026-05-01T02:14:09Z"), "{table}");
        assert_eq!(written(&CSV, Options::default(), &[]).lines().count(), 1);
    }
}
