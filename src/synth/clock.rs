//! Times of the made-up logs, written without the system's clock or time zones.

/// Year, month, day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Appends `2026-05-01`.
pub fn push_day(out: &mut Vec<u8>, seconds: i64) {
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    push_padded(out, year, 4);
    out.push(b'-');
    push_padded(out, month, 2);
    out.push(b'-');
    push_padded(out, day, 2);
}

/// Appends `2026-05-01T02:14:09`; with milliseconds where given. The caller appends the zone.
pub fn push_iso(out: &mut Vec<u8>, seconds: i64, millis: Option<u64>) {
    push_day(out, seconds);
    let clock = seconds.rem_euclid(86_400);
    out.push(b'T');
    push_clock(out, clock / 3600, clock);
    if let Some(millis) = millis {
        out.push(b'.');
        push_padded(out, i64::try_from(millis).unwrap_or_default(), 3);
    }
}

/// When the Pacific zone goes back to standard time in 2026, and to summer time in 2027.
const WINTER: std::ops::Range<i64> = 1_793_523_600..1_805_018_400;

/// `2026-03-30 03:08:08 PM PDT`, as the vendor's page shows times, in Pacific time of 2026.
pub fn page_time(seconds: i64) -> String {
    let (zone, behind) = if WINTER.contains(&seconds) { ("PST", 8) } else { ("PDT", 7) };
    let local = seconds - behind * 3600;
    let (year, month, day) = civil(local.div_euclid(86_400));
    let clock = local.rem_euclid(86_400);
    let hour = clock / 3600;
    let half = if hour < 12 { "AM" } else { "PM" };
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    format!(
        "{year:04}-{month:02}-{day:02} {twelve:02}:{:02}:{:02} {half} {zone}",
        clock / 60 % 60,
        clock % 60
    )
}

fn push_clock(out: &mut Vec<u8>, hour: i64, clock: i64) {
    push_padded(out, hour, 2);
    out.push(b':');
    push_padded(out, clock / 60 % 60, 2);
    out.push(b':');
    push_padded(out, clock % 60, 2);
}

fn push_padded(out: &mut Vec<u8>, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10i64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

/// Monday is 0.
pub fn weekday(seconds: i64) -> i64 {
    (seconds.div_euclid(86_400) + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_logs_have_them() {
        let mut out = Vec::new();
        push_iso(&mut out, 1_777_601_649, Some(7));
        assert_eq!(String::from_utf8(out).unwrap(), "2026-05-01T02:14:09.007");
        assert_eq!(page_time(1_774_908_488), "2026-03-30 03:08:08 PM PDT");
        assert_eq!(page_time(1_793_523_599), "2026-11-01 01:59:59 AM PDT");
        assert_eq!(page_time(1_793_523_600), "2026-11-01 01:00:00 AM PST");
        assert_eq!(weekday(1_777_601_649), 4);
    }
}
