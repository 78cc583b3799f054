//! Ids and secrets that the tenant makes: the same seed gives the same ones.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;

use crate::synth::rng::Rng;

/// The word that every secret of the tenant contains, so that a leak is found by searching for it.
pub const CANARY: &str = "CANARY";

/// Drawn so far; cheap to copy with the tenant.
#[derive(Clone, Serialize)]
pub struct Draws {
    seed: u64,
    drawn: u64,
}

impl Draws {
    /// Of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A secret: [`CANARY`] and 26 random letters.
    pub fn secret(&mut self) -> String {
        format!("{CANARY}{}", self.letters(26))
    }

    /// So many random lower-case letters and digits.
    pub fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut rng = self.rng();
        (0..count)
            .map(|_| {
                let at = usize::try_from(rng.below(32)).unwrap_or_default();
                LETTERS.get(at).copied().map_or('a', char::from)
            })
            .collect()
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.rng().below(bound)
    }

    fn rng(&mut self) -> Rng {
        self.drawn += 1;
        Rng::new(self.seed ^ self.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}

/// A JSON Web Token with these claims, which whoever has it can read; `secret` is its signature.
pub fn access_token(claims: &Value, secret: &str) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    format!("{head}.{}.{secret}", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_repeat_with_the_seed() {
        let (mut one, mut same, mut other) = (Draws::new(1), Draws::new(1), Draws::new(2));
        let secrets = [one.secret(), one.secret(), other.secret()];
        assert_eq!(secrets[0], same.secret());
        assert!(secrets[0] != secrets[1] && secrets[0] != secrets[2]);
        assert!(secrets.iter().all(|secret| secret.starts_with(CANARY) && secret.len() == 32));
    }
}
