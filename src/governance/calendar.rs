//! Days on which something is due, as an iCalendar file (RFC 5545). Written here, since it is a few lines and every byte has to be
//! the same on each run; read back by a parser of others in a test.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::book::{self, Next};
use super::matrix::Matrix;
use super::register::Register;
use crate::config::Integration;
use crate::output::escape::Safe;
use crate::sys::hash::sha256_hex;

/// Bytes of a line before it is folded.
const LINE: usize = 75;

/// Something that is due on a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The day.
    pub day: Date,
    /// In a few words.
    pub title: String,
    /// What to do.
    pub about: String,
    /// Names it for as long as it is the same thing, whatever its day.
    pub key: String,
}

/// Everything that is due, in order: rotations, ends of contracts and of temporary rights, the next review. What is overdue, or
/// was never done, is due `today`.
pub fn due(
    inventory: &[Integration],
    register: &Register,
    last_review: Option<Date>,
    today: Date,
    matrix: &Matrix,
) -> Vec<Due> {
    let mut all = Vec::new();
    for row in inventory {
        let Some(next) = book::next(row, matrix) else { continue };
        let (day, why) = match next {
            Next::On(day) if day >= today => {
                (day, format!("last rotated {}", row.last_rotated.unwrap_or(day)))
            }
            Next::On(day) => (today, format!("overdue since {day}")),
            Next::NotKnown => (today, "nobody noted when it was rotated last".to_owned()),
        };
        let owner = row.owner.as_deref().unwrap_or("nobody is named");
        all.push(Due {
            day,
            title: format!("Rotate the credential of {}", row.name),
            about: format!("{why}; used by {}; owner: {owner}", row.consumer),
            key: format!("rotation {}", row.name),
        });
    }
    for person in &register.people {
        if let Some(ends) = person.ends {
            all.push(Due {
                day: ends.max(today),
                title: format!("Access of {} ends", person.email),
                about: format!("the last day is {ends}; take the account out, and rotate what it could see"),
                key: format!("end {}", person.email),
            });
        }
        if let Some(until) = person.admin_until {
            all.push(Due {
                day: until.max(today),
                title: format!("{} stops being an admin", person.email),
                about: format!(
                    "the last day is {until}; give it the role from before, and rotate what it could see"
                ),
                key: format!("admin {}", person.email),
            });
        }
    }
    let review =
        last_review.map_or(today, |last| last.saturating_add(i64::from(register.review_every).days()));
    all.push(Due {
        day: review.max(today),
        title: "Review access".to_owned(),
        about:
            "portcullis review --previous LAST.json; members, roles, last logins, credentials, integrations"
                .to_owned(),
        key: "review".to_owned(),
    });
    all.sort();
    all
}

/// As an iCalendar file. `today` is the stamp of all entries, so that the same input gives the same bytes.
pub fn ical(all: &[Due], today: Date) -> String {
    let plain = |day: Date| day.strftime("%Y%m%d").to_string();
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        format!("PRODID:-//Portcullis//Portcullis {}//EN", env!("CARGO_PKG_VERSION")),
        "CALSCALE:GREGORIAN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
    ];
    for due in all {
        let uid: String = sha256_hex(due.key.as_bytes()).chars().take(32).collect();
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{uid}@portcullis.invalid"),
            format!("DTSTAMP:{}T000000Z", plain(today)),
            format!("DTSTART;VALUE=DATE:{}", plain(due.day)),
            format!("DTEND;VALUE=DATE:{}", plain(due.day.saturating_add(1.days()))),
            format!("SUMMARY:{}", escaped(&due.title)),
            format!("DESCRIPTION:{}", escaped(&due.about)),
            "TRANSP:TRANSPARENT".to_owned(),
            "END:VEVENT".to_owned(),
        ]);
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

/// TEXT of RFC 5545: what a terminal or a reader obeys is shown escaped first.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in Safe(text).to_string().chars() {
        if matches!(letter, '\\' | ';' | ',') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// A line cut where it gets longer than 75 bytes: never inside a character, and beside no space where that can be, since some
