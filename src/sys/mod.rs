//! The only door to the operating system's files and hashes.

pub mod crash;
pub mod fs;
pub mod hash;
