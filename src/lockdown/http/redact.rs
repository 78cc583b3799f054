//! What other systems answered, made safe to show: no secrets, no terminal escapes, not long.

use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use super::Auth;
use crate::output::escape::Safe;

/// Characters of an answer that are shown.
pub(super) const SHOWN: usize = 300;
/// Shorter texts are no secrets, and hiding them would hide words.
const SHORTEST: usize = 4;
const HIDDEN: &str = "…";
/// Tokens that are remembered: the present one, and those of answers that are still under way.
const LEARNT: usize = 4;

/// Parts of a name that make its value a secret.
const SMELLS: [&str; 9] =
    ["token", "secret", "passw", "passphrase", "authorization", "api_key", "apikey", "credential", "cookie"];

/// Names of secrets in text that is not JSON, with what follows them; and the schemes of `Authorization`.
static IN_TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let value = r#"(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s&,;<>"']+)"#;
    Regex::new(&format!(
        r#"(?i)([a-z0-9_-]*(?:token|secret|passw|passphrase|authorization|api[_-]?key|credential|cookie)[a-z0-9_-]*["']?\s*[=:]\s*)(?:(?:basic|bearer|ssws)\s+)?{value}|\b((?:basic|bearer|ssws)\s+)[a-z0-9+/=._~-]{{8,}}"#
    ))
    .ok()
});

/// Whether the value under this name is likely a secret.
pub(super) fn smells(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SMELLS.iter().any(|smell| name.contains(smell))
}

/// Values that must not be shown even where nothing names them.
#[derive(Default)]
pub(super) struct Masks {
    own: Vec<SecretString>,
    /// Tokens that were asked for, the newest last.
    learnt: Mutex<Vec<SecretString>>,
}

impl Masks {
    /// The credential in every spelling in which it travels.
    pub(super) fn of(auth: &Auth) -> Self {
        let own = match auth {
            Auth::None => Vec::new(),
            Auth::Bearer(secret) | Auth::Header { secret, .. } => vec![secret.clone()],
            Auth::Aws(key) => key.session.iter().chain([&key.secret]).cloned().collect(),
            Auth::Basic { username, secret } => vec![secret.clone(), basic(username, secret)],
        };
        Self { own, learnt: Mutex::default() }
    }

    /// Hides this token too.
    pub(super) fn learn(&self, token: &SecretString) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        if learnt.iter().all(|known| known.expose_secret() != token.expose_secret()) {
            if learnt.len() == LEARNT {
                learnt.remove(0);
            }
            learnt.push(token.clone());
        }
    }

    /// `text` without the secrets of this transport and of `more`, escaped and cut to [`SHOWN`] characters.
    pub(super) fn clean(&self, text: &str, more: &[SecretString]) -> String {
        let mut text = match &*IN_TEXT {
            Some(names) => names.replace_all(text, format!("${{1}}${{2}}{HIDDEN}")).into_owned(),
            None => HIDDEN.to_owned(),
        };
        let learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in self.own.iter().chain(&*learnt).chain(more).map(SecretString::expose_secret) {
            if secret.len() >= SHORTEST {
                text = text.replace(secret, HIDDEN);
            }
        }
        let end = text.char_indices().nth(SHOWN).map_or(text.len(), |(at, _)| at);
        let mut shown = Safe(text.get(..end).unwrap_or_default()).to_string();
        if end < text.len() {
            shown.push('…');
        }
        shown
    }

    /// An answer's body: JSON with the values of secret names hidden, anything else as text.
    pub(super) fn body(&self, body: &[u8], more: &[SecretString]) -> String {
        // Escapes in JSON could hide a secret from the comparison with its characters.
        match serde_json::from_slice::<Value>(body) {
            Ok(mut value) => {
                hide(&mut value, false);
                self.clean(&value.to_string(), more)
            }
            Err(_) => self.clean(&String::from_utf8_lossy(body), more),
        }
    }
}

/// `username:secret` in Base64, as basic authentication sends it.
pub(super) fn basic(username: &str, secret: &SecretString) -> SecretString {
    let pair = Zeroizing::new(format!("{username}:{}", secret.expose_secret()));
    STANDARD.encode(pair.as_bytes()).into()
}

/// Hides what lies under names of secrets, or everything when `all`.
fn hide(value: &mut Value, all: bool) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| hide(value, all || smells(name))),
        Value::Array(values) => values.iter_mut().for_each(|value| hide(value, all)),
        Value::Number(_) | Value::String(_) if all => *value = Value::String(HIDDEN.to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Overwrites every text in `value`.
pub(in crate::lockdown) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "c4n4ry-5ecret";

    #[test]
    fn secrets_are_hidden_where_a_name_or_a_scheme_gives_them_away() {
        let cases = [
            r#"{"results":{"token":"c4n4ry-5ecret","id":7}}"#,
            r#"{"results":[{"api_secret":"c4n4ry-5ecret"}]}"#,
            r#"{"data":{"data":{"client_token":"c4n4ry-5ecret"}}}"#,
            r#"{"tokens":[{"value":"c4n4ry-5ecret"},"c4n4ry-5ecret"]}"#,
            r#"{"results":{"token":"c4n4ry-5ecret","id"#,
            r#"{"password": "c4n4ry-5ecret with spaces c4n4ry-5ecret"#,
            "token=c4n4ry-5ecret&project=1",
            "<input name=x value=y> Authorization: Basic c4n4ry-5ecret",
            "authorization: SSWS c4n4ry-5ecret",
            "your header was “Bearer c4n4ry-5ecret”",
            "{\"error\":\"Bad header: Bearer c4n4ry-5ecret\"}",
            "X-Api-Key: 'c4n4ry-5ecret'",
        ];
        for case in cases {
            let shown = Masks::default().body(case.as_bytes(), &[]);
            assert!(!shown.contains("c4n4ry") && shown.contains('…'), "{case} is shown as {shown}");
        }
    }

    #[test]
    fn known_secrets_are_hidden_anywhere() {
        let masks = Masks::of(&Auth::Basic { username: "sa".to_owned(), secret: CANARY.into() });
        let shown = masks.body(
            br#"{"error":"user c4n4ry-5ecret is c2E6YzRuNHJ5LTVlY3JldA== or \u00634n4ry-5ecret, more 0th3r"}"#,
            &["0th3r".into()],
        );
        assert_eq!(shown, r#"{"error":"user … is … or …, more …"}"#);
    }

    #[test]
    fn what_is_no_secret_stays() {
        let text = r#"{"error":"invalid_grant","id":12,"status":"error"}"#;
        assert_eq!(Masks::default().body(text.as_bytes(), &[]), text);
        assert_eq!(Masks::default().clean("the token has expired", &[]), "the token has expired");
    }

    #[test]
    fn answers_are_escaped_and_cut() {
        assert_eq!(Masks::default().body(b"\x1b[2Jx\n", &[]), r"\u{1b}[2Jx\n");
        let long = "é".repeat(500);
        assert_eq!(Masks::default().clean(&long, &[]), format!("{}…", "é".repeat(300)));
    }
}
