//! A TOML file as tables whose values are read one by one, each mistake with its place.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::address::{self, Use};
use super::error::{ConfigError, Fault, Problem};
use super::reference::Reference;
use crate::rule::derive::parse_duration;
use crate::rule::nearest;
use crate::sys::fs::read_up_to;

/// Problems listed for one file.
const MAX_PROBLEMS: usize = 50;
/// The longest text, in bytes.
const MAX_TEXT: usize = 4096;

/// Reads a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, ConfigError> {
    let failed = |error| ConfigError::Read { path: path.to_owned(), error };
    let bytes = File::open(path).and_then(|file| read_up_to(file, limit)).map_err(failed)?;
    let bytes = bytes.ok_or_else(|| ConfigError::TooLarge { path: path.to_owned(), limit })?;
    Ok(bytes.to_vec())
}

/// What is wrong with a file so far.
pub(super) struct Report<'a> {
    path: &'a Path,
    text: &'a str,
    problems: RefCell<Vec<(usize, Fault)>>,
    more: Cell<usize>,
}

impl<'a> Report<'a> {
    /// The text of a file, which has to be UTF-8.
    pub(super) fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self, ConfigError> {
        let report = |text| Self { path, text, problems: RefCell::default(), more: Cell::new(0) };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(report(text)),
            Err(error) => {
                let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let this = report(std::str::from_utf8(good).unwrap_or_default());
                this.add(good.len(), Fault::NotText);
                Err(this.into_error())
            }
        }
    }

    /// The top of the file.
    pub(super) fn parse(&self) -> Option<Spanned<DeTable<'a>>> {
        DeTable::parse(self.text)
            .map_err(|error| {
                let at = error.span().map_or(0, |span| span.start);
                self.add(at, Fault::Syntax(error.message().to_owned()));
            })
            .ok()
    }

    /// The folder from which relative paths count.
    pub(super) fn folder(&self) -> &'a Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Notes a mistake at a byte of the file.
    pub(super) fn add(&self, at: usize, fault: Fault) {
        self.add_with(at, || fault);
    }

    /// The same; what is wrong is only worked out where it is listed.
    pub(super) fn add_with(&self, at: usize, fault: impl FnOnce() -> Fault) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MAX_PROBLEMS {
            problems.push((at, fault()));
        } else {
            self.more.set(self.more.get() + 1);
        }
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.place(at).0
    }

    fn place(&self, at: usize) -> (usize, usize) {
        // An offset inside a character cannot be; the end of the file stands for it.
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    /// What was read, if nothing is wrong.
    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigError> {
        if self.problems.borrow().is_empty() { Ok(value) } else { Err(self.into_error()) }
    }

    /// What is wrong.
    pub(super) fn into_error(self) -> ConfigError {
        let mut problems = self.problems.take();
        problems.sort_by_key(|(at, _)| *at);
        let placed = problems.into_iter().map(|(at, fault)| {
            let (line, column) = self.place(at);
            Problem { line, column, fault }
        });
        let problems = placed.collect();
        ConfigError::Invalid { path: self.path.to_owned(), problems, more: self.more.get() }
    }
}

/// A table whose keys are known.
pub(super) struct Section<'a> {
    report: &'a Report<'a>,
    place: String,
    table: &'a DeTable<'a>,
    at: usize,
}

impl<'a> Section<'a> {
    /// A table that begins at the byte `at`. Keys that are not known are mistakes.
    pub(super) fn new(
        report: &'a Report<'a>,
        place: impl Into<String>,
        table: &'a DeTable<'a>,
        at: usize,
        known: &[&str],
    ) -> Self {
        let place = place.into();
        for (key, _) in table {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let fault = || Fault::UnknownKey {
                    key: name.to_owned(),
                    place: place.clone(),
                    near: nearest(name, known.iter().copied()).map(str::to_owned),
                    known: known.iter().map(ToString::to_string).collect(),
                };
                report.add_with(key.span().start, fault);
            }
        }
        Self { report, place, table, at }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Entry<'a>> {
        let (key, value) = self.table.get_key_value(key)?;
        Some(Entry::new(self.report, key.get_ref(), value))
    }

    /// The same of a key that has to be there.
    pub(super) fn need(&self, key: &str) -> Option<Entry<'a>> {
        let entry = self.get(key);
        if entry.is_none() {
            self.add(Fault::Missing { key: key.to_owned(), place: self.place.clone() });
        }
        entry
    }

    /// The folder from which relative paths count.
    pub(super) fn folder(&self) -> &'a Path {
        self.report.folder()
    }

    /// Notes a mistake of the table as a whole.
    pub(super) fn add(&self, fault: Fault) {
        self.report.add(self.at, fault);
    }
}

