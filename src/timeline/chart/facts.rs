//! What a stranger has to know first, in five lines: who, when, from where, what left, when the gate fell.

use std::collections::BTreeMap;

use crate::rule::Level;
use crate::timeline::clock::{duration, grouped};
use crate::timeline::lane::Does;
use crate::timeline::names::Name;
use crate::timeline::story::{AFTERMATH, Event, Story, TakenBack};

/// Most things that a line lists.
const LISTED: usize = 4;

/// The lines: what each is about, and what it says.
pub fn facts(story: &Story) -> Vec<(&'static str, String)> {
    vec![
        ("when", when(story)),
        ("from where", from_where(story)),
        ("what left", what_left(story)),
        ("ways out", ways_out(story)),
        ("the gate", gate(story)),
    ]
}

/// The account's events from the suspicious moment until it was shut out; where it was not, as long after the last moment as what
/// others do still belongs to it.
pub fn incident(story: &Story) -> &[Event] {
    let end = story.moments.last().map_or(i64::MAX, |last| last.saturating_add(AFTERMATH));
    let contained = story.key.contained.as_ref().map_or(end, |moment| moment.nanos);
    story.within(story.start(), contained.max(story.start()))
}

/// Why it says nothing that something is not in the logs, which has to stand beside each such sentence: kinds of actions that
/// are not known. `None` where all of these events' are.
pub fn unread(story: &Story, events: &[Event]) -> Option<String> {
    let mut seen: foldhash::HashSet<Name> = foldhash::HashSet::default();
    let unknown = events.iter().filter(|event| event.line.is_none() && !event.failed);
    let unknown = unknown.filter_map(|event| event.action).filter(|action| seen.insert(*action));
    let unknown = unknown.map(|action| story.text(Some(action)).to_owned()).collect();
    let kinds = || {
        let kinds = listed(unknown, "event types")?;
        Some(format!("the report does not know what these event types mean: {kinds}"))
    };
    unknown_log(story).or_else(kinds)
}

/// That nothing of some kind is among these events: what is `denied`, or, where kinds of actions are not known, no more than
/// what is `not_known`.
pub fn none(story: &Story, events: &[Event], denied: &str, not_known: &str) -> String {
    unread(story, events).map_or_else(|| denied.to_owned(), |unread| format!("{not_known}, but {unread}"))
}

/// That the account is in a log whose kinds of actions are not known to the report.
fn unknown_log(story: &Story) -> Option<String> {
    let sources: Vec<&str> = story.unknown.iter().copied().collect();
    let named = sources.join(", ");
    (!sources.is_empty())
        .then(|| format!("the kinds of actions of this log are not known to the report ({named})"))
}

/// An address that the account used in the incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The address.
    pub address: Name,
    /// Where it is and whose network it belongs to, as far as that is known.
    pub place: String,
    /// The account was never seen there before.
    pub new: bool,
    /// Its events in the incident.
    pub count: usize,
    /// Of those, how many have findings of level medium or above.
    pub found: usize,
}

/// The addresses of the incident, those with most findings first.
pub fn sources(story: &Story) -> Vec<Source> {
    let usual: foldhash::HashSet<Name> = story.before().iter().filter_map(|event| event.address).collect();
    let mut sources: BTreeMap<Name, (Source, Option<Event>)> = BTreeMap::new();
    for event in incident(story) {
        let Some(address) = event.address else { continue };
        let new =
            Source { address, place: String::new(), new: !usual.contains(&address), count: 0, found: 0 };
        let (source, about) = sources.entry(address).or_insert((new, None));
        source.count += 1;
        source.found += usize::from(event.level >= Some(Level::Medium));
        if about.is_none() && (event.country.is_some() || event.network.is_some()) {
            *about = Some(*event);
        }
    }
    let mut sources: Vec<Source> = sources
        .into_values()
        .map(|(source, about)| Source {
            place: about.map_or_else(String::new, |event| place(story, &event)),
            ..source
        })
        .collect();
    sources.sort_by_key(|source| {
        (std::cmp::Reverse(source.found), std::cmp::Reverse(source.count), story.text(Some(source.address)))
    });
    sources
}

