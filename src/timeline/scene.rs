//! A drawing as data: shapes and labels in pixels, which any backend of plotters can paint.
//!
//! Charts make scenes, and know no backend. What is painted is the same whether it becomes SVG or pixels, and a test can ask a
//! scene where its labels are.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle, TextStyle};

use super::text::{FAMILY, Face};

/// Painted pixels for each pixel of a scene: enough for print, and for places between pixels.
pub const SCALE: u32 = 2;
/// Coordinates beyond this are drawn here: no input makes a backend count to a billion.
const FARTHEST: f64 = 20_000.0;
/// plotters' SVG gives a text this share of its size as font size.
const PLOTTERS_SIZE: f64 = 1.24;
/// And puts a text anchored at its top this share of the font size above its base line.
const PLOTTERS_TOP: f64 = 0.76;

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ink(pub u8, pub u8, pub u8, pub f64);

impl Ink {
    /// Opaque.
    pub const fn solid(red: u8, green: u8, blue: u8) -> Self {
        Self(red, green, blue, 1.0)
    }

    fn color(self) -> RGBAColor {
        RGBAColor(self.0, self.1, self.2, self.3)
    }
}

/// Which end of a label is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A text. It was made harmless by [`Face::fit`] or [`Face::clean`].
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// What it says.
    pub text: String,
    /// Where its anchor is.
    pub x: f64,
    /// Where its base line is.
    pub y: f64,
    /// How it is set.
    pub face: Face,
    /// Which part of it is at `x`.
    pub anchor: Anchor,
    /// Its colour.
    pub ink: Ink,
}

/// A box: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The left edge.
    pub left: f64,
    /// The upper edge.
    pub top: f64,
    /// The right edge.
    pub right: f64,
    /// The lower edge.
    pub bottom: f64,
}

impl Bounds {
    /// Whether the two have more than an edge in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

impl Label {
    /// The most room that it takes.
    pub fn bounds(&self) -> Bounds {
        let width = self.face.width(&self.text);
        let left = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - width / 2.0,
            Anchor::End => self.x - width,
        };
        let (top, bottom) = (self.y - self.face.rise(), self.y + self.face.fall());
        Bounds { left, top, right: left + width, bottom }
    }
}

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A filled rectangle: left, top, width, height.
    Block(f64, f64, f64, f64, Ink),
    /// A line through points, so wide.
    Line(Vec<(f64, f64)>, f64, Ink),
    /// A filled polygon.
    Area(Vec<(f64, f64)>, Ink),
    /// A filled circle: centre and radius.
    Disc(f64, f64, f64, Ink),
    /// A text.
    Text(Label),
}

/// A drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub height: f64,
    /// In the order in which they are painted.
    pub items: Vec<Item>,
}

/// How a backend takes what plotters' backends take differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// It has texts of its own.
    Vectors,
    /// Letters are drawn pixel by pixel, and corners belong to what they bound.
    Pixels,
}

impl Scene {
    /// An empty one.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, items: Vec::new() }
    }

    /// A filled rectangle.
    pub fn block(&mut self, x: f64, y: f64, width: f64, height: f64, ink: Ink) {
        self.items.push(Item::Block(x, y, width, height, ink));
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), width: f64, ink: Ink) {
        self.items.push(Item::Line(vec![from, to], width, ink));
    }

    /// A dashed line, straight up or across.
    pub fn dashes(&mut self, from: (f64, f64), to: (f64, f64), width: f64, ink: Ink) {
        const DASH: f64 = 4.0;
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        if !length.is_finite() || length <= 0.0 {
            return;
        }
        let at = |far: f64| {
            let share = (far / length).min(1.0);
            (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
        };
        let mut far = 0.0;
        while far < length {
            self.line(at(far), at(far + DASH), width, ink);
            far += 2.0 * DASH;
        }
    }

    /// A text, which begins at `x`.
    pub fn text(&mut self, text: &str, x: f64, y: f64, face: Face, ink: Ink) {
        self.label(text, x, y, face, Anchor::Start, ink);
    }

    /// A text.
    pub fn label(&mut self, text: &str, x: f64, y: f64, face: Face, anchor: Anchor, ink: Ink) {
        let text = face.clean(text);
        self.items.push(Item::Text(Label { text, x, y, face, anchor, ink }));
    }

    /// Its texts.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.items.iter().filter_map(|item| match item {
            Item::Text(label) => Some(label),
            _ => None,
        })
    }

    /// Puts another one in, so far down.
    pub fn put(&mut self, other: Self, down: f64) {
        let lower = |points: Vec<(f64, f64)>| points.into_iter().map(|(x, y)| (x, y + down)).collect();
        self.items.extend(other.items.into_iter().map(|item| match item {
            Item::Block(x, y, width, height, ink) => Item::Block(x, y + down, width, height, ink),
            Item::Line(points, width, ink) => Item::Line(lower(points), width, ink),
            Item::Area(points, ink) => Item::Area(lower(points), ink),
            Item::Disc(x, y, radius, ink) => Item::Disc(x, y + down, radius, ink),
            Item::Text(label) => Item::Text(Label { y: label.y + down, ..label }),
        }));
    }

    /// The size in painted pixels.
    pub fn painted_size(&self) -> (u32, u32) {
        let size = |pixels: f64| (pixels.clamp(1.0, FARTHEST) * f64::from(SCALE)).ceil() as u32;
        (size(self.width), size(self.height))
    }
}

