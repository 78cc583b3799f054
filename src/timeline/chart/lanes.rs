//! The first chart: what happened when, in lanes, and when the gate fell.

use foldhash::HashMap;

use super::flags::{BAR, Flag, Look, Rows};
use super::key_lines::KeyLines;
use super::networks::Networks;
use super::{Chart, LEFT, MARGIN, RIGHT, WIDTH, facts, overview};
use crate::output::LEVELS;
use crate::timeline::bucket::{Point, buckets, marks};
use crate::timeline::clock::{duration, grouped};
use crate::timeline::gate::Outcome;
use crate::timeline::lane::{Does, Kind, Lane, Line, Turn};
use crate::timeline::names::{Name, Names};
use crate::timeline::scale::Scale;
use crate::timeline::scene::{Anchor, Ink, Scene};
use crate::timeline::story::{Event, Story};
use crate::timeline::style::{
    self, BLACK, FAINT, GREEN, GREY, LEAD, PALE, SMALL, STRIPE, STRONG, TINY, WHITE,
};
use crate::timeline::text::Face;

/// See the module.
pub const CHART: Chart = Chart { name: "lanes", title: "What happened", draw };

/// The account's name.
const NAME: Face = Face::bold(20.0);
/// Events of one name nearer than this become one mark.
const NEAR: f64 = 26.0;
/// Lines that a fact may take.
const LINES: usize = 2;

/// A lane, laid out.
struct Laid {
    lane: Lane,
    rows: Rows,
    events: u64,
}

#[expect(clippy::unnecessary_wraps, reason = "every chart has this signature")]
fn draw(story: &Story) -> Result<Scene, String> {
    let mut scene = Scene::new(WIDTH, 0.0);
    let scale = Scale::of(&story.moments, LEFT, RIGHT);
    let top = head(&mut scene, story, &scale);
    overview::draw(&mut scene, story, &scale, top);
    let top = top + overview::HEIGHT;
    let key = KeyLines::of(&story.key, &scale, &story.clock, LEFT, RIGHT);
    let lanes_top = top + key.height();
    let lanes = lay_out(story, &scale);
    let bottom = lanes.iter().fold(lanes_top, |y, laid| y + laid.rows.height());
    grounds(&mut scene, &lanes, lanes_top);
    silences(&mut scene, story, &scale, lanes_top, bottom);
    let ticks_bottom = axis(&mut scene, story, &scale, lanes_top, bottom);
    key.draw_lines(&mut scene, top, bottom);
    key.draw_texts(&mut scene, top);
    let mut y = lanes_top;
    for (at, laid) in lanes.iter().enumerate() {
        laid.rows.draw(&mut scene, LEFT, y, ground(at));
        y += laid.rows.height();
    }
    let networks = Networks::of(story, &scale);
    networks.draw(&mut scene, story, ticks_bottom);
    scene.height = legend(&mut scene, ticks_bottom + networks.height() + 8.0);
    Ok(scene)
}

/// Name, zone and facts; gives where the next thing begins.
fn head(scene: &mut Scene, story: &Story, scale: &Scale) -> f64 {
    let (from, to) = scale.span();
    let zone = format!("times in {}", story.clock.name(from, to));
    scene.label(&zone, RIGHT, 28.0, SMALL, Anchor::End, GREY);
    let room = RIGHT - MARGIN - SMALL.width(&zone) - 24.0;
    scene.text(&NAME.fit(&story.account, room), MARGIN, 30.0, NAME, BLACK);
    let mut y = 54.0;
    for (about, text) in facts::facts(story) {
        scene.text(about, MARGIN, y, SMALL, GREY);
        for line in wrap(&text, LEAD, RIGHT - LEFT, LINES) {
            scene.text(&line, LEFT, y, LEAD, BLACK);
            y += 17.0;
        }
    }
    y + 6.0
}

/// Lines of a text, the last one shortened.
pub fn wrap(text: &str, face: Face, width: f64, lines: usize) -> Vec<String> {
    let mut wrapped: Vec<String> = vec![String::new()];
    let text = face.clean(text);
    for word in text.split(' ') {
        let full = wrapped.len() >= lines;
        let Some(line) = wrapped.last_mut() else { break };
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if full || line.is_empty() || face.width(&longer) <= width {
            *line = longer;
        } else {
            wrapped.push(word.to_owned());
        }
    }
    wrapped.iter().map(|line| face.fit(line, width)).collect()
}

