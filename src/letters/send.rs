//! Sends what is to be sent, with each intent and outcome in the incident's journal.
//!
//! **Invariants.** An intent is on disk before its message leaves. What a server took is not sent again. What may have arrived (the
//! answer was lost, or the run was killed) is sent again under the same name, and that is said. Nothing here changes how the
//! incident stands.

use std::time::Duration;

use tokio::time::Instant;

use super::hook::Hook;
use super::mail::Mail;
use super::post::Item;
use crate::lockdown::journal::JournalError;
use crate::lockdown::message::{Fate, MessageEvent, Way};
use crate::lockdown::record::{Entry, Record};

/// What came of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it.
    Accepted {
        /// What it said.
        answer: String,
    },
    /// The server did not take it.
    Refused {
        /// What it said.
        why: String,
    },
    /// It did not leave.
    NotSent {
        /// Why.
        why: String,
    },
    /// It may have arrived.
    Lost {
        /// What came instead of an answer.
        why: String,
    },
}

impl Outcome {
    fn into_event(self) -> MessageEvent {
        match self {
            Self::Accepted { answer } => MessageEvent::Accepted { answer },
            Self::Refused { why } => MessageEvent::Refused { why },
            Self::NotSent { why } => MessageEvent::NotSent { why },
            Self::Lost { why } => MessageEvent::Lost { why },
        }
    }
}

/// The ways, each as far as it could be opened.
#[derive(Default)]
pub struct Ways {
    /// The mail server, or why it cannot be used.
    pub mail: Option<Result<Mail, String>>,
    /// The webhook, or why it cannot be used.
    pub hook: Option<Result<Hook, String>>,
}

impl Ways {
    async fn send(&self, item: &Item, record: &Record) -> Outcome {
        let unusable = |why: Option<&String>| Outcome::NotSent {
            why: why.cloned().unwrap_or_else(|| "it is not configured any more".to_owned()),
        };
        match item.way {
            Way::Mail => match &self.mail {
                Some(Ok(mail)) => mail.send(item).await,
                other => unusable(other.as_ref().and_then(|opened| opened.as_ref().err())),
            },
            Way::Webhook => match &self.hook {
                Some(Ok(hook)) => hook.send(item, record).await,
                other => unusable(other.as_ref().and_then(|opened| opened.as_ref().err())),
            },
        }
    }
}

/// Writes an entry to the incident's journal; once it returns, the entry survives a crash.
pub type Note<'a> = dyn Fn(&Entry) -> Result<(), JournalError> + 'a;

/// One message after a run.
#[derive(Debug, Clone)]
pub struct Told {
    /// The message.
    pub item: Item,
    /// Where it is now.
    pub fate: Fate,
    /// What the server said, or what went wrong.
    pub why: String,
    /// It was sent again though it may have arrived before.
    pub again: bool,
}

/// Sends what no server has taken yet, one after the other. What is not begun within `limit` is not tried, and is not in the
/// journal either. `watch` is told each message when its outcome is known.
///
/// # Errors
/// The journal cannot be written: nothing more is sent.
pub async fn send(
    items: &[Item],
    ways: &Ways,
    record: &Record,
    note: &Note<'_>,
    limit: Duration,
    watch: &dyn Fn(&Told),
) -> Result<Vec<Told>, JournalError> {
    let end = Instant::now() + limit;
    let mut all = Vec::new();
    for item in items.iter().filter(|item| !item.is_sent()) {
        let again = item.before.as_ref().is_some_and(|message| message.fate.is_unknown());
        let (fate, why) = if Instant::now() < end {
            one(item, ways, record, note).await?
        } else {
            (Fate::NotSent, "there was no time left".to_owned())
        };
        let told = Told { item: item.clone(), fate, why, again };
        watch(&told);
        all.push(told);
    }
    Ok(all)
}

async fn one(
    item: &Item,
    ways: &Ways,
    record: &Record,
    note: &Note<'_>,
) -> Result<(Fate, String), JournalError> {
    let entry = |event| Entry::Message { message: item.id.clone(), event };
    let (letter, to) = (item.letter.file.clone(), item.to.clone());
    note(&entry(MessageEvent::Intended { letter, to, way: item.way, sha256: item.letter.sha256() }))?;
    let event = ways.send(item, record).await.into_event();
    note(&entry(event.clone()))?;
    Ok(match event {
        MessageEvent::Accepted { answer } => (Fate::Accepted, answer),
        MessageEvent::Refused { why } => (Fate::Refused, why),
        MessageEvent::NotSent { why } => (Fate::NotSent, why),
        MessageEvent::Lost { why } => (Fate::Lost, why),
        MessageEvent::Intended { .. } => (Fate::Open, String::new()),
    })
}
