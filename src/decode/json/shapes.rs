//! The shapes seen so far as one tree: records share the comparison of what their shapes share.

use super::simd::Simd;
use super::template::{Candidate, Piece, Template, Then};
use crate::decode::Raw;

/// Templates kept at the most.
const MAX_TEMPLATES: usize = 1024;
/// Ways to go on at one place; a shape that would be one more is walked.
const MAX_WAYS: usize = 128;
/// Records after which a shape may be learnt again, once one had no room.
const HOLD: u32 = 1024;
/// Places at which a record may be ambiguous at once.
const MAX_OPEN: usize = 64;
/// Records after which the hit rate is judged.
const WINDOW: u32 = 4096;
/// Records that are walked without looking for a template after a bad window.
const REST: u32 = 1 << 16;

/// A stretch of pieces without a choice, and what can come after it.
#[derive(Debug, Default)]
struct Node {
    run: Vec<Piece>,
    /// Ways to go on, the more usual ones first.
    ways: Vec<u16>,
    /// The template that ends here.
    template: Option<u16>,
}

struct Known {
    template: Template,
    generation: u32,
}

/// A place to come back to when a way turns out wrong.
#[derive(Clone, Copy)]
struct Open {
    node: u16,
    way: usize,
    at: u32,
    holes: usize,
}

/// Templates in a tree over their pieces.
#[derive(Default)]
pub struct Shapes {
    nodes: Vec<Node>,
    known: Vec<Known>,
    open: Vec<Open>,
    looked: u32,
    hits: u32,
    resting: u32,
    holding: u32,
    generation: u32,
}

/// A template that fits.
pub struct Hit<'a> {
    /// It.
    pub template: &'a Template,
    /// Whether this is its first hit since [`Shapes::begin`].
    pub first: bool,
}

