//! The strip above the lanes: the whole log by day, and which part of it the lanes show.

use super::{LEFT, MARGIN, RIGHT};
use crate::timeline::bucket::{Point, buckets};
use crate::timeline::clock::grouped;
use crate::timeline::scale::Scale;
use crate::timeline::scene::{Anchor, Scene};
use crate::timeline::story::Story;
use crate::timeline::style::{self, BLACK, GREY, PALE, SMALL, TINY};

/// How high the bars are at most.
const HIGH: f64 = 26.0;
/// Pixels of a bar.
const BAR: f64 = 4.0;
/// The strip with its text.
pub const HEIGHT: f64 = HIGH + 22.0;

/// Draws it from `top` down.
pub fn draw(scene: &mut Scene, story: &Story, shown: &Scale, top: f64) {
    let (from, to) = story.span();
    let whole = Scale::of(&[from, to], LEFT, RIGHT);
    let whole = if whole.breaks().next().is_some() { uncut(from, to) } else { whole };
    let base = top + HIGH;
    scene.text("whole log", MARGIN, base - 8.0, SMALL, GREY);
    scene.block(LEFT, base, RIGHT - LEFT, 0.5, PALE);
    let points: Vec<Point> = story
        .own
        .iter()
        .filter_map(|event| Some(Point { x: whole.x(event.nanos)? - LEFT, name: 0, level: event.level }))
        .collect();
    let bars = buckets(&points, BAR);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1) as f64;
    for bar in &bars {
        let high = (HIGH * (bar.count as f64).ln_1p() / most.ln_1p()).max(1.0);
        let x = LEFT + bar.x;
        scene.block(x, base - high, BAR - 1.0, high, PALE);
        if bar.found > 0 {
            let found = (HIGH * (bar.found as f64).ln_1p() / most.ln_1p()).max(2.0);
            scene.block(x, base - found, BAR - 1.0, found, style::ink(bar.level));
        }
    }
    let (first, last) = shown.span();
    let window = (whole.x(first.max(from)).unwrap_or(LEFT), whole.x(last.min(to)).unwrap_or(RIGHT));
    let (left, right) = (window.0 - 2.0, window.1.max(window.0 + 1.0) + 2.0);
    scene.block(left, top - 4.0, right - left, 1.5, BLACK);
    for x in [left, right - 1.0] {
        scene.block(x, top - 4.0, 1.0, HIGH + 4.0, BLACK);
    }
    // The lanes below are this part, widened.
    scene.line((left, base + 1.0), (LEFT, base + 20.0), 0.5, PALE);
    scene.line((right, base + 1.0), (RIGHT, base + 20.0), 0.5, PALE);
    let text = format!(
        "{} to {} · {} events of the account, {} findings",
        story.clock.weekday(from),
        story.clock.weekday(to),
        grouped(story.own.len() as u64),
        grouped(story.marks.all.len() as u64)
    );
    let middle = f64::midpoint(left, right);
    let half = TINY.width(&text) / 2.0;
    // On the side of the window that has more room.
    let (x, anchor) = if middle - LEFT > RIGHT - middle {
        ((left - 8.0).min(RIGHT), Anchor::End)
    } else {
        ((right + 8.0).max(LEFT), Anchor::Start)
    };
    if middle.is_finite() && half * 2.0 < (RIGHT - LEFT) * 0.9 {
        scene.label(&text, x, base + 12.0, TINY, anchor, GREY);
    }
}

fn uncut(from: i64, to: i64) -> Scale {
    // Two moments would be a silence; a row of them is none.
    let step = (i128::from(to) - i128::from(from)) / 16;
    let moments: Vec<i64> =
        (0..=16).map(|at| i64::try_from(i128::from(from) + step * at).unwrap_or(to)).collect();
    Scale::of(&moments, LEFT, RIGHT)
}
