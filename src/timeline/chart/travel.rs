//! Travel: how far the account was from where it usually is, and how fast it would have had to move.

use std::collections::{BTreeMap, BTreeSet};

use super::{Chart, LEFT, MARGIN, RIGHT, WIDTH, facts};
use crate::enrich::great_circle_km;
use crate::timeline::clock::{duration, grouped};
use crate::timeline::place::Taken;
use crate::timeline::scale::Scale;
use crate::timeline::scene::{Anchor, Bounds, Scene};
use crate::timeline::story::{Event, Story};
use crate::timeline::style::{BLACK, FAINT, GREY, PALE, RED, SMALL, STRONG, TINY, TITLE};

/// See the module.
pub const CHART: Chart = Chart { name: "travel", title: "Where the account was", draw };

const TOP: f64 = 66.0;
const HIGH: f64 = 190.0;
/// Faster than this is no travel: an airliner's cruise.
const FASTEST: f64 = 900.0;
/// Nearer than this is the same place: databases of addresses are no more exact.
const SAME: f64 = 50.0;
/// Most legs that are drawn, the fastest first.
const MOST: usize = 40;
/// Stays whose place is tried to be named: when so many were, there is no room left.
const TRIED: usize = 1_000;

/// A stay at a place.
#[derive(Debug, Clone, PartialEq)]
struct Stay {
    from: i64,
    to: i64,
    spot: (f64, f64),
    event: Event,
    count: u64,
}

/// A way between two stays.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Leg {
    from: usize,
    to: usize,
    km: f64,
    kmh: f64,
}

fn draw(story: &Story) -> Result<Scene, String> {
    let scale = Scale::of(&story.moments, LEFT, RIGHT);
    let home = home(story).ok_or("no event of the account has a location: give a database with --geo")?;
    let stays = stays(story, &scale);
    let legs = legs(&stays);
    if stays.is_empty() {
        return Err("no event of the account in the time of the incident has a location".to_owned());
    }
    let far = |stay: &Stay| great_circle_km(home, stay.spot);
    let most = stays.iter().map(far).fold(0.0, f64::max);
    if most < SAME {
        return Err("the account did not leave its usual place".to_owned());
    }
    let mut scene = Scene::new(WIDTH, TOP + HIGH + 40.0);
    scene.text(CHART.title, MARGIN, 22.0, TITLE, BLACK);
    scene.text(&summary(&legs), MARGIN, 40.0, SMALL, GREY);
    let base = TOP + HIGH;
    let y = |km: f64| base - HIGH * (km / most).clamp(0.0, 1.0);
    rings(&mut scene, most, &y);
    ticks(&mut scene, story, &scale, base);
    let x = |stay: &Stay, end: bool| {
        let nanos = if end { stay.to } else { stay.from };
        scale.x(nanos).unwrap_or(if nanos < scale.span().0 { LEFT } else { RIGHT })
    };
    let mut taken = Taken::default();
    let mut drawn: Vec<&Leg> = legs.iter().collect();
    drawn.sort_by(|one, other| other.kmh.total_cmp(&one.kmh));
    for leg in drawn.iter().take(MOST) {
        let (Some(from), Some(to)) = (stays.get(leg.from), stays.get(leg.to)) else { continue };
        let ends = ((x(from, true), y(far(from))), (x(to, false), y(far(to))));
        let fast = leg.kmh > FASTEST;
        scene.line(ends.0, ends.1, if fast { 2.0 } else { 0.75 }, if fast { RED } else { PALE });
    }
    // Stays that fall on the same spot of the chart are drawn once: there may be a million.
    let mut marks = BTreeSet::new();
    for stay in &stays {
        let (left, right, y) = (x(stay, false), x(stay, true), y(far(stay)));
        let half = |pixels: f64| (pixels / 2.0).round() as i64;
        if marks.insert((half(left), half(right), half(y))) {
            scene.block(left - 2.0, y - 2.0, right - left + 4.0, 4.0, BLACK);
        }
    }
    names(&mut scene, story, &stays, &mut taken, &|stay| (x(stay, false), y(far(stay))));
    for leg in drawn.iter().take(MOST).filter(|leg| leg.kmh > FASTEST) {
        let (Some(from), Some(to)) = (stays.get(leg.from), stays.get(leg.to)) else { continue };
        let middle = (f64::midpoint(x(from, true), x(to, false)), f64::midpoint(y(far(from)), y(far(to))));
        speed(&mut scene, leg, to.from.saturating_sub(from.to), middle, &mut taken);
    }
    Ok(scene)
}

/// Where most of the account's earlier events were; without any, where the first was.
fn home(story: &Story) -> Option<(f64, f64)> {
    let mut counts: BTreeMap<(i64, i64), (u64, (f64, f64))> = BTreeMap::new();
    let spots = |events: &[Event]| events.iter().filter_map(spot).collect::<Vec<_>>();
    let earlier = spots(story.before());
    let first = || story.own.iter().find_map(spot);
    for spot in &earlier {
        let cell = ((spot.0 * 10.0).round() as i64, (spot.1 * 10.0).round() as i64);
        counts.entry(cell).or_insert((0, *spot)).0 += 1;
    }
    let most = counts.into_values().max_by_key(|(count, _)| *count);
    most.map(|(_, spot)| spot).or_else(first)
}

fn spot(event: &Event) -> Option<(f64, f64)> {
    let (latitude, longitude) = event.spot.map(|(one, other)| (f64::from(one), f64::from(other)))?;
    let real = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    real.then_some((latitude, longitude))
}

