//! Findings as columns, for Parquet and for queries.

use polars::error::PolarsResult;
use polars::prelude::{
    Column, DataFrame, DataType, IntoColumn, NamedFrom, NewChunkedArray, Schema, Series, StringChunked,
    TimeUnit,
};
use serde_json::json;

use crate::finding::Finding;

/// Time, UTC, nanoseconds; absent where the finding has none.
const TIME: &str = "time";
/// Columns of text.
const TEXTS: [&str; 13] = [
    "level",
    "title",
    "actor",
    "source_ip",
    "action",
    "rule_id",
    "rule_name",
    "author",
    "tags",
    "why",
    "events",
    "response",
    "_file",
];
/// Whole numbers.
const NUMBERS: [&str; 4] = ["score", "_record", "_offset", "_length"];

/// Findings, column by column. `tags`, `why` and `events` are JSON; `_file`, `_record`, `_offset` and `_length` say where
/// the record is that completed the finding.
#[derive(Default)]
pub struct FindingColumns {
    times: Vec<Option<i64>>,
    texts: [Vec<Option<String>>; TEXTS.len()],
    numbers: [Vec<Option<u64>>; NUMBERS.len()],
}

impl FindingColumns {
    /// Names and types.
    pub fn schema() -> Schema {
        let mut schema = Schema::default();
        schema.with_column(TIME.into(), DataType::Datetime(TimeUnit::Nanoseconds, None));
        for name in TEXTS {
            schema.with_column(name.into(), DataType::String);
        }
        for name in NUMBERS {
            schema.with_column(name.into(), DataType::UInt64);
        }
        schema
    }

    /// Adds a finding.
    pub fn push(&mut self, finding: &Finding) {
        let last = finding.events.last();
        self.times.push(finding.time.map(|time| time.nanos));
        let texts = [
            Some(finding.level.name().to_owned()),
            Some(finding.title.clone()),
            finding.actor.clone(),
            finding.source_ip.clone(),
            finding.action.clone(),
            Some(finding.rule_id.clone()),
            Some(finding.rule_name.clone()),
            finding.author.clone(),
            Some(json!(finding.tags).to_string()),
            Some(json!(finding.why).to_string()),
            Some(json!(finding.events).to_string()),
            finding.response.clone(),
            last.map(|event| event.path.clone()),
        ];
        self.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
        let numbers = [
            Some(u64::from(finding.score)),
            last.map(|event| event.record),
            last.map(|event| event.offset),
            last.map(|event| event.length),
        ];
        self.numbers.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
    }

    /// All of them.
    ///
    /// # Errors
    /// Columns do not fit together, which they do.
    pub fn frame(self) -> PolarsResult<DataFrame> {
        let rows = self.times.len();
        let times = Series::new(TIME.into(), self.times);
        let mut columns = vec![times.cast(&DataType::Datetime(TimeUnit::Nanoseconds, None))?.into_column()];
        columns.extend(TEXTS.iter().zip(self.texts).map(|(name, texts)| -> Column {
            StringChunked::from_iter_options((*name).into(), texts.into_iter()).into_column()
        }));
        let numbers = NUMBERS.iter().zip(self.numbers);
        columns.extend(numbers.map(|(name, numbers)| Series::new((*name).into(), numbers).into_column()));
        DataFrame::new(rows, columns)
    }
}
