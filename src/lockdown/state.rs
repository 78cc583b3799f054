//! The state of a step, and the one function that changes it. Pure: it does no IO, and recovery uses the same one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To do the step.
    Apply,
    /// To remove an object of ours whose secret was lost, so that it can be made anew.
    Discard,
    /// To bring the state before back.
    Undo,
}

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum StepEvent {
    /// The responder left it out.
    Skipped {
        /// Why, in the responder's words.
        reason: String,
    },
    /// The responder leaves it out no longer.
    Included,
    /// A request will be sent. On disk before it leaves.
    Intended {
        /// What for.
        direction: Direction,
        /// The object's state as read just before.
        before: Value,
    },
    /// The provider took the request.
    Answered {
        /// What it told, without secrets: the identifier of a new object.
        result: Value,
    },
    /// The provider refused the request with an error of its own; nothing changed.
    Refused {
        /// Its words.
        why: String,
    },
    /// The request surely had no effect: it did not leave, or the provider was too busy.
    NotSent {
        /// Why.
        why: String,
    },
    /// Nobody knows whether the request had its effect.
    Lost {
        /// Why.
        why: String,
    },
    /// The object was read: what the last intent asked for holds.
    Seen {
        /// Its state.
        state: Value,
        /// What the provider would have answered, as far as it can be read.
        result: Value,
    },
    /// The object was read: what the last intent asked for does not hold.
    Unseen {
        /// Its state.
        state: Value,
    },
    /// The object was read: the state before the step is there again, whoever brought it back.
    Back {
        /// Its state.
        state: Value,
    },
    /// The object could not be read: nothing new is known.
    Unreadable {
        /// Why.
        why: String,
    },
    /// Someone else changed the object since: it is left as it is.
    Kept {
        /// What differs.
        why: String,
    },
}

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Not tried yet.
    Planned,
    /// Left out by the responder.
    Skipped,
    /// What it asks for held before anything was sent; there is nothing to undo.
    Already,
    /// An intent is on disk; its outcome is not.
    Applying,
    /// The provider took it, or it was seen to hold.
    Applied,
    /// The provider refused it.
    Refused,
    /// As `Applying`, for removing an object whose secret was lost.
    Discarding,
    /// As `Applying`, for the way back.
    Undoing,
    /// The state before is back.
    Undone,
    /// The provider refused the way back.
    UndoRefused,
    /// Left as it is, since someone else changed it.
    Kept,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 11] = [
        Self::Planned,
        Self::Skipped,
        Self::Already,
        Self::Applying,
        Self::Applied,
        Self::Refused,
        Self::Discarding,
        Self::Undoing,
        Self::Undone,
        Self::UndoRefused,
        Self::Kept,
    ];

    /// What it asks for holds, as far as we know.
    pub fn holds(self) -> bool {
        matches!(self, Self::Already | Self::Applied)
    }

    /// An intent is on disk and its outcome is not known: read before anything is sent again.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Applying | Self::Discarding | Self::Undoing)
    }
}

/// Everything that is known of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepState {
    /// Where it is.
    pub status: Status,
    /// We did it: a restore has something to undo. Survives a second try without effect, and that somebody takes it back.
    pub ours: bool,
    /// It held when the last intent to do it was written: what has no effect leaves it so.
    pub held: bool,
    /// Intents so far, of all directions.
    pub attempts: u32,
    /// The state before the request that did it: what undoing brings back.
    pub before: Value,
    /// What `before` was until the last intent: what has no effect leaves it so.
    pub earlier: Value,
    /// The state as last seen after our change; null while it was not seen.
    pub after: Value,
    /// What the provider told, such as a new object's identifier.
    pub result: Value,
    /// The last reason for not being done.
    pub why: Option<String>,
}

impl Default for StepState {
    fn default() -> Self {
        Self {
            status: Status::Planned,
            ours: false,
            held: false,
            attempts: 0,
            before: Value::Null,
            earlier: Value::Null,
            after: Value::Null,
            result: Value::Null,
            why: None,
        }
    }
}

/// An event that cannot happen to a step in that state: the journal is not one of ours, or we have a defect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a step that is {status:?} cannot see {event}")]
pub struct Illegal {
    /// Where the step was.
    pub status: Status,
    /// The event's name.
    pub event: &'static str,
}