/// readers take white space at a fold for a part of it.
fn folded(line: &str) -> String {
    let (mut out, mut part) = (String::new(), String::new());
    for letter in line.chars() {
        if part.len() + letter.len_utf8() > LINE {
            let mut next: String = letter.into();
            while part.trim().len() > 1 && (part.ends_with(' ') || next.starts_with(' ')) {
                next.insert_str(0, &part.pop().map(String::from).unwrap_or_default());
            }
            out.push_str(&part);
            out.push_str("\r\n");
            part = format!(" {next}");
        } else {
            part.push(letter);
        }
    }
    out + &part + "\r\n"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Inventory, Known};
    use crate::governance::matrix::matrix;
    use crate::governance::register;

    fn sample() -> Vec<Due> {
        let text = "[[integration]]\nname = 'etl'\ntype = 'api-secret'\nconsumer = 'airflow; on, etl\\1 and a long name that goes beyond seventy-five bytes ✓ \u{202e}'\nlast-rotated = 2026-10-01\n\
                    [[integration]]\nname = 'late'\ntype = 'project-token'\nconsumer = 'x'\nlast-rotated = 2026-01-01\n\
                    [[integration]]\nname = 'never'\ntype = 'api-secret'\nconsumer = 'x'\n\
                    [[integration]]\nname = 'sync'\ntype = 'cohort-sync'\nconsumer = 'x'\n";
        let inventory =
            Inventory::parse(Path::new("i"), text.as_bytes(), Known::default()).unwrap().integrations;
        let register = register::parse(
            "[[person]]\nemail = 'jane@agency.example'\ncontractor = true\nends = 2026-12-31\nadmin-until = 2026-12-05\n",
        );
        due(
            &inventory,
            &register.unwrap(),
            Some(Date::constant(2026, 10, 1)),
            Date::constant(2026, 11, 28),
            matrix(),
        )
    }

    #[test]
    fn what_is_due_is_there_once_and_what_is_overdue_is_due_today() {
        let told: Vec<(String, String)> =
            sample().into_iter().map(|due| (due.day.to_string(), due.title)).collect();
        let expected = [
            ("2026-11-28", "Rotate the credential of late"),
            ("2026-11-28", "Rotate the credential of never"),
            ("2026-12-05", "jane@agency.example stops being an admin"),
            ("2026-12-30", "Review access"),
            ("2026-12-30", "Rotate the credential of etl"),
            ("2026-12-31", "Access of jane@agency.example ends"),
        ];
        assert_eq!(told, expected.map(|(day, title)| (day.to_owned(), title.to_owned())));
    }

    #[test]
    fn a_parser_of_others_reads_the_file_whole() {
        let (all, today) = (sample(), Date::constant(2026, 11, 28));
        let text = ical(&all, today);
        assert!(text.split("\r\n").all(|line| line.len() <= LINE && !line.ends_with(' ')), "{text}");
        assert_eq!(folded(&" ".repeat(200)).replace("\r\n ", "").trim_end_matches("\r\n"), " ".repeat(200));
        assert!(!text.contains('\u{202e}') && text.ends_with("END:VCALENDAR\r\n"));
        assert_eq!(text, ical(&all, today), "the same bytes");
        let mut calendars = ical::IcalParser::new(text.as_bytes());
        let calendar = calendars.next().unwrap().unwrap();
        assert!(calendars.next().is_none());
        assert_eq!(calendar.events.len(), all.len());
        let mut uids = std::collections::BTreeSet::new();
        for (event, due) in calendar.events.iter().zip(&all) {
            let value = |name: &str| {
                let mut found = event.properties.iter().filter(|property| property.name == name);
                let value = found.next().unwrap().value.clone().unwrap();
                assert!(found.next().is_none(), "{name} stands once");
                // The parser unfolds lines and leaves escapes.
                value.replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
            };
            assert_eq!(value("SUMMARY"), due.title);
            assert_eq!(value("DESCRIPTION"), Safe(&due.about).to_string());
            assert_eq!(value("DTSTART"), due.day.strftime("%Y%m%d").to_string());
            assert_eq!(value("DTSTAMP"), "20261128T000000Z");
            assert!(uids.insert(value("UID")));
        }
    }
}
