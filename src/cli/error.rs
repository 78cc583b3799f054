//! Errors as the user sees them: what happened, what to do, which exit code.

use std::io;
use std::process::ExitCode;

use crate::derive::BaselineError;
use crate::derive::zone::ProfileError;
use crate::enrich::EnrichError;
use crate::scan::ScanError;
use crate::source::SOURCES;

/// Exit code for bad usage, configuration or rules.
pub const USAGE: u8 = 2;
/// Exit code for a finding at or above `--fail-on`.
pub const FINDING: u8 = 1;
/// Exit code for a scan whose ledger shows something rejected or unreadable.
pub const INCOMPLETE: u8 = 3;

/// What ended a command.
#[derive(Debug)]
pub struct CliError {
    message: String,
    hint: Option<String>,
    closed_pipe: bool,
}

impl CliError {
    /// Bad usage, configuration or rule.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, closed_pipe: false }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A failure to write; a reader that went away is a clean end.
    pub fn output(error: &io::Error) -> Self {
        let closed_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self { message: format!("cannot write output: {error}"), hint: None, closed_pipe }
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Nobody reads the output any more.
    pub fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }

    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(USAGE)
    }
}

impl From<ScanError> for CliError {
    fn from(error: ScanError) -> Self {
        match &error {
            ScanError::Output(cause) => Self::output(cause),
            ScanError::UnknownSource(_) => {
                let names: Vec<&str> = SOURCES.iter().map(|source| source.name).collect();
                Self::usage(error.to_string()).hint(format!("one of {}", names.join(", ")))
            }
            ScanError::Mapping(_) => Self::usage(error.to_string())
                .hint("the file is TOML: a table [fields] with lines such as \"@timestamp\" = \"When\""),
            ScanError::Spill(_) => Self::usage(error.to_string()).hint("set TMPDIR to a folder with room"),
            ScanError::TooManyFields => Self::usage(error.to_string()),
            ScanError::Workers(_) => Self::usage(error.to_string()).hint("try fewer --threads"),
        }
    }
}

impl From<BaselineError> for CliError {
    fn from(error: BaselineError) -> Self {
        match &error {
            BaselineError::Read { .. } | BaselineError::Invalid { .. } => {
                Self::usage(error.to_string()).hint("`portcullis baseline learn` makes one")
            }
            BaselineError::Twice { .. } => {
                Self::usage(error.to_string()).hint("learn from the other logs alone, and merge that")
            }
        }
    }
}

impl From<ProfileError> for CliError {
    fn from(error: ProfileError) -> Self {
        Self::usage(error.to_string()).hint(
            "a profile is TOML: time-zone, tables [accounts.\"jane@agency.example\"] and [placeholders]",
        )
    }
}

impl From<EnrichError> for CliError {
    fn from(error: EnrichError) -> Self {
        Self::usage(error.to_string())
    }
}
