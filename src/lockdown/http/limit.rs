//! How fast one instance is asked: a token bucket, a bound on what is under way, and pauses that hold for all.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

/// The longest step of backing off.
const LONGEST: Duration = Duration::from_mins(1);

/// What a transport has done so far, over all its clones.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stats {
    /// Requests that left.
    pub sent: u64,
    /// Answers that said there were too many.
    pub limited: u64,
    /// Time that requests waited for the rate, summed over the requests.
    pub waited: Duration,
    /// The rate that was configured; 0 where there is none.
    pub per_second: f64,
    /// Requests that may leave at once after a quiet time.
    pub burst: u32,
}

impl Stats {
    /// How long the rate makes what was sent last, whatever else is done.
    pub fn least(&self) -> Duration {
        let rest = self.sent.saturating_sub(u64::from(self.burst));
        #[expect(clippy::cast_precision_loss, reason = "nobody sends so many")]
        let seconds = if self.per_second > 0.0 { rest as f64 / self.per_second } else { 0.0 };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// The limits of an instance, shared by all who ask it.
pub(super) struct Limits {
    rate: f64,
    burst: u32,
    /// The first step of backing off.
    base: Duration,
    under_way: Semaphore,
    /// Requests take their turn in the order of asking.
    bucket: Turn<Bucket>,
    pause: Mutex<Pause>,
    sent: AtomicU64,
    limited: AtomicU64,
    waited: AtomicU64,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

#[derive(Default)]
struct Pause {
    until: Option<Instant>,
    since: Option<Instant>,
    /// Refusals in a row that named no time.
    streak: u32,
}

impl Limits {
    pub(super) fn new(rate: f64, burst: u32, concurrency: usize, base: Duration) -> Self {
        // A bucket below one token would never let a request pass; a rate of nothing neither.
        let burst = burst.max(1);
        Self {
            rate: if rate.is_finite() { rate.max(0.001) } else { 1e6 },
            burst,
            base,
            under_way: Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            bucket: Turn::new(Bucket { tokens: f64::from(burst), at: Instant::now() }),
            pause: Mutex::default(),
            sent: AtomicU64::new(0),
            limited: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        }
    }

    /// Waits until a request may leave; the permit is held until its answer has come. An error is the time that was
    /// still missing at `deadline`.
    pub(super) async fn enter(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Duration> {
        let asked = Instant::now();
        let entered = timeout_at(deadline, async {
            // The semaphore is never closed.
            let permit = self.under_way.acquire().await.ok();
            self.turn(deadline).await.map(|()| permit)
        });
        let entered = entered.await.unwrap_or_else(|_elapsed| Err(self.paused()));
        let waited = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waited.fetch_add(waited, Ordering::Relaxed);
        let permit = entered?.ok_or(Duration::ZERO)?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(permit)
    }

    async fn turn(&self, deadline: Instant) -> Result<(), Duration> {
        let mut bucket = self.bucket.lock().await;
        loop {
            let now = Instant::now();
            let pause = self.paused();
            let passed = now.duration_since(bucket.at).as_secs_f64();
            bucket.tokens = (bucket.tokens + passed * self.rate).min(f64::from(self.burst));
            bucket.at = now;
            let missing = Duration::from_secs_f64((1.0 - bucket.tokens).max(0.0) / self.rate);
            let wait = pause.max(missing);
            if wait.is_zero() {
                bucket.tokens -= 1.0;
                return Ok(());
            }
            // Known to be in vain: whoever waits had better know at once.
            if now + wait > deadline {
                return Err(wait);
            }
            sleep_until(now + wait).await;
            if !pause.is_zero() {
                // No burst at the end of a pause: the provider has just said that it was too much.
                bucket.tokens = bucket.tokens.min(1.0);
            }
        }
    }

    /// How long everybody waits at the moment.
    fn paused(&self) -> Duration {
        let pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        pause.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// The provider said that a request that left at `started` was too much. Nobody asks before the time it named, or
    /// a backing-off time when it named none, which is returned.
    pub(super) fn limited(&self, started: Instant, asked: Option<Duration>) -> Duration {
        self.limited.fetch_add(1, Ordering::Relaxed);
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // Requests that were under way together count once.
        if pause.since.is_none_or(|since| started > since) {
            pause.streak += 1;
            pause.since = Some(now);
        }
        let wait = asked.unwrap_or_else(|| self.backoff(pause.streak.saturating_sub(1)));
        let until = now + wait.min(Duration::from_hours(24));
        pause.until = Some(pause.until.map_or(until, |other| other.max(until)));
        wait
    }

    /// The provider takes requests again.
    pub(super) fn accepted(&self) {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner).streak = 0;
    }

    /// The step before attempt `attempt + 1`: doubling, with up to half of it added by chance.
    pub(super) fn backoff(&self, attempt: u32) -> Duration {
        let step = self.base.saturating_mul(1u32 << attempt.min(16)).min(LONGEST);
        // Every hasher of the standard library is keyed by chance.
        let chance = RandomState::new().build_hasher().finish() >> 11;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let part = chance as f64 / (1u64 << 53) as f64;
        step.mul_f64(1.0 + part / 2.0)
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            sent: self.sent.load(Ordering::Relaxed),
            limited: self.limited.load(Ordering::Relaxed),
            waited: Duration::from_micros(self.waited.load(Ordering::Relaxed)),
            per_second: self.rate,
            burst: self.burst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_mins(10);

    #[tokio::test]
    async fn the_rate_holds_after_the_burst() {
        let limits = Limits::new(50.0, 5, 100, Duration::from_secs(2));
        let start = Instant::now();
        for _ in 0..15 {
            drop(limits.enter(start + FAR).await.unwrap());
        }
        // Five at once, ten at 20 ms each.
        assert!(start.elapsed() >= Duration::from_millis(195), "{:?}", start.elapsed());
        assert!(limits.stats().waited >= Duration::from_millis(190) && limits.stats().sent == 15);
    }

    #[tokio::test]
    async fn a_refusal_holds_everybody_and_is_counted_once_for_what_was_under_way_together() {
        let limits = Limits::new(1e6, 100, 100, Duration::from_millis(20));
        let started = Instant::now();
        for _ in 0..8 {
            let wait = limits.limited(started, None);
            assert!(wait <= Duration::from_millis(30), "{wait:?}");
        }
        drop(limits.enter(started + FAR).await.unwrap());
        assert!(started.elapsed() >= Duration::from_millis(20));
        assert!(limits.limited(Instant::now(), None) >= Duration::from_millis(40), "the second in a row");
        limits.accepted();
        assert!(
            limits.limited(Instant::now(), None) < Duration::from_millis(40),
            "after success: from the start"
        );
        assert_eq!(limits.stats().limited, 10);
    }

    #[tokio::test]
    async fn nobody_waits_for_what_comes_after_the_deadline() {
        let limits = Limits::new(1e6, 100, 100, Duration::from_secs(2));
        let start = Instant::now();
        limits.limited(start, Some(Duration::from_secs(30)));
        let missing = limits.enter(start + Duration::from_secs(20)).await.unwrap_err();
        assert!(missing > Duration::from_secs(29) && start.elapsed() < Duration::from_secs(5));
        assert_eq!(limits.stats().sent, 0);
    }

    #[test]
    fn steps_double_up_to_a_minute() {
        let limits = Limits::new(1.0, 1, 1, Duration::from_secs(2));
        for (attempt, seconds) in [(0, 2), (1, 4), (4, 32), (5, 60), (40, 60)] {
            let (low, high) = (Duration::from_secs(seconds), Duration::from_secs(seconds).mul_f64(1.5));
            let step = limits.backoff(attempt);
            assert!(step >= low && step <= high, "{attempt}: {step:?}");
        }
    }
}
