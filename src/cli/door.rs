//! Credentials from the environment and the terminal.

use std::ffi::OsString;
use std::io;

use secrecy::SecretString;
use zeroize::Zeroize;

use crate::config::Door;
use crate::output::escape::Safe;

/// This process's environment and terminal.
#[derive(Debug, Clone, Copy)]
pub struct Process;

impl Door for Process {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn ask(&self, label: &str) -> io::Result<SecretString> {
        let mut text = rpassword::prompt_password(format!("{}: ", Safe(label)))?;
        let secret = SecretString::from(text.as_str());
        text.zeroize();
        Ok(secret)
    }
}
