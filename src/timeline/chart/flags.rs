//! The rows of a lane: a mark at its time and its name beside it, or bars where there are too many.

use crate::rule::Level;
use crate::timeline::bucket::{Bucket, Mark};
use crate::timeline::clock::grouped;
use crate::timeline::place::Taken;
use crate::timeline::scene::{Bounds, Ink, Scene};
use crate::timeline::style::{self, BLACK, GREY, MARK, SMALL, STRONG};
use crate::timeline::text::Face;

/// Height of a row.
pub const ROW: f64 = 15.0;
/// Height of a strip of bars.
pub const STRIP: f64 = 24.0;
/// Most rows of a lane.
const ROWS: usize = 7;
/// Most marks of a lane; beyond that the lane has bars, and the most serious marks alone have a name.
pub const MANY: usize = 40;
/// A name that is shortened below this says nothing.
const SHORTEST: f64 = 46.0;

/// What a mark looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Look {
    /// An event of the account.
    Event(Option<Level>),
    /// An act against it, done or not.
    Gate(bool),
}

/// A mark with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// Where the first event is.
    pub from: f64,
    /// Where the last one is.
    pub to: f64,
    /// What it is called.
    pub name: String,
    /// Its mark.
    pub look: Look,
    /// Events that it stands for.
    pub count: u64,
}

/// A flag that has its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    flag: Flag,
    row: usize,
    /// The name as it is drawn and where it begins; `None` where there is no room for it.
    text: Option<(String, f64)>,
}

/// Everything of a lane, laid out.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_field_names, reason = "it is the number of rows")]
pub struct Rows {
    placed: Vec<Placed>,
    bars: Vec<Bucket>,
    rows: usize,
    /// Events that have no mark, since the lane has no room for it: they are in bars.
    pub unmarked: u64,
}

impl Flag {
    /// Of a mark whose events are called `name`.
    pub fn of(mark: &Mark, name: &str, left: f64) -> Self {
        let look = Look::Event(mark.level);
        Self { from: left + mark.from, to: left + mark.to, name: name.to_owned(), look, count: mark.count }
    }

    fn face(&self) -> (Face, Ink) {
        match self.look {
            Look::Event(Some(Level::High | Level::Critical)) => (STRONG, BLACK),
            Look::Event(Some(Level::Medium | Level::Low)) => (SMALL, BLACK),
            Look::Event(_) => (SMALL, GREY),
            Look::Gate(_) => (STRONG, style::GREEN),
        }
    }

    fn weight(&self) -> (u8, u64) {
        let level = match self.look {
            Look::Gate(_) => 6,
            Look::Event(None) => 0,
            Look::Event(Some(level)) => 1 + level as u8,
        };
        (level, self.count)
    }

    fn text(&self) -> String {
        if self.count > 1 { format!("{} ×{}", self.name, grouped(self.count)) } else { self.name.clone() }
    }
}

impl Rows {
    /// Puts flags into rows between `left` and `right`. `bars` are drawn where there are more than [`MANY`] flags.
    pub fn of(mut flags: Vec<Flag>, bars: Vec<Bucket>, left: f64, right: f64) -> Self {
        let many = flags.len() > MANY;
        let all: u64 = flags.iter().map(|flag| flag.count).sum();
        if many {
            // The most serious; of equal ones the first.
            flags.sort_by(|one, other| {
                other.weight().cmp(&one.weight()).then(one.from.total_cmp(&other.from))
            });
            flags.retain(|flag| flag.weight().0 > 0);
            flags.truncate(MANY / 2);
        }
        flags.sort_by(|one, other| one.from.total_cmp(&other.from).then(one.name.cmp(&other.name)));
        let mut taken = Taken::default();
        let placed: Vec<Placed> =
            flags.into_iter().filter_map(|flag| place(flag, &mut taken, left, right, !many)).collect();
        let rows = placed.iter().map(|placed| placed.row + 1).max().unwrap_or(0);
        let marked: u64 = placed.iter().map(|placed| placed.flag.count).sum();
        let unmarked = all - marked.min(all);
        let bars = if unmarked > 0 || many { bars } else { Vec::new() };
        Self { placed, bars, rows, unmarked }
    }

