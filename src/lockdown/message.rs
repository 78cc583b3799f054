//! Messages about an incident, and what came of each: pure. A message is one letter to one reader by one way; it is named by a
//! digest of all of that, so that a letter that says the same is the same message in every run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sys::hash::sha256_hex;

/// Characters of a name: enough that no two messages share one.
const NAME: usize = 32;

/// By which way a message leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// An e-mail.
    Mail,
    /// A request to a webhook.
    Webhook,
}

impl fmt::Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        })
    }
}

/// What happens to a message. The names are in files: they never change their meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum MessageEvent {
    /// It is about to leave. On disk before it does.
    Intended {
        /// The name of the letter's file.
        letter: String,
        /// An address, or `webhook`: where that is may be a secret.
        to: String,
        /// By which way.
        way: Way,
        /// SHA-256 of what the letter says.
        sha256: String,
    },
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
    /// It left, or a part of it, and no answer came.
    Lost {
        /// What came instead.
        why: String,
    },
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// An intent is on disk and no outcome: whether it arrived is not known.
    Open,
    /// The server took it.
    Accepted,
    /// The server did not take it.
    Refused,
    /// It did not leave.
    NotSent,
    /// It may have arrived.
    Lost,
}

impl Fate {
    /// Whether it may have arrived, though no server said so.
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::Open | Self::Lost)
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "may have been sent: the run ended before the answer",
            Self::Accepted => "sent",
            Self::Refused => "refused",
            Self::NotSent => "not sent",
            Self::Lost => "may have been sent: the answer was lost",
        })
    }
}

/// A message that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its name.
    pub id: String,
    /// The name of the letter's file.
    pub letter: String,
    /// An address, or `webhook`.
    pub to: String,
    /// By which way.
    pub way: Way,
    /// SHA-256 of what the letter says.
    pub sha256: String,
    /// Where it is.
    pub fate: Fate,
    /// What the server said, or what went wrong.
    pub why: Option<String>,
    /// Intents so far.
    pub attempts: u32,
}

/// The name of a message. It is sent along: as the `Message-ID` of an e-mail, as the `Idempotency-Key` of a request.
pub fn name(incident: &str, letter: &str, way: Way, to: &str, sha256: &str) -> String {
    // None of the parts but the first two can hold a line end, and these come from our own alphabet.
    let all = format!("{incident}\n{letter}\n{way}\n{to}\n{sha256}");
    sha256_hex(all.as_bytes()).chars().take(NAME).collect()
}

/// What becomes of a message by `event`; `None` where that cannot follow. One that was taken is never sent again, and there is no
/// outcome without an intent.
pub fn next(id: &str, before: Option<&Message>, event: &MessageEvent) -> Option<Message> {
    let open = before.filter(|message| message.fate == Fate::Open);
    let ends =
        |fate, why: &str| open.map(|message| Message { fate, why: Some(why.to_owned()), ..message.clone() });
    match event {
        MessageEvent::Intended { letter, to, way, sha256 } => {
            let attempts = before.map_or(0, |message| message.attempts) + 1;
            let again = before.is_none_or(|message| message.fate != Fate::Accepted);
            again.then(|| Message {
                id: id.to_owned(),
                letter: letter.clone(),
                to: to.clone(),
                way: *way,
                sha256: sha256.clone(),
                fate: Fate::Open,
                why: None,
                attempts,
            })
        }
        MessageEvent::Accepted { answer } => ends(Fate::Accepted, answer),
        MessageEvent::Refused { why } => ends(Fate::Refused, why),
        MessageEvent::NotSent { why } => ends(Fate::NotSent, why),
        MessageEvent::Lost { why } => ends(Fate::Lost, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intended() -> MessageEvent {
        MessageEvent::Intended { letter: "l".into(), to: "a@x".into(), way: Way::Mail, sha256: "0".into() }
    }

    #[test]
    fn every_event_after_every_fate_is_what_it_should_be() {
        let why = String::from("why");
        let outcomes = [
            (MessageEvent::Accepted { answer: why.clone() }, Fate::Accepted),
            (MessageEvent::Refused { why: why.clone() }, Fate::Refused),
            (MessageEvent::NotSent { why: why.clone() }, Fate::NotSent),
            (MessageEvent::Lost { why: why.clone() }, Fate::Lost),
        ];
        let open = next("m", None, &intended()).unwrap();
        assert_eq!((open.fate, open.attempts), (Fate::Open, 1));
        for (event, fate) in &outcomes {
            assert_eq!(next("m", None, event), None, "no outcome without an intent");
            let ended = next("m", Some(&open), event).unwrap();
            assert_eq!((ended.fate, ended.why.as_deref()), (*fate, Some("why")));
            assert!(outcomes.iter().all(|(other, _)| next("m", Some(&ended), other).is_none()));
            let again = next("m", Some(&ended), &intended());
            assert_eq!(again.map(|message| message.attempts), (*fate != Fate::Accepted).then_some(2));
        }
        assert_eq!(next("m", Some(&open), &intended()).unwrap().attempts, 2, "killed in between");
    }

    #[test]
    fn another_reader_text_or_way_is_another_message() {
        let base = name("i", "l", Way::Mail, "a@x", "0");
        let others = [
            name("j", "l", Way::Mail, "a@x", "0"),
            name("i", "m", Way::Mail, "a@x", "0"),
            name("i", "l", Way::Webhook, "a@x", "0"),
            name("i", "l", Way::Mail, "b@x", "0"),
            name("i", "l", Way::Mail, "a@x", "1"),
        ];
        assert!(others.iter().all(|other| *other != base && other.len() == NAME));
        assert_eq!(name("i", "l", Way::Mail, "a@x", "0"), base);
    }
}
