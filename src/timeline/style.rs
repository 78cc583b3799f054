//! Colours, shapes and faces of all charts.
//!
//! Colours are those of Okabe and Ito, which colour-blind people tell apart. Levels differ in shape, size and shade too, so
//! that they can be told apart in a grey print.

use super::scene::{Ink, Item, Scene};
use super::text::Face;
use crate::rule::Level;

/// Titles of charts.
pub const TITLE: Face = Face::bold(15.0);
/// Text that is read first.
pub const LEAD: Face = Face::regular(12.5);
/// Labels.
pub const SMALL: Face = Face::regular(10.5);
/// Labels that matter.
pub const STRONG: Face = Face::bold(10.5);
/// Ticks and notes.
pub const TINY: Face = Face::regular(9.5);

/// Text.
pub const BLACK: Ink = Ink::solid(0x1c, 0x1c, 0x1c);
/// Text that is not read first.
pub const GREY: Ink = Ink::solid(0x5f, 0x5f, 0x5f);
/// What is ordinary.
pub const PALE: Ink = Ink::solid(0xb4, 0xb4, 0xb4);
/// Lines of a grid.
pub const FAINT: Ink = Ink::solid(0xdd, 0xdd, 0xdd);
/// The background of every other lane.
pub const STRIPE: Ink = Ink::solid(0xf5, 0xf5, 0xf3);
/// The page.
pub const WHITE: Ink = Ink::solid(0xff, 0xff, 0xff);
/// Containment.
pub const GREEN: Ink = Ink::solid(0x00, 0x70, 0x54);
/// Detection.
pub const BLUE: Ink = Ink::solid(0x00, 0x72, 0xb2);
/// What an attacker does.
pub const RED: Ink = Ink::solid(0xd5, 0x5e, 0x00);

const SKY: Ink = Ink::solid(0x56, 0xb4, 0xe9);
const AMBER: Ink = Ink::solid(0xe6, 0x9f, 0x00);

/// How many pixels a mark is wide at most.
pub const MARK: f64 = 10.0;

/// The colour of a level.
pub fn ink(level: Option<Level>) -> Ink {
    match level {
        None => PALE,
        Some(Level::Informational) => GREY,
        Some(Level::Low) => SKY,
        Some(Level::Medium) => AMBER,
        Some(Level::High) => RED,
        Some(Level::Critical) => BLACK,
    }
}

/// Draws the mark of a level: none a small dot, informational a ring, low a disc, medium a triangle, high a diamond,
/// critical a square.
pub fn mark(scene: &mut Scene, x: f64, y: f64, level: Option<Level>) {
    let ink = ink(level);
    match level {
        None => scene.items.push(Item::Disc(x, y, 2.0, ink)),
        Some(Level::Informational) => {
            scene.items.push(Item::Disc(x, y, 3.0, ink));
            scene.items.push(Item::Disc(x, y, 1.5, WHITE));
        }
        Some(Level::Low) => scene.items.push(Item::Disc(x, y, 3.5, ink)),
        Some(Level::Medium) => polygon(scene, &[(x, y - 4.5), (x + 4.5, y + 3.5), (x - 4.5, y + 3.5)], ink),
        Some(Level::High) => {
            polygon(scene, &[(x, y - 5.0), (x + 5.0, y), (x, y + 5.0), (x - 5.0, y)], ink);
        }
        Some(Level::Critical) => scene.block(x - 4.5, y - 4.5, 9.0, 9.0, ink),
    }
}

fn polygon(scene: &mut Scene, points: &[(f64, f64)], ink: Ink) {
    scene.items.push(Item::Area(points.to_vec(), ink));
}

/// Draws the mark of an act that shuts something out: a pointed bar, as of a gate.
pub fn gate_mark(scene: &mut Scene, x: f64, y: f64, done: bool) {
    let points =
        [(x - 4.0, y - 4.5), (x + 4.0, y - 4.5), (x + 4.0, y + 0.5), (x, y + 4.5), (x - 4.0, y + 0.5)];
    polygon(scene, &points, GREEN);
    if !done {
        let inner =
            [(x - 2.5, y - 3.0), (x + 2.5, y - 3.0), (x + 2.5, y + 0.0), (x, y + 2.5), (x - 2.5, y + 0.0)];
        polygon(scene, &inner, WHITE);
    }
}

/// The word for a level.
pub fn word(level: Level) -> &'static str {
    match level {
        Level::Informational => "informational",
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
        Level::Critical => "critical",
    }
}
