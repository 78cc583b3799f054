//! The values of a derived field for one record: from what is strictly earlier.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::extract::Origin;
use super::recorder::{Active, DayFirst, MINUTE, QUARTER};
use super::state::{KeyState, Peers, State, TableState};
use super::zone::ZoneSource;
use crate::enrich::great_circle_km;
use crate::event::SubField;
use crate::rule::Derivation;
use crate::rule::derive::{Against, DAY, Kind};

const HOUR: i64 = 3_600_000_000_000;

/// A derived value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A truth.
    Bool(bool),
    /// A number.
    Number(#[serde(with = "bits")] f64),
    /// A text.
    Text(String),
}

/// A number as its bits: one that was read back has to be the same.
mod bits {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    pub(super) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(number.to_bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

/// The sub-fields that are present, and what they rest on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Sub-fields with their values.
    pub values: Vec<(SubField, Value)>,
    /// In words: how much history there is, and what it shows.
    pub note: Option<String>,
}

/// What is asked of a record.
#[derive(Debug, Default)]
pub struct Question<'a> {
    /// Its time in nanoseconds.
    pub time: i64,
    /// Its key.
    pub key: Option<&'a str>,
    /// Its value, for `first_seen`.
    pub value: Option<&'a str>,
    /// Its place, for `travel`.
    pub origin: Option<&'a Origin>,
    /// Its zone.
    pub zone: Option<(&'a TimeZone, ZoneSource)>,
    /// The table of the derivation.
    pub table: Option<usize>,
    /// Whether the answer is to say what it rests on.
    pub explain: bool,
}

impl Answer {
    /// The value of a sub-field.
    pub fn value(&self, sub: SubField) -> Option<&Value> {
        self.values.iter().find(|(of, _)| *of == sub).map(|(_, value)| value)
    }

    fn of(values: Vec<(SubField, Value)>) -> Self {
        Self { values, note: None }
    }

    fn with(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }
}

impl State {
    /// The values of `derivation` for a record.
    pub fn answer(&self, derivation: &Derivation, question: &Question<'_>) -> Answer {
        match &derivation.kind {
            Kind::Reached { nanos } if question.time < *nanos => return Answer::default(),
            Kind::Reached { .. } => {
                return Answer { values: vec![(SubField::Reached, Value::Bool(true))], note: None };
            }
            Kind::LocalTime => return local_time(question),
            _ => {}
        }
        let table = question.table.and_then(|table| self.tables.get(table));
        let (Some(table), Some(key)) = (table, question.key) else { return Answer::default() };
        let nobody = KeyState::default();
        let state = table.keys.get(key).unwrap_or(&nobody);
        match &derivation.kind {
            Kind::FirstSeen { .. } => first_seen(state, derivation, question),
            Kind::UsualHours { min_days } => usual_hours(state, derivation, *min_days, question),
            Kind::Dormant => dormant(state, derivation, question),
            Kind::Volume { span, against: Against::Own, .. } => {
                own_volume(state, derivation, *span, question)
            }
            Kind::Volume { span, against: Against::Peers, .. } => {
                let peers = question.table.and_then(|table| self.peers.get(&(table, *span)));
                peers.map(|peers| peer_volume(peers, state, derivation, *span, question)).unwrap_or_default()
            }
            Kind::Travel => travel(table, state, derivation, question),
            Kind::LocalTime | Kind::Reached { .. } => Answer::default(),
        }
    }

