//! Time as logs write it: read exactly or not at all.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};

/// An instant, with the number of fractional digits that the log gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub nanos: i64,
    /// Fractional digits of a second in the log, 0 to 9; printing keeps them.
    pub digits: u8,
}

/// Why a time cannot be told for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeError {
    /// None of the formats.
    UnknownFormat,
    /// The date or time of day does not exist.
    OutOfRange,
    /// Second 60.
    LeapSecond,
    /// Neither zone nor offset.
    NoZone,
    /// Day and month cannot be told apart.
    SlashDate,
    /// A number whose unit cannot be told.
    AmbiguousNumber,
    /// An abbreviation used by several zones.
    AmbiguousZone,
    /// An abbreviation that is not known.
    UnknownZone,
    /// A local time that the clock skips or repeats.
    GapOrFold,
    /// Not a day where one is asked for.
    NoDay,
}

impl TimeError {
    /// The error as a fixed text.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownFormat => "time is in no known format",
            Self::OutOfRange => "time does not exist",
            Self::LeapSecond => "leap second: cannot be placed on the clock",
            Self::NoZone => "time names no zone: give one with --log-zone",
            Self::SlashDate => "date with slashes: day and month cannot be told apart",
            Self::AmbiguousNumber => "number could be seconds or a fraction of them",
            Self::AmbiguousZone => {
                "zone abbreviation has several meanings: give the log's zone with --log-zone"
            }
            Self::UnknownZone => "unknown zone abbreviation or offset",
            Self::GapOrFold => "local time that the clock skips or repeats at a change of summer time",
            Self::NoDay => "neither a day, such as 2026-03-30, nor a time",
        }
    }
}

impl fmt::Display for TimeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.reason())
    }
}

impl std::error::Error for TimeError {}

/// How times are read.
#[derive(Debug, Clone, Default)]
pub struct TimeOptions {
    /// The zone of times that name none, and of abbreviations with several meanings.
    pub log_zone: Option<TimeZone>,
    /// Further formats, after strptime, tried in order where none of the known ones tells the time.
    pub formats: Vec<String>,
}

/// Reads times.
///
/// Known: RFC 3339, with a space for the `T` too; seconds, milliseconds, microseconds and nanoseconds since 1970, told
/// apart by their 9 or 10, 12 or 13, 15 or 16, 18 or 19 digits; `2026-03-30 03:08:08 PM PDT`, 12 or 24 hours, with an
/// abbreviation or an offset.
#[derive(Debug, Clone, Default)]
pub struct TimeReader {
    options: TimeOptions,
}

/// Abbreviations with one meaning in practice, and their offsets in hours. North America's are those of RFC 5322.
const ZONES: &[(&str, i8)] = &[
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("PST", -8),
    ("PDT", -7),
    ("MST", -7),
    ("MDT", -6),
    ("CDT", -5),
    ("EST", -5),
    ("EDT", -4),
    ("AKST", -9),
    ("AKDT", -8),
    ("HST", -10),
    ("WET", 0),
    ("WEST", 1),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("JST", 9),
    ("KST", 9),
    ("AEST", 10),
    ("AEDT", 11),
    ("NZST", 12),
    ("NZDT", 13),
];

/// Abbreviations in use for several offsets: China and central North America, India, Ireland and Israel, and so on.
const AMBIGUOUS: &[&str] = &["CST", "IST", "BST", "AST", "ADT", "SST", "GST", "ECT", "WST", "ACT", "AMT"];

impl TimeReader {
    /// A reader with these options.
    pub fn new(options: TimeOptions) -> Self {
        Self { options }
    }

    /// Reads a time.
    ///
    /// # Errors
    /// Whatever leaves a doubt; see [`TimeError`].
    #[inline]
    pub fn read(&self, text: &[u8]) -> Result<Timestamp, TimeError> {
        if let Some((seconds, rest)) = fixed(text) {
            if let Some((nanos, digits)) = fraction(rest) {
                return Ok(Timestamp { nanos: seconds * 1_000_000_000 + nanos, digits });
            }
            if self.options.log_zone.is_none()
                && let Some(seconds) = halved(seconds, rest)
            {
                return Ok(Timestamp { nanos: seconds * 1_000_000_000, digits: 0 });
            }
        }
        self.read_slowly(text)
    }

