//! Rate limits: one token bucket a service.

use std::collections::BTreeMap;
use std::time::Duration;

use super::switches::Limit;

/// The buckets of all services.
#[derive(Default)]
pub(super) struct Buckets {
    levels: BTreeMap<String, Level>,
    refused: u64,
}

struct Level {
    tokens: f64,
    at: Duration,
}

/// What a bucket had for one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taken {
    /// Whether there was a token.
    pub(super) allowed: bool,
    /// Tokens of the full bucket.
    pub(super) limit: u32,
    /// Whole tokens left.
    pub(super) remaining: u32,
    /// Until the next token.
    pub(super) wait: Duration,
}

impl Buckets {
    /// Takes a token.
    pub(super) fn take(&mut self, service: &str, limit: Limit, now: Duration) -> Taken {
        let full = f64::from(limit.burst.max(1));
        let rate = limit.per_second.max(1e-6);
        let level =
            self.levels.entry(service.to_owned()).or_insert(Level { tokens: full, at: Duration::ZERO });
        let passed = now.saturating_sub(level.at).as_secs_f64();
        level.tokens = (level.tokens + passed * rate).min(full);
        level.at = now.max(level.at);
        let allowed = level.tokens >= 1.0;
        if allowed {
            level.tokens -= 1.0;
        } else {
            self.refused += 1;
        }
        let missing = ((1.0 - level.tokens) / rate).clamp(0.0, 86_400.0);
        Taken {
            allowed,
            limit: limit.burst.max(1),
            remaining: (1..=limit.burst).rev().find(|left| f64::from(*left) <= level.tokens).unwrap_or(0),
            wait: Duration::from_secs_f64(missing),
        }
    }

    /// Requests refused so far.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut buckets = Buckets::default();
        let limit = Limit { per_second: 2.0, burst: 3 };
        let mut at = |millis| buckets.take("okta", limit, Duration::from_millis(millis));
        let burst: Vec<bool> = (0..4).map(|_| at(0).allowed).collect();
        assert_eq!(burst, [true, true, true, false]);
        assert_eq!(at(400).wait, Duration::from_millis(100));
        assert!(at(500).allowed);
        assert!(!at(501).allowed);
        assert_eq!(at(60_000).remaining, 2);
        assert_eq!(buckets.refused(), 3);
    }
}
