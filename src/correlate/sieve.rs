//! Which events can matter at all. A condition that needs some rule has no alert in a group without an event of it. So groups that have
//! a match of the rarest such rule are found first, and the events of all other groups are never made.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

use super::member_fields;
use crate::rule::correlation::{Condition, CorrelationKind};
use crate::rule::{Correlation, Loaded};

/// Places of a group's values among those that are asked of a rule's events: see [`super::needs`].
type Places = Vec<usize>;

/// Gives the value at a place to a function, if there is one.
pub type Value<'a> = &'a dyn Fn(usize, &mut dyn FnMut(&str));

/// A correlation that a rule takes part in.
#[derive(Debug)]
struct Way {
    correlation: usize,
    places: Places,
}

/// What is known of groups.
#[derive(Debug, Default)]
pub struct Sieve {
    /// By rule: the correlations that its events may matter for; `None`: they all do.
    ways: Vec<Option<Vec<Way>>>,
    /// By rule: the correlations whose groups its matches tell.
    anchors: Vec<Vec<Way>>,
    /// By correlation: its groups that have a match of the rare rule.
    groups: Vec<HashSet<u64>>,
}

/// A group of a correlation, as a number: others may have the same, which costs nothing but an event more.
pub type Group = (usize, u64);

impl Sieve {
    /// Before any group is known. `counts` tells how often a rule may have matched, at most.
    pub fn new(
        loaded: &Loaded,
        needs: &[Vec<String>],
        wanted: &[bool],
        counts: &dyn Fn(usize) -> u64,
    ) -> Self {
        let rules = loaded.rules.len();
        let mut ways: Vec<Option<Vec<Way>>> = (0..rules).map(|_| Some(Vec::new())).collect();
        let mut anchors: Vec<Vec<Way>> = (0..rules).map(|_| Vec::new()).collect();
        for (at, correlation) in loaded.correlations.iter().enumerate() {
            if !wanted.get(rules + at).copied().unwrap_or_default() {
                continue;
            }
            let anchor = anchor(correlation, rules, counts);
            for (member, &link) in correlation.links.iter().enumerate() {
                let needs = needs.get(link).map_or(&[][..], Vec::as_slice);
                let places = places(loaded, correlation, member, needs);
                let way = || Some(Way { correlation: at, places: places.clone()? });
                if anchor == Some(member) {
                    anchors.get_mut(link).into_iter().for_each(|anchors| anchors.extend(way()));
                }
                let Some(of) = ways.get_mut(link) else { continue };
                match (anchor.and_then(|_| way()), of.as_mut()) {
                    (Some(way), Some(known)) => known.push(way),
                    _ => *of = None,
                }
            }
        }
        Self { ways, anchors, groups: vec![HashSet::new(); loaded.correlations.len()] }
    }

    /// Whether matches of a rule tell groups.
    pub fn is_anchor(&self, rule: usize) -> bool {
        self.anchors.get(rule).is_some_and(|ways| !ways.is_empty())
    }

    /// The groups that a match of a rule tells.
    pub fn told_by<'a>(&'a self, rule: usize, value: Value<'a>) -> impl Iterator<Item = Group> + 'a {
        let ways = self.anchors.get(rule).into_iter().flatten();
        ways.filter_map(move |way| Some((way.correlation, group(&way.places, value)?)))
    }

    /// Adds a group.
    pub fn add(&mut self, (correlation, group): Group) {
        if let Some(groups) = self.groups.get_mut(correlation) {
            groups.insert(group);
        }
    }

    /// Whether an event of a rule may matter.
    pub fn passes(&self, rule: usize, value: Value<'_>) -> bool {
        let Some(Some(ways)) = self.ways.get(rule) else { return true };
        ways.iter().any(|way| {
            let groups = self.groups.get(way.correlation).filter(|groups| !groups.is_empty());
            groups
                .is_some_and(|groups| group(&way.places, value).is_some_and(|group| groups.contains(&group)))
        })
    }
}

/// The member without which there is no alert and whose rule has the fewest matches, if there is one.
fn anchor(correlation: &Correlation, rules: usize, counts: &dyn Fn(usize) -> u64) -> Option<usize> {
    let members = correlation.links.iter().enumerate().filter(|(_, link)| **link < rules);
    let needed = members.filter(|(member, _)| needs_member(correlation, *member));
    needed.min_by_key(|(_, link)| counts(**link)).map(|(member, _)| member)
}

/// Whether a correlation surely does not hold where a member has no event.
fn needs_member(correlation: &Correlation, member: usize) -> bool {
    match (correlation.kind, &correlation.condition) {
        (CorrelationKind::TemporalOrdered, Condition::Rules(_)) => true,
        (_, Condition::Rules(expr)) => expr.truth(&mut |at| (at == member).then_some(false)) == Some(false),
        (_, Condition::Bounds(_)) => false,
    }
}

/// Where the values of a member's group stand.
fn places(loaded: &Loaded, correlation: &Correlation, member: usize, needs: &[String]) -> Option<Places> {
    let fields = member_fields(loaded, correlation, member);
    let group = fields.iter().take(correlation.group_by.len());
    group.map(|field| needs.iter().position(|known| known == field)).collect()
}

fn group(places: &Places, value: Value<'_>) -> Option<u64> {
    let mut hasher = foldhash::quality::FixedState::default().build_hasher();
    for &place in places {
        let mut found = false;
        value(place, &mut |text| {
            found = true;
            text.bytes().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
            hasher.write_u8(0xff);
        });
        if !found {
            return None;
        }
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::correlate::needs;
    use crate::rule::{Placeholders, parse_document};

    /// Three rules and a correlation of them; what a match of rule 0, the rarest, tells, and which events may matter then.
    fn passing(correlation: &str) -> [bool; 4] {
        let mut text = String::new();
        for name in ["rare", "usual", "ended"] {
            text.push_str(&format!(
                "---\ntitle: {name}\nname: {name}\nlogsource: {{category: c}}\ndetection: {{s: {{f: {name}}}, condition: s}}\n"
            ));
        }
        text.push_str(&format!(
            "---\ntitle: t\nname: t\ncorrelation: {{rules: [rare, usual, ended], group-by: [user], timespan: 1h, {correlation}}}\n"
        ));
        let loaded = parse_document(Path::new("t.yml"), &text, &Placeholders::new());
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let (needs, wanted) = (needs(&loaded), vec![true; loaded.len()]);
        let mut sieve = Sieve::new(&loaded, &needs, &wanted, &|rule| [3, 100, 3][rule]);
        let of = |name: &'static str| move |_: usize, with: &mut dyn FnMut(&str)| with(name);
        let told: Vec<Group> = sieve.told_by(0, &of("Jane")).collect();
        told.into_iter().for_each(|group| sieve.add(group));
        [(0, "Jane"), (1, "jane"), (1, "ada"), (2, "JANE")].map(|(rule, name)| sieve.passes(rule, &of(name)))
    }

    #[test]
    fn events_matter_in_groups_of_what_a_condition_cannot_do_without() {
        let own = [true, true, false, true];
        assert_eq!(passing("type: temporal"), own);
        assert_eq!(passing("type: temporal, condition: rare and usual and not ended"), own);
        assert_eq!(passing("type: temporal_ordered"), own);
        // Here nothing has to be there, or not this.
        assert_eq!(passing("type: temporal, condition: rare or usual or ended"), [true; 4]);
        assert_eq!(passing("type: event_count, condition: {gte: 2}"), [true; 4]);
        assert_eq!(passing("type: temporal, condition: usual and (rare or ended)"), [false; 4]);
    }
}
