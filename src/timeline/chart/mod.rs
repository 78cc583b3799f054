//! The charts: one file each, one line in [`CHARTS`].

pub mod credentials;
pub mod facts;
pub mod flags;
pub mod key_lines;
pub mod lanes;
pub mod networks;
pub mod overview;
pub mod travel;
pub mod volume;
pub mod week;

use super::scene::Scene;
use super::story::Story;

/// Pixels of every chart from left to right.
pub const WIDTH: f64 = 1200.0;
/// Where what is drawn begins: names of lanes are to the left.
pub const LEFT: f64 = 132.0;
/// Where it ends.
pub const RIGHT: f64 = 1184.0;
/// The left margin.
pub const MARGIN: f64 = 16.0;

/// A chart.
#[derive(Debug)]
pub struct Chart {
    /// What `--chart` takes.
    pub name: &'static str,
    /// What it shows, for people.
    pub title: &'static str,
    /// Draws it, or says why there is nothing to draw.
    pub draw: fn(&Story) -> Result<Scene, String>,
}

/// Every chart, in the order of the page.
pub const CHARTS: &[Chart] = &[lanes::CHART, week::CHART, volume::CHART, travel::CHART, credentials::CHART];

/// The chart of that name.
pub fn find(name: &str) -> Option<&'static Chart> {
    CHARTS.iter().find(|chart| chart.name == name)
}
