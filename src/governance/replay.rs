//! Grants over time, from the changes that a log shows and what there is before or after it.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Grants, Held, Reach, Slot};
use super::matrix::Matrix;

/// A change of grants that a log shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Nanoseconds since 1970.
    pub nanos: i64,
    /// Who did it.
    pub actor: String,
    /// What changed.
    pub what: What,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A grant was made that was not there.
    Added(Slot, Held),
    /// A role became another one; the first is the role before, where the log has it.
    Changed(Slot, Option<Held>, Held),
    /// A grant was taken away.
    Removed(Slot),
    /// A person left the organization, with everything that it had.
    Left(String),
    /// A team was deleted.
    TeamGone(String),
}

impl What {
    /// The project that it is about.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::Added(slot, _) | Self::Changed(slot, ..) | Self::Removed(slot) => slot.project(),
            Self::Left(_) | Self::TeamGone(_) => None,
        }
    }
}

/// A list of grants at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The grants.
    pub grants: Grants,
    /// Kinds of grants that the list tells of: of these, what is not in it is not there.
    pub kinds: BTreeSet<super::access::Grant>,
    /// People whom the list calls deactivated: they have what it says once they are active again.
    pub inactive: BTreeSet<String>,
}

/// What an account had from a moment on, until the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since 1970; `None`: as far back as anything is known.
    pub from: Option<i64>,
    /// What it had.
    pub reach: Reach,
}

/// The past of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// In order; each holds until the next begins.
    pub moments: Vec<Moment>,
    /// What could not be known, in words.
    pub gaps: Vec<String>,
}

/// The past of `email`. `changes` are in the order in which they happened.
///
/// Where no list from before the log is given, what was there before is concluded from the list from after it and from the
/// first change of each grant: one that is first added was not there, one that is first changed or removed was.
pub fn past(
    email: &str,
    before: Option<&Listed>,
    changes: &[Change],
    after: Option<&Listed>,
    projects: &BTreeSet<String>,
    matrix: &Matrix,
) -> Past {
    let mut past = Past::default();
    let start = match before {
        Some(before) => before.grants.clone(),
        None => start(changes, after, email, &mut past.gaps),
    };
    let mut grants = start;
    let teams = teams(email, &grants, changes, after);
    grants.retain(|slot, _| is_about(slot, email, &teams));
    past.note(None, Reach::of(email, &grants, projects, matrix));
    let mut work = 0;
    for change in changes.iter().filter(|change| concerns(&change.what, email, &teams)) {
        work += grants.len() + projects.len();
        if work > MOST_WORK {
            past.give_up(email, change.nanos, &mut grants, (projects, matrix));
            break;
        }
        if apply(&mut grants, &change.what) {
            past.note(Some(change.nanos), Reach::of(email, &grants, projects, matrix));
        }
    }
    if let Some(after) = after {
        past.compare(email, &grants, after, (projects, matrix), changes.last().map(|change| change.nanos));
    }
    past
}

/// Grants and projects that are looked at while changes are followed: whoever writes the log must not make it take forever.
const MOST_WORK: usize = 2_000_000;

impl Past {
    /// From here on anything is possible.
    fn give_up(
        &mut self,
        email: &str,
        nanos: i64,
        grants: &mut Grants,
        (projects, matrix): (&BTreeSet<String>, &Matrix),
    ) {
        grants.insert(Slot::Organization(email.to_owned()), Held::Unknown);
        self.note(Some(nanos), Reach::of(email, grants, projects, matrix));
        let at = super::blast::time(nanos);
        self.gaps.push(format!(
            "the log has more changes of access than are followed: from {at} on any role is possible"
        ));
    }

    fn note(&mut self, from: Option<i64>, reach: Reach) {
        match self.moments.last_mut() {
            Some(last) if last.reach == reach => {}
            // Of several changes at one time the last one holds, but each of them may have been used.
            _ => self.moments.push(Moment { from, reach }),
        }
    }

    /// Holds what came out against what is there: what the log does not explain is told, and counts from its end on.
    fn compare(
        &mut self,
        email: &str,
        grants: &Grants,
        after: &Listed,
        (projects, matrix): (&BTreeSet<String>, &Matrix),
        end: Option<i64>,
    ) {
        let told = |slot: &Slot| after.kinds.contains(&slot.kind());
        let teams = teams(email, grants, &[], Some(after));
        let ours = |slot: &Slot| is_about(slot, email, &teams);
        let mut now = grants.clone();
        now.retain(|slot, _| !told(slot));
        now.extend(after.grants.iter().map(|(slot, held)| (slot.clone(), held.clone())));
        for (slot, held) in after.grants.iter().filter(|(slot, _)| ours(slot)) {
            if grants.get(slot).is_none_or(|other| other != held && *other != Held::Unknown) {
                self.gaps.push(format!("the log does not show how {} came about", words(slot)));
            }
        }
        let lost = grants.keys().filter(|slot| ours(slot) && told(slot) && !after.grants.contains_key(slot));
        self.gaps.extend(lost.map(|slot| format!("the log does not show how {} ended", words(slot))));
        let reach = Reach::of(email, &now, projects, matrix);
        if self.moments.last().is_none_or(|last| last.reach != reach) {
            self.note(end, reach);
        }
        if after.inactive.contains(email) {
            self.gaps.push("the list calls the account deactivated, and does not tell since when".to_owned());
        }
    }
}

