//! Reads events from the values of records.

use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::lane::{self, Call, Does, Line, Table};
use super::mark::{Mark, Marks};
use super::names::{Name, Names, renamed};
use super::story::{Event, Gathered};
use crate::scan::rows::{Projection, Rows, TakeRows};

/// The fields that events are read from: who reads them asks for their values by their place here.
pub const FIELDS: &[&str] = &[
    "event.action",
    "event.outcome",
    "user.email",
    "user.target.email",
    "source.ip",
    "source.geo.country_name",
    "source.geo.country_iso_code",
    "source.geo.city_name",
    "source.geo.location.lat",
    "source.geo.location.lon",
    "source.as.number",
    "source.as.organization.name",
    "details.rows",
    // The call to an API of which a record tells.
    "http.request.method",
    "url.path",
    "auth0.body.blocked",
    // What an event was done to: the first that a record has. No vendor documents these keys.
    "details.service_account",
    "details.email",
    "details.destination",
    "details.event",
    "details.property",
    "details.role",
    "details.name",
    // Entra's name of what an activity was about.
    "user.target.name",
];
const OBJECTS: usize = 16;

/// Outcomes of what was tried and had no effect.
const FAILURES: &[&str] = &["failure", "failed", "denied", "deny"];
/// Outcomes of what had its effect. Of every other, such as Okta's `UNKNOWN` and `SKIPPED`, it is not known.
const SUCCESSES: &[&str] = &["success", "succeeded", "allow", "allowed", "ok"];

/// Most events that are kept: about a gigabyte.
pub const MOST: usize = 12_000_000;
/// Longest text of an event that is kept.
const LONGEST: usize = 300;

/// The value of a field of [`FIELDS`], by its place.
pub type Value<'a> = &'a dyn Fn(usize) -> Option<&'a str>;

/// The event of a record, if it is one of the account, or one of others that made or ended something.
fn read(account: &str, table: &Table, nanos: i64, value: Value<'_>, names: &mut Names) -> Option<Event> {
    let actor = value(2).unwrap_or_default();
    let text = |at: usize| value(at).unwrap_or_default();
    let call = Call { method: text(13), path: text(14), blocked: text(15) };
    let (action, line) = telling(table, text(0), &call);
    let own = actor.eq_ignore_ascii_case(account);
    let tells = |line: &Line| line.turn.is_some() || matches!(line.kind.does, Does::Makes(_) | Does::Ends);
    if !own && !line.is_some_and(tells) {
        return None;
    }
    let mut name = |text: &str| names.of(short(text));
    let target = value(3).and_then(|targets| chosen(targets, account));
    let is_any =
        |words: &[&str]| value(1).map(|outcome| words.iter().any(|word| outcome.eq_ignore_ascii_case(word)));
    let failed = action.ends_with("_failed") || is_any(FAILURES) == Some(true);
    let network = match (value(10), value(11)) {
        (Some(number), Some(organisation)) => format!("AS{} {organisation}", number.trim_start_matches("AS")),
        (Some(number), None) => format!("AS{}", number.trim_start_matches("AS")),
        (None, organisation) => organisation.unwrap_or_default().to_owned(),
    };
    let number =
        |at: usize| value(at).and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
    let object = (OBJECTS..FIELDS.len()).find_map(|at| value(at).filter(|text| !text.is_empty()));
    Some(Event {
        action: name(&action),
        actor: name(actor),
        target: target.as_deref().and_then(&mut name),
        object: object.and_then(&mut name),
        address: value(4).and_then(&mut name),
        country: value(5).or(value(6)).and_then(&mut name),
        city: value(7).and_then(&mut name),
        network: name(&network),
        spot: number(8).zip(number(9)).map(|(latitude, longitude)| (latitude as f32, longitude as f32)),
        rows: number(12),
        failed,
        done: !failed && is_any(SUCCESSES).unwrap_or(true),
        line,
        ..Event::at(nanos)
    })
}

/// The event type of a record and what it means. A record may have several, which are a JSON array: the one that says most.
fn telling<'a>(table: &Table, action: &'a str, call: &Call<'_>) -> (Cow<'a, str>, Option<&'static Line>) {
    let several = action.starts_with('[').then(|| serde_json::from_str::<Vec<Option<String>>>(action));
    let Some(Ok(actions)) = several else { return (Cow::Borrowed(action), table.line(action, call)) };
    let tells = |line: Option<&Line>| match line {
        None => 1,
        Some(line) if line.turn.is_some() => 3,
        Some(line) => 2 * u8::from(line.kind.does != Does::Plain),
    };
    let lines = actions.into_iter().flatten().map(|action| (table.line(&action, call), action)).rev();
    let most = lines.max_by_key(|(line, _)| tells(*line));
    most.map_or((Cow::Borrowed(action), None), |(line, action)| (Cow::Owned(action), line))
}

/// Whether a record is of the account, or about it.
fn is_about(account: &str, value: Value<'_>) -> bool {
    let target = || value(3).and_then(|targets| chosen(targets, account));
    value(2).is_some_and(|actor| actor.eq_ignore_ascii_case(account))
        || target().is_some_and(|target| target.eq_ignore_ascii_case(account))
}

