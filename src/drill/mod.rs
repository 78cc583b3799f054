//! A tenant to practise on, in the same process and on the loopback interface.

pub mod configuration;
pub mod emulator;
pub mod practice;