impl Shapes {
    /// Starts a new unit: every template's next hit is a first one again.
    pub fn begin(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// The template that the record fits; `holes` then has its values in order. Escapes, control characters and UTF-8
    /// inside of strings are the caller's to check.
    #[inline(always)]
    pub fn find<S: Simd>(&mut self, simd: S, record: Candidate<'_>, holes: &mut Vec<Raw>) -> Option<Hit<'_>> {
        if self.resting > 0 {
            self.resting -= 1;
            return None;
        }
        self.looked += 1;
        self.holding = self.holding.saturating_sub(1);
        if self.looked >= WINDOW {
            self.judge();
        }
        let (id, chosen) = self.descend(simd, record, holes)?;
        self.hits += 1;
        self.prefer(chosen);
        let known = self.known.get_mut(usize::from(id))?;
        let first = known.generation != self.generation;
        known.generation = self.generation;
        Some(Hit { template: &known.template, first })
    }

    /// Depth first: where several ways could go on, the others stay open until one has led to an end.
    #[inline(always)]
    fn descend<S: Simd>(
        &mut self,
        simd: S,
        record: Candidate<'_>,
        holes: &mut Vec<Raw>,
    ) -> Option<(u16, Option<Open>)> {
        holes.clear();
        self.open.clear();
        let (mut node, mut at, mut chosen) = (0u16, record.start, None);
        loop {
            let here = self.nodes.get(usize::from(node))?;
            let choice = match here.pass(simd, record, at, holes) {
                Some(end) if end == record.end && here.template.is_some() => {
                    return here.template.map(|template| (template, chosen));
                }
                Some(next) => Some(Open { node, way: 0, at: next, holes: holes.len() }),
                None => None,
            };
            let choice = choice.filter(|choice| self.has_way(*choice)).or_else(|| self.open.pop())?;
            holes.truncate(choice.holes);
            at = choice.at;
            if choice.way > 0 {
                chosen = Some(choice);
            }
            let later = Open { way: choice.way + 1, ..choice };
            if self.has_way(later) && self.open.len() < MAX_OPEN {
                self.open.push(later);
            }
            node = *self.nodes.get(usize::from(choice.node))?.ways.get(choice.way)?;
        }
    }

    /// Moves a way that led on, but was not tried first, halfway to the front.
    #[inline(always)]
    fn prefer(&mut self, chosen: Option<Open>) {
        if let Some(choice) = chosen
            && let Some(node) = self.nodes.get_mut(usize::from(choice.node))
            && choice.way < node.ways.len()
        {
            node.ways.swap(choice.way, choice.way / 2);
        }
    }

    #[inline(always)]
    fn has_way(&self, choice: Open) -> bool {
        self.nodes.get(usize::from(choice.node)).is_some_and(|node| choice.way < node.ways.len())
    }

    /// Whether a record that no template fitted is worth learning.
    pub fn wants_more(&self) -> bool {
        self.resting == 0 && self.holding == 0 && self.known.len() < MAX_TEMPLATES
    }

    /// Keeps a template.
    pub fn learn(&mut self, mut template: Template) {
        let Ok(id) = u16::try_from(self.known.len()) else { return };
        let pieces = std::mem::take(&mut template.pieces);
        if self.insert(&pieces, id).is_some() {
            self.known.push(Known { template, generation: self.generation });
        } else {
            self.holding = HOLD;
        }
    }

    /// Puts a path into the tree; `None` where it is there already or has no room.
    fn insert(&mut self, pieces: &[Piece], id: u16) -> Option<()> {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let (mut node, mut rest) = (0u16, pieces);
        loop {
            let here = self.nodes.get(usize::from(node))?;
            let shared = here.run.iter().zip(rest).take_while(|(left, right)| left == right).count();
            rest = rest.get(shared..)?;
            if shared < here.run.len() {
                self.split(node, shared)?;
            }
            let here = self.nodes.get(usize::from(node))?;
            let Some(first) = rest.first() else {
                let here = self.nodes.get_mut(usize::from(node))?;
                return here.template.is_none().then(|| here.template = Some(id));
            };
            let starts = |way: &&u16| {
                self.nodes.get(usize::from(**way)).and_then(|node| node.run.first()) == Some(first)
            };
            if let Some(&way) = here.ways.iter().find(starts) {
                node = way;
                continue;
            }
            if here.ways.len() >= MAX_WAYS {
                return None;
            }
            let new = self.add(Node { run: rest.to_vec(), ways: Vec::new(), template: Some(id) })?;
            self.nodes.get_mut(usize::from(node))?.ways.push(new);
            return Some(());
        }
    }

    /// Cuts a node's run after `shared` pieces: the rest becomes its only way.
    fn split(&mut self, node: u16, shared: usize) -> Option<()> {
        let here = self.nodes.get_mut(usize::from(node))?;
        let rest = Node {
            run: here.run.split_off(shared),
            ways: std::mem::take(&mut here.ways),
            template: here.template.take(),
        };
        let new = self.add(rest)?;
        self.nodes.get_mut(usize::from(node))?.ways.push(new);
        Some(())
    }

    fn add(&mut self, node: Node) -> Option<u16> {
        let id = u16::try_from(self.nodes.len()).ok()?;
        self.nodes.push(node);
        Some(id)
    }

    /// Under a quarter of hits, templates cost more than they give: forget them and rest.
    fn judge(&mut self) {
        if self.hits < self.looked / 4 {
            self.known.clear();
            self.nodes.clear();
            self.resting = REST;
        }
        self.looked = 0;
        self.hits = 0;
    }
}

impl Node {
    /// Where the record goes on after the whole run. A loop: a closure given to an iterator would stay portable code.
    #[inline(always)]
    fn pass<S: Simd>(
        &self,
        simd: S,
        record: Candidate<'_>,
        mut at: u32,
        holes: &mut Vec<Raw>,
    ) -> Option<u32> {
        for piece in &self.run {
            at = piece.pass(simd, record, at, holes)?;
        }
        Some(at)
    }
}

impl Piece {
    /// Where the record goes on after this piece and the value that follows it, which is added to `holes`.
    #[inline(always)]
    fn pass<S: Simd>(&self, simd: S, record: Candidate<'_>, at: u32, holes: &mut Vec<Raw>) -> Option<u32> {
        let bytes = record.block.get(at as usize..).and_then(<[u8]>::first_chunk::<32>)?;
        if !simd.same(bytes, &self.bytes, &self.mask) {
            return None;
        }
        let at = at + self.len;
        let hole = match self.then {
            Then::Text | Then::End => return Some(at),
            Then::String => record.string(at)?,
            Then::Scalar => record.scalar(at)?,
        };
        holes.push(hole);
        // Fixed text follows every value, so the record cannot end here.
        (hole.end < record.end).then_some(hole.end)
    }
}
