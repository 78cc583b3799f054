//! People who leave: a roster, and the audit log of the organisation that they leave.

use std::io;

use super::people::{Person, RESPONDER};
use super::{Maker, clock, mixpanel};

const DAY: i64 = 86_400;

/// Somebody who leaves.
#[derive(Debug, Clone, Copy)]
pub struct Leaver {
    /// Who: a place in the staff.
    pub number: usize,
    /// Days from the log's start to the last day.
    pub last_day: i64,
    /// Days from the last day to the removal from Mixpanel.
    pub removed: Option<i64>,
    /// Days from the last day to a login and an export in the night.
    pub acts: Option<i64>,
    /// Days from the log's start to the day on which the account comes into being anew.
    pub joins: i64,
}

const fn leaver(number: usize, joins: i64, last_day: i64, removed: Option<i64>, acts: Option<i64>) -> Leaver {
    Leaver { number, last_day, removed, acts, joins }
}

/// Who leaves a log of 91 days and ten people: removed the next day; three days before; never; never, and active
/// afterwards; after ten days; two days before the log ends; after it; and twice, the second time without a removal, and
/// the roster has the second time alone.
pub const LEAVERS: [Leaver; 9] = [
    leaver(2, 0, 18, Some(1), None),
    leaver(3, 0, 25, Some(-3), None),
    leaver(4, 0, 32, None, None),
    leaver(5, 0, 39, None, Some(2)),
    leaver(6, 0, 46, Some(10), None),
    leaver(7, 0, 88, None, None),
    leaver(8, 0, 134, None, None),
    leaver(9, 0, 11, Some(1), None),
    leaver(9, 42, 74, None, None),
];

impl Leaver {
    /// Seconds from the log's start until the account does nothing any more.
    fn ends(&self) -> i64 {
        (self.last_day + self.removed.unwrap_or(0).min(0)) * DAY + 17 * 3600
    }

    fn acts(&self, person: &Person, start: i64) -> Vec<mixpanel::Act> {
        let act = |seconds: i64, who: &str, action: &'static str, ip: &str, details: String| mixpanel::Act {
            time: start + seconds,
            who: (who.to_owned(), String::new()),
            action,
            ip: ip.to_owned(),
            project: None,
            details,
        };
        let own = |seconds, action, ip| act(seconds, &person.email, action, ip, "{}".to_owned());
        let mut acts = Vec::new();
        if self.joins > 0 {
            acts.push(own(self.joins * DAY + 9 * 3600, "invitation.accepted", &person.ip));
        }
        acts.push(own((self.joins + 1) * DAY + 9 * 3600, "session.logged_in", &person.ip));
        if let Some(after) = self.removed {
            let details = serde_json::json!({ "email": person.email }).to_string();
            let at = (self.last_day + after) * DAY + 18 * 3600;
            acts.push(act(at, RESPONDER, "organization.user_removed", "192.0.2.10", details));
        }
        if let Some(after) = self.acts {
            let at = (self.last_day + after) * DAY + 2 * 3600;
            acts.push(own(at, "session.logged_in", "203.0.113.77"));
            acts.push(own(at + 600, "raw_event_export.requested", "203.0.113.77"));
        }
        acts
    }
}

/// Whether somebody is away, at so many seconds from the log's start.
fn is_away(number: usize, seconds: i64) -> bool {
    let mut own = LEAVERS.iter().filter(|leaver| leaver.number == number).peekable();
    own.peek().is_some() && !own.any(|leaver| (leaver.joins * DAY..leaver.ends()).contains(&seconds))
}

impl Maker<'_> {
    /// The roster: everybody, with the last day of those who leave. A row stands twice, some addresses in capitals.
    pub(super) fn roster(&mut self) -> io::Result<()> {
        self.buffer.extend_from_slice(b"Email,Last Day,Department\n");
        for (number, person) in self.people.iter().enumerate() {
            let mut email = person.email.clone();
            if number % 3 == 2 {
                email.make_ascii_uppercase();
            }
            let last = LEAVERS.iter().rfind(|leaver| leaver.number == number);
            for _ in 0..if number == 2 { 2 } else { 1 } {
                self.row(&email, last.map(|leaver| leaver.last_day));
            }
        }
        self.row("ulla.unseen@acme.example", Some(32));
        self.flush()
    }

    fn row(&mut self, email: &str, day: Option<i64>) {
        self.buffer.extend_from_slice(email.as_bytes());
        self.buffer.push(b',');
        if let Some(day) = day {
            clock::push_day(&mut self.buffer, self.options.start + day * DAY);
        }
        self.buffer.extend_from_slice(b",Growth\n");
        self.count += 1;
    }

    /// The audit log: ordinary work, and what leaving leaves in it.
    pub(super) fn leavers(&mut self) -> io::Result<()> {
        let start = self.options.start;
        let people = self.people;
        let acts = LEAVERS.iter().filter_map(|leaver| Some(leaver.acts(people.get(leaver.number)?, start)));
        let mut acts: Vec<mixpanel::Act> = acts.flatten().collect();
        acts.sort_by_key(|act| act.time);
        let mut acts = acts.into_iter().peekable();
        for number in 0..self.options.records {
            let Some((person, time)) = self.moment(number) else { break };
            while let Some(act) = acts.next_if(|act| act.time <= time) {
                mixpanel::push_ndjson(&mut self.buffer, &act);
                self.count += 1;
            }
            let place = people.iter().position(|other| other.email == person.email);
            let is_away = place.is_some_and(|place| is_away(place, time - start));
            let person = if is_away { people.first().unwrap_or(person) } else { person };
            let act = mixpanel::ordinary(person, time, &mut self.rng);
            mixpanel::push_ndjson(&mut self.buffer, &act);
            self.next()?;
        }
        for act in acts {
            mixpanel::push_ndjson(&mut self.buffer, &act);
            self.count += 1;
        }
        Ok(())
    }
}
