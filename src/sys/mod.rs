//! The only door to the operating system's files, clock and hashes.

pub mod clock;
pub mod fs;
pub mod hash;
