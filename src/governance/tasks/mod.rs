//! From what this room finds to what is asked for: tasks of an incident, which the engine of lockdown carries out. Pure.

pub mod exposed;
pub mod four_ways;
pub mod leaving;
pub mod review;
pub mod rotation;

/// Who can change what no API can.
const ADMIN: &str = "an owner or admin of the organization";
