//! Shutting an account out: everything that talks to other systems.

pub mod http;
