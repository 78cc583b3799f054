//! Kinds for tests: some of those that come with the program.

use super::catalog::Catalog;
use crate::lockdown::provider::{mixpanel, okta};
use crate::lockdown::store::vault;

/// Some kinds.
pub(crate) const KNOWN: Catalog =
    Catalog { providers: &[&mixpanel::KIND.spec, &okta::KIND.spec], stores: &[&vault::KIND.spec] };
