//! Evidence of an incident for somebody who was not there: a bag (RFC 8493) with a signed seal, a log of who had it, and a way
//! to give away one finding with its proof and nothing else.
//!
//! ```text
//! key ──▶ envelope (DSSE) ──▶ statement (in-toto) ──┬─▶ manifests ──▶ every file
//!                                                   └─▶ Merkle roots ──▶ every line of journal and findings
//! envelope ──▶ custody log, entry by entry ──▶ time stamp
//! ```
//!
//! Whoever has the public key from elsewhere can follow this from the key down. The key in a bag only says which one to ask for.

pub mod bag;
pub mod check;
mod content;
pub mod custody;
pub mod disclose;
pub mod encrypt;
pub mod envelope;
pub mod hand;
mod instructions;
pub mod key;
pub mod manifest;
pub mod material;
pub mod merkle;
pub mod seal;
pub mod statement;
mod summary;
pub mod timestamp;
pub mod wrong;
