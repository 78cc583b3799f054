//! An emulated tenant: the vendor's API, an identity provider, a directory and a secret store, over real HTTP.
//!
//! Where a vendor documents its behaviour the emulator follows it; every point that nobody documents is a
//! [switch](switches::Switches), and every way in which a network or a server fails is a [fault](fault::Fault). Services
//! are functions of the [`Tenant`]; only the server knows sockets.

mod accept;
pub mod attacker;
pub mod audit;
pub mod auth0;
pub mod aws;
pub mod azure;
pub mod bigquery;
mod body;
pub mod census;
pub mod clients;
mod core;
pub mod draws;
pub mod entra;
pub mod fault;
mod filter;
pub mod gcp;
pub mod generate;
pub mod google;
pub mod hightouch;
pub mod http;
pub mod iam;
pub mod lambda;
mod limit;
pub mod looker;
pub mod mixpanel;
pub mod okta;
pub mod onelogin;
pub mod onepassword;
pub mod pingone;
pub mod scim;
mod server;
pub mod service;
pub mod snowflake;
mod stored;
pub mod switches;
pub mod tableau;
pub mod tenant;
mod trap;
pub mod vault;
mod wire;

pub use self::core::Record;
pub use fault::{Fault, Faults, What, When};
pub use generate::{Setup, Size};
pub use http::{Answer, Request};
pub use server::Emulator;
pub use service::{Allowance, Client, Entry, Flow, Moment, Place, SERVICES, Service};
pub use switches::Switches;
pub use tenant::Tenant;
pub use trap::Trapped;

#[cfg(test)]
mod tests;