    /// Reads a day, as `2026-03-30`: its last instant in that zone. Anything else is read as [`Self::read`] does.
    ///
    /// # Errors
    /// Whatever leaves a doubt; see [`TimeError`].
    pub fn read_day(&self, text: &[u8], zone: &TimeZone) -> Result<Timestamp, TimeError> {
        let Some(day) = day(text.trim_ascii()) else {
            return self.read(text).map_err(|error| match error {
                TimeError::UnknownFormat | TimeError::AmbiguousNumber => TimeError::NoDay,
                other => other,
            });
        };
        let next = day?.tomorrow().map_err(|_beyond| TimeError::OutOfRange)?.to_datetime(Time::midnight());
        // Midnight may be skipped or come twice; the day ends when the clock first gets there or past it.
        let end = zone.to_ambiguous_timestamp(next).compatible().map_err(|_beyond| TimeError::OutOfRange)?;
        Ok(Timestamp { nanos: in_range(end.as_nanosecond() - 1)?, digits: 0 })
    }

    #[inline(never)]
    fn read_slowly(&self, text: &[u8]) -> Result<Timestamp, TimeError> {
        let text = std::str::from_utf8(text).map_err(|_not_text| TimeError::UnknownFormat)?.trim();
        self.known(text).or_else(|error| self.given(text).unwrap_or(Err(error)))
    }

    fn known(&self, text: &str) -> Result<Timestamp, TimeError> {
        if text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            return number(text);
        }
        if text.get(..10).unwrap_or(text).contains('/') {
            return Err(TimeError::SlashDate);
        }
        self.civil(text)
    }

    /// By the first of the user's formats that fits.
    fn given(&self, text: &str) -> Option<Result<Timestamp, TimeError>> {
        let mut formats = self.options.formats.iter();
        let time = formats.find_map(|format| BrokenDownTime::parse(format, text).ok())?;
        let nanos = match time.to_timestamp() {
            Ok(instant) => in_range(instant.as_nanosecond()),
            Err(_no_offset) => self.instant(time.to_datetime().ok()?, ""),
        };
        Some(nanos.map(|nanos| Timestamp { nanos, digits: digits(nanos) }))
    }

    /// `DATE TIME [AM|PM] [ZONE]`.
    fn civil(&self, text: &str) -> Result<Timestamp, TimeError> {
        let (date, rest) = text.split_at_checked(10).ok_or(TimeError::UnknownFormat)?;
        let rest = rest.strip_prefix(['T', 't', ' ']).ok_or(TimeError::UnknownFormat)?;
        let (clock, rest) = rest.split_at_checked(8).ok_or(TimeError::UnknownFormat)?;
        let (fraction, digits, rest) = split_fraction(rest)?;
        let rest = rest.trim();
        let half = ["AM", "PM", "am", "pm"].iter().find_map(|half| Some((half, rest.strip_prefix(half)?)));
        let (half, zone) = half.map_or((None, rest), |(half, rest)| (Some(*half), rest.trim()));
        let local = local(date, clock, half, fraction)?;
        let nanos = self.instant(local, zone)?;
        Ok(Timestamp { nanos, digits })
    }

    fn instant(&self, local: DateTime, zone: &str) -> Result<i64, TimeError> {
        let in_log_zone = |zone: &TimeZone| zone.to_ambiguous_timestamp(local).unambiguous();
        if zone.is_empty() {
            let zone = self.options.log_zone.as_ref().ok_or(TimeError::NoZone)?;
            return in_range(
                in_log_zone(zone).map_err(|_twice_or_never| TimeError::GapOrFold)?.as_nanosecond(),
            );
        }
        let offset = match offset(zone) {
            Some(offset) => offset,
            None => self.abbreviation(local, zone)?,
        };
        let instant = offset.to_timestamp(local).map_err(|_beyond| TimeError::OutOfRange)?;
        in_range(instant.as_nanosecond())
    }

    /// The offset of an abbreviation: the log's own zone first, then those with one meaning.
    fn abbreviation(&self, local: DateTime, zone: &str) -> Result<Offset, TimeError> {
        if let Some(log_zone) = &self.options.log_zone {
            let ambiguous = log_zone.to_ambiguous_timestamp(local);
            for instant in [ambiguous.earlier(), ambiguous.later()].into_iter().flatten() {
                let info = log_zone.to_offset_info(instant);
                if info.abbreviation().eq_ignore_ascii_case(zone) {
                    return Ok(info.offset());
                }
            }
        }
        if let Some((_, hours)) = ZONES.iter().find(|(known, _)| known.eq_ignore_ascii_case(zone)) {
            return Ok(Offset::constant(*hours));
        }
        let known = AMBIGUOUS.iter().any(|known| known.eq_ignore_ascii_case(zone));
        Err(if known { TimeError::AmbiguousZone } else { TimeError::UnknownZone })
    }
}

