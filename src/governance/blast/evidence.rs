//! What an account did is evidence of what it could do: an act that no known grant allows shows that the grants are not all
//! known.

use std::collections::BTreeMap;

use super::{Sources, time};
use crate::governance::access::Could;
use crate::governance::matrix::{Matrix, Needs, Scope};
use crate::governance::replay::Past;

/// Acts in a project that no known grant allows.
pub(super) struct Unexplained {
    /// Whether it could see credentials there: yes, if it did what takes an admin.
    pub(super) could: Could,
    /// In words.
    pub(super) why: String,
}

/// By project, the act that tells most.
pub(super) fn unexplained(
    sources: &Sources<'_>,
    past: &Past,
    matrix: &Matrix,
) -> BTreeMap<String, Unexplained> {
    let mut found: BTreeMap<String, Unexplained> = BTreeMap::new();
    let acts = sources.trail.into_iter().flat_map(|trail| &trail.acts);
    for (act, tally) in acts.filter(|(act, _)| act.actor == sources.account) {
        let Some(project) = &act.project else { continue };
        let needed = match matrix.needs(&act.event) {
            Needs::Capability(capability) => capability.id.as_str(),
            Needs::Unsaid => "see-reports",
            Needs::Nothing => continue,
        };
        // Roles that are not known explain it too; what they allow is said where they are.
        let explained =
            past.moments.iter().any(|moment| moment.reach.could(project, needed, matrix) != Could::No);
        if explained {
            continue;
        }
        let admin = matrix.can(Scope::Project, "analyst", needed) == Some(false);
        let could = if admin { Could::Yes } else { Could::Maybe };
        let when = tally.first.map_or_else(String::new, |first| format!(" at {}", time(first)));
        let what = if admin { ", which takes an admin" } else { "" };
        let why = format!("the log has {}{when}{what}, and no grant that is known allows it", act.event);
        let held = found
            .entry(project.clone())
            .or_insert_with(|| Unexplained { could: Could::No, why: String::new() });
        if could > held.could {
            *held = Unexplained { could, why };
        }
    }
    found
}
