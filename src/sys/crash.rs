//! Points at which the process can be made to die, for the tests that resume it.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

static PASSED: AtomicU64 = AtomicU64::new(0);
/// The point that kills; 0 is none.
static ARMED: AtomicU64 = AtomicU64::new(0);

/// Makes the `n`-th point from the start of the process, counted from 1, its end. 0 disarms.
pub fn arm(n: u64) {
    ARMED.store(n, Ordering::SeqCst);
}

/// Passes a point. An armed one ends the process by `SIGKILL`: nothing is unwound, flushed or said.
pub fn point(_name: &str) {
    let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if passed == ARMED.load(Ordering::SeqCst) {
        while kill_process(getpid(), Signal::KILL).is_ok() {}
    }
}

/// How many points the process has passed.
pub fn passed() -> u64 {
    PASSED.load(Ordering::SeqCst)
}

#[cfg(test)]
mod tests {
    #[test]
    fn points_are_counted() {
        let before = super::passed();
        super::point("test");
        assert!(super::passed() > before);
    }
}