/// The stays in the time of the chart, and the last one before.
fn stays(story: &Story, scale: &Scale) -> Vec<Stay> {
    let (from, to) = scale.span();
    let before = story.own.partition_point(|event| event.nanos < from);
    let earlier =
        story.own.get(..before).unwrap_or_default().iter().rev().find(|event| spot(event).is_some());
    let mut stays: Vec<Stay> = Vec::new();
    for event in earlier.into_iter().chain(story.within(from, to)) {
        let Some(spot) = spot(event) else { continue };
        match stays.last_mut().filter(|stay| great_circle_km(stay.spot, spot) < SAME) {
            Some(stay) => (stay.to, stay.count) = (event.nanos, stay.count + 1),
            None => stays.push(Stay { from: event.nanos, to: event.nanos, spot, event: *event, count: 1 }),
        }
    }
    stays
}

fn legs(stays: &[Stay]) -> Vec<Leg> {
    let leg = |(at, (one, other)): (usize, (&Stay, &Stay))| {
        let km = great_circle_km(one.spot, other.spot);
        let hours = (other.from.saturating_sub(one.to)) as f64 / 3.6e12;
        Leg { from: at, to: at + 1, km, kmh: km / hours.max(1.0 / 60.0) }
    };
    stays.iter().zip(stays.iter().skip(1)).enumerate().map(leg).collect()
}

fn summary(legs: &[Leg]) -> String {
    let fast = legs.iter().filter(|leg| leg.kmh > FASTEST).count();
    let told = match fast {
        0 => "no leg was faster than an airliner".to_owned(),
        1 => "one leg was faster than an airliner".to_owned(),
        many => format!("{} legs were faster than an airliner", grouped(many as u64)),
    };
    format!("{told} (900 km/h); places are those of addresses: a VPN or proxy moves them")
}

/// Lines at round distances.
fn rings(scene: &mut Scene, most: f64, y: &dyn Fn(f64) -> f64) {
    let steps = [100.0, 250.0, 500.0, 1000.0, 2000.0, 5000.0];
    let step = steps.into_iter().find(|step| most / step <= 5.0).unwrap_or(10_000.0);
    for at in 0..=(most / step) as u32 {
        let km = f64::from(at) * step;
        scene.line((LEFT, y(km)), (RIGHT, y(km)), 0.5, FAINT);
        let text = if at == 0 { "usual place".to_owned() } else { format!("{} km", grouped(km as u64)) };
        scene.label(&text, LEFT - 8.0, y(km) + 3.5, TINY, Anchor::End, GREY);
    }
}

fn ticks(scene: &mut Scene, story: &Story, scale: &Scale, base: f64) {
    let mut free = f64::NEG_INFINITY;
    for tick in scale.ticks(&story.clock, 46.0) {
        let half = TINY.width(&tick.text) / 2.0;
        scene.line((tick.x, base), (tick.x, base + 4.0), 0.5, GREY);
        if tick.x - half > free && tick.x + half < RIGHT + MARGIN {
            scene.label(&tick.text, tick.x, base + 15.0, TINY, Anchor::Middle, GREY);
            free = tick.x + half + 2.0;
        }
    }
    for silence in scale.breaks() {
        let text = duration(silence.to.saturating_sub(silence.from));
        let middle = f64::midpoint(silence.left, silence.right);
        scene.label(
            &TINY.fit(&text, silence.right - silence.left),
            middle,
            base + 27.0,
            TINY,
            Anchor::Middle,
            GREY,
        );
    }
}

/// Each place is named once.
fn names(
    scene: &mut Scene,
    story: &Story,
    stays: &[Stay],
    taken: &mut Taken,
    at: &dyn Fn(&Stay) -> (f64, f64),
) {
    let mut named: Vec<String> = Vec::new();
    for stay in stays.iter().take(TRIED) {
        let place = facts::place(story, &stay.event);
        let text = if place.is_empty() { format!("{:.1}, {:.1}", stay.spot.0, stay.spot.1) } else { place };
        if named.contains(&text) {
            continue;
        }
        let shown = STRONG.fit(&text, 320.0);
        let (width, (x, y)) = (STRONG.width(&shown), at(stay));
        let candidates = [(x, y - 6.0), (x - width, y - 6.0), (x, y + 14.0), (x - width, y + 14.0)];
        let candidates = candidates.map(|(x, y)| {
            (Bounds { left: x - 3.0, top: y - 10.0, right: x + width + 3.0, bottom: y + 4.0 }, (x, y))
        });
        let inside = candidates
            .into_iter()
            .filter(|(bounds, _)| bounds.left >= LEFT - 4.0 && bounds.right <= RIGHT + 8.0);
        if let Some((x, y)) = taken.first(inside) {
            scene.text(&shown, x, y, STRONG, BLACK);
            named.push(text);
        }
    }
}

fn speed(scene: &mut Scene, leg: &Leg, nanos: i64, (x, y): (f64, f64), taken: &mut Taken) {
    let km = grouped(leg.km.clamp(0.0, 1e9) as u64);
    let text = format!("{km} km in {}", duration(nanos));
    let width = SMALL.width(&text);
    let candidates = [(x + 8.0, y), (x - 8.0 - width, y), (x + 8.0, y + 16.0), (x - 8.0 - width, y - 16.0)];
    let candidates = candidates.map(|(x, y)| {
        (Bounds { left: x - 3.0, top: y - 9.0, right: x + width + 3.0, bottom: y + 4.0 }, (x, y))
    });
    let inside = candidates.into_iter().filter(|(bounds, _)| bounds.left >= LEFT && bounds.right <= RIGHT);
    if let Some((x, y)) = taken.first(inside) {
        scene.text(&text, x, y, SMALL, RED);
    }
}