    /// The zone in which the key spent most days of the window before `time`.
    pub fn learned_zone(
        &self,
        table: usize,
        key: &str,
        derivation: &Derivation,
        time: i64,
    ) -> Option<String> {
        let state = self.tables.get(table)?.keys.get(key)?;
        let start = first_day(derivation, time);
        let days =
            |rows: &Vec<DayFirst>| rows.iter().filter(|&&(day, first)| day >= start && first < time).count();
        let best = state.values.iter().map(|(zone, rows)| (days(rows), std::cmp::Reverse(zone))).max()?;
        (best.0 > 0).then(|| best.1.0.clone())
    }
}

fn first_day(derivation: &Derivation, time: i64) -> i64 {
    time.div_euclid(DAY) - derivation.window_days
}

/// Whole days of 24 hours between two times.
#[expect(clippy::cast_precision_loss, reason = "days of a century are exact")]
pub fn days_between(earlier: i64, later: i64) -> f64 {
    (later.saturating_sub(earlier) / DAY) as f64
}

/// The first time of a window, if it is old enough.
fn enough(oldest: Option<i64>, derivation: &Derivation, time: i64) -> Option<i64> {
    oldest.filter(|oldest| time.saturating_sub(*oldest) >= derivation.min_history)
}

/// Activity from the window's first day on, and its first time, if that is old enough.
fn active<'a>(state: &'a KeyState, derivation: &Derivation, time: i64) -> Option<(&'a [Active], i64)> {
    let start = first_day(derivation, time);
    let rows = state.active.get(state.active.partition_point(|row| row.day < start)..)?;
    let oldest = rows.first().map(|row| row.first).filter(|&first| first < time);
    Some((rows, enough(oldest, derivation, time)?))
}

/// The earliest of day-wise first times in the window that is before `time`.
fn oldest(rows: &[DayFirst], start: i64, time: i64) -> Option<i64> {
    let at = rows.partition_point(|&(day, _)| day < start);
    rows.get(at).map(|&(_, first)| first).filter(|&first| first < time)
}

fn first_seen(state: &KeyState, derivation: &Derivation, question: &Question<'_>) -> Answer {
    let (time, start) = (question.time, first_day(derivation, question.time));
    let Some(value) = question.value else { return Answer::default() };
    let Some(since) = enough(oldest(&state.days, start, time), derivation, time) else {
        return Answer::default();
    };
    let rows = state.values.get(value).map_or(&[][..], Vec::as_slice);
    let seen = oldest(rows, start, time);
    let days = days_between(since, time);
    let Some(first) = seen else {
        let others = || state.firsts.partition_point(|&first| first < time);
        let note = question.explain.then(|| format!("{value}; {} other in {days} days of history", others()));
        let values = vec![(SubField::IsNew, Value::Bool(true)), (SubField::SeenDays, Value::Number(0.0))];
        return Answer::of(values).with(note);
    };
    let age = days_between(first, time);
    let seen_days = rows.iter().filter(|(day, first)| *day >= start && *first < time).count();
    let note = format_args!("{value}; first seen {age} days before, in {days} days of history");
    let values = vec![
        (SubField::IsNew, Value::Bool(false)),
        (SubField::AgeDays, Value::Number(age)),
        (SubField::SeenDays, Value::Number(f64::from(u32::try_from(seen_days).unwrap_or(u32::MAX)))),
    ];
    Answer::of(values).with(question.explain.then(|| note.to_string()))
}

fn local_time(question: &Question<'_>) -> Answer {
    let Some((zone, source)) = question.zone else { return Answer::default() };
    let (day, hour) = local(question.time, zone);
    let note = || format!("in {} ({})", zone.iana_name().unwrap_or("an offset"), source.word());
    Answer::of(vec![
        (SubField::Hour, Value::Number(f64::from(hour))),
        (SubField::Weekday, Value::Number(f64::from(weekday(day) + 1))),
        (SubField::ZoneSource, Value::Text(source.word().to_owned())),
    ])
    .with(question.explain.then(note))
}

/// Local day since 1970 and hour of a time.
fn local(time: i64, zone: &TimeZone) -> (i64, u32) {
    day_and_hour(time.saturating_add(offset(time, zone)))
}

/// Hours since 1970 of a time on the clock of a zone.
pub fn local_hour(time: i64, zone: &TimeZone) -> i64 {
    time.saturating_add(offset(time, zone)).div_euclid(HOUR)
}

fn day_and_hour(local: i64) -> (i64, u32) {
    (local.div_euclid(DAY), u32::try_from(local.rem_euclid(DAY) / HOUR).unwrap_or_default())
}

