//! The upright lines of the key moments: first suspicious, detected, contained, and how long it took.

use crate::timeline::clock::{Clock, duration};
use crate::timeline::place::Taken;
use crate::timeline::scale::Scale;
use crate::timeline::scene::{Anchor, Bounds, Ink, Label, Scene};
use crate::timeline::story::{Key, Moment};
use crate::timeline::style::{BLACK, BLUE, GREEN, GREY, RED, SMALL, STRONG};

/// Height of a row of texts.
const ROW: f64 = 14.0;

/// The lines of a story, laid out.
#[derive(Debug)]
pub struct KeyLines {
    lines: Vec<Line>,
    spans: Vec<Span>,
    rows: usize,
}

#[derive(Debug)]
struct Line {
    x: f64,
    ink: Ink,
    heavy: bool,
    label: Label,
}

#[derive(Debug)]
struct Span {
    from: f64,
    to: f64,
    text: String,
    row: usize,
}

impl KeyLines {
    /// Lays out what is on the scale.
    pub fn of(key: &Key, scale: &Scale, clock: &Clock, left: f64, right: f64) -> Self {
        let named = [
            (&key.suspicious, "first suspicious", RED, false),
            (&key.detected, "detected", BLUE, false),
            (&key.contained, "contained", GREEN, true),
        ];
        let mut taken = Taken::default();
        let mut lines = Vec::new();
        for (moment, name, ink, heavy) in named {
            let Some((moment, x)) = moment.as_ref().and_then(|at| Some((at, scale.x(at.nanos)?))) else {
                continue;
            };
            let text = format!("{name} {}", clock.minute(moment.nanos));
            if let Some(label) = label(&text, x, ink, &mut taken, left, right) {
                lines.push(Line { x, ink, heavy, label });
            }
        }
        let named = lines.iter().map(|line| rows_of(&line.label)).max().unwrap_or(0);
        let (spans, used) = spans(key, scale, named);
        Self { lines, spans, rows: named + used }
    }

    /// How high the texts above the lanes are.
    pub fn height(&self) -> f64 {
        self.rows as f64 * ROW + 6.0
    }

    /// Draws the lines down to `bottom`, behind what comes later.
    pub fn draw_lines(&self, scene: &mut Scene, top: f64, bottom: f64) {
        for line in &self.lines {
            let from = (line.x, top + line.label.y + 3.0);
            if line.heavy {
                scene.line(from, (line.x, bottom), 2.5, line.ink);
                // The teeth of the gate.
                for at in 0..3 {
                    let y = bottom - 1.0 - f64::from(at) * 5.0;
                    scene.line((line.x - 3.5, y - 3.5), (line.x, y), 1.0, line.ink);
                    scene.line((line.x + 3.5, y - 3.5), (line.x, y), 1.0, line.ink);
                }
            } else {
                scene.dashes(from, (line.x, bottom), 1.5, line.ink);
            }
        }
    }

    /// Draws the texts from `top` down.
    pub fn draw_texts(&self, scene: &mut Scene, top: f64) {
        for span in &self.spans {
            let y = top + span.row as f64 * ROW + 7.0;
            scene.line((span.from, y), (span.to, y), 0.5, GREY);
            for (x, inward) in [(span.from, 4.0), (span.to, -4.0)] {
                scene.line((x, y), (x + inward, y - 2.5), 0.5, GREY);
                scene.line((x, y), (x + inward, y + 2.5), 0.5, GREY);
            }
            let (middle, width) = (f64::midpoint(span.from, span.to), SMALL.width(&span.text));
            scene.block(middle - width / 2.0 - 3.0, y - 6.0, width + 6.0, 12.0, super::super::style::WHITE);
            scene.label(&span.text, middle, y + 3.8, SMALL, Anchor::Middle, BLACK);
        }
        for line in &self.lines {
            let Label { text, x, y, face, anchor, ink } = &line.label;
            scene.label(text, *x, top + y, *face, *anchor, *ink);
        }
    }
}

/// The name of a line in the first row with room, to the right of it or to the left. Its `y` is the row's.
fn label(text: &str, x: f64, ink: Ink, taken: &mut Taken, left: f64, right: f64) -> Option<Label> {
    let candidates = (0..3).flat_map(|row| {
        let y = f64::from(row) * ROW + 10.0;
        [(Anchor::Start, x - 2.0), (Anchor::End, x + 2.0)].map(|(anchor, x)| {
            let text = STRONG.clean(text);
            let label = Label { text, x, y, face: STRONG, anchor, ink };
            let bounds = label.bounds();
            (Bounds { left: bounds.left - 4.0, right: bounds.right + 4.0, ..bounds }, label)
        })
    });
    let inside = |(bounds, _): &(Bounds, Label)| bounds.left >= left - 8.0 && bounds.right <= right + 8.0;
    taken.first(candidates.filter(inside))
}

fn rows_of(label: &Label) -> usize {
    (label.y / ROW) as usize + 1
}

/// Durations between the moments, as measures below the names. One that is too narrow for its text is left out; the facts
/// above the chart say it anyway.
fn spans(key: &Key, scale: &Scale, below: usize) -> (Vec<Span>, usize) {
    let measures = [
        (&key.suspicious, &key.detected, "to detect"),
        (&key.detected, &key.contained, "to contain"),
        (&key.suspicious, &key.contained, "until contained"),
    ];
    let mut spans: Vec<Span> = Vec::new();
    let mut rows = 0;
    let place = |moment: &Option<Moment>| {
        moment.as_ref().and_then(|moment| Some((moment.nanos, scale.x(moment.nanos)?)))
    };
    for (at, (from, to, what)) in measures.into_iter().enumerate() {
        let (Some((start, left)), Some((end, right))) = (place(from), place(to)) else { continue };
        if end < start {
            continue;
        }
        let text = format!("{} {what}", duration(end - start));
        if right - left < SMALL.width(&text) + 24.0 {
            continue;
        }
        // The whole is below its parts.
        let row = usize::from(at == 2 && rows > 0);
        rows = rows.max(row + 1);
        spans.push(Span { from: left, to: right, text, row: below + row });
    }
    (spans, rows)
}
