//! How much left, day by day, against what was usual before.

use std::collections::BTreeMap;

use super::{Chart, LEFT, MARGIN, RIGHT, WIDTH, facts};
use crate::timeline::clock::{DAY, grouped};
use crate::timeline::lane::Does;
use crate::timeline::scene::{Anchor, Scene};
use crate::timeline::story::Story;
use crate::timeline::style::{BLACK, BLUE, FAINT, GREY, PALE, RED, SMALL, STRONG, TINY, TITLE};

/// See the module.
pub const CHART: Chart = Chart { name: "volume", title: "Exports per day", draw };

const TOP: f64 = 66.0;
const HIGH: f64 = 110.0;
/// Most days: the last ones up to the end of the incident.
const MOST: i64 = 180;

/// Exports by local day.
#[derive(Debug, PartialEq)]
struct Volume {
    /// The first day.
    first: i64,
    /// The last day.
    last: i64,
    /// The day of the first suspicious moment.
    start: i64,
    /// Exports and rows of days that have any.
    days: BTreeMap<i64, (u64, f64)>,
    /// Median and maximum of the earlier days that had any, and how many these were.
    usual: Option<(u64, u64, usize)>,
    /// Exports before the first day shown.
    earlier: u64,
}

fn draw(story: &Story) -> Result<Scene, String> {
    let (denied, not_known) =
        ("the account exported nothing, say the logs", "no export of the account is known");
    let volume = Volume::of(story).ok_or_else(|| facts::none(story, &story.own, denied, not_known))?;
    let mut scene = Scene::new(WIDTH, TOP + HIGH + 42.0);
    scene.text(CHART.title, MARGIN, 22.0, TITLE, BLACK);
    scene.text(&volume.summary(), MARGIN, 40.0, SMALL, GREY);
    let most = volume.days.values().map(|(count, _)| *count).max().unwrap_or(1).max(1);
    let base = TOP + HIGH;
    let high = |count: f64| HIGH * count / most as f64;
    levels(&mut scene, most, base);
    if let Some((median, maximum, _)) = volume.usual {
        for (count, text) in [(median, "usual"), (maximum, "most before")] {
            let y = base - high(count as f64);
            scene.dashes((LEFT, y), (RIGHT, y), 1.0, BLUE);
            if text == "usual" || base - high(maximum as f64) < base - high(median as f64) - 12.0 {
                scene.label(text, RIGHT, y - 3.0, TINY, Anchor::End, BLUE);
            }
        }
    }
    let days = (volume.last - volume.first + 1).max(1);
    let wide = (RIGHT - LEFT) / days as f64;
    let bar = (wide - 1.0).clamp(1.0, 26.0);
    let mut free = f64::NEG_INFINITY;
    for (day, (count, rows)) in &volume.days {
        let x = LEFT + (day - volume.first) as f64 * wide + (wide - bar) / 2.0;
        let suspicious = *day >= volume.start;
        let top = base - high(*count as f64).max(1.0);
        scene.block(x, top, bar, base - top, if suspicious { RED } else { PALE });
        if suspicious {
            let rows = if *rows >= 1.0 { format!(", {} rows", grouped(*rows as u64)) } else { String::new() };
            let text =
                format!("{} on {}{rows}", grouped(*count), story.clock.date(story.clock.start_of(*day)));
            free = name(&mut scene, &text, x, bar, top, free);
        }
    }
    scene.block(LEFT, base, RIGHT - LEFT, 0.5, GREY);
    dates(&mut scene, story, &volume, wide, base);
    Ok(scene)
}

/// The number of a bar, beside it where that is free; gives where the next may begin.
fn name(scene: &mut Scene, text: &str, x: f64, bar: f64, top: f64, free: f64) -> f64 {
    let width = STRONG.width(text);
    let y = top + 10.0;
    if x - 6.0 - width > free.max(LEFT + 40.0) {
        scene.label(text, x - 6.0, y, STRONG, Anchor::End, BLACK);
        x + bar
    } else if x + bar + 6.0 + width < RIGHT - 70.0 && x > free {
        scene.text(text, x + bar + 6.0, y, STRONG, BLACK);
        x + bar + 8.0 + width
    } else {
        free.max(x + bar)
    }
}

