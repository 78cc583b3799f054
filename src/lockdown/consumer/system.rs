//! A consumer as a system with steps: giving it the credential that its store holds.
//!
//! What stands at a place is compared with what the store holds and held, and a state says which of them it is: `new`, `old`,
//! `other`, or `nothing`. So a journal has no secret and no digest of one. Where a consumer never tells the secret, the username
//! stands for both, since the secret of a service account is never changed in place; and the consumer has to try it. Where it can
//! do so only by a request that changes something, that is a step of its own: one intent for one effect, and what names the trial
//! is in the journal, for a run that comes later.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::{Consumer, Fields, Held, Outcome, Runs, Trials, Tried};
use crate::config::Point;
use crate::lockdown::http::{CallError, Stats};
use crate::lockdown::provider::{Acted, Check, Discovery, Hand, Look, Proof, Provider, Target};
use crate::lockdown::step::{Object, Phase, Step, StepId, Undo};
use crate::lockdown::store::system::{Put, version};
use crate::lockdown::store::{Entry, Store, StoreError};

/// Gives a consumer the new credential.
pub const REPOINT: &str = "repoint";
/// Has a consumer try it, where that takes a request that changes something.
pub const TRY: &str = "try";
/// The member of a trial's result that names it.
const TRIAL: &str = "trial";
/// How long an update that is under way is waited for. AWS says that one can take a minute.
const PATIENCE: Duration = Duration::from_mins(1);
/// The first wait between two looks at it, doubled up to [`SLOW`].
const FAST: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_secs(2);

/// What a step is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Repoint {
    /// Where in the consumer.
    pub place: String,
    /// The name under which the username stands there.
    pub username: String,
    /// The name under which the secret stands there.
    pub secret: String,
    /// The entry of which it has a copy.
    pub put: Put,
    /// The step that puts the new credential into that entry.
    pub put_step: StepId,
    /// The step that makes it; its answer says the `username`.
    pub replace: StepId,
}

/// The step that gives `point` what `put_step` has stored. Where the responder leaves it out, what needs it goes on: somebody
/// else sees to the consumer.
pub fn step(point: &Point, put: &Put, put_step: &StepId, replace: &StepId, why: &str) -> Step {
    // One place may have several credentials.
    let id = format!("{}/{}", point.place, point.secret);
    let object = Object { kind: "consumer".to_owned(), id, name: point.place.clone() };
    let details = Repoint {
        place: point.place.clone(),
        username: point.username.clone(),
        secret: point.secret.clone(),
        put: put.clone(),
        put_step: put_step.clone(),
        replace: replace.clone(),
    };
    Step {
        why: why.to_owned(),
        effect: format!("{} works with the new credential; all else that stands there stays", point.place),
        needs: vec![put_step.clone()],
        dispensable: true,
        details: serde_json::to_value(details).unwrap_or_default(),
        ..Step::new(&point.system, object, REPOINT, Phase::Rotate, Undo::Reversible)
    }
}

/// The step that tries what `repoint` gave. Nothing of it stays, so that there is nothing to bring back.
fn trial(repoint: &Step) -> Step {
    Step {
        why: repoint.why.clone(),
        effect: format!(
            "{} loads its data with the new credential, as it does by its schedule",
            repoint.object.name
        ),
        needs: vec![repoint.id.clone()],
        details: repoint.details.clone(),
        ..Step::new(&repoint.system, repoint.object.clone(), TRY, repoint.phase, Undo::Reversible)
    }
}

/// Whether a place could be given another credential now, in words; `entry`: what the store holds.
///
/// # Errors
/// Why it could not, or that it cannot be told.
pub async fn rehearse(
    consumer: &dyn Consumer,
    point: &Point,
    entry: &Entry,
    put: &Put,
) -> Result<(), CallError> {
    let held = consumer.read(&point.place).await?;
    if let Runs::Unknown(why) = &held.runs {
        return Err(refused(why));
    }
    let names = [point.username.as_str(), point.secret.as_str()];
    lacks_none(&point.place, names, &held)?;
    let pair = Pair::of(entry, put).ok_or_else(|| refused(NO_PAIR))?;
    if !pair.stands(names, &held) {
        return Err(refused(&strange(&point.place, names)));
    }
    consumer.hindrance(&point.place).await?.map_or(Ok(()), |why| Err(refused(&why)))
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    /// What the store holds since the step before.
    New,
    /// What it held before.
    Old,
    /// Something else.
    Other,
    /// One of the two names is not there.
    Nothing,
}

