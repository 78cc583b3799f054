//! Made-up logs, for trying, testing and timing: a seeded organisation at work, and if asked a compromise in it.
//!
//! Everything is invented; people, domains and addresses are of the ranges reserved for documentation. Okta's shape is
//! the documented one; Mixpanel documents only its event names, so keys and headers are assumptions of ours. Those of the
//! other identity providers are the documented ones, with few members.

pub mod clock;
pub mod hostile;
pub mod identity;
pub mod leavers;
pub mod mixpanel;
pub mod okta;
pub mod organisation;
pub mod people;
pub mod rng;
pub mod story;

use std::io::{self, Write};

use people::Person;
use rng::Rng;

/// 2026-08-17, a Monday from which every documented Mixpanel event is recorded.
pub const START: i64 = 1_786_924_800;
/// When the compromise begins: Saturday 2026-10-24, 01:02 UTC.
pub const STORY_START: i64 = 1_792_803_720;

/// Seconds from the start of the compromise until the responder suspends the account: it does nothing from then on.
pub const BLOCKED: i64 = 465 * 60;

/// What to make.
#[derive(Debug, Clone)]
pub struct Options {
    /// The same seed and options give the same bytes.
    pub seed: u64,
    /// The first second, a Monday's; [`START`] unless a log of another time is wanted.
    pub start: i64,
    /// When the compromise begins, a Saturday at 01:02; [`STORY_START`] unless a log of another time is wanted.
    pub story: i64,
    /// Nothing from this second on; `i64::MAX` for all.
    pub until: i64,
    /// Days from `start`.
    pub days: u32,
    /// Accounts.
    pub people: usize,
    /// Records besides the story's.
    pub records: u64,
    /// Whether the compromise is in it.
    pub incident: bool,
}

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Mixpanel audit log, one JSON object a line.
    MixpanelNdjson,
    /// Mixpanel audit log as CSV.
    MixpanelCsv,
    /// Okta System Log, one JSON object a line.
    OktaNdjson,
    /// Okta System Log as one JSON array.
    OktaArray,
    /// Mixpanel raw event export of a project into which activity is mirrored.
    MixpanelExport,
    /// Entra sign-ins and directory audits as a page of Microsoft Graph.
    EntraPage,
    /// The same as Azure Monitor exports them, one a line.
    EntraMonitor,
    /// Google Workspace activities as a page of the Reports API.
    GooglePage,
    /// The same, one a line.
    GoogleNdjson,
    /// Auth0 tenant log, one record a line.
    Auth0Ndjson,
    /// The same as a log stream sends it.
    Auth0Stream,
    /// OneLogin events as a page of the API.
    OneloginPage,
    /// PingOne activities as a page of the API.
    PingonePage,
    /// A roster of who left, as CSV.
    RosterCsv,
    /// Mixpanel audit log of the organisation that they left, one JSON object a line.
    RosterAudit,
}

/// Writes a log; returns how many records it has.
pub fn write(log: Log, options: &Options, out: &mut dyn Write) -> io::Result<u64> {
    let mut rng = Rng::new(options.seed);
    let people = people::staff(options.people, &mut rng);
    let calendar = Calendar::new(options.start, options.days);
    let mut maker =
        Maker { rng, people: &people, options, calendar, buffer: Vec::with_capacity(1 << 17), out, count: 0 };
    match log {
        Log::MixpanelNdjson => maker.mixpanel(mixpanel::push_ndjson, b"")?,
        Log::MixpanelCsv => maker.mixpanel(mixpanel::push_csv, mixpanel::CSV_HEADER)?,
        Log::MixpanelExport => maker.mixpanel(mixpanel::push_export, b"")?,
        Log::OktaNdjson => maker.okta(false)?,
        Log::OktaArray => maker.okta(true)?,
        Log::RosterCsv => maker.roster()?,
        Log::RosterAudit => maker.leavers()?,
        log => maker.identity(log)?,
    }
    maker.flush()?;
    Ok(maker.count)
}

struct Maker<'a> {
    rng: Rng,
    people: &'a [Person],
    options: &'a Options,
    calendar: Calendar,
    buffer: Vec<u8>,
    out: &'a mut dyn Write,
    count: u64,
}

impl<'a> Maker<'a> {
    fn mixpanel(&mut self, push: fn(&mut Vec<u8>, &mixpanel::Act), header: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(header);
        let story =
            if self.options.incident { story::mixpanel(self.options.story, self.people) } else { Vec::new() };
        let until = self.options.until;
        let mut story = story.into_iter().filter(|act| act.time < until).peekable();
        for number in 0..self.options.records {
            let Some((person, time)) = self.moment(number) else { break };
            while let Some(act) = story.next_if(|act| act.time <= time) {
                push(&mut self.buffer, &act);
                self.count += 1;
            }
            let act = mixpanel::ordinary(person, time, &mut self.rng);
            push(&mut self.buffer, &act);
            self.next()?;
        }
        for act in story {
            push(&mut self.buffer, &act);
            self.count += 1;
        }
        Ok(())
    }