type Painted<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Paints a scene.
///
/// # Errors
/// The backend's own.
pub fn paint<B: DrawingBackend>(scene: &Scene, on: &DrawingArea<B, Shift>, medium: Medium) -> Painted<B> {
    for item in &scene.items {
        match item {
            Item::Block(x, y, width, height, ink) => block(on, (*x, *y, *width, *height), *ink, medium)?,
            Item::Line(points, width, ink) => {
                let stroke = (width * f64::from(SCALE)).round().clamp(1.0, 100.0) as u32;
                let style = ShapeStyle { color: ink.color(), filled: false, stroke_width: stroke };
                let points = places(points);
                if points.len() > 1 {
                    on.draw(&PathElement::new(points, style))?;
                }
            }
            Item::Area(points, ink) => {
                let points = places(points);
                if points.len() > 2 {
                    on.draw(&Polygon::new(points, ink.color()))?;
                }
            }
            Item::Disc(x, y, radius, ink) => {
                if let (Some(centre), true) = (place(*x, *y), radius.is_finite()) {
                    let radius = (radius * f64::from(SCALE)).clamp(0.0, FARTHEST) as i32;
                    on.draw(&Circle::new(centre, radius, ShapeStyle::from(&ink.color()).filled()))?;
                }
            }
            Item::Text(label) => write(on, label, medium)?,
        }
    }
    Ok(())
}

fn block<B: DrawingBackend>(
    on: &DrawingArea<B, Shift>,
    (x, y, width, height): (f64, f64, f64, f64),
    ink: Ink,
    medium: Medium,
) -> Painted<B> {
    let (Some(from), Some(to)) = (place(x, y), place(x + width, y + height)) else { return Ok(()) };
    let (right, bottom) = (to.0.max(from.0 + 1), to.1.max(from.1 + 1));
    let inner = i32::from(medium == Medium::Pixels);
    let style = ShapeStyle::from(&ink.color()).filled();
    on.draw(&Rectangle::new([from, (right - inner, bottom - inner)], style))
}

fn write<B: DrawingBackend>(on: &DrawingArea<B, Shift>, label: &Label, medium: Medium) -> Painted<B> {
    let face = Face { size: label.face.size * f64::from(SCALE), ..label.face };
    match medium {
        Medium::Vectors => {
            let down = face.size * PLOTTERS_TOP / f64::from(SCALE);
            let Some(at) = place(label.x, label.y - down) else { return Ok(()) };
            let style = if face.bold { FontStyle::Bold } else { FontStyle::Normal };
            let font = FontDesc::new(FontFamily::Name(FAMILY), face.size * PLOTTERS_SIZE, style);
            let side = match label.anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let style = TextStyle::from(font).pos(Pos::new(side, VPos::Top));
            on.draw_text(&label.text, &style.color(&label.ink.color()), at)
        }
        Medium::Pixels => {
            let Some((x, y)) = place(label.x, label.y) else { return Ok(()) };
            let width = face.exact_width(&label.text);
            let left = match label.anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => width / 2.0,
                Anchor::End => width,
            };
            let mut result = Ok(());
            face.pixels(&label.text, f64::from(x) - left, f64::from(y), &mut |x, y, covered| {
                if result.is_ok() && covered > 0.0 {
                    let Ink(red, green, blue, alpha) = label.ink;
                    result = on.draw_pixel((x, y), &RGBAColor(red, green, blue, alpha * covered));
                }
            });
            result
        }
    }
}

/// Where a point is painted; `None` where it is nowhere.
fn place(x: f64, y: f64) -> Option<(i32, i32)> {
    let at = |value: f64| {
        let value = value * f64::from(SCALE);
        value.is_finite().then(|| value.round().clamp(-FARTHEST, FARTHEST) as i32)
    };
    Some((at(x)?, at(y)?))
}

/// The same for many, without repetitions.
fn places(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    let mut places: Vec<_> = points.iter().filter_map(|&(x, y)| place(x, y)).collect();
    places.dedup();
    places
}
