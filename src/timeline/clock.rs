//! Times and durations as charts write them, in one zone.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Nanoseconds of a second.
pub const SECOND: i64 = 1_000_000_000;
/// Nanoseconds of a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Nanoseconds of an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Nanoseconds of a day of 24 hours.
pub const DAY: i64 = 24 * HOUR;

/// Writes times in a zone.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: TimeZone,
}

/// A local date and time of day, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Days since 1970-01-01, by the local date.
    pub day: i64,
    /// 0 (Monday) to 6.
    pub weekday: usize,
    /// 0 to 23.
    pub hour: usize,
}

impl Clock {
    /// Of this zone.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// `03:02`.
    pub fn minute(&self, nanos: i64) -> String {
        self.write("%H:%M", nanos)
    }

    /// `03:02:17`.
    pub fn second(&self, nanos: i64) -> String {
        self.write("%H:%M:%S", nanos)
    }

    /// `24 Oct`.
    pub fn date(&self, nanos: i64) -> String {
        self.write("%-d %b", nanos)
    }

    /// `Sat 24 Oct`.
    pub fn weekday(&self, nanos: i64) -> String {
        self.write("%a %-d %b", nanos)
    }

    /// `Sat 24 Oct 2026, 03:02`.
    pub fn full(&self, nanos: i64) -> String {
        self.write("%a %-d %b %Y, %H:%M", nanos)
    }

    /// `Sat 24 Oct 2026, 03:02:17 CEST`.
    pub fn exact(&self, nanos: i64) -> String {
        self.write("%a %-d %b %Y, %H:%M:%S %Z", nanos)
    }

    /// The zone's name and what it is ahead of UTC by then: `Europe/Berlin (CEST, UTC+2)`; both offsets where it changes.
    pub fn name(&self, from: i64, to: i64) -> String {
        let Some(name) = self.zone.iana_name().filter(|name| *name != "UTC") else {
            return self.write("%Z", from).replace("Etc/UTC", "UTC");
        };
        let offset = |nanos| {
            let offset = self.write("%:::z", nanos);
            format!("{}, UTC{offset}", self.write("%Z", nanos))
        };
        let (first, last) = (offset(from), offset(to));
        if first == last { format!("{name} ({first})") } else { format!("{name} ({first}; then {last})") }
    }

    /// Where a time is on the local calendar and clock.
    pub fn local(&self, nanos: i64) -> Local {
        let local = nanos.saturating_add(self.offset(nanos));
        let day = local.div_euclid(DAY);
        let hour = usize::try_from(local.rem_euclid(DAY) / HOUR).unwrap_or(0);
        // 1970-01-01 was a Thursday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
        Local { day, weekday, hour }
    }

    /// When a local day begins, about: off by the change where the clock changes at midnight.
    pub fn start_of(&self, day: i64) -> i64 {
        let midnight = day.saturating_mul(DAY);
        midnight.saturating_sub(self.offset(midnight.saturating_sub(self.offset(midnight))))
    }

    /// How far the zone is ahead of UTC, in nanoseconds.
    pub fn offset(&self, nanos: i64) -> i64 {
        i64::from(self.zone.to_offset(instant(nanos)).seconds()) * SECOND
    }

    fn write(&self, format: &str, nanos: i64) -> String {
        instant(nanos).to_zoned_datetime(self.zone.clone()).strftime(format).to_string()
    }
}

/// Every number of nanoseconds of 64 bits is a time that exists.
fn instant(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A duration in its two largest units: `42 s`, `35 min`, `7 h 45 min`, `3 d 4 h`.
pub fn duration(nanos: i64) -> String {
    let pair = |large: i64, small: i64, units: (&str, &str)| {
        let (whole, rest) = (nanos / large, nanos % large / small);
        if rest == 0 {
            format!("{whole} {}", units.0)
        } else {
            format!("{whole} {} {rest} {}", units.0, units.1)
        }
    };
    match nanos {
        ..SECOND => "less than 1 s".to_owned(),
        SECOND..MINUTE => format!("{} s", nanos / SECOND),
        MINUTE..HOUR if nanos < 10 * MINUTE => pair(MINUTE, SECOND, ("min", "s")),
        MINUTE..HOUR => format!("{} min", nanos / MINUTE),
        HOUR..DAY => pair(HOUR, MINUTE, ("h", "min")),
        _ => pair(DAY, HOUR, ("d", "h")),
    }
}

/// A count with its thousands apart: `184,220`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-10-24T01:02:09Z.
    const NIGHT: i64 = 1_792_803_729 * SECOND;

    #[test]
    fn times_are_written_in_the_zone() {
        let berlin = Clock::new(TimeZone::get("Europe/Berlin").unwrap());
        assert_eq!(berlin.full(NIGHT), "Sat 24 Oct 2026, 03:02");
        assert_eq!(berlin.name(NIGHT, NIGHT), "Europe/Berlin (CEST, UTC+02)");
        assert!(berlin.name(NIGHT, NIGHT + 7 * DAY).contains("CEST, UTC+02; then CET, UTC+01"));
        assert_eq!(Clock::new(TimeZone::UTC).name(NIGHT, NIGHT), "UTC");
        assert_eq!(berlin.local(NIGHT), Local { day: 20_750, weekday: 5, hour: 3 });
        assert_eq!(berlin.minute(berlin.start_of(20_750)), "00:00");
        // Times at the ends of what can be written.
        for nanos in [i64::MIN, i64::MAX] {
            assert!(!berlin.full(nanos).is_empty());
            assert!(berlin.local(nanos).hour < 24);
        }
    }

    #[test]
    fn durations_have_two_units() {
        let cases = [
            (5, "less than 1 s"),
            (42 * SECOND, "42 s"),
            (MINUTE, "1 min"),
            (125 * SECOND, "2 min 5 s"),
            (35 * MINUTE + 7 * SECOND, "35 min"),
            (465 * MINUTE, "7 h 45 min"),
            (76 * HOUR, "3 d 4 h"),
        ];
        for (nanos, text) in cases {
            assert_eq!(duration(nanos), text);
        }
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1000, 184_220].map(grouped), ["0", "999", "1,000", "184,220"]);
    }
}