/// A username and its secret.
struct Pair {
    username: SecretString,
    secret: SecretString,
}

impl Pair {
    fn of(entry: &Entry, put: &Put) -> Option<Self> {
        let field = |name: &str| entry.fields.get(name).cloned();
        Some(Self { username: field(&put.username)?, secret: field(&put.secret)? })
    }

    fn is_of(&self, username: Option<&str>) -> bool {
        username == Some(self.username.expose_secret())
    }

    /// Whether these names have just this there.
    fn stands(&self, [username, secret]: [&str; 2], held: &Held) -> bool {
        let is = |name: &str, value: &SecretString| {
            held.fields.get(name).is_some_and(|there| there.expose_secret() == value.expose_secret())
        };
        is(username, &self.username) && (held.untold.contains(&secret) || is(secret, &self.secret))
    }
}

/// A consumer as a provider whose steps are made by others.
pub struct ConsumerSystem {
    consumer: Arc<dyn Consumer>,
    /// One change at a time: a change is of all that stands at a place.
    turn: Mutex<()>,
}

impl ConsumerSystem {
    /// Of this consumer.
    pub fn new(consumer: Arc<dyn Consumer>) -> Self {
        Self { consumer, turn: Mutex::default() }
    }
}

#[async_trait]
impl Provider for ConsumerSystem {
    fn name(&self) -> &str {
        self.consumer.name()
    }

    fn discovers(&self) -> bool {
        false
    }

    async fn discover(&self, _: &Target) -> Result<Discovery, CallError> {
        Ok(Discovery::default())
    }

    fn besides(&self, step: &Step) -> Option<Step> {
        (step.action == REPOINT && self.consumer.trials().is_some()).then(|| trial(step))
    }

    async fn look(&self, step: &Step, hand: &Hand) -> Result<Look, CallError> {
        if step.action == TRY {
            let trial = named(step, hand);
            let result = trial.as_ref().map_or(Value::Null, |name| json!({ TRIAL: name }));
            return Ok(Look { state: json!({}), done: Some(trial.is_some()), result });
        }
        let point = details(step)?;
        let held = self.settled(&point).await?;
        let standing = standing(hand, &point, &held).await?;
        let state = match standing {
            // Under a wrong name there may be a secret.
            Standing::Other | Standing::Nothing => json!({ "holds": standing }),
            Standing::New | Standing::Old => {
                let username = held.fields.get(&point.username).map(SecretString::expose_secret);
                json!({ "holds": standing, "username": username })
            }
        };
        Ok(Look { state, done: Some(standing == Standing::New), result: Value::Null })
    }

    async fn apply(&self, step: &Step, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        let point = details(step)?;
        if step.action == TRY {
            return self.begin(&point, hand, key).await;
        }
        let _turn = self.turn.lock().await;
        let held = self.expected(hand, &point, Standing::Old).await?;
        if let Some(why) = self.consumer.hindrance(&point.place).await.map_err(CallError::unsent)? {
            return Err(refused(&format!("{why}{WAYS_ON}")));
        }
        let entry = store(hand, &point)?.read(&point.put.path).await.map_err(|error| call(error).unsent())?;
        let pair = entry.and_then(|entry| Pair::of(&entry, &point.put));
        let pair = pair.filter(|pair| pair.is_of(new_name(hand, &point).as_deref()));
        self.give(&point, pair.ok_or_else(|| lacks("the store does not hold the new credential"))?, held, key)
            .await
    }

    async fn undo(&self, step: &Step, before: &Value, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        if step.action == TRY {
            return Ok(Acted::default());
        }
        let point = details(step)?;
        let was = before.get("username").and_then(Value::as_str);
        let _turn = self.turn.lock().await;
        let held = self.expected(hand, &point, Standing::New).await?;
        let pair = earlier(hand, &point).await.map_err(CallError::unsent)?.filter(|pair| pair.is_of(was));
        let pair = pair.ok_or_else(|| refused("the store does not have the old credential any more"))?;
        self.give(&point, pair, held, key).await
    }