/// Whether a format can tell a time: whether what it writes is read back with date and hour.
///
/// # Errors
/// What it lacks.
pub fn check_format(format: &str) -> Result<(), String> {
    let sample = jiff::Timestamp::from_second(981_173_106).unwrap_or_default();
    let zoned = sample.to_zoned_datetime(TimeZone::UTC);
    let text = jiff::fmt::strtime::format(format, &zoned).map_err(|error| error.to_string())?;
    let read = BrokenDownTime::parse(format, &text).map_err(|error| error.to_string())?;
    let same = read.to_timestamp().is_ok_and(|time| time == sample)
        || read.to_datetime().is_ok_and(|local| local == zoned.datetime());
    if same { Ok(()) } else { Err("it does not tell date, hour, minute and second".to_owned()) }
}

/// Digits of a second's fraction that are not zeros at its end.
fn digits(nanos: i64) -> u8 {
    let mut rest = nanos.rem_euclid(1_000_000_000);
    let mut digits = 9;
    while digits > 0 && rest % 10 == 0 {
        rest /= 10;
        digits -= 1;
    }
    digits
}

fn in_range(nanos: i128) -> Result<i64, TimeError> {
    i64::try_from(nanos).ok().filter(|nanos| *nanos >= 0).ok_or(TimeError::OutOfRange)
}

/// `YYYY-MM-DD`; `None` for anything that is not exactly that.
fn day(text: &[u8]) -> Option<Result<Date, TimeError>> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let small = |tens, ones| i8::try_from(pair(tens, ones)?).ok();
    let year = i16::try_from(pair(y1, y2)? * 100 + pair(y3, y4)?).ok()?;
    let date = Date::new(year, small(m1, m2)?, small(d1, d2)?);
    Some(date.map_err(|_no_such_day| TimeError::OutOfRange))
}

fn local(date: &str, clock: &str, half: Option<&str>, nanos: i64) -> Result<DateTime, TimeError> {
    let (date, clock) = (date.as_bytes(), clock.as_bytes());
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2], &[h1, h2, b':', n1, n2, b':', s1, s2]) =
        (date, clock)
    else {
        return Err(TimeError::UnknownFormat);
    };
    let two = |tens, ones| {
        pair(tens, ones).and_then(|value| i8::try_from(value).ok()).ok_or(TimeError::UnknownFormat)
    };
    let year =
        pair(y1, y2).zip(pair(y3, y4)).map(|(high, low)| high * 100 + low).ok_or(TimeError::UnknownFormat)?;
    let year = i16::try_from(year).map_err(|_beyond| TimeError::OutOfRange)?;
    let (hour, second) = (two(h1, h2)?, two(s1, s2)?);
    if second == 60 {
        return Err(TimeError::LeapSecond);
    }
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return Err(TimeError::OutOfRange),
        Some(half) => hour % 12 + if half.eq_ignore_ascii_case("pm") { 12 } else { 0 },
    };
    let nanos = i32::try_from(nanos).unwrap_or_default();
    DateTime::new(year, two(m1, m2)?, two(d1, d2)?, hour, two(n1, n2)?, second, nanos)
        .map_err(|_no_such_time| TimeError::OutOfRange)
}

/// `.123…`: nanoseconds, digits, and what follows.
fn split_fraction(text: &str) -> Result<(i64, u8, &str), TimeError> {
    let Some(rest) = text.strip_prefix(['.', ',']) else { return Ok((0, 0, text)) };
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = rest.split_at(count);
    if !(1..=9).contains(&count) {
        return Err(TimeError::UnknownFormat);
    }
    let nanos = format!("{digits:0<9}").parse().unwrap_or_default();
    Ok((nanos, u8::try_from(count).unwrap_or(9), rest))
}

/// `Z`, `+01:00`, `+0100`, `UTC+01:00`.
fn offset(zone: &str) -> Option<Offset> {
    let zone = zone
        .strip_prefix("UTC")
        .or_else(|| zone.strip_prefix("GMT"))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(zone);
    let (sign, rest) = match zone.as_bytes().first()? {
        b'+' => (1, zone.get(1..)?),
        b'-' => (-1, zone.get(1..)?),
        _ => return None,
    };
    let (h1, h2, m1, m2) = match *rest.as_bytes() {
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (h1, h2, m1, m2),
        [h1, h2] => (h1, h2, b'0', b'0'),
        _ => return None,
    };
    let (hours, minutes) =
        (pair(h1, h2).filter(|hours| *hours < 24)?, pair(m1, m2).filter(|minutes| *minutes < 60)?);
    Offset::from_seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?).ok()
}

