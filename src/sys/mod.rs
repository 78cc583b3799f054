//! The only door to the operating system's files, locks, clock and hashes.

pub mod clock;
pub mod crash;
pub mod fs;
pub mod hash;
pub mod lock;