/// 0 is Monday; 1970-01-01 was a Thursday.
fn weekday(day: i64) -> u32 {
    u32::try_from((day + 3).rem_euclid(7)).unwrap_or_default()
}

fn usual_hours(state: &KeyState, derivation: &Derivation, min_days: u32, question: &Question<'_>) -> Answer {
    let (time, start) = (question.time, first_day(derivation, question.time));
    let Some((zone, source)) = question.zone else { return Answer::default() };
    let Some((rows, since)) = active(state, derivation, time) else { return Answer::default() };
    let (today, hour) = local(time, zone);
    let weekend = weekday(today) >= 5;
    let near = hours_about(hour);
    let name = zone.iana_name().unwrap_or("an offset");
    let seen = state.with_local_days(
        name,
        |row| hours(row, zone).collect(),
        |days| {
            let days = days.get(days.partition_point(|(day, _)| *day < start - 1)..).unwrap_or_default();
            let earlier = days.iter().take_while(|(day, _)| *day < today);
            // The first local day may have begun before the window: only hours inside it count.
            let whole = earlier.filter(|(day, hours)| {
                (weekday(*day) >= 5) == weekend
                    && hours & near != 0
                    && (*day > start || in_window(rows, *day, near, zone))
            });
            whole.count()
        },
    );
    let seen = u32::try_from(seen).unwrap_or(u32::MAX);
    let kind = if weekend { "weekend days" } else { "working days" };
    let note = || {
        format!(
            "{hour:02} h in {name} ({}): active about then on {seen} earlier {kind}, in {} days of history",
            source.word(),
            days_between(since, time)
        )
    };
    Answer::of(vec![
        (SubField::IsUsual, Value::Bool(seen >= min_days)),
        (SubField::SeenDays, Value::Number(f64::from(seen))),
    ])
    .with(question.explain.then(note))
}

/// An hour of the day, the one before and the one after, as bits.
fn hours_about(hour: u32) -> u32 {
    [(hour + 23) % 24, hour, (hour + 1) % 24].iter().fold(0, |mask, hour| mask | 1 << hour)
}

/// Tells, for a time in a zone, whether a row of activity lies about then on an earlier day of the same kind, and on which.
pub fn usual_day(time: i64, zone: &TimeZone) -> impl Fn(&Active) -> Option<i64> {
    let (today, hour) = local(time, zone);
    let (weekend, near) = (weekday(today) >= 5, hours_about(hour));
    move |row| {
        let mut hours = hours(row, zone);
        let fits =
            |&(day, at): &(i64, u32)| day < today && (weekday(day) >= 5) == weekend && near & (1 << at) != 0;
        hours.find(fits).map(|(day, _)| day)
    }
}

/// Whether some activity of the window's rows lies in one of the hours of a local day.
fn in_window(rows: &[Active], day: i64, near: u32, zone: &TimeZone) -> bool {
    let near = |hour: u32| near & (1 << hour) != 0;
    rows.iter().take(2).flat_map(|row| hours(row, zone)).any(|(of, hour)| of == day && near(hour))
}

/// Local days and hours in which a day's activity lies.
fn hours<'a>(row: &'a Active, zone: &'a TimeZone) -> impl Iterator<Item = (i64, u32)> + 'a {
    let start = row.day.saturating_mul(DAY);
    // Where the clock is not changed on this day, one look into the zone is enough.
    let offset = offset(start, zone);
    let steady = offset == self::offset(start.saturating_add(DAY - 1), zone);
    let mut left = row.quarters;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let quarter = left.trailing_zeros();
        left &= left - 1;
        let time = start.saturating_add(i64::from(quarter) * QUARTER);
        Some(if steady { day_and_hour(time.saturating_add(offset)) } else { local(time, zone) })
    })
}

fn offset(time: i64, zone: &TimeZone) -> i64 {
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(time)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    i64::from(zone.to_offset(stamp).seconds()) * 1_000_000_000
}

