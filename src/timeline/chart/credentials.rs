//! Who made what: the account, what it made that can act by itself, what these made in turn, and what became of it.

use super::{Chart, MARGIN, RIGHT, WIDTH, facts};
use crate::timeline::lane::{Does, Turn};
use crate::timeline::scene::Scene;
use crate::timeline::story::{Event, Fate, Story};
use crate::timeline::style::{self, BLACK, GREEN, GREY, PALE, RED, SMALL, STRIPE, STRONG, TINY, TITLE};

/// See the module.
pub const CHART: Chart = Chart { name: "credentials", title: "Who made which credential", draw };

const TOP: f64 = 58.0;
const ROW: f64 = 46.0;
const BOX: f64 = 38.0;
/// Most things shown.
const MOST: usize = 40;
/// Makers in a row from the account on.
const DEEPEST: usize = 4;
const COLUMNS: f64 = (DEEPEST + 1) as f64;
const COLUMN: f64 = (RIGHT - MARGIN) / COLUMNS;
const WIDE: f64 = COLUMN - 30.0;
/// Of what is made, those who log in.
const SOMEBODY: &[&str] = &["person", "invited person", "member"];
const NOT_SHUT: &str = "not known to be shut out";

/// Somebody or something that can act.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    name: String,
    /// What it is, and when it was made.
    about: String,
    /// What became of it, and whether it was shut out.
    fate: (String, bool),
    depth: usize,
    row: usize,
    maker: Option<usize>,
    level: Option<crate::rule::Level>,
}

fn draw(story: &Story) -> Result<Scene, String> {
    let (nodes, left_out) = graph(story);
    if nodes.len() < 2 {
        return Err(facts::none(
            story,
            facts::incident(story),
            "the account made no credential, person or factor in the incident, say the logs",
            "no credential, person or factor that the account made in the incident is known",
        ));
    }
    let rows = nodes.iter().map(|node| node.row + 1).max().unwrap_or(1);
    let mut scene = Scene::new(WIDTH, TOP + rows as f64 * ROW + 12.0);
    scene.text(CHART.title, MARGIN, 22.0, TITLE, BLACK);
    let ended = nodes.iter().filter(|node| node.maker.is_some() && node.fate.1).count();
    let more = if left_out > 0 { format!("; {left_out} more are not shown") } else { String::new() };
    let summary = format!(
        "{} made since the first suspicious moment, of which {ended} are known to be shut out{more}",
        nodes.len() - 1
    );
    scene.text(&summary, MARGIN, 40.0, SMALL, GREY);
    for node in &nodes {
        if let Some(maker) = node.maker.and_then(|maker| nodes.get(maker)) {
            edge(&mut scene, corner(maker), corner(node));
        }
    }
    for node in &nodes {
        draw_node(&mut scene, node);
    }
    Ok(scene)
}

fn corner(node: &Node) -> (f64, f64) {
    (MARGIN + node.depth as f64 * COLUMN, TOP + node.row as f64 * ROW)
}

/// From the right of the maker to the left of what it made, with a bend.
fn edge(scene: &mut Scene, maker: (f64, f64), made: (f64, f64)) {
    let (from, to) = ((maker.0 + WIDE, maker.1 + BOX / 2.0), (made.0, made.1 + BOX / 2.0));
    let bend = to.0 - 15.0;
    scene.line(from, (bend, from.1), 1.0, GREY);
    scene.line((bend, from.1), (bend, to.1), 1.0, GREY);
    scene.line((bend, to.1), (to.0 - 1.0, to.1), 1.0, GREY);
    scene.line((to.0 - 5.0, to.1 - 3.0), (to.0 - 1.0, to.1), 1.0, GREY);
    scene.line((to.0 - 5.0, to.1 + 3.0), (to.0 - 1.0, to.1), 1.0, GREY);
}

fn draw_node(scene: &mut Scene, node: &Node) {
    let (x, y) = corner(node);
    scene.block(x, y, WIDE, BOX, STRIPE);
    let side = match (&node.maker, node.fate.1) {
        (None, _) => BLACK,
        (Some(_), true) => GREEN,
        (Some(_), false) => RED,
    };
    scene.block(x, y, 3.0, BOX, side);
    let room = WIDE - 14.0;
    let left = if node.level.is_some() { 24.0 } else { 9.0 };
    if node.level.is_some() {
        style::mark(scene, x + 14.0, y + 8.5, node.level);
    }
    scene.text(&STRONG.fit(&node.name, WIDE - left - 5.0), x + left, y + 12.0, STRONG, BLACK);
    scene.text(&TINY.fit(&node.about, room), x + 9.0, y + 23.0, TINY, GREY);
    let ink = if node.fate.1 { GREEN } else { RED };
    let ink = if node.maker.is_none() && !node.fate.1 { PALE } else { ink };
    scene.text(&TINY.fit(&node.fate.0, room), x + 9.0, y + 34.0, TINY, ink);
}

