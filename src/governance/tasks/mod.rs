//! From what this room finds to what is asked for: tasks of an incident, which the engine of lockdown carries out. Pure.

pub mod rotation;