fn lay_out(story: &Story, scale: &Scale) -> Vec<Laid> {
    let (from, to) = scale.span();
    let mut called = Called::default();
    let mut own: HashMap<Lane, Vec<Point>> = HashMap::default();
    for event in story.within(from, to) {
        let Some(x) = scale.x(event.nanos) else { continue };
        let kind = story.kind(event);
        let point = Point { x: x - LEFT, name: called.number(story, kind, event), level: event.level };
        own.entry(kind.lane).or_default().push(point);
    }
    let texts: Vec<&str> = called.names.all().map(|(_, text)| text).collect();
    let name = |number: u32| usize::try_from(number).ok().and_then(|at| texts.get(at).copied()).unwrap_or("");
    let mut lanes = Vec::new();
    for lane in Lane::ALL {
        let points = own.remove(&lane).unwrap_or_default();
        let joined = marks(&points, NEAR);
        let mut flags: Vec<Flag> = joined.iter().map(|mark| Flag::of(mark, name(mark.name), LEFT)).collect();
        if lane == Lane::Containment {
            flags.extend(countered(story, scale));
            flags.extend(acts(story, scale));
        }
        let events: u64 = flags.iter().map(|flag| flag.count).sum();
        if events > 0 || lane != Lane::Other {
            let rows = Rows::of(flags, buckets(&points, BAR), LEFT, RIGHT);
            lanes.push(Laid { lane, rows, events });
        }
    }
    lanes
}

/// What events are called, worked out once for all that are called the same.
#[derive(Default)]
struct Called {
    names: Names,
    known: HashMap<Like, u32>,
}

/// What makes events be called the same: type, kind, object, and whether they failed.
type Like = (Option<Name>, Option<&'static Line>, Option<Name>, bool);

impl Called {
    /// The number of an event's name: its type in words, what it was done to where that tells more, and whether it failed.
    fn number(&mut self, story: &Story, kind: Kind, event: &Event) -> u32 {
        let tells = matches!(kind.does, Does::Makes(_)) || kind.lane == Lane::People;
        let object = event.object.filter(|_| tells);
        let names = &mut self.names;
        *self.known.entry((event.action, event.line, object, event.failed)).or_insert_with(|| {
            let mut name = story.words(event);
            if let Some(object) = object {
                name = format!("{name}: {}", story.names.text(object));
            }
            if event.failed {
                name.push_str(" failed");
            }
            names.of(&name).map_or(0, Name::number)
        })
    }
}

/// What others did against the account and what it made, and what let it in again, as the logs have it.
fn countered(story: &Story, scale: &Scale) -> Vec<Flag> {
    let flag = |event: &Event| {
        let x = scale.x(event.nanos)?;
        let what = [event.object, event.target].into_iter().flatten().next();
        let how = match (event.failed, event.done, event.turn()) {
            (true, ..) => " failed",
            (false, _, Some(Turn::Lets(_))) => ": let in again",
            (false, false, _) => ": outcome not known",
            _ => "",
        };
        let name = format!("{} {} by {}{how}", story.words(event), story.text(what), story.text(event.actor));
        let holds = event.done && !matches!(event.turn(), Some(Turn::Lets(_)));
        Some(Flag { from: x, to: x, name, look: Look::Gate(holds), count: 1 })
    };
    story.countered.iter().chain(&story.let_in).filter_map(flag).collect()
}

/// What a lockdown did. Acts of one kind beside each other are one flag.
fn acts(story: &Story, scale: &Scale) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for act in story.gate.iter().flat_map(|gate| &gate.acts) {
        let Some(x) = scale.x(act.nanos) else { continue };
        let done = act.outcome == Outcome::Done;
        let name = match act.outcome {
            Outcome::Done => act.what.clone(),
            Outcome::Open => format!("{} not done", act.what),
            Outcome::Undone => format!("{} undone", act.what),
        };
        let same = |flag: &&mut Flag| flag.name == name && x - flag.to <= NEAR;
        match flags.iter_mut().find(same) {
            Some(flag) => (flag.to, flag.count) = (x, flag.count + 1),
            None => flags.push(Flag { from: x, to: x, name, look: Look::Gate(done), count: 1 }),
        }
    }
    flags
}

fn ground(at: usize) -> Ink {
    if at.is_multiple_of(2) { STRIPE } else { WHITE }
}

