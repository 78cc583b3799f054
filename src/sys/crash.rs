//! Points at which the process can be made to die, for the tests that resume it.

use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Signal, getpid, kill_process};

static PASSED: AtomicU64 = AtomicU64::new(0);
/// The point that kills; 0 is none.
static ARMED: AtomicU64 = AtomicU64::new(0);
static DEATH: OnceLock<Death> = OnceLock::new();

/// How an armed point ends the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Death {
    /// By `SIGKILL`: nothing is unwound, flushed or said.
    #[default]
    Kill,
    /// By a panic, as a defect would.
    Panic,
    /// By an abort, which leaves a core where the system writes any.
    Abort,
}

impl FromStr for Death {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "kill" => Ok(Self::Kill),
            "panic" => Ok(Self::Panic),
            "abort" => Ok(Self::Abort),
            _ => Err(()),
        }
    }
}

/// Makes the `n`-th point from the start of the process, counted from 1, its end. 0 disarms.
pub fn arm(n: u64) {
    ARMED.store(n, Ordering::SeqCst);
}

/// How an armed point ends the process, instead of by `SIGKILL`. The first call counts.
pub fn die_by(death: Death) {
    DEATH.get_or_init(|| death);
}

/// Passes a point. An armed one ends the process.
///
/// # Panics
/// Where a test asked for that.
#[expect(clippy::panic, reason = "a test asks for it")]
pub fn point(name: &str) {
    let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if passed != ARMED.load(Ordering::SeqCst) {
        return;
    }
    match DEATH.get().copied().unwrap_or_default() {
        Death::Kill => while kill_process(getpid(), Signal::KILL).is_ok() {},
        Death::Panic => panic!("point {passed} ({name}) was to panic"),
        Death::Abort => std::process::abort(),
    }
}

/// How many points the process has passed.
pub fn passed() -> u64 {
    PASSED.load(Ordering::SeqCst)
}

#[cfg(test)]
mod tests {
    use super::Death;

    #[test]
    fn points_are_counted() {
        let before = super::passed();
        super::point("test");
        assert!(super::passed() > before);
    }

    #[test]
    fn deaths_have_names() {
        assert_eq!(
            ["kill", "panic", "abort"].map(str::parse),
            [Death::Kill, Death::Panic, Death::Abort].map(Ok)
        );
        assert!("".parse::<Death>().is_err());
    }
}