impl StepState {
    /// The state after `event`.
    ///
    /// # Errors
    /// The pair is not legal.
    pub fn next(&self, event: &StepEvent) -> Result<Self, Illegal> {
        let status = transition(self, event)?;
        let ours = match status {
            Status::Applied => true,
            Status::Already | Status::Undone => false,
            // It was removed.
            Status::Planned if self.status == Status::Discarding => false,
            Status::Planned
            | Status::Skipped
            | Status::Applying
            | Status::Refused
            | Status::Discarding
            | Status::Undoing
            | Status::UndoRefused
            | Status::Kept => self.ours,
        };
        let mut next = Self { status, ours, ..self.clone() };
        match event {
            StepEvent::Intended { direction, before } => {
                next.attempts += 1;
                next.why = None;
                if *direction == Direction::Apply {
                    next.earlier = std::mem::replace(&mut next.before, before.clone());
                    if self.status != Status::Applying {
                        next.held = self.status.holds();
                    }
                }
            }
            StepEvent::Answered { result } if status == Status::Applied => next.result = result.clone(),
            StepEvent::Seen { state, result } if matches!(status, Status::Applied | Status::Already) => {
                next.after = state.clone();
                if !result.is_null() {
                    next.result = result.clone();
                }
            }
            StepEvent::Refused { why }
            | StepEvent::NotSent { why }
            | StepEvent::Lost { why }
            | StepEvent::Unreadable { why }
            | StepEvent::Kept { why } => next.why = Some(why.clone()),
            StepEvent::Skipped { reason } => next.why = Some(reason.clone()),
            StepEvent::Included => next.why = None,
            StepEvent::Answered { .. }
            | StepEvent::Seen { .. }
            | StepEvent::Unseen { .. }
            | StepEvent::Back { .. } => {}
        }
        // What was left out is as it was before: an earlier try of ours may have had its effect.
        if status == Status::Planned && *event != StepEvent::Included {
            next.after = Value::Null;
            next.result = Value::Null;
        }
        let in_vain = matches!(event, StepEvent::Refused { .. } | StepEvent::NotSent { .. });
        if in_vain && self.status == Status::Applying {
            next.before = self.earlier.clone();
        }
        Ok(next)
    }
}

/// The status after `event`: every legal pair is listed.
#[expect(clippy::match_same_arms, reason = "every pair is listed, in lines that can be read")]
fn transition(from: &StepState, event: &StepEvent) -> Result<Status, Illegal> {
    use Status as S;
    use StepEvent as E;
    let &StepState { status, ours, held, .. } = from;
    let illegal = |event| Err(Illegal { status, event });
    match event {
        E::Skipped { .. } => match status {
            S::Planned | S::Refused | S::Skipped => Ok(S::Skipped),
            S::Already | S::Applying | S::Applied | S::Discarding | S::Undoing => illegal("skipped"),
            S::Undone | S::UndoRefused | S::Kept => illegal("skipped"),
        },
        E::Included => included(status),
        E::Intended { direction, .. } => intended(status, ours, *direction),
        E::Answered { .. } => match status {
            S::Applying => Ok(S::Applied),
            S::Discarding => Ok(S::Planned),
            S::Undoing => Ok(S::Undone),
            S::Planned | S::Skipped | S::Already | S::Applied | S::Refused => illegal("answered"),
            S::Undone | S::UndoRefused | S::Kept => illegal("answered"),
        },
        E::Refused { .. } => match status {
            S::Applying => Ok(S::Refused),
            // Gone already, perhaps: a look tells.
            S::Discarding => Ok(S::Discarding),
            S::Undoing => Ok(S::UndoRefused),
            S::Planned | S::Skipped | S::Already | S::Applied | S::Refused => illegal("refused"),
            S::Undone | S::UndoRefused | S::Kept => illegal("refused"),
        },
        E::NotSent { .. } => unsent(status, held, "not sent"),
        E::Lost { .. } => match status {
            S::Applying | S::Discarding | S::Undoing => Ok(status),
            S::Planned | S::Skipped | S::Already | S::Applied | S::Refused => illegal("lost"),
            S::Undone | S::UndoRefused | S::Kept => illegal("lost"),
        },
        E::Seen { .. } => seen(status, ours),
        E::Unseen { .. } => match status {
            // What was applied does not hold any more: someone or some sync brought it back.
            S::Applied | S::Already => Ok(S::Planned),
            S::Applying | S::Discarding | S::Undoing => unsent(status, false, "unseen"),
            S::Planned | S::Skipped | S::Refused | S::UndoRefused => Ok(status),
            S::Undone | S::Kept => illegal("unseen"),
        },
        E::Back { .. } => match status {
            S::Applied | S::Undoing | S::UndoRefused | S::Undone => Ok(S::Undone),
            S::Planned | S::Skipped | S::Refused if ours => Ok(S::Undone),
            S::Planned | S::Skipped | S::Already | S::Applying | S::Refused => illegal("back"),
            S::Discarding | S::Kept => illegal("back"),
        },
        E::Unreadable { .. } => match status {
            S::Planned | S::Already | S::Applying | S::Applied | S::Refused => Ok(status),
            S::Discarding | S::Undoing | S::UndoRefused => Ok(status),
            S::Skipped if ours => Ok(status),
            S::Skipped | S::Undone | S::Kept => illegal("unreadable"),
        },
        E::Kept { .. } => match status {
            S::Applied | S::UndoRefused | S::Kept | S::Undoing => Ok(S::Kept),
            S::Planned | S::Skipped | S::Refused if ours => Ok(S::Kept),
            S::Planned | S::Skipped | S::Already | S::Applying | S::Refused => illegal("kept"),
            S::Discarding | S::Undone => illegal("kept"),
        },
    }
}

