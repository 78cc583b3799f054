//! An answer as a table for people, CSV, JSON lines or Parquet.

use std::io::{self, Write};

use polars::prelude::{AnyValue, DataFrame, DataType};
use serde_json::{Map, Value};

use crate::event::time::Timestamp;
use crate::output::escape::shortened;
use crate::output::{csv, parquet};

/// Characters of a cell that a table for people shows.
const MAX_CELL: usize = 60;
/// Characters between columns.
const GAP: &str = "  ";

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Aligned columns, long cells cut, everything that a terminal obeys escaped.
    Table,
    /// RFC 4180; cells of text that start a formula get a leading apostrophe, and controls are shown by their codes.
    Csv,
    /// One object a line, exact.
    Jsonl,
    /// Parquet.
    Parquet,
}

/// Writes an answer.
///
/// # Errors
/// It cannot be written.
pub fn write(out: &mut dyn Write, frame: &mut DataFrame, form: Form) -> io::Result<()> {
    match form {
        Form::Table => table(out, frame)?,
        Form::Csv => lines(out, frame)?,
        Form::Jsonl => jsonl(out, frame)?,
        Form::Parquet => parquet::write(out, frame)?,
    }
    out.flush()
}

fn table(out: &mut dyn Write, frame: &DataFrame) -> io::Result<()> {
    let names = frame.get_column_names();
    let mut rows: Vec<Vec<String>> = vec![names.iter().map(|name| shortened(name, MAX_CELL)).collect()];
    for row in 0..frame.height() {
        let cells = cells(frame, row)
            .map(|cell| cell.text().map_or_else(String::new, |text| shortened(&text, MAX_CELL)));
        rows.push(cells.collect());
    }
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..frame.width()).map(width).collect();
    let right: Vec<bool> = frame.dtypes().iter().map(DataType::is_primitive_numeric).collect();
    for (at, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for ((cell, width), right) in row.iter().zip(&widths).zip(&right) {
            let pad = " ".repeat(width - cell.chars().count());
            line.push_str(&if *right { format!("{pad}{cell}{GAP}") } else { format!("{cell}{pad}{GAP}") });
        }
        writeln!(out, "{}", line.trim_end())?;
        if at == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            writeln!(out, "{}", rule.join(GAP))?;
        }
    }
    Ok(())
}

fn lines(out: &mut dyn Write, frame: &DataFrame) -> io::Result<()> {
    let names = frame.get_column_names();
    csv::row(out, names.iter().map(|name| csv::shown(name)))?;
    for row in 0..frame.height() {
        let cells = cells(frame, row).map(|cell| match cell {
            Cell::Exact(Value::String(text)) => csv::shown(&text),
            cell => cell.text().map_or_else(String::new, |text| csv::plain(&text).into_owned()),
        });
        csv::row(out, cells)?;
    }
    Ok(())
}

fn jsonl(out: &mut dyn Write, frame: &DataFrame) -> io::Result<()> {
    let names: Vec<String> = frame.get_column_names().iter().map(ToString::to_string).collect();
    for row in 0..frame.height() {
        let object: Map<String, Value> =
            names.iter().cloned().zip(cells(frame, row).map(Cell::json)).collect();
        crate::output::json::write(&mut *out, &object)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A value of an answer.
enum Cell {
    Nothing,
    /// Text or a truth value as it is.
    Exact(Value),
    /// Numbers and times: never the beginning of a formula.
    Plain(Value),
}

impl Cell {
    fn json(self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Exact(value) | Self::Plain(value) => value,
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Exact(Value::String(text)) | Self::Plain(Value::String(text)) => Some(text.clone()),
            Self::Exact(value) | Self::Plain(value) => Some(value.to_string()),
        }
    }
}

fn cells(frame: &DataFrame, row: usize) -> impl Iterator<Item = Cell> {
    frame.columns().iter().map(move |column| column.get(row).map_or(Cell::Nothing, |value| cell(&value)))
}

fn cell(value: &AnyValue<'_>) -> Cell {
    match value {
        AnyValue::Null => Cell::Nothing,
        AnyValue::Boolean(truth) => Cell::Exact(Value::Bool(*truth)),
        AnyValue::String(text) => Cell::Exact(Value::from(*text)),
        AnyValue::StringOwned(text) => Cell::Exact(Value::from(text.as_str())),
        AnyValue::Datetime(count, unit, _) | AnyValue::DatetimeOwned(count, unit, _) => {
            let scale = match unit {
                polars::prelude::TimeUnit::Nanoseconds => 1,
                polars::prelude::TimeUnit::Microseconds => 1_000,
                polars::prelude::TimeUnit::Milliseconds => 1_000_000,
            };
            let nanos = count.saturating_mul(scale);
            Cell::Plain(Value::String(Timestamp { nanos, digits: digits(nanos) }.to_rfc3339()))
        }
        AnyValue::Float32(number) => Cell::Plain(Value::from(*number)),
        AnyValue::Float64(number) => Cell::Plain(Value::from(*number)),
        other if other.is_integer() => other
            .extract::<i64>()
            .map(Value::from)
            .or_else(|| other.extract::<u64>().map(Value::from))
            .map_or_else(|| Cell::Exact(Value::String(other.to_string())), Cell::Plain),
        other => Cell::Exact(Value::String(other.to_string())),
    }
}

/// Digits of a second that are not zeros at the end: 0, 3, 6 or 9.
fn digits(nanos: i64) -> u8 {
    let fraction = nanos.rem_euclid(1_000_000_000);
    match fraction {
        0 => 0,
        _ if fraction % 1_000_000 == 0 => 3,
        _ if fraction % 1_000 == 0 => 6,
        _ => 9,
    }
}
