//! Errors as the user sees them: what happened, what to do, which exit code.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::config::{ConfigError, Fault, Problem, ReferenceError, ReferenceFault, UrlFault, WordsError};
use crate::derive::BaselineError;
use crate::derive::zone::ProfileError;
use crate::enrich::EnrichError;
use crate::evidence::custody::CustodyFault;
use crate::evidence::disclose::DiscloseError;
use crate::evidence::hand::HandError;
use crate::evidence::key::KeyError;
use crate::evidence::seal::SealError;
use crate::evidence::wrong::{Fault as EvidenceFault, Wrong};
use crate::lockdown::incidents::IncidentError;
use crate::lockdown::journal::JournalError;
use crate::lockdown::open::SystemError;
use crate::scan::ScanError;
use crate::source::SOURCES;

/// Exit code for bad usage, configuration or rules.
pub const USAGE: u8 = 2;
/// Exit code for a finding at or above `--fail-on`.
pub const FINDING: u8 = 1;
/// Exit code of a lockdown after which people have something left to do.
pub const PARTIAL: u8 = 4;
/// Exit code of a lockdown after which something is not known: treat the account as not contained.
pub const UNKNOWN: u8 = 5;
/// Exit code where a guard refused: nothing was changed.
pub const REFUSED: u8 = 6;
/// Exit code for evidence that is not what was sealed.
pub const WRONG: u8 = 3;
/// Exit code for a scan whose ledger shows something rejected or unreadable.
pub const INCOMPLETE: u8 = 3;

/// What ended a command.
#[derive(Debug)]
pub struct CliError {
    message: String,
    hint: Option<String>,
    closed_pipe: bool,
    code: u8,
}

impl CliError {
    /// Bad usage, configuration or rule.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, closed_pipe: false, code: USAGE }
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
        Self { message: format!("cannot write output: {error}"), hint: None, closed_pipe, code: USAGE }
    }

    /// A guard refused, or nothing could be begun: nothing was changed.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { code: REFUSED, ..Self::usage(message) }
    }

    /// Evidence is not what was sealed.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self { code: WRONG, ..Self::usage(message) }
    }

    /// Something is not known any more: treat the account as not contained.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self { code: UNKNOWN, ..Self::usage(message) }
    }

    /// The same error before anything was begun.
    #[must_use]
    pub fn nothing_changed(self) -> Self {
        if self.code == UNKNOWN { Self { code: REFUSED, ..self } } else { self }
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
        ExitCode::from(self.code)
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
            ScanError::TooManyFields | ScanError::Rows(_) => Self::usage(error.to_string()),
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

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        let message = error.to_string();
        match &error {
            JournalError::Io { .. } => Self::unknown(message).hint(
                "nothing is sent that the journal does not hold: make room or make it writable, then run the same command again",
            ),
            JournalError::Broken { .. } | JournalError::TooLarge { .. } => {
                Self::usage(message).hint("the journal was changed by something else: keep it as evidence")
            }
            JournalError::Misfit(_) => Self::unknown(message).hint("this is a defect: please report it"),
        }
    }
}

impl From<IncidentError> for CliError {
    fn from(error: IncidentError) -> Self {
        let message = error.to_string();
        match error {
            IncidentError::None { .. } => {
                Self::usage(message).hint("`portcullis status` lists the incidents")
            }
            IncidentError::Name(_) => Self::usage(message),
            IncidentError::Locked(_) => {
                Self::refused(message).hint("another lockdown, verify or restore of this incident is running")
            }
            IncidentError::Journal(error) => Self::from(error),
            IncidentError::Io { .. } | IncidentError::Changed(_) => Self::refused(message),
        }
    }
}

impl From<Wrong> for CliError {
    fn from(wrong: Wrong) -> Self {
        let error = Self::wrong(wrong.to_string());
        match wrong.fault {
            EvidenceFault::Unreadable(_) => error.hint("nothing is known of what cannot be read"),
            _ => error.hint("do not rely on it: keep it as it is, and ask for another copy"),
        }
    }
}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        let usage = Self::usage(error.to_string());
        match &error {
            KeyError::Open(path) => usage.hint(format!("run: chmod 600 {}", shell_word(path))),
            KeyError::Exists(_) => usage.hint("choose another name"),
            KeyError::Form { .. } => usage.hint("`portcullis evidence key new` makes one"),
            KeyError::Io { .. } | KeyError::Random => usage,
        }
    }
}

impl From<SealError> for CliError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Journal(error) => Self::from(error),
            SealError::Exists(_) => Self::usage(error.to_string()).hint("choose another --ticket"),
            SealError::Snapshot { .. } => Self::usage(error.to_string())
                .hint("it was changed by something else: keep the incident's folder as it is"),
            SealError::Timestamp(_) => Self::usage(error.to_string()).hint(
                "seal with the same inputs and --at as before, or add it by `portcullis evidence stamp`",
            ),
            _ => Self::usage(error.to_string()),
        }
    }
}

impl From<HandError> for CliError {
    fn from(error: HandError) -> Self {
        match error {
            HandError::Wrong(wrong) => Self::from(wrong),
            HandError::Custody(CustodyFault::Key(_)) => Self::usage(error.to_string()).hint(
                "whoever has the bag admits the key first: `portcullis evidence custody --admit PUB.pem`",
            ),
            _ => Self::usage(error.to_string()),
        }
    }
}