/// Everything reachable from the account, each below its maker, and how many did not fit.
fn graph(story: &Story) -> (Vec<Node>, usize) {
    let since = story.start();
    let made: Vec<&Event> = story
        .own
        .iter()
        .chain(&story.others)
        .filter(|event| event.nanos >= since && !event.failed)
        .filter(|event| matches!(story.kind(event).does, Does::Makes(_)))
        .collect();
    let root = Node {
        name: story.account.clone(),
        about: "the account".to_owned(),
        fate: account_fate(story),
        depth: 0,
        row: 0,
        maker: None,
        level: None,
    };
    let mut nodes = vec![root];
    let (mut row, mut left_out) = (0, 0);
    grow(story, &made, 0, &mut nodes, &mut row, &mut left_out);
    (nodes, left_out)
}

/// Adds what the node made, and what that made.
fn grow(
    story: &Story,
    made: &[&Event],
    maker: usize,
    nodes: &mut Vec<Node>,
    row: &mut usize,
    left_out: &mut usize,
) {
    let Some((name, depth)) = nodes.get(maker).map(|node| (node.name.clone(), node.depth + 1)) else {
        return;
    };
    let by = |event: &&&Event| story.text(event.actor).eq_ignore_ascii_case(&name);
    let mut first = true;
    for event in made.iter().filter(by) {
        let child = node(story, event, depth, maker);
        if nodes.iter().any(|held| held.name == child.name && held.about == child.about) {
            continue;
        }
        if nodes.len() >= MOST || depth > DEEPEST {
            *left_out += 1;
            continue;
        }
        if !first {
            *row += 1;
        }
        first = false;
        let known = nodes.iter().any(|held| held.name.eq_ignore_ascii_case(&child.name));
        nodes.push(Node { row: *row, ..child });
        if !known {
            grow(story, made, nodes.len() - 1, nodes, row, left_out);
        }
    }
}

fn node(story: &Story, event: &Event, depth: usize, maker: usize) -> Node {
    let what = match story.kind(event).does {
        Does::Makes(what) => what,
        _ => "object",
    };
    let object = story.text(story.made(event));
    let name =
        if object.is_empty() { format!("{what} without a name in the log") } else { object.to_owned() };
    let about = format!("{what}, {}", story.clock.full(event.nanos));
    Node { fate: fate(story, event), name, about, depth, row: 0, maker: Some(maker), level: event.level }
}

/// What became of what an event made.
fn fate(story: &Story, event: &Event) -> (String, bool) {
    let made = story.made(event);
    let object = story.text(made);
    if object.is_empty() {
        return ("the log does not say what became of it".to_owned(), false);
    }
    if let Some(nanos) = story.gate.as_ref().and_then(|gate| gate.ended(object)) {
        return (format!("shut out by the lockdown, {}", story.clock.full(nanos)), true);
    }
    let about = |end: &Event| end.nanos >= event.nanos && (end.object == made || end.target == made);
    let told = |end: &Event| format!("{}, {}", story.words(end), story.clock.full(end.nanos));
    // Somebody is shut out by a block alone: who lost a session or a group comes again.
    let is_somebody = SOMEBODY.iter().any(|who| story.kind(event).does == Does::Makes(who));
    let is_end = |end: &Event| !is_somebody || matches!(end.turn(), Some(Turn::Shuts(_)));
    match story.fate(&is_end, &about) {
        Fate::Shut(end) => (told(end), true),
        Fate::TakenBack(_, back) => (format!("let in again, {}", story.clock.full(back.nanos)), false),
        Fate::Open => (NOT_SHUT.to_owned(), false),
    }
}

fn account_fate(story: &Story) -> (String, bool) {
    match (&story.key.contained, &story.key.taken_back) {
        (Some(moment), _) => (format!("contained, {}", story.clock.full(moment.nanos)), true),
        (None, Some(lifted)) => (format!("let in again, {}", story.clock.full(lifted.back.nanos)), false),
        (None, None) => (NOT_SHUT.to_owned(), false),
    }
}
