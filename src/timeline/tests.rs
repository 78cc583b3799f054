//! Charts of made-up stories.

use std::io::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::chart::{self, facts};
use super::gate::Gate;
use super::gather::{FIELDS, Gather};
use super::mark::{Mark, Marks};
use super::page::Page;
use super::story::Story;
use crate::finding::Finding;
use crate::lockdown::record::Verdict;
use crate::output::{Sink, Summary};
use crate::rule::{self, Level};
use crate::scan::{self, Config, Progress};
use crate::synth::{self, Log};

const ACCOUNT: &str = "jane@agency.example";
const ADMIN: &str = "ada.abel@acme.example";

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
    let times = (0..count).map(|minute| Some(start + minute * 60_000_000_000));
    gather.unit((0, 0), "mixpanel-audit", times, &value, &[]).unwrap();
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

/// The story that a log of these records tells, with the findings of the built-in rules.
pub(crate) fn of_log(source: Option<&str>, records: &[Value], gate: Option<Gate>) -> Story {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.ndjson");
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    std::fs::File::create(&log).unwrap().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    let mut config = Config::new(vec![log.display().to_string()], rule::load_embedded());
    config.source = source.map(str::to_owned);
    config.account = Some(ACCOUNT.to_owned());
    config.projection = Some(Gather::projection());
    let mut taken = Taken::default();
    let gather = Gather::new(ACCOUNT, taken.0.rules_of(&config.rules));
    scan::read_rows(&config, &mut taken, &gather, &Quiet).unwrap();
    Story::of(ACCOUNT, TimeZone::UTC, gather.finish(taken.0), gate).unwrap()
}

/// A record of Okta's System Log: minutes after one o'clock, who did what to whom, and how it ended.
pub(crate) fn okta(minute: u32, actor: &str, action: &str, target: &str, outcome: &str) -> Value {
    json!({
        "eventType": action,
        "published": format!("2026-10-24T01:{minute:02}:00.000Z"),
        "actor": {"alternateId": actor, "type": "User"},
        "client": {"ipAddress": "203.0.113.77"},
        "outcome": {"result": outcome},
        "target": [{"type": "User", "alternateId": target}],
    })
}

/// A log in which the account is reported at one o'clock, and then this happens to it: minute, action, outcome.
pub(crate) fn against(acts: &[(u32, &str, &str)]) -> Vec<Value> {
    let reported = "user.account.report_suspicious_activity_by_enduser";
    let mut records = vec![okta(0, ACCOUNT, reported, ACCOUNT, "SUCCESS")];
    records
        .extend(acts.iter().map(|(minute, action, outcome)| okta(*minute, ADMIN, action, ACCOUNT, outcome)));
    records
}

/// What the first chart says of this.
fn fact(story: &Story, about: &str) -> String {
    facts::facts(story).into_iter().find(|(name, _)| *name == about).unwrap().1
}

fn drawn(story: &Story, name: &str) -> Result<String, String> {
    let page = Page::of(story, chart::find(name));
    match page.left_out.first() {
        Some((_, why)) => Err(why.clone()),
        None => Ok(page.svg("x").unwrap()),
    }
}

#[test]
fn a_block_that_lasts_is_the_gate() {
    let story = of_log(None, &against(&[(20, "user.lifecycle.suspend", "SUCCESS")]), None);
    assert_eq!(
        fact(&story, "the gate"),
        "fell Sat 24 Oct 2026, 01:20:00 UTC, 20 min after the first suspicious moment (suspend by ada.abel@acme.example, says the log)"
    );
    assert_eq!(story.key.taken_back, None);
}

#[test]
fn a_block_that_failed_or_may_have_is_none() {
    for outcome in ["FAILURE", "DENY", "SKIPPED", "UNKNOWN"] {
        let story = of_log(None, &against(&[(20, "user.lifecycle.suspend", outcome)]), None);
        assert_eq!((&story.key.contained, &story.key.taken_back), (&None, &None), "{outcome}");
        assert_eq!(
            fact(&story, "the gate"),
            "has not fallen: no lockdown and no suspension is known",
            "{outcome}"
        );
        let svg = drawn(&story, "lanes").unwrap();
        let how = if ["FAILURE", "DENY"].contains(&outcome) { "failed" } else { "outcome not known" };
        assert!(svg.contains(how), "{outcome}: the chart shows what was tried");
    }
}

