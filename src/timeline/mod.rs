//! Charts of an incident.
//!
//! [`Story`] is what is known; each chart is a function from it to a [`scene::Scene`], or to the reason why there is nothing to
//! draw; [`page`] puts scenes together and writes them. Nothing here reads a clock, a system's font or anything else that
//! differs between two runs.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixels: what is drawn is clamped first, and a fraction of a pixel does not show"
)]

pub mod bucket;
pub mod chart;
pub mod clock;
pub mod gate;
pub mod gather;
mod kinds;
pub mod lane;
pub mod mark;
pub mod names;
pub mod page;
pub mod place;
pub mod scale;
pub mod scene;
pub mod story;
pub mod style;
#[cfg(test)]
pub(crate) mod tests;
pub mod text;

pub use gate::Gate;
pub use story::{Event, Gathered, Story};