fn included(status: Status) -> Result<Status, Illegal> {
    use Status as S;
    match status {
        S::Skipped => Ok(S::Planned),
        S::Planned
        | S::Already
        | S::Applying
        | S::Applied
        | S::Refused
        | S::Discarding
        | S::Undoing
        | S::Undone
        | S::UndoRefused
        | S::Kept => Err(Illegal { status, event: "included" }),
    }
}

fn intended(status: Status, ours: bool, direction: Direction) -> Result<Status, Illegal> {
    use Status as S;
    match (direction, status) {
        (Direction::Apply, S::Planned | S::Refused | S::Applied | S::Already | S::Applying) => {
            Ok(S::Applying)
        }
        // Planned: an object of ours that came up late, after its request was taken for lost.
        (Direction::Discard, S::Planned | S::Applied | S::Discarding) => Ok(S::Discarding),
        (Direction::Undo, S::Applied | S::UndoRefused | S::Undoing) => Ok(S::Undoing),
        // A second try came to nothing, and the first had its effect.
        (Direction::Undo, S::Planned | S::Skipped | S::Refused) if ours => Ok(S::Undoing),
        (
            Direction::Apply,
            S::Skipped | S::Discarding | S::Undoing | S::Undone | S::UndoRefused | S::Kept,
        )
        | (
            Direction::Discard,
            S::Skipped
            | S::Already
            | S::Applying
            | S::Refused
            | S::Undoing
            | S::Undone
            | S::UndoRefused
            | S::Kept,
        )
        | (
            Direction::Undo,
            S::Planned
            | S::Skipped
            | S::Already
            | S::Applying
            | S::Refused
            | S::Discarding
            | S::Undone
            | S::Kept,
        ) => Err(Illegal { status, event: "intended" }),
    }
}

/// The last request had no effect: where the step was before it.
#[expect(clippy::match_same_arms, reason = "every pair is listed, in lines that can be read")]
fn unsent(status: Status, held: bool, event: &'static str) -> Result<Status, Illegal> {
    use Status as S;
    match status {
        S::Applying if held => Ok(S::Applied),
        S::Applying => Ok(S::Planned),
        S::Discarding | S::Undoing => Ok(S::Applied),
        S::Planned | S::Skipped | S::Already | S::Applied | S::Refused => Err(Illegal { status, event }),
        S::Undone | S::UndoRefused | S::Kept => Err(Illegal { status, event }),
    }
}

