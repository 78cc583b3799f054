//! The shapes seen so far, and when it pays to look for them.

use super::simd::Simd;
use super::template::{Candidate, Template};
use crate::decode::Raw;

/// Templates kept at the most.
const MAX_TEMPLATES: usize = 1024;
/// Templates with the same number of quotes; more are not tried on a record.
const MAX_TRIES: usize = 12;
/// Quote counts that have a bucket; records with more quotes are walked.
const MAX_QUOTES: usize = 4096;
/// Records after which the hit rate is judged.
const WINDOW: u32 = 4096;
/// Records that are walked without looking for a template after a bad window.
const REST: u32 = 1 << 16;

struct Known {
    template: Template,
    generation: u32,
}

/// Templates by number of quotes, the most recently used first.
pub struct Shapes {
    buckets: Vec<Vec<u16>>,
    known: Vec<Known>,
    looked: u32,
    hits: u32,
    resting: u32,
    generation: u32,
}

/// A template that fits.
pub struct Hit<'a> {
    /// It.
    pub template: &'a Template,
    /// Whether this is its first hit since [`Shapes::begin`].
    pub first: bool,
}

impl Default for Shapes {
    fn default() -> Self {
        let buckets = std::iter::repeat_with(Vec::new).take(MAX_QUOTES).collect();
        Self { buckets, known: Vec::new(), looked: 0, hits: 0, resting: 0, generation: 0 }
    }
}

impl Shapes {
    /// Starts a new unit: every template's next hit is a first one again.
    pub fn begin(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// The template that a record with so many quotes fits; `holes` then has its values.
    #[inline(always)]
    pub fn find<S: Simd>(
        &mut self,
        simd: S,
        record: Candidate<'_>,
        quotes: usize,
        holes: &mut Vec<Raw>,
    ) -> Option<Hit<'_>> {
        if self.resting > 0 {
            self.resting -= 1;
            return None;
        }
        self.looked += 1;
        if self.looked >= WINDOW {
            self.judge();
        }
        let bucket = self.buckets.get_mut(quotes)?;
        let place = bucket
            .iter()
            .position(|&id| self.known.get(usize::from(id)).is_some_and(|known| known.template.fits(simd, record, holes)))?;
        self.hits += 1;
        let id = *bucket.get(place)?;
        if place > 0 {
            bucket.swap(place, place / 2);
        }
        let known = self.known.get_mut(usize::from(id))?;
        let first = known.generation != self.generation;
        known.generation = self.generation;
        Some(Hit { template: &known.template, first })
    }

    /// Whether a record of so many quotes that no template fitted is worth learning.
    pub fn wants(&self, quotes: usize) -> bool {
        self.resting == 0
            && self.known.len() < MAX_TEMPLATES
            && self.buckets.get(quotes).is_some_and(|bucket| bucket.len() < MAX_TRIES)
    }

    /// Keeps a template made of a record with so many quotes.
    pub fn learn(&mut self, quotes: usize, template: Template) {
        let Ok(id) = u16::try_from(self.known.len()) else { return };
        if let Some(bucket) = self.buckets.get_mut(quotes) {
            bucket.push(id);
            self.known.push(Known { template, generation: self.generation });
        }
    }

    /// Under a quarter of hits, templates cost more than they give: forget them and rest.
    fn judge(&mut self) {
        if self.hits < self.looked / 4 {
            self.known.clear();
            self.buckets.iter_mut().for_each(Vec::clear);
            self.resting = REST;
        }
        self.looked = 0;
        self.hits = 0;
    }
}