    fn okta(&mut self, array: bool) -> io::Result<()> {
        let story =
            if self.options.incident { story::okta(self.options.story, self.people) } else { Vec::new() };
        let until = self.options.until;
        let mut story = story.into_iter().filter(|act| act.time < until).peekable();
        if array {
            self.buffer.extend_from_slice(b"[\n");
        }
        for number in 0..self.options.records {
            let Some((person, time)) = self.moment(number) else { break };
            while let Some(act) = story.next_if(|act| act.time <= time) {
                self.push_okta(&act, array);
            }
            let act = okta::ordinary(person, time, &mut self.rng);
            self.push_okta(&act, array);
            self.flush_full()?;
        }
        for act in story {
            self.push_okta(&act, array);
        }
        if array {
            self.buffer.extend_from_slice(b"\n]\n");
        }
        Ok(())
    }

    /// A log of an identity provider: people log in; now and then a password is mistyped.
    fn identity(&mut self, log: Log) -> io::Result<()> {
        let (before, after) = identity::page(log).unwrap_or(("", ""));
        self.buffer.extend_from_slice(before.as_bytes());
        let options = self.options;
        let story = if options.incident { identity::story(options.story, self.people) } else { Vec::new() };
        let mut story = story.into_iter().filter(|act| act.time < options.until).peekable();
        for number in 0..options.records {
            let Some((person, time)) = self.moment(number) else { break };
            while let Some(act) = story.next_if(|act| act.time <= time) {
                self.push_identity(log, &act);
            }
            let failed = self.rng.one_in(20);
            let act = identity::Act {
                time,
                person,
                what: if failed { identity::What::LoginFailed } else { identity::What::Login },
                target: &person.email,
                ip: person.address(&mut self.rng),
                place: person.place,
                agent: person.agent,
            };
            self.push_identity(log, &act);
            self.flush_full()?;
        }
        for act in story {
            self.push_identity(log, &act);
        }
        self.buffer.extend_from_slice(after.as_bytes());
        Ok(())
    }

    fn push_identity(&mut self, log: Log, act: &identity::Act<'_>) {
        let Some(record) = identity::record(log, act, self.count) else { return };
        let paged = identity::page(log).is_some();
        if paged && self.count > 0 {
            self.buffer.extend_from_slice(b",\n");
        }
        self.buffer.extend_from_slice(record.to_string().as_bytes());
        if !paged {
            self.buffer.push(b'\n');
        }
        self.count += 1;
    }

    fn push_okta(&mut self, act: &okta::Act<'_>, array: bool) {
        if array && self.count > 0 {
            self.buffer.extend_from_slice(b",\n");
        }
        okta::push(&mut self.buffer, act, &mut self.rng);
        if !array {
            self.buffer.push(b'\n');
        }
        self.count += 1;
    }

    /// Somebody, at the record's share of all working time: nearly always within their own working hours.
    fn moment(&mut self, number: u64) -> Option<(&'a Person, i64)> {
        let time = self.options.start + self.calendar.second(number, self.options.records);
        if time >= self.options.until {
            return None;
        }
        let mut person = self.somebody()?;
        for _ in 0..12 {
            let local = time + person.place.offset * 3600;
            let hour = local.rem_euclid(86_400) / 3600;
            if (8..18).contains(&hour) && clock::weekday(local) < 5 {
                break;
            }
            person = self.somebody()?;
        }
        if self.options.incident && time >= self.options.story + BLOCKED && person.email == people::VICTIM {
            person = self.people.first()?;
        }
        Some((person, time))
    }

    fn somebody(&mut self) -> Option<&'a Person> {
        let at = self.rng.skewed(self.people.len());
        self.people.get(at)
    }

    fn next(&mut self) -> io::Result<()> {
        self.count += 1;
        self.flush_full()
    }

    fn flush_full(&mut self) -> io::Result<()> {
        if self.buffer.len() >= 1 << 16 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// How busy each hour is: work from Berlin's morning to Toronto's evening, little at night and at the weekend.
struct Calendar {
    /// Work done before each hour ends.
    done: Vec<u64>,
}

impl Calendar {
    fn new(start: i64, days: u32) -> Self {
        let mut sum = 0;
        let hours = 0..i64::from(days.max(1)) * 24;
        let done = hours
            .map(|hour| {
                let weekend = clock::weekday(start + hour * 3600) >= 5;
                sum += match (weekend, hour % 24) {
                    (false, 7..23) => 40,
                    (true, 9..20) => 2,
                    _ => 1,
                };
                sum
            })
            .collect();
        Self { done }
    }

    /// The second at which `number` of `total` records come, in even steps of work.
    fn second(&self, number: u64, total: u64) -> i64 {
        let all = self.done.last().copied().unwrap_or(1);
        // A thousandth of an hour's unit, so that records within an hour differ.
        let work = u128::from(number) * u128::from(all) * 1000 / u128::from(total.max(1));
        let hour = self.done.partition_point(|&done| u128::from(done) * 1000 <= work);
        let before = hour.checked_sub(1).and_then(|before| self.done.get(before)).copied().unwrap_or(0);
        let here = self.done.get(hour).copied().unwrap_or(before + 1) - before;
        let part = (work - u128::from(before) * 1000) * 3600 / (u128::from(here) * 1000);
        let hour = i64::try_from(hour).unwrap_or_default();
        hour * 3600 + i64::try_from(part).unwrap_or_default().min(3599)
    }
}