#[expect(clippy::match_same_arms, reason = "every pair is listed, in lines that can be read")]
fn seen(status: Status, ours: bool) -> Result<Status, Illegal> {
    use Status as S;
    match status {
        // It was taken back, and shows again.
        S::Planned if ours => Ok(S::Applied),
        S::Planned | S::Already => Ok(S::Already),
        // A second try was refused, since the first had done it.
        S::Refused if ours => Ok(S::Applied),
        // Refused, and yet what it asks for holds: not by us.
        S::Refused => Ok(S::Already),
        S::Applying | S::Applied => Ok(S::Applied),
        S::Discarding => Ok(S::Planned),
        // It was taken for undone, and is not.
        S::Undone => Ok(S::Applied),
        S::Skipped | S::Kept => Err(Illegal { status, event: "seen" }),
        S::Undoing | S::UndoRefused => Err(Illegal { status, event: "seen" }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events() -> Vec<StepEvent> {
        let why = String::from("why");
        let mut all: Vec<StepEvent> = [Direction::Apply, Direction::Discard, Direction::Undo]
            .map(|direction| StepEvent::Intended { direction, before: json!({"on": true}) })
            .into();
        all.extend([
            StepEvent::Skipped { reason: why.clone() },
            StepEvent::Included,
            StepEvent::Answered { result: json!({"id": 7}) },
            StepEvent::Refused { why: why.clone() },
            StepEvent::NotSent { why: why.clone() },
            StepEvent::Lost { why: why.clone() },
            StepEvent::Unreadable { why: why.clone() },
            StepEvent::Seen { state: json!({"on": false}), result: Value::Null },
            StepEvent::Unseen { state: json!({"on": true}) },
            StepEvent::Back { state: json!({"on": true}) },
            StepEvent::Kept { why },
        ]);
        all
    }

    fn walk(events: &[StepEvent]) -> StepState {
        events.iter().fold(StepState::default(), |state, event| state.next(event).unwrap())
    }

    fn apply(before: Value) -> StepEvent {
        StepEvent::Intended { direction: Direction::Apply, before }
    }

    #[test]
    fn nothing_is_answered_that_was_not_intended() {
        for status in Status::ALL.into_iter().filter(|status| !status.is_open()) {
            let state = StepState { status, ..StepState::default() };
            for event in events() {
                let answered = matches!(
                    event,
                    StepEvent::Answered { .. }
                        | StepEvent::Refused { .. }
                        | StepEvent::NotSent { .. }
                        | StepEvent::Lost { .. }
                );
                assert!(!answered || state.next(&event).is_err(), "{status:?} {event:?}");
            }
        }
    }

    #[test]
    fn every_event_after_any_two_is_total_and_counts_intents() {
        for first in events() {
            for second in events() {
                let Ok(one) = StepState::default().next(&first) else { continue };
                let Ok(two) = one.next(&second) else { continue };
                let intents = [&first, &second];
                let intents =
                    intents.iter().filter(|event| matches!(event, StepEvent::Intended { .. })).count();
                assert_eq!(two.attempts as usize, intents);
            }
        }
    }

    #[test]
    fn a_second_try_in_vain_leaves_what_was_before_the_first() {
        let answered = || StepEvent::Answered { result: json!({"id": 7}) };
        let busy = || StepEvent::NotSent { why: "busy".into() };
        let state = walk(&[apply(json!(1)), answered(), apply(json!(2)), busy()]);
        assert_eq!((state.status, state.ours, &state.before), (Status::Applied, true, &json!(1)));
        assert_eq!(state.result, json!({"id": 7}));
        // It did not hold when it was tried again.
        let taken_back = StepEvent::Unseen { state: json!(1) };
        let state = walk(&[apply(json!(1)), answered(), taken_back, apply(json!(2)), busy()]);
        assert_eq!((state.status, state.ours, &state.before), (Status::Planned, true, &json!(1)));
    }

    #[test]
    fn what_somebody_took_back_stays_ours() {
        let done = [
            apply(json!(1)),
            StepEvent::Answered { result: json!({"id": 7}) },
            StepEvent::Unseen { state: json!(3) },
        ];
        let state = walk(&done);
        assert_eq!((state.status, state.ours, &state.before), (Status::Planned, true, &json!(1)));
        assert!(!state.status.holds());
        let seen = state.next(&StepEvent::Seen { state: json!(0), result: Value::Null }).unwrap();
        assert_eq!((seen.status, seen.ours), (Status::Applied, true));
        let left_out = state.next(&StepEvent::Skipped { reason: "later".into() }).unwrap();
        for state in [state, left_out] {
            let undo = StepEvent::Intended { direction: Direction::Undo, before: Value::Null };
            for next in [undo, StepEvent::Back { state: json!(1) }, StepEvent::Kept { why: "x".into() }] {
                assert!(state.next(&next).is_ok(), "{next:?}");
                let theirs = StepState { ours: false, ..state.clone() };
                assert!(theirs.next(&next).is_err(), "{next:?}");
            }
        }
    }

    #[test]
    fn what_was_left_out_is_planned_again_as_it_was_before() {
        let skipped = || StepEvent::Skipped { reason: "later".into() };
        let left_out = walk(&[skipped()]);
        assert!(left_out.next(&apply(json!(1))).is_err());
        let again = left_out.next(&StepEvent::Included).unwrap();
        assert_eq!(again, StepState::default());
        for status in Status::ALL.into_iter().filter(|status| *status != Status::Skipped) {
            let state = StepState { status, ..StepState::default() };
            assert!(state.next(&StepEvent::Included).is_err(), "{status:?}");
        }
        let (answered, refused) =
            (StepEvent::Answered { result: json!({"id": 7}) }, StepEvent::Refused { why: "paused".into() });
        let tries = [apply(json!(1)), answered, apply(json!(2)), refused, skipped(), StepEvent::Included];
        let state = walk(&tries);
        assert_eq!((state.status, state.ours, &state.before), (Status::Planned, true, &json!(1)));
        assert_eq!(state.result, json!({"id": 7}), "what it made is known");
    }

    #[test]
    fn a_first_try_without_effect_does_not_fix_what_was_before() {
        let lost = [
            apply(json!(1)),
            StepEvent::Lost { why: "time-out".into() },
            StepEvent::Unseen { state: json!(1) },
            apply(json!(2)),
            StepEvent::Answered { result: Value::Null },
        ];
        assert_eq!(walk(&lost).before, json!(2));
    }

    #[test]
    fn what_held_before_us_is_never_ours() {
        let refused = [
            apply(json!(1)),
            StepEvent::Refused { why: "gone".into() },
            StepEvent::Seen { state: json!(0), result: Value::Null },
        ];
        let state = walk(&refused);
        assert_eq!((state.status, state.ours), (Status::Already, false));
        let undo = StepEvent::Intended { direction: Direction::Undo, before: Value::Null };
        assert!(state.next(&undo).is_err());
    }

    #[test]
    fn what_is_ours_is_undone_though_a_second_try_was_refused() {
        let refused = StepEvent::Refused { why: "paused".into() };
        let undo = StepEvent::Intended { direction: Direction::Undo, before: Value::Null };
        let tries = [apply(json!(1)), StepEvent::Answered { result: Value::Null }, apply(json!(2)), refused];
        let state = walk(&tries);
        assert_eq!((state.status, state.ours), (Status::Refused, true));
        for next in [undo.clone(), StepEvent::Back { state: json!(1) }, StepEvent::Kept { why: "x".into() }] {
            assert!(state.next(&next).is_ok(), "{next:?}");
            let theirs = StepState { ours: false, ..state.clone() };
            assert!(theirs.next(&next).is_err(), "{next:?}");
        }
    }

    #[test]
    fn what_was_taken_for_undone_and_shows_again_is_ours_again() {
        let undone = [
            apply(json!(1)),
            StepEvent::Answered { result: json!({"id": 7}) },
            StepEvent::Back { state: json!(1) },
            StepEvent::Seen { state: json!(0), result: Value::Null },
        ];
        let state = walk(&undone);
        assert_eq!((state.status, state.ours, &state.before), (Status::Applied, true, &json!(1)));
        assert_eq!(state.result, json!({"id": 7}));
    }

    #[test]
    fn a_discarded_object_is_forgotten() {
        let discarded = [
            apply(json!(1)),
            StepEvent::Answered { result: json!({"id": 7}) },
            StepEvent::Intended { direction: Direction::Discard, before: Value::Null },
            StepEvent::Answered { result: Value::Null },
        ];
        let state = walk(&discarded);
        assert_eq!((state.status, &state.result, state.ours), (Status::Planned, &Value::Null, false));
    }
}