    async fn prove(&self, step: &Step, hand: &Hand) -> Result<Proof, CallError> {
        let place = details(step)?.place;
        if step.action == TRY {
            return self.prove_trial(&place, named(step, hand)).await;
        }
        if self.look(step, hand).await?.done != Some(true) {
            return Ok(Proof::NotYet(format!("{place} does not hold what the store holds")));
        }
        if self.consumer.trials().is_some() {
            return Ok(Proof::Proved(format!(
                "{place} has the name that the store holds; whether it gets in is what its trial tells"
            )));
        }
        Ok(match self.consumer.tried(&place).await? {
            Tried::ReadBack => {
                Proof::Proved(format!("{place} holds what the store holds, read back, and runs with it"))
            }
            Tried::Works => {
                Proof::Proved(format!("{place} has the name that the store holds, and gets in with it"))
            }
            Tried::Fails(why) => {
                Proof::NotYet(format!("{place} does not get in with what it was given: {why}"))
            }
            Tried::Unknown(why) => Proof::Unknown(why),
        })
    }

    async fn check(&self) -> Vec<Check> {
        self.consumer.check().await
    }

    fn stats(&self) -> Stats {
        self.consumer.stats()
    }
}

/// What a person can do where Portcullis must not.
const WAYS_ON: &str =
    ". Give it the new credential by hand and run this again, or leave this step out (--skip)";
const NO_PAIR: &str = "the entry of the store has no username or no secret";

impl ConsumerSystem {
    fn trials(&self) -> Result<&dyn Trials, CallError> {
        self.consumer.trials().ok_or_else(|| lacks(&format!("{} has no trials", self.consumer.name())))
    }

    /// Begins a trial of what the store holds. Anything else at the place would say nothing of that.
    async fn begin(&self, point: &Repoint, hand: &Hand, key: &str) -> Result<Acted, CallError> {
        let trials = self.trials()?;
        self.expected(hand, point, Standing::New).await.map_err(CallError::unsent)?;
        let name = trials.begin(&point.place, key).await?;
        Ok(Acted { result: json!({ TRIAL: name }), secret: None })
    }

    async fn prove_trial(&self, place: &str, name: Option<String>) -> Result<Proof, CallError> {
        let Some(name) = name else { return Ok(Proof::NotYet(format!("no trial of {place} has begun"))) };
        Ok(match self.trials()?.outcome(place, &name).await? {
            Outcome::Works => Proof::Proved(format!("{place} gets in with what it was given")),
            Outcome::UnderWay(what) => Proof::NotYet(what),
            Outcome::Fails(why) => Proof::Failed(why),
            Outcome::Unknown(why) => Proof::Unknown(why),
        })
    }

