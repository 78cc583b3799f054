//! Who can reach what, what has to be rotated because of it, and who should not have access any more.
//!
//! [`matrix`] says what roles may do. [`access`] is who has which role by which kind of grant, now (from a list of members or
//! what providers list) and, by [`replay`] of the log, at any time that the log covers. What cannot be known is said to be
//! unknown, and counts as reachable.

pub mod access;
pub mod blast;
pub mod book;
pub mod calendar;
pub mod estate;
pub mod matrix;
pub mod members;
pub mod reconcile;
pub mod register;
pub mod replay;
pub mod review;
pub mod sheet;
pub mod trail;