/// Of several values, which are a JSON array: the account's, else the first e-mail address, else the first.
fn chosen(values: &str, account: &str) -> Option<String> {
    let Ok(values) = serde_json::from_str::<Vec<Option<String>>>(values) else {
        return Some(values.to_owned());
    };
    let values: Vec<String> = values.into_iter().flatten().collect();
    let own = values.iter().find(|value| value.eq_ignore_ascii_case(account));
    own.or_else(|| values.iter().find(|value| value.contains('@'))).or(values.first()).cloned()
}

fn short(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The events of one unit of an input.
#[derive(Debug, Default)]
struct Part {
    place: (usize, u64),
    names: Names,
    events: Vec<Event>,
    marks: Vec<Mark>,
    untimed: u64,
    /// Its source, if that is not known and has records of the account or about it.
    unknown: Option<&'static str>,
}

/// Takes the records of an account from workers, in any order.
#[derive(Debug)]
pub struct Gather {
    account: String,
    /// By index into the loaded rules: what a match of it is, but for its time.
    rules: Vec<Mark>,
    parts: Mutex<Vec<Part>>,
    count: AtomicUsize,
}

impl Gather {
    /// Of this account. `rules`: what a match of each loaded rule is ([`Marks::rules_of`]), where matches come with the records.
    pub fn new(account: &str, rules: Vec<Mark>) -> Self {
        Self { account: account.to_owned(), rules, parts: Mutex::default(), count: AtomicUsize::new(0) }
    }

    /// Everything, in the order of the logs, whatever the order in which it came. `marks` are the findings that did not come
    /// with the records.
    pub fn finish(self, marks: Marks) -> Gathered {
        let mut parts = self.parts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.sort_by_key(|part| part.place);
        let mut all = Gathered { marks, ..Gathered::default() };
        all.events.reserve_exact(self.count.into_inner());
        let table = all.names.join(&all.marks.names);
        all.marks.rename(&table);
        for part in parts {
            let table = all.names.join(&part.names);
            let new = |name: Option<Name>| renamed(&table, name);
            all.events.extend(part.events.into_iter().map(|event| Event {
                action: new(event.action),
                actor: new(event.actor),
                target: new(event.target),
                object: new(event.object),
                address: new(event.address),
                country: new(event.country),
                city: new(event.city),
                network: new(event.network),
                ..event
            }));
            all.marks.all.extend(part.marks);
            all.untimed += part.untimed;
            all.unknown.extend(part.unknown);
        }
        all
    }

    /// What has to be read for it.
    pub fn projection() -> Projection {
        let fields = FIELDS.iter().map(|field| (*field).to_owned()).collect();
        Projection { fields, account: None, raw: false, brief: true }
    }

    /// Takes the records of a unit: the name of their source, `times` and the value of each row and field, and the rules that rows match by themselves
    /// (see [`Rows::matches`]).
    ///
    /// # Errors
    /// There are more than [`MOST`] events.
    pub fn unit<'a>(
        &self,
        place: (usize, u64),
        source: &'static str,
        times: impl Iterator<Item = Option<i64>>,
        value: &'a dyn Fn(usize, usize) -> Option<&'a str>,
        matches: &[(usize, usize)],
    ) -> std::io::Result<()> {
        let mut part = Part { place, ..Part::default() };
        let table = lane::table(source);
        let mut matches = matches.iter().peekable();
        for (row, time) in times.enumerate() {
            let before = part.marks.len();
            while let Some((_, rule)) = matches.next_if(|(at, _)| *at == row) {
                part.marks.extend(self.rules.get(*rule).map(|mark| Mark { nanos: time, ..*mark }));
            }
            let level = part.marks.get(before..).unwrap_or_default().iter().map(|mark| mark.level).max();
            let value = |field| value(row, field);
            if !table.is_known() && is_about(&self.account, &value) {
                part.unknown = Some(source);
            }
            let event = read(&self.account, table, time.unwrap_or(0), &value, &mut part.names);
            match (event, time) {
                (Some(event), Some(_)) => part.events.push(Event { level, ..event }),
                (Some(event), None) => {
                    let own = event
                        .actor
                        .is_some_and(|name| part.names.text(name).eq_ignore_ascii_case(&self.account));
                    part.untimed += u64::from(own);
                }
                (None, _) => {}
            }
        }
        let count = self.count.fetch_add(part.events.len(), Ordering::Relaxed) + part.events.len();
        if count > MOST {
            return Err(std::io::Error::other(format!(
                "more than {MOST} events are too many for a chart: ask for fewer with --since and --until"
            )));
        }
        self.parts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(part);
        Ok(())
    }
}

impl TakeRows for Gather {
    fn take(&self, rows: Rows) -> std::io::Result<()> {
        let times = rows.times.iter().map(|time| time.map(|time| time.nanos));
        let value = |row: usize, field: usize| rows.columns.get(field).and_then(|cells| cells.get(row));
        self.unit((rows.input, rows.number), rows.source, times, &value, &rows.matches)
    }
}
