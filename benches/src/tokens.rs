//! Keys, and the tokens that all stacks are asked to check.

use std::time::Duration;

use http::HeaderValue;
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier,
    clock::{Clock, SystemClock, Timestamp},
};

/// The `iss` of all tokens.
pub const ISSUER: &str = "https://id.example";
/// The `aud` of all tokens.
pub const AUDIENCE: &str = "https://api.example";
/// Printable, since jwt-authorizer takes text.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What is measured, of the twelve: one of each family.
pub const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::HS256,
    Algorithm::EdDSA,
    Algorithm::ES256,
    Algorithm::RS256,
];

const LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);

/// A key and its issuer.
pub struct Tokens {
    /// The one algorithm of the key.
    pub algorithm: Algorithm,
    /// The set that all is signed and verified with.
    pub keys: KeySet,
    issuer: Issuer,
}

impl Tokens {
    /// A key for an algorithm.
    pub fn new(algorithm: Algorithm) -> Self {
        let keys = KeySet::new(signing_key(algorithm));
        let issuer = Issuer::new(ISSUER, AUDIENCE, keys.clone()).expect("both have names");
        Self {
            algorithm,
            keys,
            issuer,
        }
    }

    /// The same, with 63 more keys in the set that verifies.
    pub fn with_64_keys(algorithm: Algorithm) -> Self {
        let tokens = Self::new(algorithm);
        for number in 1..64 {
            let key = SigningKey::from_secret(Algorithm::HS256, format!("{number:032}"));
            let added = tokens
                .keys
                .add_verifying(key.expect("32 bytes").verifying_key());
            added.expect("each secret is another");
        }
        tokens
    }

    /// A verifier of these tokens, as it is by default.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(ISSUER, AUDIENCE, self.keys.verifying()).expect("both have names")
    }

    /// A verifier that has forgotten a token before it comes again in a row of thousands.
    pub fn few_remembered(&self) -> Verifier {
        self.verifier()
    }

    /// The public keys as JSON; nothing for a secret.
    pub fn jwks(&self) -> String {
        self.keys.verifying().jwks()
    }

    /// A token of a user's: its `jti` makes it another each time.
    pub fn token(&self, user: usize) -> String {
        self.token_from(user, SystemClock.now())
    }

    /// A token that ended hours ago.
    pub fn expired(&self) -> String {
        let day_ago = SystemClock.now().as_secs() - 24 * 60 * 60;
        self.token_from(0, Timestamp::from_secs(day_ago))
    }

    fn token_from(&self, user: usize, now: Timestamp) -> String {
        let subject = format!("user-{user:08}");
        let mut claims = self.issuer.claims(subject, now, LIFETIME);
        claims.scope = "profile mail".parse().expect("two scopes");
        let token = self.issuer.sign(&claims).expect("it can be signed");
        token.expose().to_owned()
    }

    /// As many tokens, ready to be sent.
    pub fn headers(&self, count: usize) -> Vec<HeaderValue> {
        (0..count).map(|user| bearer(&self.token(user))).collect()
    }
}

/// What goes into `Authorization`.
pub fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is plain")
}

fn signing_key(algorithm: Algorithm) -> SigningKey {
    match algorithm {
        Algorithm::HS256 => SigningKey::from_secret(algorithm, SECRET),
        _ => SigningKey::generate(algorithm),
    }
    .expect("a key")
}