/// City, country and network of an event, as far as they are known.
pub fn place(story: &Story, event: &Event) -> String {
    let parts = [event.city, event.country, event.network].map(|name| story.text(name));
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn when(story: &Story) -> String {
    let (from, to) = story.span();
    let Some(first) = &story.key.suspicious else {
        return format!(
            "no finding of level medium or above between {} and {}",
            story.clock.full(from),
            story.clock.full(to)
        );
    };
    format!("first suspicious {}: {}", story.clock.exact(first.nanos), first.what)
}

fn from_where(story: &Story) -> String {
    let sources: Vec<Source> =
        sources(story).into_iter().filter(|source| source.new || source.found > 0).collect();
    let shown = sources.iter().map(|source| {
        let place = if source.place.is_empty() { "place not known" } else { &source.place };
        let new = if source.new { "; never seen before" } else { "" };
        format!("{} ({place}{new})", story.text(Some(source.address)))
    });
    listed(shown.collect(), "addresses").unwrap_or_else(|| "no address outside the usual ones".to_owned())
}

fn what_left(story: &Story) -> String {
    let left = counted(story, |does| matches!(does, Does::Leaves));
    listed(left, "kinds of export")
        .unwrap_or_else(|| none(story, incident(story), "no export is in the logs", "no export is known"))
}

fn ways_out(story: &Story) -> String {
    let opened = counted(story, |does| matches!(does, Does::Opens | Does::Makes(_)));
    listed(opened, "more")
        .unwrap_or_else(|| none(story, incident(story), "none were opened, say the logs", "none is known"))
}

/// What the account did in the incident, by event type, in the order in which it was first done.
fn counted(story: &Story, wanted: fn(Does) -> bool) -> Vec<String> {
    let mut counts: Vec<(&Event, u64, f64)> = Vec::new();
    let start = story.key.suspicious.is_some();
    let done =
        incident(story).iter().filter(|event| start && !event.failed && wanted(story.kind(event).does));
    for event in done {
        let rows = event.rows.filter(|rows| rows.is_finite() && *rows > 0.0).unwrap_or(0.0);
        match counts.iter_mut().find(|(like, ..)| (like.action, like.line) == (event.action, event.line)) {
            Some(held) => (held.1, held.2) = (held.1 + 1, held.2 + rows),
            None => counts.push((event, 1, rows)),
        }
    }
    let text = |(like, count, rows): (&Event, u64, f64)| {
        let times = if count > 1 { format!(" ×{}", grouped(count)) } else { String::new() };
        let rows = if rows >= 1.0 { format!(" ({} rows)", grouped(rows as u64)) } else { String::new() };
        format!("{}{times}{rows}", story.words(like))
    };
    counts.into_iter().map(text).collect()
}

fn gate(story: &Story) -> String {
    let since = |nanos: i64| {
        story.key.suspicious.as_ref().filter(|first| first.nanos <= nanos).map_or_else(String::new, |first| {
            format!(", {} after the first suspicious moment", duration(nanos - first.nanos))
        })
    };
    let fell = story.key.contained.as_ref().map(|moment| {
        format!("fell {}{} ({})", story.clock.exact(moment.nanos), since(moment.nanos), moment.what)
    });
    let lifted = story.key.taken_back.as_ref().map(|lifted| taken_back(story, lifted));
    let journal = story.gate.as_ref().map(|gate| format!("lockdown {}", gate.summary()));
    match (fell.or(lifted), journal) {
        (Some(fell), Some(journal)) => format!("{fell}; {journal}"),
        (Some(one), None) => one,
        (None, Some(one)) => format!("has not fallen; {one}"),
        (None, None) => match unknown_log(story) {
            None => "has not fallen: no lockdown and no suspension is known".to_owned(),
            Some(unknown) => format!("not known to have fallen: no lockdown, and {unknown}"),
        },
    }
}

/// That a block did not last, and how long it did.
pub fn taken_back(story: &Story, TakenBack { shut, back }: &TakenBack) -> String {
    let (from, to) = (story.clock.exact(shut.nanos), story.clock.exact(back.nanos));
    let lasted = duration(back.nanos.saturating_sub(shut.nanos));
    format!(
        "does not hold: shut out {from} ({}), and let in again {to}, {lasted} later ({})",
        shut.what, back.what
    )
}

fn listed(mut texts: Vec<String>, what: &str) -> Option<String> {
    let more = texts.len().saturating_sub(LISTED);
    texts.truncate(LISTED);
    if more > 0 {
        texts.push(format!("{more} {what} more"));
    }
    (!texts.is_empty()).then(|| texts.join("; "))
}