fn dormant(state: &KeyState, derivation: &Derivation, question: &Question<'_>) -> Answer {
    let time = question.time;
    let today = time.div_euclid(DAY);
    let Some((rows, _)) = active(state, derivation, time) else { return Answer::default() };
    let earlier = rows.get(..rows.partition_point(|row| row.day <= today)).unwrap_or_default().iter().rev();
    let mut earlier = earlier.filter_map(|row| {
        if row.last < time { Some(row.last) } else { Some(row.first).filter(|&first| first < time) }
    });
    let Some(last) = earlier.next() else { return Answer::default() };
    let note =
        || format!("last active {}", crate::event::time::Timestamp { nanos: last, digits: 0 }.to_rfc3339());
    let days = Value::Number(days_between(last, time));
    Answer::of(vec![(SubField::Days, days)]).with(question.explain.then(note))
}

/// Mean and standard deviation of earlier spans.
struct Usual {
    mean: f64,
    deviation: f64,
    spans: f64,
}

impl Usual {
    fn new(spans: f64, sum: f64, squares: f64) -> Option<Self> {
        if spans < 1.0 {
            return None;
        }
        let mean = sum / spans;
        Some(Self { mean, deviation: (squares / spans - mean * mean).max(0.0).sqrt(), spans })
    }
}

/// What the key did in the span that ends with `time`.
#[expect(clippy::cast_precision_loss, reason = "no log has 2^53 records")]
fn amount_now(state: &KeyState, derivation: &Derivation, span: i64, time: i64) -> f64 {
    let from = state.amounts.partition_point(|&(at, _)| at <= time.saturating_sub(span));
    let to = state.amounts.partition_point(|&(at, _)| at <= time);
    if matches!(derivation.kind, Kind::Volume { sum: None, .. }) {
        return to.saturating_sub(from) as f64;
    }
    let amounts = state.amounts.get(from..to).unwrap_or_default();
    // `sum` of nothing is -0, and would be shown so.
    amounts.iter().fold(0.0, |sum, &(_, amount)| sum + amount)
}

/// Numbers of the calendar spans that are history: they begin in the window and end before the record's span begins.
fn history(derivation: &Derivation, span: i64, time: i64) -> (i64, i64) {
    let window = first_day(derivation, time).saturating_mul(DAY);
    let start = window.div_euclid(span);
    let start = if start.saturating_mul(span) < window { start + 1 } else { start };
    (start, time.saturating_sub(span).div_euclid(span))
}

fn own_volume(state: &KeyState, derivation: &Derivation, span: i64, question: &Question<'_>) -> Answer {
    let time = question.time;
    let start = first_day(derivation, time).saturating_mul(DAY);
    let at = state.amounts.partition_point(|&(at, _)| at < start);
    let oldest = state.amounts.get(at).map(|&(at, _)| at).filter(|&at| at < time);
    let Some(since) = enough(oldest, derivation, time) else { return Answer::default() };
    let (from, to) = history(derivation, span, time);
    let (mut spans, mut sum, mut squares) = (0.0, 0.0, 0.0);
    let own = state.spans(span);
    let own = own.get(own.partition_point(|(of, ..)| *of < from)..).unwrap_or_default();
    for (_, amount, _) in own.iter().take_while(|(of, ..)| *of < to) {
        spans += 1.0;
        sum += amount;
        squares += amount * amount;
    }
    let count = amount_now(state, derivation, span, time);
    let words = Words { span, days: days_between(since, time), whose: "own", explain: question.explain };
    volume(count, Usual::new(spans, sum, squares), &words)
}

