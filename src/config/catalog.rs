//! What can be configured: the kinds of providers, stores and consumers, each with its settings.

/// A kind of provider, store or consumer, as its file states it.
#[derive(Debug)]
pub struct KindSpec {
    /// Its name in the file; also the name of an instance that gives no `kind`.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Where it is unless `base-url` says otherwise. A kind with an address but no default lists `base-url` among its
    /// settings, required and a [`SettingKind::Url`]; one that does neither takes no `base-url`.
    pub base_url: Option<&'static str>,
    /// What the secret is, in words: "service account as username:secret". Empty: the kind takes none.
    pub credential: &'static str,
    /// Settings of its own.
    pub settings: &'static [Setting],
}

/// One key of a kind.
#[derive(Debug)]
pub struct Setting {
    /// The key.
    pub name: &'static str,
    /// What it is for, in one line.
    pub about: &'static str,
    /// What it holds.
    pub value: SettingKind,
    /// Whether it has to be there. Then it has no default.
    pub required: bool,
    /// What it is where the file is silent, written as in [`SettingKind`].
    pub default: Option<&'static str>,
    /// A value for the template, written as in [`SettingKind`].
    pub example: &'static str,
}

/// What a setting holds. Defaults and examples are text: `secret`, `12345`, `true`, `keys.txt`, `a, b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// One line of text.
    Text,
    /// A whole number from 0 on.
    Number,
    /// `true` or `false`.
    Flag,
    /// A path, relative to the folder of the file.
    Path,
    /// Lines of text.
    List,
    /// An address, held to the same rules as `base-url`.
    Url,
}

/// Every kind.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    /// Kinds of providers.
    pub providers: &'static [&'static KindSpec],
    /// Kinds of stores.
    pub stores: &'static [&'static KindSpec],
    /// Kinds of consumers.
    pub consumers: &'static [&'static KindSpec],
}

/// The key of an address.
pub(super) const BASE_URL: &str = "base-url";

impl KindSpec {
    /// The setting that makes `base-url` a key without a default.
    pub(super) fn own_base_url(&self) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.name == BASE_URL)
    }

    /// Settings besides the address.
    pub(super) fn further(&self) -> impl Iterator<Item = &'static Setting> {
        self.settings.iter().filter(|setting| setting.name != BASE_URL)
    }
}
