//! Keys, and the tokens that all stacks are asked to check.
//!
//! What is prepared can be kept in a file: under valgrind, a signature takes too long to make
//! thousands of them.

use std::{fs::File, io, path::Path, time::Duration};

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use tower_bearer::{
    Algorithm, CacheLimits, Issuer, KeySet, SigningKey, Verifier,
    clock::{Clock, SystemClock, Timestamp},
};

use crate::effort::Effort;

/// The `iss` of all tokens.
pub const ISSUER: &str = "https://id.example";
/// The `aud` of all tokens.
pub const AUDIENCE: &str = "https://api.example";
/// Printable, since jwt-authorizer takes text.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What is measured, of all algorithms: one of each family.
pub const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::HS256,
    Algorithm::EdDSA,
    Algorithm::ES256,
    Algorithm::RS256,
];

/// How many tokens come in turn where none may have been seen.
const UNSEEN: usize = 4_000;
const REMEMBERED: usize = 1_000;
const LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);

/// A key and tokens that it has signed, of as many users.
#[derive(Serialize, Deserialize)]
pub struct Tokens {
    algorithm: String,
    private_key: Option<String>,
    good: Vec<String>,
    /// A token that ended hours ago.
    pub expired: String,
    /// A token of a key that nobody knows.
    pub strange: String,
}

impl Tokens {
    /// A new key, and so many tokens.
    pub fn new(algorithm: Algorithm, count: usize) -> Self {
        let (key, other) = (new_key(algorithm), new_key(algorithm));
        let strange = other.with_kid("strange").expect("it is short");
        let private_key = (algorithm != Algorithm::HS256).then(|| {
            let text = key.export_private().expect("it is here");
            text.expose().to_owned()
        });
        let now = SystemClock.now();
        let day_ago = Timestamp::from_secs(now.as_secs() - 24 * 60 * 60);
        let issuer = issuer(key);
        Self {
            algorithm: algorithm.to_string(),
            private_key,
            good: (0..count).map(|user| token(&issuer, user, now)).collect(),
            expired: token(&issuer, 0, day_ago),
            strange: token(&self::issuer(strange), 0, now),
        }
    }

    /// What all scenes need, for each of [`ALGORITHMS`].
    pub fn for_scenes(effort: Effort) -> Vec<Self> {
        let count = |algorithm| match algorithm {
            Algorithm::HS256 => effort.pick(100_000, UNSEEN),
            _ => effort.pick(UNSEEN, 20),
        };
        ALGORITHMS
            .map(|algorithm| Self::new(algorithm, count(algorithm)))
            .into()
    }

    /// Keeps them in a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn save(all: &[Self], file: &Path) -> io::Result<()> {
        Ok(serde_json::to_writer(File::create(file)?, all)?)
    }

    /// Takes them from a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn load(file: &Path) -> io::Result<Vec<Self>> {
        Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
    }

    /// The one algorithm of the key.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm.parse().expect("it was one")
    }

    /// A set of the key alone.
    pub fn keys(&self) -> KeySet {
        KeySet::new(match &self.private_key {
            Some(pem) => SigningKey::from_pem(self.algorithm(), pem).expect("it was one"),
            None => new_key(self.algorithm()),
        })
    }

    /// A set of the key and 63 more.
    pub fn among_64_keys(&self) -> KeySet {
        let keys = self.keys();
        for number in 1..64 {
            let key = SigningKey::from_secret(Algorithm::HS256, format!("{number:032}"));
            let added = keys.add_verifying(key.expect("32 bytes").verifying_key());
            added.expect("each secret is another");
        }
        keys
    }

    /// The public key as a set in JSON, without keys where it is a secret.
    pub fn jwks(&self) -> String {
        self.keys().verifying().jwks()
    }

    /// The first token.
    pub fn one(&self) -> &str {
        &self.good[0]
    }

    /// All tokens.
    pub fn all(&self) -> &[String] {
        &self.good
    }

    /// The first tokens, or as many as there are.
    pub fn first(&self, count: usize) -> &[String] {
        &self.good[..count.min(self.good.len())]
    }

    /// Tokens that a [`forgetful`] verifier has forgotten when their turn comes again.
    pub fn unseen(&self) -> &[String] {
        self.first(UNSEEN)
    }
}

/// A verifier as it is by default.
pub fn verifier(keys: &KeySet) -> Verifier {
    Verifier::new(ISSUER, AUDIENCE, keys.verifying()).expect("both have names")
}

/// A verifier that remembers tokens, but only the last few.
pub fn forgetful(keys: &KeySet) -> Verifier {
    verifier(keys).cache(CacheLimits::default().entries(REMEMBERED))
}

/// What goes into `Authorization`.
pub fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is plain")
}

fn new_key(algorithm: Algorithm) -> SigningKey {
    match algorithm {
        Algorithm::HS256 => SigningKey::from_secret(algorithm, SECRET),
        _ => SigningKey::generate(algorithm),
    }
    .expect("a key")
}

fn issuer(key: SigningKey) -> Issuer {
    Issuer::new(ISSUER, AUDIENCE, KeySet::new(key)).expect("both have names")
}

fn token(issuer: &Issuer, user: usize, now: Timestamp) -> String {
    let mut claims = issuer.claims(format!("user-{user:08}"), now, LIFETIME);
    claims.scope = "profile mail".parse().expect("two scopes");
    let token = issuer.sign(&claims).expect("it can be signed");
    token.expose().to_owned()
}