/// A value that is about to be read. Each reader notes what is wrong and gives nothing then.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    report: &'a Report<'a>,
    pub(super) key: &'a str,
    pub(super) value: &'a DeValue<'a>,
    pub(super) at: usize,
}

impl<'a> Entry<'a> {
    pub(super) fn new(report: &'a Report<'a>, key: &'a str, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { report, key, value: value.get_ref(), at: value.span().start }
    }

    /// Notes a mistake in this value.
    pub(super) fn add<T>(&self, fault: Fault) -> Option<T> {
        self.report.add(self.at, fault);
        None
    }

    /// Notes that it has another type.
    pub(super) fn not<T>(&self, expected: &'static str) -> Option<T> {
        self.add(Fault::Type { key: self.key.to_owned(), expected })
    }

    /// Notes that it is outside its limits.
    pub(super) fn beyond<T>(&self, limits: impl Into<String>) -> Option<T> {
        self.add(Fault::Limits { key: self.key.to_owned(), limits: limits.into() })
    }

    /// One line of text.
    pub(super) fn text(&self) -> Option<&'a str> {
        let Some(text) = self.value.as_str() else { return self.not("text in quotes") };
        if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return self.beyond(format!("one line of 1 to {MAX_TEXT} bytes"));
        }
        Some(text)
    }

    /// A whole number.
    pub(super) fn number(&self, limits: RangeInclusive<u64>) -> Option<u64> {
        let Some(number) = self.value.as_integer() else { return self.not("a whole number") };
        let number = u64::from_str_radix(number.as_str(), number.radix()).ok();
        let found = number.filter(|number| limits.contains(number));
        found.or_else(|| self.beyond(format!("from {} to {}", limits.start(), limits.end())))
    }

    /// A number.
    pub(super) fn real(&self, limits: RangeInclusive<f64>) -> Option<f64> {
        let number = match self.value {
            // Whole numbers within the limits are exact; others only have to stay outside.
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => return self.not("a number"),
        };
        let found = number.filter(|number| limits.contains(number));
        found.or_else(|| self.beyond(format!("from {} to {}", limits.start(), limits.end())))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.not("true or false"))
    }

    /// Lines of text.
    pub(super) fn list(&self) -> Option<Vec<String>> {
        let Some(array) = self.value.as_array() else { return self.not("a list of texts in quotes") };
        let texts = array.iter().map(|value| Entry::new(self.report, self.key, value).text());
        texts.map(|text| text.map(str::to_owned)).collect()
    }

    /// A path, from the folder of the file.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let text = self.text()?;
        if text.starts_with('~') {
            return self.beyond("a whole path: only a shell expands `~`");
        }
        Some(self.report.folder().join(text))
    }

    /// A length of time such as `90s`.
    pub(super) fn duration(&self, limits: RangeInclusive<Duration>) -> Option<Duration> {
        let nanos = self.text().map(|text| millis(text).or_else(|| parse_duration(text)))?;
        let Some(nanos) = nanos.and_then(|nanos| u64::try_from(nanos).ok()) else {
            return self.not("a time such as \"90s\" or \"5m\"");
        };
        let found = Some(Duration::from_nanos(nanos)).filter(|time| limits.contains(time));
        found.or_else(|| self.beyond(format!("from {} to {}", short(*limits.start()), short(*limits.end()))))
    }

    /// An address.
    pub(super) fn url(&self, of: Use) -> Option<Url> {
        let url = address::parse(self.text()?, of);
        url.map_err(|fault| self.add::<()>(Fault::Url { key: self.key.to_owned(), fault })).ok()
    }

    /// A reference to a credential. Of the text nothing is told.
    pub(super) fn reference(&self, label: &str) -> Option<Reference> {
        let Some(text) = self.value.as_str() else { return self.not("a reference in quotes") };
        let reference = Reference::parse(text, self.report.folder(), label);
        reference.map_err(|fault| self.add::<()>(Fault::Reference { key: self.key.to_owned(), fault })).ok()
    }

    /// A table.
    pub(super) fn table(&self) -> Option<&'a DeTable<'a>> {
        self.value.as_table().or_else(|| self.not("a table"))
    }
}

/// As the file writes it, in the largest unit that is whole.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// `250ms`, in nanoseconds.
fn millis(text: &str) -> Option<i64> {
    text.strip_suffix("ms")?.parse::<i64>().ok()?.checked_mul(1_000_000)
}
