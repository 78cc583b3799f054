//! The time of day, injected.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::event::time::Timestamp;

const MILLISECOND: i64 = 1_000_000;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, to the millisecond. May go back: the system's clock can be set.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        // Nanoseconds since 1970 fit until the year 2262.
        let nanos = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        to_millisecond(nanos)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct Fixed {
    nanos: AtomicI64,
}

impl Fixed {
    /// Stands at this many nanoseconds since 1970.
    pub fn at(nanos: i64) -> Self {
        Self { nanos: AtomicI64::new(nanos) }
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.nanos.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        to_millisecond(self.nanos.load(Ordering::SeqCst))
    }
}

fn to_millisecond(nanos: i64) -> Timestamp {
    Timestamp { nanos: nanos - nanos.rem_euclid(MILLISECOND), digits: 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Fixed::at(1_777_601_649_123_999_999);
        assert_eq!(clock.now(), clock.now());
        assert_eq!(clock.now().nanos, 1_777_601_649_123_000_000);
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.now().nanos, 1_777_601_739_123_000_000);
    }

    #[test]
    fn the_system_s_clock_is_past_the_day_this_was_written() {
        assert!(System.now().nanos > 1_750_000_000_000_000_000);
    }
}