/// Seconds or a fraction of them since 1970.
fn number(text: &str) -> Result<Timestamp, TimeError> {
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let value: i64 = whole.parse().map_err(|_too_long| TimeError::OutOfRange)?;
    let (nanos, digits, rest) = split_fraction(rest)?;
    let scale = match whole.len() {
        9 | 10 => 1_000_000_000,
        12 | 13 if digits == 0 => 1_000_000,
        15 | 16 if digits == 0 => 1_000,
        18 | 19 if digits == 0 => 1,
        _ => return Err(TimeError::AmbiguousNumber),
    };
    if !rest.is_empty() {
        return Err(TimeError::UnknownFormat);
    }
    let unit_digits = match scale {
        1_000_000_000 => digits,
        1_000_000 => 3,
        1_000 => 6,
        _ => 9,
    };
    let nanos =
        value.checked_mul(scale).and_then(|value| value.checked_add(nanos)).ok_or(TimeError::OutOfRange)?;
    Ok(Timestamp { nanos, digits: unit_digits })
}

#[inline]
fn pair(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// `YYYY-MM-DDTHH:MM:SS`, or with a space: seconds since 1970, and what follows. `None` for anything that is not exactly that.
#[inline]
fn fixed(text: &[u8]) -> Option<(i64, &[u8])> {
    let (head, rest) = text.split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] = *head
    else {
        return None;
    };
    let (year, month, day) = (pair(y1, y2)? * 100 + pair(y3, y4)?, pair(m1, m2)?, pair(d1, d2)?);
    let (hour, minute, second) = (pair(h1, h2)?, pair(n1, n2)?, pair(s1, s2)?);
    let sane = (1970..2262).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    sane.then(|| (((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second, rest))
}

/// ` PM PDT` after a time: seconds since 1970. Only abbreviations with one meaning.
#[inline]
fn halved(seconds: i64, rest: &[u8]) -> Option<i64> {
    let [b' ', half @ (b'A' | b'P'), b'M', b' ', zone @ ..] = rest else { return None };
    let (_, offset) = ZONES.iter().find(|(name, _)| name.as_bytes() == zone)?;
    let hour = seconds / 3600 % 24;
    let moved = match (half, hour) {
        (b'A', 12) => -12,
        (b'P', 1..=11) => 12,
        (_, 1..=12) => 0,
        _ => return None,
    };
    let seconds = seconds + (moved - i64::from(*offset)) * 3600;
    (seconds >= 0).then_some(seconds)
}

/// `Z` or `.123…Z`: nanoseconds and digits.
#[inline]
fn fraction(rest: &[u8]) -> Option<(i64, u8)> {
    const SCALE: [i64; 10] =
        [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    match rest {
        b"Z" => Some((0, 0)),
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => {
            let value = digits.iter().try_fold(0i64, |value, digit| {
                let digit = digit.wrapping_sub(b'0');
                (digit < 10).then(|| value * 10 + i64::from(digit))
            })?;
            Some((value * SCALE.get(digits.len())?, u8::try_from(digits.len()).ok()?))
        }
        _ => None,
    }
}

#[inline]
fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, counted in eras of 400 years that start in March.
#[inline]
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl Timestamp {
    /// In UTC, as RFC 3339, with the digits of the log: `2026-05-01T02:14:09.250Z`.
    pub fn to_rfc3339(&self) -> String {
        let mut text = self.instant().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        self.push_fraction(&mut text);
        text.push('Z');
        text
    }

    /// For people: `2026-05-01 04:14:09.250 +02:00`, with `Z` for UTC.
    pub fn in_zone(&self, zone: &TimeZone) -> String {
        let zoned = self.instant().to_zoned_datetime(zone.clone());
        let mut text = zoned.strftime("%Y-%m-%d %H:%M:%S").to_string();
        self.push_fraction(&mut text);
        if *zone == TimeZone::UTC {
            text.push('Z');
        } else {
            text.push_str(&zoned.strftime(" %:z").to_string());
        }
        text
    }

    /// Every `i64` of nanoseconds is a valid instant for jiff.
    fn instant(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.nanos)).unwrap_or_default()
    }

    fn push_fraction(&self, text: &mut String) {
        let digits = usize::from(self.digits.min(9));
        if digits > 0 {
            let nanos = format!("{:09}", self.nanos.rem_euclid(1_000_000_000));
            text.push('.');
            text.push_str(nanos.get(..digits).unwrap_or_default());
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, zone: Option<&str>) -> Result<String, TimeError> {
        let log_zone = zone.map(|zone| TimeZone::get(zone).unwrap());
        TimeReader::new(TimeOptions { log_zone, formats: Vec::new() })
            .read(text.as_bytes())
            .map(|time| time.to_rfc3339())
    }

    #[test]
    fn formats_are_read_with_the_precision_they_have() {
        for (text, zone, expected) in [
            ("2026-05-01T02:14:09Z", None, "2026-05-01T02:14:09Z"),
            ("2026-05-01T02:14:09.120Z", None, "2026-05-01T02:14:09.120Z"),
            ("2024-02-29t23:59:59.999999999z", None, "2024-02-29T23:59:59.999999999Z"),
            ("2026-05-01 02:14:09+02:00", None, "2026-05-01T00:14:09Z"),
            ("2026-05-01T02:14:09.5-0330", None, "2026-05-01T05:44:09.5Z"),
            ("1602611311", None, "2020-10-13T17:48:31Z"),
            ("1602625711874", None, "2020-10-13T21:48:31.874Z"),
            ("1602611311.25", None, "2020-10-13T17:48:31.25Z"),
            ("2026-03-30 03:08:08 PM PDT", None, "2026-03-30T22:08:08Z"),
            ("2026-03-30 12:00:00 AM UTC", None, "2026-03-30T00:00:00Z"),
            ("2026-03-30 12:00:00 PM UTC", None, "2026-03-30T12:00:00Z"),
            ("2026-03-30 15:08:08 CEST", None, "2026-03-30T13:08:08Z"),
            ("2026-03-30 15:08:08", Some("Europe/Berlin"), "2026-03-30T13:08:08Z"),
            ("2026-01-30 15:08:08 CST", Some("America/Chicago"), "2026-01-30T21:08:08Z"),
            ("2026-01-30 15:08:08 CST", Some("Asia/Shanghai"), "2026-01-30T07:08:08Z"),
            ("2026-11-01 01:30:00 EST", Some("America/New_York"), "2026-11-01T06:30:00Z"),
            ("2026-11-01 01:30:00 EDT", Some("America/New_York"), "2026-11-01T05:30:00Z"),
        ] {
            assert_eq!(read(text, zone).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn doubts_are_errors() {
        use TimeError::{
            AmbiguousNumber, AmbiguousZone, GapOrFold, LeapSecond, NoZone, OutOfRange, SlashDate,
            UnknownFormat, UnknownZone,
        };
        for (text, zone, expected) in [
            ("", None, UnknownFormat),
            ("yesterday", None, UnknownFormat),
            ("2026-05-01", None, UnknownFormat),
            ("2026-13-01T00:00:00Z", None, OutOfRange),
            ("2025-02-29T00:00:00Z", None, OutOfRange),
            ("2026-05-01T24:00:00Z", None, OutOfRange),
            ("2026-05-01T00:00:60Z", None, LeapSecond),
            ("1969-12-31T23:59:59Z", None, OutOfRange),
            ("2026-05-01T00:00:00", None, NoZone),
            ("2026-05-01 00:00:00 CST", None, AmbiguousZone),
            ("2026-05-01 00:00:00 XYZ", None, UnknownZone),
            ("2026-05-01T00:00:00+25:00", None, UnknownZone),
            ("2026-05-01T00:00:00-24:00", None, UnknownZone),
            ("01/02/2026 10:00:00", None, SlashDate),
            ("12345", None, AmbiguousNumber),
            ("16026113112", None, AmbiguousNumber),
            ("2026-03-29 02:30:00", Some("Europe/Berlin"), GapOrFold),
            ("2026-10-25 02:30:00", Some("Europe/Berlin"), GapOrFold),
            ("2026-03-30 13:08:08 PM UTC", None, OutOfRange),
        ] {
            assert_eq!(read(text, zone), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_day_ends_when_the_next_one_begins_there() {
        let read = |text: &str, zone: &str| {
            let read = TimeReader::default().read_day(text.as_bytes(), &TimeZone::get(zone).unwrap());
            read.map(|time| (time.to_rfc3339(), time.nanos % 1_000_000_000))
        };
        let last = |text: &str| Ok((text.to_owned(), 999_999_999));
        for (text, zone, expected) in [
            ("2026-03-30", "UTC", last("2026-03-30T23:59:59Z")),
            (" 2026-03-30 ", "Europe/Berlin", last("2026-03-30T21:59:59Z")),
            ("2026-03-29", "Europe/Berlin", last("2026-03-29T21:59:59Z")),
            ("2024-02-29", "America/Toronto", last("2024-03-01T04:59:59Z")),
            // The clock goes from 24:00 to 01:00, and from 24:00 back to 23:00.
            ("2026-04-23", "Africa/Cairo", last("2026-04-23T21:59:59Z")),
            ("2026-10-29", "Africa/Cairo", last("2026-10-29T21:59:59Z")),
            // A day that was left out is over when it begins.
            ("2011-12-30", "Pacific/Apia", last("2011-12-30T09:59:59Z")),
            ("2026-03-30T15:00:00Z", "Europe/Berlin", Ok(("2026-03-30T15:00:00Z".to_owned(), 0))),
            ("2025-02-29", "UTC", Err(TimeError::OutOfRange)),
            ("2026-13-01", "UTC", Err(TimeError::OutOfRange)),
            ("0000-00-00", "UTC", Err(TimeError::OutOfRange)),
            ("1969-12-30", "UTC", Err(TimeError::OutOfRange)),
            ("9999-12-31", "UTC", Err(TimeError::OutOfRange)),
            ("30/03/2026", "UTC", Err(TimeError::SlashDate)),
            ("30.03.2026", "UTC", Err(TimeError::NoDay)),
            ("2026-3-30", "UTC", Err(TimeError::NoDay)),
            ("20260330", "UTC", Err(TimeError::NoDay)),
            ("2026-03-30 00:00:00", "Europe/Berlin", Err(TimeError::NoZone)),
            ("", "UTC", Err(TimeError::NoDay)),
        ] {
            assert_eq!(read(text, zone), expected, "{text} {zone}");
        }
    }

    #[test]
    fn formats_that_are_given_are_tried_last_and_in_order() {
        let formats = ["%d/%m/%Y %H:%M:%S", "%d/%b/%Y:%H:%M:%S %z", "%s"].map(str::to_owned).to_vec();
        for (zone, text, expected) in [
            (Some("Europe/Berlin"), "24/10/2026 03:36:17", Ok("2026-10-24T01:36:17Z")),
            (None, "24/10/2026 03:36:17", Err(TimeError::NoZone)),
            (None, "24/Oct/2026:03:36:17 +0200", Ok("2026-10-24T01:36:17Z")),
            (None, "10/24/2026 03:36:17", Err(TimeError::SlashDate)),
            (None, "2026-10-24T01:36:17.5Z", Ok("2026-10-24T01:36:17.5Z")),
            (Some("Europe/Berlin"), "25/10/2026 02:30:00", Err(TimeError::GapOrFold)),
        ] {
            let log_zone = zone.map(|zone| TimeZone::get(zone).unwrap());
            let reader = TimeReader::new(TimeOptions { log_zone, formats: formats.clone() });
            let read = reader.read(text.as_bytes()).map(|time| time.to_rfc3339());
            assert_eq!(read.as_deref(), expected.as_ref().map(|text| *text), "{text}");
        }
        assert!(check_format("%Y-%m-%d").is_err() && check_format("%d/%m/%Y %H:%M:%S").is_ok());
    }

    #[test]
    fn other_zones_are_shown_with_their_offset() {
        let time = Timestamp { nanos: 1_777_601_649_120_000_000, digits: 2 };
        assert_eq!(time.in_zone(&TimeZone::get("Asia/Kolkata").unwrap()), "2026-05-01 07:44:09.12 +05:30");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_as_jiff_reads_it(nanos in 0i64..9_214_646_400_000_000_000, digits in 0u8..=9) {
            let unit = 10i64.pow(u32::from(9 - digits));
            let time = Timestamp { nanos: nanos - nanos % unit, digits };
            let text = time.to_rfc3339();
            prop_assert_eq!(TimeReader::default().read(text.as_bytes()), Ok(time));
            let theirs: jiff::Timestamp = text.parse().unwrap();
            prop_assert_eq!(theirs.as_nanosecond(), i128::from(time.nanos));
        }
    }
}