/// What was there before the log, as far as it can be concluded.
fn start(changes: &[Change], after: Option<&Listed>, email: &str, gaps: &mut Vec<String>) -> Grants {
    let mut first: BTreeMap<&Slot, &What> = BTreeMap::new();
    let mut left: BTreeSet<&str> = BTreeSet::new();
    for change in changes {
        match &change.what {
            what @ (What::Added(slot, _) | What::Changed(slot, ..) | What::Removed(slot)) => {
                let gone = slot.email().is_some_and(|email| left.contains(email));
                if !gone {
                    first.entry(slot).or_insert(what);
                }
            }
            What::Left(who) => drop(left.insert(who)),
            What::TeamGone(_) => {}
        }
    }
    let mut grants = Grants::new();
    for (slot, what) in &first {
        let held = match what {
            What::Changed(_, before, _) => before.clone().unwrap_or(Held::Unknown),
            What::Removed(_) => match slot {
                Slot::Membership(..) => Held::Role(String::new()),
                _ => Held::Unknown,
            },
            _ => continue,
        };
        grants.insert((*slot).clone(), held);
    }
    for (slot, held) in after.into_iter().flat_map(|after| &after.grants) {
        // What came back after its owner had left says nothing of the time before.
        let returned = slot.email().is_some_and(|email| left.contains(email));
        if !first.contains_key(slot) && !returned {
            grants.insert(slot.clone(), held.clone());
        }
    }
    if left.contains(email) {
        let own = Slot::Organization(email.to_owned());
        let added = first.get(&own).is_some_and(|what| matches!(what, What::Added(..)));
        if !added {
            grants.entry(own).or_insert(Held::Unknown);
            gaps.push(
                "what the account had before it left the organization is only known as far as the log shows it"
                    .to_owned(),
            );
        }
    }
    grants
}

/// Carries a change out; whether anything changed.
fn apply(grants: &mut Grants, what: &What) -> bool {
    match what {
        What::Added(slot, held) | What::Changed(slot, _, held) => {
            grants.insert(slot.clone(), held.clone()).as_ref() != Some(held)
        }
        What::Removed(slot) => grants.remove(slot).is_some(),
        What::Left(who) => retain(grants, |slot| slot.email() != Some(who)),
        What::TeamGone(gone) => retain(
            grants,
            |slot| !matches!(slot, Slot::Membership(_, team) | Slot::Team(team, _) if team == gone),
        ),
    }
}

fn retain(grants: &mut Grants, keep: impl Fn(&Slot) -> bool) -> bool {
    let before = grants.len();
    grants.retain(|slot, _| keep(slot));
    grants.len() != before
}

/// Teams that an account is or was in.
fn teams(email: &str, grants: &Grants, changes: &[Change], after: Option<&Listed>) -> BTreeSet<String> {
    let listed = after.into_iter().flat_map(|after| after.grants.keys());
    let changed = changes.iter().filter_map(|change| match &change.what {
        What::Added(slot, _) | What::Changed(slot, ..) | What::Removed(slot) => Some(slot),
        What::Left(_) | What::TeamGone(_) => None,
    });
    let teams = grants.keys().chain(listed).chain(changed).filter_map(|slot| match slot {
        Slot::Membership(who, team) if who == email => Some(team.clone()),
        _ => None,
    });
    teams.collect()
}

/// Whether a grant can give an account anything.
fn is_about(slot: &Slot, email: &str, teams: &BTreeSet<String>) -> bool {
    match slot {
        Slot::Team(team, _) => teams.contains(team),
        Slot::AllUsers(_) => true,
        _ => slot.email() == Some(email),
    }
}

/// Whether a change can change what an account has.
fn concerns(what: &What, email: &str, teams: &BTreeSet<String>) -> bool {
    match what {
        What::Added(slot, _) | What::Changed(slot, ..) | What::Removed(slot) => is_about(slot, email, teams),
        What::Left(who) => who == email,
        What::TeamGone(team) => teams.contains(team),
    }
}

