//! Rules, and records that they must and must not match.

mod matching;
mod values;

pub(crate) use matching::MATCHING;
pub(crate) use values::VALUES;

/// One rule and what it has to make of some records.
pub(crate) struct Case {
    /// Searches; `condition: s` is added where there is no condition.
    pub(crate) detection: &'static str,
    /// Records it matches.
    pub(crate) yes: &'static [&'static str],
    /// Records it does not match.
    pub(crate) no: &'static [&'static str],
    /// What is at stake.
    pub(crate) why: &'static str,
}

/// A case, short.
pub(crate) const fn case(
    why: &'static str,
    detection: &'static str,
    yes: &'static [&'static str],
    no: &'static [&'static str],
) -> Case {
    Case { detection, yes, no, why }
}