fn peer_volume(
    peers: &Peers,
    state: &KeyState,
    derivation: &Derivation,
    span: i64,
    question: &Question<'_>,
) -> Answer {
    let time = question.time;
    let own = state.spans(span);
    let (from, to) = history(derivation, span, time);
    let (mut spans, mut sum, mut squares, mut since) = (0.0, 0.0, 0.0, None);
    for (of, all) in peers.range(from..to.max(from)) {
        let (mut keys, mut total, mut square, mut first) = (all.keys, all.sum, all.squares, all.first);
        let own = own.binary_search_by_key(of, |(of, ..)| *of).ok().and_then(|at| own.get(at));
        if let Some(&(_, amount, own_first)) = own {
            keys -= 1.0;
            total -= amount;
            square -= amount * amount;
            first = if own_first == all.first { all.second } else { all.first };
        }
        if keys >= 1.0 {
            since = since.or(Some(first));
            spans += keys;
            sum += total;
            squares += square;
        }
    }
    let Some(since) = enough(since, derivation, time) else { return Answer::default() };
    let count = amount_now(state, derivation, span, time);
    let words = Words { span, days: days_between(since, time), whose: "others'", explain: question.explain };
    volume(count, Usual::new(spans, sum, squares), &words)
}

/// What a note says besides numbers.
struct Words {
    span: i64,
    days: f64,
    whose: &'static str,
    explain: bool,
}

fn volume(count: f64, usual: Option<Usual>, words: &Words) -> Answer {
    let mut values = vec![(SubField::Count, Value::Number(count))];
    let days = words.days;
    let Some(usual) = usual else {
        let note = || format!("no earlier span to compare with in {days} days");
        return Answer::of(values).with(words.explain.then(note));
    };
    if usual.mean > 0.0 {
        values.push((SubField::Ratio, Value::Number(count / usual.mean)));
    }
    values.push((SubField::Zscore, Value::Number((count - usual.mean) / usual.deviation.max(1.0))));
    let note = || {
        format!(
            "{count} in {}; {} mean is {:.1}, deviation {:.1}, over {} active spans in {days} days of history",
            length(words.span),
            words.whose,
            usual.mean,
            usual.deviation,
            usual.spans
        )
    };
    Answer::of(values).with(words.explain.then(note))
}

fn length(span: i64) -> String {
    match span / 1_000_000_000 {
        seconds if seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{} hours", seconds / 3600),
        seconds => format!("{seconds} seconds"),
    }
}

fn travel(table: &TableState, state: &KeyState, derivation: &Derivation, question: &Question<'_>) -> Answer {
    let Some(here) = question.origin else { return Answer::default() };
    let minute = question.time.div_euclid(MINUTE);
    let start = first_day(derivation, question.time).saturating_mul(DAY).div_euclid(MINUTE);
    let end = state.visits.partition_point(|&(of, _)| of <= minute);
    let visits = state.visits.get(..end).unwrap_or_default();
    let last = visits.iter().rev().map(|&(of, _)| of).find(|&of| of < minute);
    let oldest = visits.iter().find(|&&(of, _)| of >= start).map(|&(of, _)| of.saturating_mul(MINUTE));
    if enough(oldest, derivation, question.time).is_none() {
        return Answer::default();
    }
    let from = visits.iter().rev().take_while(|&&(of, _)| of == minute || Some(of) == last);
    let legs = from.filter_map(|&(of, place)| Some((of, table.origins.get(place as usize)?)));
    let legs = legs.filter(|&(of, origin)| of >= start && (of < minute || origin != here));
    let fastest = legs
        .map(|(of, origin)| leg(origin, here, minute - of))
        .max_by(|left, right| left.0.total_cmp(&right.0).then_with(|| right.2.label.cmp(&left.2.label)));
    let Some((kmh, km, from, minutes)) = fastest else { return Answer::default() };
    let note = || format!("from {} to {}: {km:.0} km in {minutes} minutes", from.label, here.label);
    Answer::of(vec![
        (SubField::Kmh, Value::Number(kmh.round())),
        (SubField::Km, Value::Number(km.round())),
        (SubField::From, Value::Text(from.label.clone())),
    ])
    .with(question.explain.then(note))
}

/// Speed, distance, where from, and minutes.
#[expect(clippy::cast_precision_loss, reason = "minutes of a century are exact")]
fn leg<'a>(from: &'a Origin, to: &Origin, minutes: i64) -> (f64, f64, &'a Origin, i64) {
    let km = great_circle_km(from.location, to.location);
    (km * 60.0 / minutes.max(1) as f64, km, from, minutes)
}