fn words(slot: &Slot) -> String {
    match slot {
        Slot::Organization(_) => "the role in the organization".to_owned(),
        Slot::Individual(_, project) => format!("the individual role in {project}"),
        Slot::Membership(_, team) => format!("being in the team {team}"),
        Slot::Team(team, project) => format!("the role of the team {team} in {project}"),
        Slot::AllUsers(project) => format!("the role of all users in {project}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::access::{Could, Grant};
    use crate::governance::matrix::matrix;

    fn role(name: &str) -> Held {
        Held::Role(name.to_owned())
    }

    fn own(project: &str) -> Slot {
        Slot::Individual("jane".into(), project.into())
    }

    fn member() -> Slot {
        Slot::Organization("jane".into())
    }

    fn at(nanos: i64, what: What) -> Change {
        Change { nanos, actor: "ada".into(), what }
    }

    fn told(past: &Past, project: &str) -> Vec<(Option<i64>, Could)> {
        let could = |moment: &Moment| moment.reach.could(project, "api-credentials", matrix());
        past.moments.iter().map(|moment| (moment.from, could(moment))).collect()
    }

    fn run(before: Option<&Listed>, changes: &[Change], after: Option<&Listed>) -> Past {
        past("jane", before, changes, after, &["1".to_owned()].into(), matrix())
    }

    fn listed(grants: &[(Slot, Held)]) -> Listed {
        Listed { grants: grants.iter().cloned().collect(), kinds: Grant::ALL.into(), ..Listed::default() }
    }

    #[test]
    fn roles_are_followed_from_a_list_of_before() {
        let before = listed(&[(member(), role("member")), (own("1"), role("analyst"))]);
        let changes = [
            at(10, What::Changed(own("1"), None, role("admin"))),
            at(20, What::Changed(own("1"), None, role("viewer"))),
            at(30, What::Left("jane".into())),
        ];
        let past = run(Some(&before), &changes, Some(&listed(&[])));
        let expected =
            [(None, Could::No), (Some(10), Could::Yes), (Some(20), Could::No), (Some(30), Could::No)];
        assert_eq!(told(&past, "1"), expected);
        assert_eq!(past.gaps, [""; 0]);
    }

    #[test]
    fn without_such_a_list_the_first_change_tells_what_was_there() {
        let after = listed(&[(member(), role("member")), (own("1"), role("viewer"))]);
        let added = [
            at(10, What::Added(own("1"), role("admin"))),
            at(20, What::Changed(own("1"), None, role("viewer"))),
        ];
        let past = run(None, &added, Some(&after));
        assert_eq!(told(&past, "1"), [(None, Could::No), (Some(10), Could::Yes), (Some(20), Could::No)]);
        let changed = [at(20, What::Changed(own("1"), None, role("viewer")))];
        assert_eq!(
            told(&run(None, &changed, Some(&after)), "1"),
            [(None, Could::Maybe), (Some(20), Could::No)]
        );
        let from = [at(20, What::Changed(own("1"), Some(role("admin")), role("viewer")))];
        assert_eq!(told(&run(None, &from, Some(&after)), "1"), [(None, Could::Yes), (Some(20), Could::No)]);
        let removed = [at(20, What::Removed(own("1")))];
        let after = listed(&[(member(), role("member"))]);
        assert_eq!(
            told(&run(None, &removed, Some(&after)), "1"),
            [(None, Could::Maybe), (Some(20), Could::No)]
        );
    }

    #[test]
    fn whoever_left_before_anything_was_listed_may_have_had_anything() {
        let past = run(None, &[at(20, What::Left("jane".into()))], Some(&listed(&[])));
        assert_eq!(told(&past, "1"), [(None, Could::Maybe), (Some(20), Could::No)]);
        assert!(past.gaps[0].contains("before it left"), "{:?}", past.gaps);
    }

    #[test]
    fn what_the_log_does_not_explain_is_told_and_counts() {
        let before = listed(&[(member(), role("member"))]);
        let after = listed(&[(member(), role("member")), (own("1"), role("admin"))]);
        let past = run(Some(&before), &[], Some(&after));
        assert_eq!(told(&past, "1"), [(None, Could::No), (None, Could::Yes)]);
        assert_eq!(past.gaps, ["the log does not show how the individual role in 1 came about"]);
        let past = run(Some(&after), &[], Some(&before));
        assert_eq!(past.gaps, ["the log does not show how the individual role in 1 ended"]);
    }

    #[test]
    fn a_log_of_endless_changes_is_followed_up_to_a_limit_and_then_anything_is_possible() {
        let before = listed(&[(member(), role("member"))]);
        let flip = |nanos: i64| {
            let slot = Slot::AllUsers(nanos.to_string());
            at(nanos, What::Added(slot, role("consumer")))
        };
        let changes: Vec<Change> = (0..3_000).map(flip).collect();
        let past = run(Some(&before), &changes, None);
        assert_eq!(told(&past, "1").first().unwrap().1, Could::No);
        assert_eq!(told(&past, "1").last().unwrap().1, Could::Maybe);
        assert!(past.gaps[0].contains("more changes of access than are followed"), "{:?}", past.gaps);
    }

    #[test]
    fn a_list_of_one_kind_of_grant_says_nothing_of_the_others() {
        let mut after = listed(&[(member(), role("member"))]);
        after.kinds = [Grant::Organization].into();
        let past = run(None, &[at(5, What::Added(own("1"), role("admin")))], Some(&after));
        assert_eq!(told(&past, "1"), [(None, Could::No), (Some(5), Could::Yes)]);
        assert_eq!(past.gaps, [""; 0]);
    }
}
