//! What identity providers share: steps about one person, guided steps in their console, and reads that may be refused.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Check, CheckState, Discovery, Look, Proof};
use crate::config::Settings;
use crate::config::catalog::{Setting, SettingKind};
use crate::lockdown::http::CallError;
use crate::lockdown::step::{Gap, Guided, GuidedProof, Object, Phase, Step, Undo};

const SETTLE_SECONDS: &str = "settle-seconds";

/// What was refused: it is left to a person, and everything else goes on.
pub(super) type Refused<T> = Result<T, String>;

/// A refusal is an answer; anything else is none, and the pass is not complete.
pub(super) fn allowed<T>(result: Result<T, CallError>) -> Result<Refused<T>, CallError> {
    match result {
        Ok(found) => Ok(Ok(found)),
        Err(error @ CallError::Refused { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// What could be read, for the snapshot: null where it was refused.
pub(super) fn seen<T: Serialize>(read: &Refused<T>) -> Value {
    read.as_ref().map_or(Value::Null, |read| json!(read))
}

/// The setting for how long a block may take to hold; `usual`: in seconds, where the configuration is silent.
pub(super) const fn settle_seconds(usual: &'static str) -> Setting {
    Setting {
        name: SETTLE_SECONDS,
        about: "How long a block may take to hold everywhere: sessions are ended once more after that.",
        value: SettingKind::Number,
        required: false,
        default: Some(usual),
        example: usual,
    }
}

/// What an instance says of it.
pub(super) fn settles(settings: &Settings) -> Duration {
    Duration::from_secs(settings.number(SETTLE_SECONDS).unwrap_or_default())
}

/// One account at one instance.
pub(super) struct Person<'a> {
    /// The instance.
    pub(super) system: &'a str,
    /// The vendor's identifier of the user.
    pub(super) id: &'a str,
    /// Login, for people.
    pub(super) name: &'a str,
    /// Who can do by hand what no API can: `an Entra administrator`.
    pub(super) who: &'static str,
    /// Where they look: `the Entra admin center`.
    pub(super) console: &'static str,
}

impl Person<'_> {
    pub(super) fn object(&self) -> Object {
        Object { kind: "user".into(), id: self.id.into(), name: self.name.into() }
    }

    /// Something of the person that has no name of its own: a membership, an assignment, a role.
    pub(super) fn part(&self, kind: &str, id: &str, name: &str) -> Object {
        Object {
            kind: kind.into(),
            id: format!("{id}:{}", self.id),
            name: format!("{} in {name}", self.name),
        }
    }

    /// A step whose details are `action`; reversible, and of the phase that blocks, unless it is said otherwise.
    pub(super) fn step(&self, object: Object, name: &str, action: &impl Serialize) -> Step {
        Step {
            details: serde_json::to_value(action).unwrap_or_default(),
            ..Step::new(self.system, object, name, Phase::Block, Undo::Reversible)
        }
    }

    /// Something that a person has to do.
    pub(super) fn guided(&self, what: &str, required: bool, title: String, how: String) -> Guided {
        Guided {
            id: format!("{}/user/{}/{what}", self.system, self.id),
            title,
            who: self.who.into(),
            how,
            proof: GuidedProof::Attested,
            required,
        }
    }

    /// What the credential may not read is left to a person; where it lets the account in, it is not known until then.
    pub(super) fn gap(&self, what: &str, required: bool, why: &str, found: &mut Discovery) {
        let step = self.guided(
            &what.replace(' ', "-"),
            required,
            format!("Look at the {what} of {}", self.name),
            format!(
                "Portcullis may not read them ({why}): look in {}, and take away what is there.",
                self.console
            ),
        );
        if required {
            let what = format!("{what} of {}: {why}", self.name);
            found.gaps.push(Gap { what, guided: Some(step.id.clone()) });
        }
        found.guided.push(step);
    }

    /// A membership that no API changes.
    pub(super) fn stays(&self, group: &str, name: &str, why: &str) -> Guided {
        let title = format!("Take {} out of {name}", self.name);
        self.guided(&format!("leave-{group}"), false, title, why.to_owned())
    }
}

/// That nothing of it is there any more, read again.
pub(super) fn read_again(look: &Look, vendor: &str) -> Proof {
    match look.done {
        Some(true) => Proof::Proved(format!("read again: {}", look.state)),
        Some(false) | None => Proof::NotYet(format!("{vendor} still says {}", look.state)),
    }
}

/// A look at one thing that is there or not.
pub(super) fn gone_or(name: &str, is_there: bool) -> Look {
    Look { state: json!({ name: is_there }), done: Some(!is_there), result: Value::Null }
}

/// What the vendor says is not there needs no removing: lists may show it for a while yet.
pub(super) fn gone(
    result: Result<(), CallError>,
    is_missing: impl Fn(&CallError) -> bool,
) -> Result<(), CallError> {
    match result {
        Err(error) if is_missing(&error) => Ok(()),
        result => result,
    }
}

/// What a change needs: any of these permissions.
pub(super) struct Needed {
    /// What is changed: `end sessions`.
    pub(super) what: &'static str,
    /// Any of them is enough.
    pub(super) any: &'static [&'static str],
    /// What happens without.
    pub(super) without: &'static str,
}

/// Lines of `doctor` from the token's own list of permissions: `roles` of an application, `scp` or `scope` of whoever it
/// stands for, whose rights may limit them further.
pub(super) fn permissions(claims: Option<&Value>, needed: &'static [Needed]) -> Vec<Check> {
    let held = claims.and_then(held);
    let line = |needed: &Needed| {
        let Needed { what, any, without } = needed;
        let (state, note) = match &held {
            None => (CheckState::Unknown, "the token does not say what it may do".to_owned()),
            Some(held) => match any.iter().find(|one| held.iter().any(|held| held == *one)) {
                Some(one) => (CheckState::Works, format!("the token has {one}")),
                None => (CheckState::Missing, format!("{without}: the token has none of {}", any.join(", "))),
            },
        };
        Check { what: (*what).to_owned(), state, note }
    };
    needed.iter().map(line).collect()
}

fn held(claims: &Value) -> Option<Vec<String>> {
    let words = ["scp", "scope"].iter().find_map(|key| claims.get(key)?.as_str());
    let roles = claims.get("roles").and_then(Value::as_array);
    let roles = roles.map(|roles| roles.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    words.map(|words| words.split_whitespace().map(str::to_owned).collect()).or(roles)
}