fn grounds(scene: &mut Scene, lanes: &[Laid], top: f64) {
    let mut y = top;
    for (at, laid) in lanes.iter().enumerate() {
        let height = laid.rows.height();
        scene.block(0.0, y, WIDTH, height, ground(at));
        scene.text(laid.lane.name(), MARGIN, y + 15.0, STRONG, if laid.events > 0 { BLACK } else { PALE });
        if laid.rows.unmarked > 0 {
            let text = format!("{} events", grouped(laid.events));
            scene.text(&TINY.fit(&text, LEFT - MARGIN - 8.0), MARGIN, y + 27.0, TINY, GREY);
        }
        y += height;
    }
}

/// Marks what is cut out: two upright lines, and how long and how full it is.
fn silences(scene: &mut Scene, story: &Story, scale: &Scale, top: f64, bottom: f64) {
    for silence in scale.breaks() {
        let (left, right) = (silence.left + 6.0, silence.right - 6.0);
        scene.block(left, top, right - left, bottom - top, WHITE);
        for x in [left, right] {
            scene.dashes((x, top), (x, bottom), 0.5, PALE);
        }
        let middle = f64::midpoint(left, right);
        let events = story.within(silence.from, silence.to).len() as u64;
        let lines = [duration(silence.to.saturating_sub(silence.from)), "cut out".to_owned()];
        for (text, y) in lines.iter().zip([bottom + 13.0, bottom + 25.0]) {
            scene.label(&TINY.fit(text, silence.right - silence.left), middle, y, TINY, Anchor::Middle, GREY);
        }
        if events > 0 {
            let text = TINY.fit(&format!("{} events", grouped(events)), right - left);
            scene.label(&text, middle, top + 14.0, TINY, Anchor::Middle, GREY);
        }
    }
}

/// Ticks with hair lines through the lanes; gives where the next thing begins.
fn axis(scene: &mut Scene, story: &Story, scale: &Scale, top: f64, bottom: f64) -> f64 {
    for piece in scale.pieces() {
        scene.block(piece.left, bottom, piece.right - piece.left, 0.5, GREY);
    }
    let mut free = f64::NEG_INFINITY;
    let mut day_free = f64::NEG_INFINITY;
    for tick in scale.ticks(&story.clock, 46.0) {
        scene.line((tick.x, top), (tick.x, bottom + 3.0), 0.5, FAINT);
        let half = TINY.width(&tick.text) / 2.0;
        if tick.x - half > free && tick.x + half < RIGHT + MARGIN {
            scene.label(&tick.text, tick.x, bottom + 13.0, TINY, Anchor::Middle, GREY);
            free = tick.x + half + 2.0;
        }
        if let Some(day) = tick.day.filter(|_| tick.x - 4.0 > day_free) {
            let x = tick.x - half;
            if x > day_free && x + TINY.width(&day) < next_break(scale, tick.x) {
                scene.text(&day, x, bottom + 25.0, TINY, BLACK);
                day_free = x + TINY.width(&day) + 4.0;
            }
        }
    }
    bottom + 32.0
}

/// Where the piece that has `x` ends: texts of silences are beyond.
fn next_break(scale: &Scale, x: f64) -> f64 {
    let ends = scale.breaks().map(|silence| silence.left).filter(|left| *left > x);
    ends.fold(WIDTH, f64::min)
}

/// What marks mean; gives where the chart ends.
fn legend(scene: &mut Scene, top: f64) -> f64 {
    let y = top + 8.0;
    let mut x = MARGIN;
    let mut entry = |scene: &mut Scene, text: &str, draw: &dyn Fn(&mut Scene, f64, f64)| {
        draw(scene, x + 5.0, y);
        scene.text(text, x + 14.0, y + 3.5, TINY, GREY);
        x += 14.0 + TINY.width(text) + 14.0;
    };
    for level in LEVELS {
        entry(scene, style::word(level), &|scene, x, y| style::mark(scene, x, y, Some(level)));
    }
    entry(scene, "event without a finding", &|scene, x, y| style::mark(scene, x, y, None));
    entry(scene, "act against the account", &|scene, x, y| style::gate_mark(scene, x, y, true));
    entry(scene, "the same, not done", &|scene, x, y| style::gate_mark(scene, x, y, false));
    entry(scene, "contained", &|scene, x, y| scene.line((x, y - 5.0), (x, y + 5.0), 2.5, GREEN));
    y + 16.0
}
