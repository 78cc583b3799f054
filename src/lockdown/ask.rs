//! From what ends an account at once to what was asked for instead. The same for all providers, so that each plans one
//! thing alone: [`Ask::ShutOut`].

use super::operation::Ask;
use super::provider::Discovery;
use super::step::{Phase, Step, Undo};

/// Makes of a plan that shuts an account out one that does what was asked.
pub(super) fn soften(ask: Ask, found: &mut Discovery) {
    match ask {
        Ask::ShutOut => {}
        Ask::Leave => {
            // What somebody asked for who is not suspected stands, and what they made stays.
            found.steps.retain(|step| step.phase != Phase::Preserve && !step.optional);
            found.steps.iter_mut().for_each(leave);
        }
        Ask::Deactivate => deactivate(found),
    }
}

/// Groups go first: where a directory is filled from them, the next sync would undo what else is done. What cannot be undone
/// waits for `--commit`; sessions that end are the exception, since whoever leaves has to be out, and a login brings them back.
fn leave(step: &mut Step) {
    if step.phase == Phase::Groups {
        step.phase = Phase::Block;
    }
    let waits = matches!(step.phase, Phase::Block | Phase::Deactivate | Phase::Sessions);
    if waits && step.undo == Undo::Irreversible && !step.blind {
        step.commit = true;
        step.phase = Phase::Retire;
    }
}

/// What keeps the account from being used, and comes back exactly.
fn deactivate(found: &mut Discovery) {
    let blocks = |step: &Step| {
        matches!(step.phase, Phase::Block | Phase::Deactivate)
            && step.undo == Undo::Reversible
            && !step.commit
    };
    found.steps.retain(blocks);
    let gaps: Vec<Option<String>> = found.gaps.drain(..).map(|gap| gap.guided).collect();
    found.guided.retain(|guided| guided.required && !gaps.contains(&Some(guided.id.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lockdown::step::{Gap, Guided, GuidedProof, Object};

    fn step(id: &str, phase: Phase, undo: Undo) -> Step {
        let object = Object { kind: "user".into(), id: id.into(), name: id.into() };
        Step::new("idp", object, "do", phase, undo)
    }

    fn guided(id: &str, required: bool) -> Guided {
        let text = String::new;
        let proof = GuidedProof::Attested;
        Guided { id: id.into(), title: text(), who: text(), how: text(), proof, required }
    }

    fn found() -> Discovery {
        let steps = vec![
            step("suspend", Phase::Block, Undo::Reversible),
            Step { blind: true, ..step("sessions", Phase::Sessions, Undo::Irreversible) },
            step("token", Phase::Sessions, Undo::Irreversible),
            step("group", Phase::Groups, Undo::Reversible),
            step("role", Phase::Groups, Undo::Irreversible),
            Step { commit: true, ..step("delete", Phase::Retire, Undo::Irreversible) },
            Step { commit: true, optional: true, ..step("person", Phase::Retire, Undo::Irreversible) },
            step("deletion", Phase::Preserve, Undo::Irreversible),
        ];
        let gaps = vec![Gap { what: "tokens".into(), guided: Some("look".into()) }];
        let guided = vec![guided("look", true), guided("block", true), guided("advice", false)];
        Discovery { steps, guided, gaps, ..Discovery::default() }
    }

    fn shown(found: &Discovery) -> Vec<(&str, Phase, bool)> {
        found.steps.iter().map(|step| (step.object.id.as_str(), step.phase, step.commit)).collect()
    }

    #[test]
    fn who_leaves_leaves_groups_first_and_nothing_is_destroyed_yet() {
        let mut left = found();
        soften(Ask::Leave, &mut left);
        assert_eq!(
            shown(&left),
            [
                ("suspend", Phase::Block, false),
                ("sessions", Phase::Sessions, false),
                ("token", Phase::Retire, true),
                ("group", Phase::Block, false),
                ("role", Phase::Retire, true),
                ("delete", Phase::Retire, true),
            ]
        );
        assert_eq!(left.gaps.len(), 1);
    }

    #[test]
    fn who_is_deactivated_comes_back_exactly() {
        let mut still = found();
        soften(Ask::Deactivate, &mut still);
        assert_eq!(shown(&still), [("suspend", Phase::Block, false)]);
        assert!(still.gaps.is_empty());
        assert_eq!(still.guided.iter().map(|guided| guided.id.as_str()).collect::<Vec<_>>(), ["block"]);
    }
}