#[test]
fn a_block_that_was_taken_back_does_not_hold() {
    for back in ["user.lifecycle.unsuspend", "user.lifecycle.activate", "user.account.unlock"] {
        let acts = [(20, "user.lifecycle.suspend", "SUCCESS"), (25, back, "SUCCESS")];
        let story = of_log(None, &against(&acts), None);
        assert_eq!(story.key.contained, None, "{back}");
        let said = fact(&story, "the gate");
        let told = "does not hold: shut out Sat 24 Oct 2026, 01:20:00 UTC (suspend by ada.abel@acme.example, says the log), \
                    and let in again Sat 24 Oct 2026, 01:25:00 UTC, 5 min later (";
        assert!(said.starts_with(told), "{said}");
        assert!(drawn(&story, "lanes").unwrap().contains("let in again"), "{back}");
    }
}

#[test]
fn what_did_not_happen_or_came_before_takes_nothing_back() {
    let suspended = (20, "user.lifecycle.suspend", "SUCCESS");
    let unsuspend = |minute, outcome| (minute, "user.lifecycle.unsuspend", outcome);
    for acts in [
        vec![suspended, unsuspend(25, "FAILURE")],
        vec![unsuspend(10, "SUCCESS"), suspended],
        vec![suspended, (25, "user.lifecycle.suspend", "SUCCESS")],
    ] {
        let story = of_log(None, &against(&acts), None);
        assert_eq!(story.clock.exact(story.key.contained.unwrap().nanos), "Sat 24 Oct 2026, 01:20:00 UTC");
    }
    // Blocked again: the block that lasts counts.
    let acts = [suspended, unsuspend(25, "SUCCESS"), (30, "user.lifecycle.suspend", "SUCCESS")];
    let story = of_log(None, &against(&acts), None);
    assert_eq!(story.clock.exact(story.key.contained.unwrap().nanos), "Sat 24 Oct 2026, 01:30:00 UTC");
    // Blocked again in vain.
    let acts = [suspended, unsuspend(25, "SUCCESS"), (30, "user.lifecycle.suspend", "FAILURE")];
    assert!(of_log(None, &against(&acts), None).key.contained.is_none());
}

#[test]
fn a_verdict_does_not_outlast_the_block() {
    let proved = of_log(None, &against(&[]), None).key.suspicious.unwrap().nanos + 60_000_000_000;
    let gate = || Gate { verdict: Some((proved, Verdict::Contained)), ..Gate::default() };
    let story = of_log(None, &against(&[]), Some(gate()));
    assert_eq!(story.key.contained.map(|moment| moment.what), Some("verdict CONTAINED".to_owned()));
    let acts = against(&[(20, "user.lifecycle.unsuspend", "SUCCESS")]);
    let story = of_log(None, &acts, Some(gate()));
    assert_eq!(story.key.contained, None);
    let said = fact(&story, "the gate");
    assert!(said.contains("let in again Sat 24 Oct 2026, 01:20:00 UTC, 19 min later"), "{said}");
}

#[test]
fn whom_the_account_made_is_shut_out_by_a_block_that_lasts_alone() {
    let made = "new@agency.example";
    let fate = |acts: &[(u32, &str, &str)]| {
        let mut records = against(&[]);
        records.push(okta(5, ACCOUNT, "user.lifecycle.create", made, "SUCCESS"));
        records.extend(acts.iter().map(|(minute, act, outcome)| okta(*minute, ADMIN, act, made, outcome)));
        drawn(&of_log(None, &records, None), "credentials").unwrap()
    };
    let shut = (10, "user.lifecycle.deactivate", "SUCCESS");
    assert!(fate(&[shut]).contains("deactivate, Sat 24 Oct 2026, 01:10"));
    let open = fate(&[
        (10, "user.lifecycle.deactivate", "FAILURE"),
        (11, "group.user_membership.remove", "SUCCESS"),
    ]);
    assert!(open.contains("of which 0 are known to be shut out") && !open.contains("deactivate"), "{open}");
    let back = fate(&[shut, (12, "user.lifecycle.activate", "SUCCESS")]);
    assert!(back.contains("let in again, Sat 24 Oct 2026, 01:12"), "{back}");
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
