//! Made-up logs, for trying, testing and timing: a seeded organisation at work, and if asked a compromise in it.
//!
//! Everything is invented; people, domains and addresses are of the ranges reserved for documentation. Okta's shape is
//! the documented one; Mixpanel documents only its event names, so keys and headers are assumptions of ours.

pub mod clock;
pub mod hostile;
pub mod mixpanel;
pub mod okta;
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

/// What to make.
#[derive(Debug, Clone)]
pub struct Options {
    /// The same seed and options give the same bytes.
    pub seed: u64,
    /// Days from [`START`].
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
}

/// Writes a log; returns how many records it has.
pub fn write(log: Log, options: &Options, out: &mut dyn Write) -> io::Result<u64> {
    let mut rng = Rng::new(options.seed);
    let people = people::staff(options.people, &mut rng);
    let mut maker = Maker { rng, people: &people, options, buffer: Vec::with_capacity(1 << 17), out, count: 0 };
    match log {
        Log::MixpanelNdjson => maker.mixpanel(false)?,
        Log::MixpanelCsv => maker.mixpanel(true)?,
        Log::OktaNdjson => maker.okta(false)?,
        Log::OktaArray => maker.okta(true)?,
    }
    maker.flush()?;
    Ok(maker.count)
}

struct Maker<'a> {
    rng: Rng,
    people: &'a [Person],
    options: &'a Options,
    buffer: Vec<u8>,
    out: &'a mut dyn Write,
    count: u64,
}

impl<'a> Maker<'a> {
    fn mixpanel(&mut self, csv: bool) -> io::Result<()> {
        let push = if csv { mixpanel::push_csv } else { mixpanel::push_ndjson };
        if csv {
            self.buffer.extend_from_slice(mixpanel::CSV_HEADER);
        }
        let story = if self.options.incident { story::mixpanel(STORY_START, self.people) } else { Vec::new() };
        let mut story = story.into_iter().peekable();
        for number in 0..self.options.records {
            let (person, time) = self.moment(number);
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
        let story = if self.options.incident { story::okta(STORY_START, self.people) } else { Vec::new() };
        let mut story = story.into_iter().peekable();
        if array {
            self.buffer.extend_from_slice(b"[\n");
        }
        for number in 0..self.options.records {
            let (person, time) = self.moment(number);
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

    /// Somebody at work around the record's share of the time: nine times out of ten within their working hours.
    fn moment(&mut self, number: u64) -> (&'a Person, i64) {
        let span = i64::from(self.options.days) * 86_400;
        let share = i128::from(number) * i128::from(span) / i128::from(self.options.records.max(1));
        let time = START + i64::try_from(share).unwrap_or_default();
        let mut person = self.somebody();
        for _ in 0..12 {
            let local = time + person.place.offset * 3600;
            let hour = local.rem_euclid(86_400) / 3600;
            if (8..18).contains(&hour) && clock::weekday(local) < 5 {
                break;
            }
            person = self.somebody();
        }
        (person, time)
    }

    fn somebody(&mut self) -> &'a Person {
        let at = self.rng.skewed(self.people.len());
        // The staff is never empty.
        self.people.get(at).unwrap_or(&self.people[0])
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