    /// What stands at the place, once it runs with it: before, what is shown and what runs are not the same.
    async fn settled(&self, point: &Repoint) -> Result<Held, CallError> {
        let (since, mut pause) = (Instant::now(), FAST);
        loop {
            let held = self.consumer.read(&point.place).await?;
            match &held.runs {
                Runs::WithThis => return Ok(held),
                Runs::Unknown(why) => return Err(CallError::Lost { what: why.clone() }),
                Runs::Soon if since.elapsed() + pause > PATIENCE => {
                    let what = format!("an update of {} is still under way", point.place);
                    return Err(CallError::Lost { what });
                }
                Runs::Soon => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(SLOW);
        }
    }

    /// What stands at the place, which has to be this; nothing was sent yet.
    async fn expected(&self, hand: &Hand, point: &Repoint, wanted: Standing) -> Result<Held, CallError> {
        let held = self.settled(point).await.map_err(CallError::unsent)?;
        let names = [point.username.as_str(), point.secret.as_str()];
        lacks_none(&point.place, names, &held)?;
        match standing(hand, point, &held).await.map_err(CallError::unsent)? {
            found if found == wanted => Ok(held),
            // A request of ours that was taken for lost had its effect late: it is looked at again.
            Standing::New | Standing::Old => {
                Err(CallError::Lost { what: format!("{} has changed meanwhile", point.place) })
            }
            Standing::Other | Standing::Nothing => {
                Err(refused(&format!("{}{WAYS_ON}", strange(&point.place, names))))
            }
        }
    }

    async fn give(&self, point: &Repoint, pair: Pair, held: Held, key: &str) -> Result<Acted, CallError> {
        let fields =
            Fields::from([(point.username.clone(), pair.username), (point.secret.clone(), pair.secret)]);
        self.consumer.write(&point.place, fields, held, key).await?;
        // What rests on this step may end the credential that it still runs with.
        match self.settled(point).await {
            Ok(_) => Ok(Acted::default()),
            Err(error) => Err(CallError::Lost { what: format!("it was written, and then: {error}") }),
        }
    }
}

async fn standing(hand: &Hand, point: &Repoint, held: &Held) -> Result<Standing, CallError> {
    let names = [point.username.as_str(), point.secret.as_str()];
    if lacks_none(&point.place, names, held).is_err() {
        return Ok(Standing::Nothing);
    }
    let entry = store(hand, point)?.read(&point.put.path).await.map_err(call)?;
    if let Some(pair) =
        entry.and_then(|entry| Pair::of(&entry, &point.put)).filter(|pair| pair.stands(names, held))
    {
        let is_new = pair.is_of(new_name(hand, point).as_deref());
        return Ok(if is_new { Standing::New } else { Standing::Old });
    }
    let is_old = earlier(hand, point).await?.is_some_and(|pair| pair.stands(names, held));
    Ok(if is_old { Standing::Old } else { Standing::Other })
}

/// What the store held before the step that put the new credential there.
async fn earlier(hand: &Hand, point: &Repoint) -> Result<Option<Pair>, CallError> {
    let mut entry = hand.replaced(&point.put_step);
    let replaced = version(&hand.facts(&point.put_step).before);
    if entry.is_none() && !replaced.is_none() {
        entry = store(hand, point)?.earlier(&point.put.path, &replaced).await.map_err(call)?;
    }
    Ok(entry.and_then(|entry| Pair::of(&entry, &point.put)))
}

fn store(hand: &Hand, point: &Repoint) -> Result<Arc<dyn Store>, CallError> {
    hand.store(&point.put.store)
        .ok_or_else(|| lacks(&format!("{} is not configured any more", point.put.store)))
}

/// The vendor's name for the trial that a step has begun; none where its answer was lost: then another one is begun.
fn named(step: &Step, hand: &Hand) -> Option<String> {
    Some(hand.facts(&step.id).result.get(TRIAL)?.as_str()?.to_owned())
}

fn new_name(hand: &Hand, point: &Repoint) -> Option<String> {
    Some(hand.facts(&point.replace).result.get("username")?.as_str()?.to_owned())
}

fn lacks_none(place: &str, names: [&str; 2], held: &Held) -> Result<(), CallError> {
    let [username, secret] = names.map(|name| held.fields.contains_key(name));
    let there = [username, secret || held.untold.contains(&names[1])];
    match names.iter().zip(there).find(|(_, there)| !there) {
        Some((name, _)) => {
            Err(refused(&format!("{place} has no {name}: correct place-fields in the inventory")))
        }
        None => Ok(()),
    }
}

fn strange(place: &str, [username, secret]: [&str; 2]) -> String {
    format!(
        "{username} and {secret} of {place} are not what the store holds or held, so that nobody could bring them back"
    )
}

fn details(step: &Step) -> Result<Repoint, CallError> {
    serde_json::from_value(step.details.clone()).map_err(|error| lacks(&error.to_string()))
}

fn lacks(what: &str) -> CallError {
    CallError::NotSent { what: what.to_owned() }
}

fn refused(what: &str) -> CallError {
    CallError::Refused { status: 0, code: None, message: what.to_owned() }
}

fn call(error: StoreError) -> CallError {
    match error {
        StoreError::Call(error) => error,
        other => refused(&other.to_string()),
    }
}