impl From<DiscloseError> for CliError {
    fn from(error: DiscloseError) -> Self {
        match error {
            DiscloseError::Wrong(wrong) => Self::from(wrong),
            DiscloseError::None { .. } => Self::usage(error.to_string()),
        }
    }
}

impl From<SystemError> for CliError {
    fn from(error: SystemError) -> Self {
        Self::usage(error.to_string()).hint("`portcullis config check --resolve` looks at every setting")
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

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let message = error.to_string();
        match &error {
            ConfigError::NotFound { .. } => Self::usage(message).hint(
                "`portcullis config init` writes one to fill in; `--config` or PORTCULLIS_CONFIG names one elsewhere",
            ),
            ConfigError::Foreign(_) => Self::usage(message)
                .hint("it was found, not named: make it yours and no one else's to write, or name it with --config"),
            ConfigError::Read { .. } | ConfigError::TooLarge { .. } => Self::usage(message),
            ConfigError::Invalid { problems, .. } => match &problems[..] {
                [problem] => match advice(&problem.fault) {
                    Some(hint) => Self::usage(message).hint(hint),
                    None => Self::usage(message),
                },
                _ => Self::usage(with_advice(&message, problems)),
            },
        }
    }
}

/// Every line with its own advice.
fn with_advice(message: &str, problems: &[Problem]) -> String {
    let advice = problems.iter().map(|problem| advice(&problem.fault)).chain(std::iter::repeat(None));
    let lines = message.lines().zip(advice).map(|(line, hint)| match hint {
        Some(hint) => format!("{line}\n  hint: {hint}"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn advice(fault: &Fault) -> Option<String> {
    match fault {
        Fault::UnknownKey { near, known, .. } | Fault::Unknown { near, known, .. } => {
            Some(near.as_ref().map_or_else(
                || match &known[..] {
                    [] => "none is configured".to_owned(),
                    _ => format!("one of {}", known.join(", ")),
                },
                |near| format!("did you mean `{near}`?"),
            ))
        }
        Fault::Missing { key, .. } if key == "credential" => Some(REFERENCES.to_owned()),
        Fault::Reference { fault, .. } => Some(reference_advice(*fault).to_owned()),
        Fault::Url { fault, .. } => match fault {
            UrlFault::Plain => Some(
                "use https; where the server has none, run a tunnel on this machine and use http to it"
                    .into(),
            ),
            UrlFault::Credentials => Some("credentials go into `credential`, as a reference".into()),
            UrlFault::Invalid | UrlFault::Scheme | UrlFault::Query => None,
        },
        Fault::Name { .. } => {
            Some("letters, digits, `-` and `_`, at most 64, and a letter or digit first".into())
        }
        Fault::Shared { .. } => {
            Some("one entry for each credential; rows of one credential name the same fields".into())
        }
        Fault::LooksSecret { .. } => {
            Some("write the username or id of the service account; keep the secret in a store".into())
        }
        Fault::NotText
        | Fault::Syntax(_)
        | Fault::Missing { .. }
        | Fault::Type { .. }
        | Fault::Limits { .. }
        | Fault::Taken { .. }
        | Fault::Needs { .. } => None,
    }
}

const REFERENCES: &str = "write where the secret is: env:NAME, file:PATH, prompt or command:PROGRAM …";

fn reference_advice(fault: ReferenceFault) -> &'static str {
    match fault {
        ReferenceFault::Literal => REFERENCES,
        ReferenceFault::Name => "env:NAME, with letters, digits and `_`",
        ReferenceFault::NoPath => "file:PATH, from the folder of the file",
        ReferenceFault::Home => "write the whole path",
        ReferenceFault::Words(WordsError::ForShell(_)) => {
            "put it in single quotes, or into a script that the command runs"
        }
        ReferenceFault::Words(WordsError::OpenQuote | WordsError::OpenBackslash) => {
            "words are split at spaces, quoted by ' or \""
        }
        ReferenceFault::Words(WordsError::NoProgram) => "such as command:op read op://vault/item/field",
    }
}

impl From<ReferenceError> for CliError {
    fn from(error: ReferenceError) -> Self {
        let usage = Self::usage(error.to_string());
        match &error {
            ReferenceError::Open { path, .. } => usage.hint(format!("run: chmod 600 {}", shell_word(path))),
            ReferenceError::NotOwn(path) => {
                usage.hint(format!("make a copy of your own, then: chmod 600 {}", shell_word(path)))
            }
            ReferenceError::Ask { .. } => {
                usage.hint("a prompt needs a terminal: elsewhere use env:, file: or command:")
            }
            ReferenceError::Unset(name) => {
                usage.hint(format!("export {name}, or name another place in the configuration"))
            }
            ReferenceError::Read { .. }
            | ReferenceError::NotRegular(_)
            | ReferenceError::Command { .. }
            | ReferenceError::Empty(_)
            | ReferenceError::TooLong(_)
            | ReferenceError::NotText(_) => usage,
        }
    }
}

/// A path that can be copied into a shell.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,@%".contains(&byte);
    if text.bytes().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
