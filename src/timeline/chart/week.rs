//! The account's week: the hours it was usually active in, and where the findings fall.

use std::collections::BTreeSet;

use super::{Chart, LEFT, MARGIN, RIGHT, WIDTH};
use crate::rule::Level;
use crate::timeline::clock::grouped;
use crate::timeline::scene::{Anchor, Ink, Scene};
use crate::timeline::story::Story;
use crate::timeline::style::{self, BLACK, BLUE, FAINT, GREY, SMALL, STRONG, TINY, TITLE};

/// See the module.
pub const CHART: Chart = Chart { name: "week", title: "Hours of the week", draw };

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const HOURS: usize = 24;
const CELL: f64 = (RIGHT - LEFT) / HOURS as f64;
const ROW: f64 = 23.0;
const TOP: f64 = 64.0;
/// Earlier days that make an hour usual, as in the rules.
const USUAL: usize = 2;

/// What a week looks like.
#[derive(Debug, Default, PartialEq)]
struct Week {
    /// On how many different earlier days the account was active, by weekday and hour.
    seen: [[usize; HOURS]; 7],
    /// Whether an hour is usual, as the rules define it.
    usual: [[bool; HOURS]; 7],
    /// Findings: highest level and number.
    found: [[(Option<Level>, u64); HOURS]; 7],
}

fn draw(story: &Story) -> Result<Scene, String> {
    if story.before().is_empty() {
        return Err(
            "the logs have no event of the account before the incident, so no hour is known to be usual"
                .to_owned(),
        );
    }
    let week = Week::of(story);
    let mut scene = Scene::new(WIDTH, TOP + 7.0 * ROW + 34.0);
    scene.text(CHART.title, MARGIN, 22.0, TITLE, BLACK);
    scene.text(&week.summary(story), MARGIN, 40.0, SMALL, GREY);
    for (hour, x) in (0..HOURS).map(|hour| (hour, LEFT + hour as f64 * CELL)) {
        scene.label(&format!("{hour:02}"), x, TOP - 5.0, TINY, Anchor::Middle, GREY);
    }
    let most = week.seen.iter().flatten().copied().max().unwrap_or(1).max(1);
    for (day, name) in DAYS.iter().enumerate() {
        let y = TOP + day as f64 * ROW;
        scene.text(name, MARGIN, y + 15.0, SMALL, BLACK);
        for hour in 0..HOURS {
            let seen = week.seen.get(day).and_then(|row| row.get(hour)).copied().unwrap_or(0);
            scene.block(LEFT + hour as f64 * CELL + 0.5, y + 0.5, CELL - 1.0, ROW - 1.0, shade(seen, most));
        }
    }
    border(&mut scene, &week);
    findings(&mut scene, &week);
    legend(&mut scene, most);
    Ok(scene)
}

impl Week {
    fn of(story: &Story) -> Self {
        let mut week = Self::default();
        let mut days: [[BTreeSet<i64>; HOURS]; 7] = Default::default();
        for event in story.before() {
            let local = story.clock.local(event.nanos);
            if let Some(slot) = days.get_mut(local.weekday).and_then(|row| row.get_mut(local.hour)) {
                slot.insert(local.day);
            }
        }
        for (row, of) in week.seen.iter_mut().zip(&days) {
            row.iter_mut().zip(of).for_each(|(seen, days)| *seen = days.len());
        }
        let kinds = [days.get(..5).unwrap_or_default(), days.get(5..).unwrap_or_default()];
        for (weekday, row) in week.usual.iter_mut().enumerate() {
            let alike = kinds.get(usize::from(weekday >= 5)).copied().unwrap_or_default();
            for (hour, usual) in row.iter_mut().enumerate() {
                let near = [hour + HOURS - 1, hour, hour + 1].map(|hour| hour % HOURS);
                let seen: BTreeSet<i64> = alike
                    .iter()
                    .flat_map(|day| near.iter().filter_map(|hour| day.get(*hour)))
                    .flatten()
                    .copied()
                    .collect();
                *usual = seen.len() >= USUAL;
            }
        }
        let start = story.start();
        for finding in story.marks.all.iter().filter(|finding| finding.level > Level::Informational) {
            let Some(nanos) = finding.nanos.filter(|nanos| *nanos >= start) else { continue };
            let local = story.clock.local(nanos);
            if let Some(slot) = week.found.get_mut(local.weekday).and_then(|row| row.get_mut(local.hour)) {
                *slot = (slot.0.max(Some(finding.level)), slot.1 + 1);
            }
        }
        week
    }

