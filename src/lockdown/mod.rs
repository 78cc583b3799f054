//! Lockdown: shut an account out, prove it, undo it.
//!
//! [`provider`]s and [`store`]s *discover* what an account holds and say which [`step::Step`]s end it; [`consumer`]s are given
//! what replaces a credential, and [`flow`]s that run on it are stopped; [`plan`] puts the steps in order and guards them; [`execute`] carries them out. Each step goes
//! through the one pure, total transition function in [`state`], and each transition is in the [`journal`] before anything
//! rests on it: an intent is on disk before its request leaves. What the journal holds is the whole state, so a run that was
//! killed goes on from there.

pub mod about;
mod ask;
mod aws;
pub mod consumer;
pub mod engine;
pub mod execute;
pub mod flow;
mod google;
pub mod http;
pub mod incidents;
pub mod inventory;
pub mod journal;
mod lost;
pub mod message;
pub mod open;
pub mod operation;
pub mod pace;
pub mod plan;
mod prove;
pub mod provider;
pub mod record;
pub mod restore;
pub mod snapshot;
pub mod state;
pub mod step;
pub mod store;
mod turns;
mod unavailable;
pub mod verdict;
