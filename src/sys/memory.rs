//! Keeps the process's memory, which holds secrets, to itself.

use rustix::process::{Resource, Rlimit, setrlimit};

/// No core dump is written, whatever ends the process, and no other process of the same user may read its memory. As far
/// as the system lets; what it does not let is no reason not to go on.
pub fn keep_private() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _limited = setrlimit(Resource::Core, none);
    // A limit of 0 does not keep a program to which cores are piped from getting one.
    #[cfg(target_os = "linux")]
    let _private = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn there_is_no_core() {
        keep_private();
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