impl Volume {
    fn of(story: &Story) -> Option<Self> {
        let mut days: BTreeMap<i64, (u64, f64)> = BTreeMap::new();
        let left =
            story.own.iter().filter(|event| !event.failed && matches!(story.kind(event).does, Does::Leaves));
        for event in left {
            let day = days.entry(story.clock.local(event.nanos).day).or_default();
            day.0 += 1;
            day.1 += event.rows.filter(|rows| rows.is_finite() && *rows > 0.0).unwrap_or(0.0);
        }
        let start = story.clock.local(story.start()).day;
        let end = story.moments.last().map_or(start, |nanos| story.clock.local(*nanos).day);
        let of_logs = story.clock.local(story.span().0).day;
        let (first_day, last_day) = (*days.first_key_value()?.0, *days.last_key_value()?.0);
        let last = last_day.max(end).min(start.saturating_add(MOST / 2)).max(first_day);
        let first = first_day.min(of_logs).max(last.saturating_sub(MOST - 1));
        let mut before: Vec<u64> = days.range(..start).map(|(_, (count, _))| *count).collect();
        before.sort_unstable();
        let median = before.get(before.len() / 2).copied();
        let usual = median.zip(before.last().copied()).map(|(median, most)| (median, most, before.len()));
        let earlier = days.range(..first).map(|(_, (count, _))| *count).sum();
        days.retain(|day, _| (first..=last).contains(day));
        Some(Self { first, last, start, days, usual, earlier })
    }

    fn summary(&self) -> String {
        let usual = match self.usual {
            None => "never exported before".to_owned(),
            Some((median, most, days)) => format!(
                "on earlier days with exports ({days}), half had {} or fewer and none more than {}",
                grouped(median),
                grouped(most)
            ),
        };
        let since = self.days.range(self.start..);
        let worst = since.map(|(_, (count, _))| *count).max().unwrap_or(0);
        let earlier = if self.earlier > 0 {
            format!("; {} exports are older", grouped(self.earlier))
        } else {
            String::new()
        };
        format!("{usual}; since the first suspicious moment up to {} a day{earlier}", grouped(worst))
    }
}

/// Lines at round numbers.
fn levels(scene: &mut Scene, most: u64, base: f64) {
    let step = [1, 2, 5]
        .into_iter()
        .cycle()
        .zip(0..)
        .map(|(step, at): (u64, u32)| step.saturating_mul(10_u64.saturating_pow(at / 3)));
    let step = step.take(58).find(|step| most / step <= 4).unwrap_or(u64::MAX);
    let mut count = 0;
    while count <= most {
        let y = base - HIGH * count as f64 / most as f64;
        scene.line((LEFT, y), (RIGHT, y), 0.5, FAINT);
        scene.label(&grouped(count), LEFT - 6.0, y + 3.5, TINY, Anchor::End, GREY);
        let Some(next) = count.checked_add(step) else { break };
        count = next;
    }
}

fn dates(scene: &mut Scene, story: &Story, volume: &Volume, wide: f64, base: f64) {
    let mut free = f64::NEG_INFINITY;
    for day in volume.first..=volume.last {
        let start = day.saturating_mul(DAY);
        // Mondays, as far as there is room.
        if (day + 3).rem_euclid(7) != 0 {
            continue;
        }
        let text = story.clock.date(story.clock.start_of(day));
        let x = LEFT + (day - volume.first) as f64 * wide;
        let width = TINY.width(&text);
        scene.line((x, base), (x, base + 4.0), 0.5, GREY);
        if x > free && x + width < RIGHT && start != i64::MAX {
            scene.text(&text, x + 2.0, base + 13.0, TINY, GREY);
            free = x + width + 8.0;
        }
    }
    scene.text("Mondays", MARGIN, base + 13.0, TINY, GREY);
}
