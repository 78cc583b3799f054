//! Bands below the lanes: when the account was seen at which address.

use std::collections::BTreeMap;

use super::facts;
use super::{LEFT, MARGIN, RIGHT};
use crate::rule::Level;
use crate::timeline::clock::grouped;
use crate::timeline::names::Name;
use crate::timeline::scale::Scale;
use crate::timeline::scene::{Ink, Scene};
use crate::timeline::story::{Event, Story};
use crate::timeline::style::{BLACK, GREY, PALE, RED, SMALL, STRONG, TINY};

/// Height of a band with its room.
const ROW: f64 = 17.0;
/// Most addresses that have a band.
const MOST: usize = 6;
/// Events nearer than this are of one stay.
const NEAR: f64 = 8.0;

/// An address and when it was seen.
#[derive(Debug, Clone, PartialEq)]
struct Band {
    address: Name,
    place: String,
    new: bool,
    found: u64,
    count: u64,
    stays: Vec<(f64, f64)>,
}

/// All bands, laid out.
#[derive(Debug, Default)]
pub struct Networks {
    bands: Vec<Band>,
    /// Addresses that have no band, and their events.
    left_out: (usize, u64),
}

impl Networks {
    /// Of the account's events on the scale.
    pub fn of(story: &Story, scale: &Scale) -> Self {
        let (from, to) = scale.span();
        let usual: foldhash::HashSet<Name> =
            story.before().iter().filter_map(|event| event.address).collect();
        let mut bands: BTreeMap<Name, (Band, Option<Event>)> = BTreeMap::new();
        for event in story.within(from, to) {
            let Some((address, x)) = event.address.zip(scale.x(event.nanos)) else { continue };
            let (band, about) = bands.entry(address).or_insert_with(|| {
                let new = !usual.contains(&address);
                (Band { address, place: String::new(), new, found: 0, count: 0, stays: Vec::new() }, None)
            });
            band.count += 1;
            band.found += u64::from(event.level >= Some(Level::Medium));
            if about.is_none() && (event.country.is_some() || event.network.is_some()) {
                *about = Some(*event);
            }
            match band.stays.last_mut().filter(|stay| x - stay.1 <= NEAR) {
                Some(stay) => stay.1 = x,
                None => band.stays.push((x, x)),
            }
        }
        let place = |(band, about): (Band, Option<Event>)| Band {
            place: about.map_or_else(String::new, |event| facts::place(story, &event)),
            ..band
        };
        let mut bands: Vec<Band> = bands.into_values().map(place).collect();
        bands.sort_by_key(|band| {
            let text = story.text(Some(band.address)).to_owned();
            (std::cmp::Reverse(band.found), std::cmp::Reverse(band.count), text)
        });
        let rest = bands.split_off(bands.len().min(MOST));
        Self { bands, left_out: (rest.len(), rest.iter().map(|band| band.count).sum()) }
    }

    /// How high they are.
    pub fn height(&self) -> f64 {
        let rows = self.bands.len() + usize::from(self.left_out.0 > 0);
        if rows == 0 { 0.0 } else { rows as f64 * ROW + 20.0 }
    }

    /// Draws them from `top` down.
    pub fn draw(&self, scene: &mut Scene, story: &Story, top: f64) {
        if self.bands.is_empty() {
            return;
        }
        scene.text("address", MARGIN, top + 13.0, SMALL, GREY);
        let mut y = top + 18.0;
        for band in &self.bands {
            let (face, ink) = if band.new { (STRONG, BLACK) } else { (SMALL, GREY) };
            let name = face.fit(story.text(Some(band.address)), LEFT - MARGIN - 8.0);
            scene.text(&name, MARGIN, y + 11.0, face, ink);
            let color = if band.new { RED } else { PALE };
            for &(left, right) in &band.stays {
                scene.block(left - 1.5, y + 3.0, right - left + 3.0, 9.0, color);
            }
            note(scene, band, y);
            y += ROW;
        }
        if self.left_out.0 > 0 {
            let (addresses, events) = self.left_out;
            let text = format!("{addresses} addresses more, {} events", grouped(events));
            scene.text(&text, LEFT, y + 11.0, TINY, GREY);
        }
    }
}

/// Where the address is, in the widest room between its stays.
fn note(scene: &mut Scene, band: &Band, y: f64) {
    let times =
        if band.count == 1 { "1 event".to_owned() } else { format!("{} events", grouped(band.count)) };
    let new = if band.new { "never seen before" } else { "usual" };
    let parts = [band.place.as_str(), new, &times];
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    let starts = std::iter::once(LEFT).chain(band.stays.iter().map(|stay| stay.1));
    let ends = band.stays.iter().map(|stay| stay.0).chain(std::iter::once(RIGHT));
    let widest = starts.zip(ends).max_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0)));
    let Some((left, right)) = widest else { return };
    let room = right - left - 20.0;
    if room > 60.0 {
        let ink: Ink = if band.new { BLACK } else { GREY };
        scene.text(&TINY.fit(&text, room), left + 8.0, y + 11.0, TINY, ink);
    }
}