    fn summary(&self, story: &Story) -> String {
        let slots = || self.found.iter().flatten().zip(self.usual.iter().flatten());
        let all: u64 = slots().map(|(found, _)| found.1).sum();
        let outside: u64 = slots().filter(|(_, usual)| !**usual).map(|(found, _)| found.1).sum();
        let (from, to) = (story.before().first(), story.before().last());
        let span = from.zip(to).map_or_else(String::new, |(from, to)| {
            format!(", {} to {}", story.clock.weekday(from.nanos), story.clock.weekday(to.nanos))
        });
        format!(
            "{} of {} findings fall outside the hours that were usual before ({} events{span}); hours of {}",
            grouped(outside),
            grouped(all),
            grouped(story.before().len() as u64),
            story.clock.name(story.start(), story.start())
        )
    }
}

/// Darker, the more days.
fn shade(seen: usize, most: usize) -> Ink {
    if seen == 0 {
        return Ink::solid(0xfa, 0xfa, 0xf9);
    }
    let share = (seen as f64).ln_1p() / (most as f64).ln_1p();
    let mix = |pale: f64, full: f64| (pale + (full - pale) * share).round() as u8;
    Ink::solid(mix(232.0, 150.0), mix(238.0, 184.0), mix(243.0, 208.0))
}

/// A line around what is usual.
fn border(scene: &mut Scene, week: &Week) {
    let usual =
        |day: usize, hour: usize| week.usual.get(day).and_then(|row| row.get(hour)).copied().unwrap_or(false);
    for day in 0..=DAYS.len() {
        for hour in 0..=HOURS {
            let (x, y) = (LEFT + hour as f64 * CELL, TOP + day as f64 * ROW);
            let above = day > 0 && usual(day - 1, hour);
            if hour < HOURS && above != usual(day, hour) {
                scene.line((x, y), (x + CELL, y), 1.0, BLUE);
            }
            let before = hour > 0 && usual(day, hour - 1);
            if day < DAYS.len() && before != usual(day, hour) {
                scene.line((x, y), (x, y + ROW), 1.0, BLUE);
            }
        }
    }
}

fn findings(scene: &mut Scene, week: &Week) {
    for (day, row) in week.found.iter().enumerate() {
        for (hour, (level, count)) in row.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
            let (x, y) = (LEFT + hour as f64 * CELL, TOP + day as f64 * ROW + ROW / 2.0);
            style::mark(scene, x + 11.0, y, *level);
            let text = STRONG.fit(&grouped(*count), CELL - 20.0);
            scene.text(&text, x + 19.0, y + 3.8, STRONG, BLACK);
        }
    }
}

fn legend(scene: &mut Scene, most: usize) {
    let y = TOP + 7.0 * ROW + 18.0;
    let mut x = LEFT;
    for (text, seen) in
        [("never active".to_owned(), 0), ("1 day".to_owned(), 1), (format!("{most} days"), most)]
    {
        if seen == 1 && most == 1 {
            continue;
        }
        scene.block(x, y - 8.0, 18.0, 11.0, FAINT);
        scene.block(x + 0.5, y - 7.5, 17.0, 10.0, shade(seen, most));
        scene.text(&text, x + 23.0, y, TINY, GREY);
        x += 23.0 + TINY.width(&text) + 16.0;
    }
    scene.line((x, y - 3.0), (x + 18.0, y - 3.0), 1.0, BLUE);
    let usual = "bounds the usual hours, as the rules define them";
    scene.text(usual, x + 23.0, y, TINY, GREY);
    x += 23.0 + TINY.width(usual) + 16.0;
    style::mark(scene, x + 5.0, y - 3.0, Some(Level::High));
    scene.text(
        "findings of low or above since the first suspicious moment, and how many",
        x + 14.0,
        y,
        TINY,
        GREY,
    );
}