    /// How high the lane is.
    pub fn height(&self) -> f64 {
        let strip = if self.bars.is_empty() { 0.0 } else { STRIP + 4.0 };
        (strip + self.rows as f64 * ROW + 8.0).max(ROW + 8.0)
    }

    /// Events that marks stand for.
    pub fn marked(&self) -> u64 {
        self.placed.iter().map(|placed| placed.flag.count).sum()
    }

    /// Draws the lane from `top` down; `ground` is its background, which keeps lines out of names.
    pub fn draw(&self, scene: &mut Scene, left: f64, top: f64, ground: Ink) {
        let mut y = top + 4.0;
        if !self.bars.is_empty() {
            strip(scene, &self.bars, left, y + STRIP);
            y += STRIP + 4.0;
        }
        for placed in &self.placed {
            let middle = y + placed.row as f64 * ROW + ROW / 2.0;
            let flag = &placed.flag;
            let (face, ink) = flag.face();
            if let Some((text, x)) = &placed.text {
                let width = face.width(text);
                scene.block(*x - 1.0, middle - 6.5, width + 2.0, 13.0, ground);
                scene.text(text, *x, middle + 3.8, face, ink);
            }
            let color = match flag.look {
                Look::Event(level) => style::ink(level),
                Look::Gate(_) => style::GREEN,
            };
            if flag.to - flag.from > 1.0 {
                scene.block(flag.from, middle - 0.75, flag.to - flag.from, 1.5, color);
                draw_mark(scene, flag.to, middle, flag.look);
            }
            draw_mark(scene, flag.from, middle, flag.look);
        }
    }
}

fn draw_mark(scene: &mut Scene, x: f64, y: f64, look: Look) {
    match look {
        Look::Event(level) => style::mark(scene, x, y, level),
        Look::Gate(done) => style::gate_mark(scene, x, y, done),
    }
}

/// The first row with room for mark and name, to its right or left; then with a shortened name; then for the mark alone
/// where `bare` allows it.
fn place(flag: Flag, taken: &mut Taken, left: f64, right: f64, bare: bool) -> Option<Placed> {
    const GAP: f64 = 4.0;
    let (face, _) = flag.face();
    let text = face.clean(&flag.text());
    let (start, end) = (flag.from - MARK / 2.0, flag.to + MARK / 2.0);
    let bounds = |row: usize, left: f64, right: f64| Bounds {
        left,
        top: row as f64 * ROW,
        right: right + 3.0,
        bottom: (row + 1) as f64 * ROW,
    };
    let width = face.width(&text);
    let beside = (0..ROWS).flat_map(|row| {
        let after = (bounds(row, start, end + GAP + width), (row, Some((text.clone(), end + GAP))));
        let before =
            (bounds(row, start - GAP - width, end), (row, Some((text.clone(), start - GAP - width))));
        [after, before]
    });
    let inside = |(bounds, _): &(Bounds, _)| bounds.left >= left && bounds.right <= right;
    let mut found = taken.first(beside.filter(inside));
    if found.is_none() {
        let shorter =
            [0.7, 0.5, 0.35].into_iter().map(|share| (width * share).max(SHORTEST)).flat_map(|most| {
                let text = face.fit(&text, most);
                let wide = face.width(&text);
                (0..ROWS).map(move |row| {
                    (bounds(row, start, end + GAP + wide), (row, Some((text.clone(), end + GAP))))
                })
            });
        found = taken.first(shorter.filter(inside));
    }
    if found.is_none() && bare {
        found = taken.first((0..ROWS).map(|row| (bounds(row, start, end), (row, None))));
    }
    found.map(|(row, text)| Placed { flag, row, text })
}

/// Bars on a base line, as high as the logarithm of their count, the share with findings in the colour of its level.
fn strip(scene: &mut Scene, bars: &[Bucket], left: f64, base: f64) {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1) as f64;
    let high = |count: u64| (STRIP * (count as f64).ln_1p() / most.ln_1p()).max(1.5);
    for bar in bars {
        let x = left + bar.x;
        scene.block(x, base - high(bar.count), BAR - 1.0, high(bar.count), style::PALE);
        if bar.found > 0 {
            scene.block(x, base - high(bar.found), BAR - 1.0, high(bar.found), style::ink(bar.level));
        }
    }
}

/// Pixels of a bar.
pub const BAR: f64 = 4.0;
