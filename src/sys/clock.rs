//! The system's clock: read here, injected everywhere else.

use crate::event::time::Timestamp;

/// Now, in milliseconds.
pub fn now() -> Timestamp {
    let millis = jiff::Timestamp::now().as_millisecond();
    Timestamp { nanos: millis.saturating_mul(1_000_000), digits: 3 }
}
