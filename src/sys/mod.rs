//! The only door to the operating system's files, locks, clock, hashes and other programs.

pub mod append;
pub mod clock;
pub mod crash;
pub mod folder;
pub mod fs;
pub mod hash;
pub mod lock;
pub mod memory;
pub mod process;
