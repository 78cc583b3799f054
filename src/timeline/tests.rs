//! Charts of made-up stories.

use jiff::tz::TimeZone;

use super::gather::{FIELDS, Gather};
use super::mark::{Mark, Marks};
use super::page::Page;
use super::story::Story;
use crate::finding::Finding;
use crate::output::{Sink, Summary};
use crate::rule::{self, Level};
use crate::scan::{self, Config, Progress};
use crate::synth::{self, Log};

const ACCOUNT: &str = "jane@agency.example";

/// A story of `count` exports, a minute apart, whose texts are `text`.
fn story(count: i64, text: &str) -> Option<Story> {
    let gather = Gather::new(ACCOUNT, Vec::new());
    let start = 1_790_000_000_000_000_000;
    let value = |_: usize, field: usize| match FIELDS.get(field).copied() {
        Some("event.action") => Some("raw_event_export.requested"),
        Some("user.email") => Some(ACCOUNT),
        Some("source.ip" | "details.name" | "source.geo.city_name" | "source.as.organization.name") => {
            Some(text)
        }
        Some("details.rows") => Some("1000"),
        Some("source.geo.location.lat" | "source.geo.location.lon") => Some("NaN"),
        _ => None,
    };
    gather.unit((0, 0), (0..count).map(|minute| Some(start + minute * 60_000_000_000)), &value, &[]).unwrap();
    Story::of(ACCOUNT, TimeZone::UTC, gather.finish(Marks::default()), None)
}

#[test]
fn five_events_and_half_a_million_are_drawn_and_the_same_each_time() {
    for count in [5, 500_000] {
        let page = || Page::of(&story(count, "192.0.2.1").unwrap(), None);
        let (one, two) = (page(), page());
        assert!(!one.drawn.is_empty(), "{:?}", one.left_out);
        assert!(one.svg("x").unwrap() == two.svg("x").unwrap(), "{count}");
        let size = one.svg("x").unwrap().len();
        assert!(size < 2 << 20, "{count} events are {size} bytes of SVG");
    }
    let page = || Page::of(&story(5, "192.0.2.1").unwrap(), None);
    assert!(page().png().unwrap() == page().png().unwrap());
}

#[test]
fn hostile_text_is_text() {
    let evil = "</text><script>alert(1)</script>&\"'\u{1b}[2J\u{202e}\u{0}\u{ffff}\u{10ffff}漢字".repeat(40);
    let page = Page::of(&story(5, &evil).unwrap(), None);
    let svg = page.svg(&evil).unwrap();
    assert!(
        !svg.contains("<script")
            && !svg.contains('\u{1b}')
            && !svg.contains('\u{202e}')
            && !svg.contains('\u{0}')
    );
    assert!(!page.png().unwrap().is_empty());
}

#[test]
fn an_account_without_events_is_no_story() {
    assert!(story(0, "x").is_none());
}

/// Findings as (nanoseconds, rule, level), sorted.
fn told(marks: &Marks) -> Vec<(Option<i64>, String, Level)> {
    let rule = |mark: &Mark| marks.rules[mark.rule as usize].id.clone();
    let mut told: Vec<_> = marks.all.iter().map(|mark| (mark.nanos, rule(mark), mark.level)).collect();
    told.sort();
    told
}

#[test]
fn matches_that_come_with_the_records_are_the_findings_of_a_scan() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.ndjson");
    let options = synth::Options {
        seed: 3,
        start: synth::START,
        story: synth::STORY_START,
        until: i64::MAX,
        days: 91,
        people: 12,
        records: 4_000,
        incident: true,
    };
    synth::write(Log::MixpanelNdjson, &options, &mut std::fs::File::create(&log).unwrap()).unwrap();
    let config = |account: &str| {
        let rules = rule::load_embedded();
        let mut config = Config::new(vec![log.display().to_string()], rules);
        (config.account, config.chunk_size) = (Some(account.to_owned()), 64 << 10);
        config
    };
    let (mut full, mut brief) = (Taken::default(), Taken::default());
    let ledger = scan::run(&config(ACCOUNT), &mut full, &Quiet).unwrap();
    let mut config = config(&ACCOUNT.to_uppercase());
    config.projection = Some(Gather::projection());
    let gather = Gather::new(ACCOUNT, brief.0.rules_of(&config.rules));
    scan::read_rows(&config, &mut brief, &gather, &Quiet).unwrap();
    let by_history = brief.0.said.len();
    let gathered = gather.finish(brief.0);
    let by_record = gathered.marks.all.len();
    let story = Story::of(ACCOUNT, TimeZone::UTC, gathered, None).unwrap();
    full.0.sort();
    assert_eq!(told(&story.marks), told(&full.0));
    assert!(by_record > 30 && by_history > 3, "{by_record} {by_history}");
    assert!(ledger.inputs[0].coverage.records > 4_000);
}

#[derive(Default)]
struct Taken(Marks);

impl Sink for Taken {
    fn finding(&mut self, finding: &Finding) -> std::io::Result<()> {
        self.0.add(finding);
        Ok(())
    }

    fn finish(&mut self, _: &Summary) -> std::io::Result<()> {
        Ok(())
    }
}

struct Quiet;

impl Progress for Quiet {
    fn bytes(&self, _: u64) {}
    fn total(&self, _: Option<u64>) {}
}
