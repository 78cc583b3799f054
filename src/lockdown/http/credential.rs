//! Whether a credential still works.

use tokio::time::Instant;

use super::error::words;
use super::exchange::Kind;
use super::reply::Reply;
use super::{Call, Transport};

/// What one read with a credential says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// It was accepted.
    Alive,
    /// The provider itself says that it does not know it.
    Dead {
        /// 401.
        status: u16,
        /// The provider's own code.
        code: Option<String>,
    },
    /// It is known and may not do this (403), which says nothing of its other rights.
    NoAccess,
    /// Nothing can be said.
    Unknown {
        /// What came instead of an answer about the credential.
        why: String,
    },
}

impl Transport {
    /// Sends one read, once, to see whether the credential of this transport works. Only the provider's own
    /// authentication error is proof of death: a 401 with an error in JSON, or with `error="invalid_token"` in
    /// `WWW-Authenticate`. A bare or HTML 401 may come from whatever stands in between.
    pub async fn credential(&self, call: &Call) -> Credential {
        self.try_credential(call).await.0
    }

    /// The same, with the answer where the credential was accepted and all of it came.
    pub async fn try_credential(&self, call: &Call) -> (Credential, Option<Reply>) {
        let deadline = Instant::now() + self.shared.deadline;
        let answer = match self.answer(call, Kind::Read, deadline).await {
            Ok(answer) => answer,
            Err(failure) => return (Credential::Unknown { why: failure.error.to_string() }, None),
        };
        let unknown = |what: &str| Credential::Unknown { why: self.say(call, what) };
        let credential = match answer.reply.status {
            // Even when the rest was lost: it was let in.
            200..=299 => {
                return (Credential::Alive, answer.cut.is_none().then_some(answer.reply));
            }
            403 => Credential::NoAccess,
            401 if answer.cut.is_some() => unknown("status 401, and the rest was lost"),
            401 if own_error(&answer.reply) => {
                Credential::Dead { status: 401, code: self.message(call, &answer.reply).0 }
            }
            401 => unknown("status 401 whose body is not an error of the provider"),
            status => unknown(&format!("status {status}")),
        };
        (credential, None)
    }
}

/// Whether the provider itself says what is wrong, not something in between.
pub(super) fn own_error(reply: &Reply) -> bool {
    let by_body = matches!(words(&reply.body), Some((code, message)) if code.is_some() || message.is_some());
    let by_header = reply.header("www-authenticate").is_some_and(|challenge| {
        let challenge = challenge.to_ascii_lowercase();
        challenge.starts_with("bearer") && challenge.contains("error=\"invalid_token\"")
    });
    by_body || by_header
}
