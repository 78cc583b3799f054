//! Sigma rules: read, check, compile, match.

use serde::Serialize;

/// Severity of a rule, after Sigma's `level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For enrichment; expected in numbers.
    Informational,
    /// Notable, rarely an incident.
    Low,
    /// To be reviewed.
    Medium,
    /// To be reviewed promptly.
    High,
    /// Borders on certainty.
    Critical,
}
