//! How networks and servers fail, and when.

use std::fmt;
use std::str::FromStr;

use super::Request;

/// One failure to inject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which requests it meets.
    pub when: When,
    /// What happens to them.
    pub what: What,
}

/// Which requests a fault meets. Numbers count from 1 since the emulator started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// The request of this number.
    Nth(u64),
    /// The changing request of this number among the changing ones.
    NthChange(u64),
    /// Every so many requests.
    Every(u64),
    /// Requests like this one.
    Match {
        /// Of this service; blank for any.
        service: String,
        /// With this method; blank for any.
        method: String,
        /// Whose path, or the value of a parameter, contains this.
        path_part: String,
        /// The first so many of them.
        times: u64,
    },
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// This status, without effect; the body is that of something before the service, not the service's own.
    Status(u16),
    /// The effect, then this status.
    StatusAfter(u16),
    /// 429 without effect, with this `Retry-After` if any.
    RateLimited(Option<u64>),
    /// Neither effect nor answer; the connection is held, then closed.
    TimeoutBefore,
    /// The effect, but no answer; the connection is held, then closed.
    TimeoutAfter,
    /// The connection is reset without effect.
    ResetBefore,
    /// The effect, then the connection is reset.
    ResetAfter,
    /// The effect, and an answer whose body dribbles.
    SlowBody,
    /// The effect, and an answer that ends before its Content-Length.
    TruncatedBody,
    /// The effect, and a 200 with a page of HTML.
    NotJson,
    /// The effect, and an answer with a body of many megabytes.
    HugeBody,
    /// 301 to the same path with a slash at its end, without effect.
    SlashRedirect,
    /// 307 to another host, without effect: the trap, which notes whether credentials come along.
    RedirectElsewhere,
}

impl Fault {
    /// Every kind, for sweeps.
    pub const ALL: &[What] = &[
        What::Status(400),
        What::Status(401),
        What::Status(403),
        What::Status(404),
        What::Status(409),
        What::Status(500),
        What::Status(502),
        What::Status(503),
        What::StatusAfter(500),
        What::StatusAfter(502),
        What::StatusAfter(503),
        What::RateLimited(None),
        What::RateLimited(Some(1)),
        What::TimeoutBefore,
        What::TimeoutAfter,
        What::ResetBefore,
        What::ResetAfter,
        What::SlowBody,
        What::TruncatedBody,
        What::NotJson,
        What::HugeBody,
        What::SlashRedirect,
        What::RedirectElsewhere,
    ];
}

impl What {
    /// Whether the service still does what was asked.
    pub fn has_effect(self) -> bool {
        match self {
            Self::StatusAfter(_)
            | Self::TimeoutAfter
            | Self::ResetAfter
            | Self::SlowBody
            | Self::TruncatedBody
            | Self::NotJson
            | Self::HugeBody => true,
            Self::Status(_)
            | Self::RateLimited(_)
            | Self::TimeoutBefore
            | Self::ResetBefore
            | Self::SlashRedirect
            | Self::RedirectElsewhere => false,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Status(status) => return write!(out, "status-{status}"),
            Self::StatusAfter(status) => return write!(out, "status-after-{status}"),
            Self::RateLimited(Some(seconds)) => return write!(out, "rate-limited-{seconds}"),
            Self::RateLimited(None) => "rate-limited",
            Self::TimeoutBefore => "timeout-before",
            Self::TimeoutAfter => "timeout-after",
            Self::ResetBefore => "reset-before",
            Self::ResetAfter => "reset-after",
            Self::SlowBody => "slow-body",
            Self::TruncatedBody => "truncated-body",
            Self::NotJson => "not-json",
            Self::HugeBody => "huge-body",
            Self::SlashRedirect => "slash-redirect",
            Self::RedirectElsewhere => "redirect-elsewhere",
        };
        out.write_str(name)
    }
}

/// The name of no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault called {0:?}")]
pub struct UnknownFault(String);

impl FromStr for What {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let unknown = || UnknownFault(name.to_owned());
        if let Some(known) = Fault::ALL.iter().find(|what| what.to_string() == name) {
            return Ok(*known);
        }
        let status = |text: &str| text.parse().ok().filter(|status| (400..=599).contains(status));
        if let Some(text) = name.strip_prefix("status-after-") {
            return status(text).map(Self::StatusAfter).ok_or_else(unknown);
        }
        if let Some(text) = name.strip_prefix("status-") {
            return status(text).map(Self::Status).ok_or_else(unknown);
        }
        let seconds = name.strip_prefix("rate-limited-").and_then(|text| text.parse().ok());
        seconds.map(|seconds| Self::RateLimited(Some(seconds))).ok_or_else(unknown)
    }
}

/// The faults of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The first that meets a request is the one it gets.
    pub faults: Vec<Fault>,
    /// How long a time-out holds its connection.
    pub hold_ms: u64,
    /// How long a dribbling body waits before each piece.
    pub dribble_ms: u64,
    /// Bytes of a huge body.
    pub huge_bytes: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self { faults: Vec::new(), hold_ms: 500, dribble_ms: 20, huge_bytes: 64 << 20 }
    }
}

impl Faults {
    /// This one fault.
    pub fn one(when: When, what: What) -> Self {
        Self { faults: vec![Fault { when, what }], ..Self::default() }
    }

    /// What happens to this request; uses up a `times`.
    pub(super) fn meet(
        &mut self,
        service: &str,
        request: &Request,
        number: u64,
        change: Option<u64>,
    ) -> Option<What> {
        self.faults.iter_mut().find_map(|fault| {
            let meets = match &mut fault.when {
                When::Nth(n) => number == *n,
                When::NthChange(n) => change == Some(*n),
                When::Every(k) => *k > 0 && number.is_multiple_of(*k),
                When::Match { service: of, method, path_part, times } => {
                    let like = (of.is_empty() || of == service)
                        && (method.is_empty() || *method == request.method)
                        && (request.path.contains(path_part.as_str())
                            || request.query.iter().any(|(_, value)| value.contains(path_part.as_str())))
                        && *times > 0;
                    *times -= u64::from(like);
                    like
                }
            };
            meets.then_some(fault.what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for what in Fault::ALL {
            assert_eq!(what.to_string().parse(), Ok(*what));
        }
        assert_eq!("status-418".parse(), Ok(What::Status(418)));
        assert_eq!("rate-limited-30".parse(), Ok(What::RateLimited(Some(30))));
        for wrong in ["status-200", "status-after-", "rate-limited-x", "reset", ""] {
            assert!(wrong.parse::<What>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_match_is_used_up() {
        let when = When::Match {
            service: "scim".into(),
            method: "PATCH".into(),
            path_part: "/Users/".into(),
            times: 1,
        };
        let mut faults = Faults::one(when, What::ResetAfter);
        let request = Request::new("PATCH", "/v2/Users/7");
        assert_eq!(faults.meet("okta", &request, 1, Some(1)), None);
        assert_eq!(faults.meet("scim", &request, 2, Some(2)), Some(What::ResetAfter));
        assert_eq!(faults.meet("scim", &request, 3, Some(3)), None);
    }
}
