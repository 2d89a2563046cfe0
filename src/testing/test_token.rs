//! [`TestToken`]: an access token that is being made.

use std::{fmt, time::Duration};

use http::HeaderValue;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    claims::SessionId,
    clock::Timestamp,
    issuer::{ACCESS_TOKEN_TYPE, Issuer},
    jws::{Algorithm, KeySet, SigningKey},
    token::AccessToken,
};

const LIFETIME: Duration = Duration::from_secs(300);

/// More than the longest leeway of a verifier.
const HOUR: Duration = Duration::from_secs(3_600);

/// An access token that is being made: good ones, and such as an issuer would never sign. It is one of RFC
/// 9068 with a scope that is empty, until a method says something else.
///
/// | the token … | |
/// | --- | --- |
/// | allows something | [`scope`](Self::scope), [`roles`](Self::roles) |
/// | says more, or something else | [`claim`](Self::claim), [`claims`](Self::claims), [`without`](Self::without), [`typ`](Self::typ) |
/// | is of another time | [`expires_in`](Self::expires_in), [`expired`](Self::expired), [`not_yet_valid`](Self::not_yet_valid) |
/// | is none for this API | [`issued_by`](Self::issued_by), [`audience`](Self::audience) |
/// | is forged | [`tampered`](Self::tampered), [`signed_by_another`](Self::signed_by_another) |
/// | names a key that its issuer does not have | [`unknown_key`](Self::unknown_key) |
///
/// Tokens of other providers are made in the same way:
///
/// ```
/// use tower_bearer::{TokenProfile, profile::Discriminator, testing::TestIssuer};
///
/// let issuer = TestIssuer::new();
/// let verifier = issuer.verifier();
/// let profile = TokenProfile::jwt(Discriminator::claim("token_use", "access"))
///     .client_claims(["azp"])
///     .scope_claims(["scp"]);
/// let verifier = verifier.profile(profile)?;
///
/// let token = issuer
///     .token("alice")
///     .typ("JWT")
///     .without("client_id")
///     .claim("azp", "a-client")
///     .claim("scp", ["read", "write"])
///     .claim("token_use", "access")
///     .sign();
/// assert!(verifier.verify(token.expose())?.claims().scope.contains("write"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "it is no token yet: `sign` makes one"]
pub struct TestToken {
    keys: KeySet,
    typ: String,
    now: Timestamp,
    claims: Map<String, Value>,
    is_tampered: bool,
}

impl TestToken {
    pub(super) fn new(issuer: &Issuer, subject: &str, now: Timestamp) -> Self {
        let token = Self {
            keys: issuer.keys().clone(),
            typ: ACCESS_TOKEN_TYPE.to_owned(),
            now,
            claims: Map::new(),
            is_tampered: false,
        };
        token.claims(&issuer.claims(subject, now, LIFETIME))
    }

    /// What it allows, with spaces between.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// The roles of the user, in the claim `roles` (RFC 9068 §2.2.3.1).
    pub fn roles<R: Serialize>(self, roles: impl IntoIterator<Item = R>) -> Self {
        let roles = roles.into_iter().map(|role| json!(role));
        self.claim("roles", roles.collect::<Vec<_>>())
    }

    /// The session that the token belongs to.
    pub fn session(self, id: SessionId) -> Self {
        self.claim("sid", id)
    }

    /// A claim of any name, one that has a meaning included, and with any value, be it of a wrong type.
    ///
    /// # Panics
    ///
    /// If the value cannot be written as JSON.
    #[track_caller]
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("a value that can be JSON");
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// All members of a value, as claims.
    ///
    /// # Panics
    ///
    /// If it is no object in JSON.
    #[track_caller]
    pub fn claims(mut self, claims: &impl Serialize) -> Self {
        match serde_json::to_value(claims) {
            Ok(Value::Object(members)) => self.claims.extend(members),
            other => panic!("claims are a JSON object, and not {other:?}"),
        }
        self
    }

    /// Leaves a claim out that it would have.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Another `typ` in the header than `at+jwt`.
    pub fn typ(self, typ: impl Into<String>) -> Self {
        let typ = typ.into();
        Self { typ, ..self }
    }

    /// Says that somebody else has issued it.
    pub fn issued_by(self, issuer: &str) -> Self {
        self.claim("iss", issuer)
    }

    /// Says that it is for another API, or with a list for several.
    pub fn audience(self, audience: impl Serialize) -> Self {
        self.claim("aud", audience)
    }

    /// How long it lives from now, in whole seconds. The default is 5 minutes.
    pub fn expires_in(self, lifetime: Duration) -> Self {
        let exp = (self.now.floor() + lifetime).floor();
        self.claim("exp", exp)
    }

    /// It expired an hour ago, and was issued two hours ago.
    pub fn expired(self) -> Self {
        let now = self.now;
        self.claim("iat", now - 2 * HOUR).claim("exp", now - HOUR)
    }

    /// It becomes valid in an hour.
    pub fn not_yet_valid(self) -> Self {
        let now = self.now;
        self.claim("nbf", now + HOUR).claim("exp", now + 2 * HOUR)
    }

    /// Its signature is that of other claims.
    pub fn tampered(self) -> Self {
        Self {
            is_tampered: true,
            ..self
        }
    }

    /// It is signed by somebody who has another key and names that of the issuer.
    ///
    /// # Panics
    ///
    /// If the operating system gives no random bytes.
    #[track_caller]
    pub fn signed_by_another(self) -> Self {
        let (kid, algorithm) = (self.keys.signing_kid(), self.keys.signing_algorithm());
        let key = SigningKey::generate(algorithm).expect("a new key of the issuer's algorithm");
        let keys = KeySet::new(key.with_kid(kid).expect("a name that a key has"));
        Self { keys, ..self }
    }

    /// It is signed with a key that the issuer does not have, and names that key.
    ///
    /// A verifier that fetches keys cannot tell such a token from one of a key that is new. It fetches them, and
    /// refuses the token with a 401 if the key is not among them. While it waits until it may fetch
    /// again, the answer is a 503.
    ///
    /// # Panics
    ///
    /// If the operating system gives no random bytes.
    pub fn unknown_key(self) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).expect("random bytes");
        let keys = KeySet::new(key);
        Self { keys, ..self }
    }

    /// Signs it.
    ///
    /// # Panics
    ///
    /// If the signature cannot be made, as where the key is with a [signer](crate::jws::Signer).
    #[track_caller]
    pub fn sign(&self) -> AccessToken {
        let signed = |claims: &Map<String, Value>| {
            let claims = Value::Object(claims.clone()).to_string();
            self.keys
                .sign(&self.typ, claims.as_bytes())
                .expect("a signature")
        };
        let token = signed(&self.claims);
        if !self.is_tampered {
            return AccessToken::new(token);
        }
        let mut others = self.claims.clone();
        others.insert("jti".to_owned(), json!("of another token"));
        let (body, _) = token.rsplit_once('.').expect("three segments");
        let other = signed(&others);
        let (_, signature) = other.rsplit_once('.').expect("three segments");
        AccessToken::new(format!("{body}.{signature}"))
    }

    /// Signs it, and gives the value of an `Authorization` header.
    ///
    /// # Panics
    ///
    /// If the signature cannot be made.
    #[track_caller]
    pub fn bearer(&self) -> HeaderValue {
        let value = format!("Bearer {}", self.sign().expose());
        let mut value = HeaderValue::try_from(value).expect("a token has no other characters");
        value.set_sensitive(true);
        value
    }
}

/// Shows the claims: they are made up for a test.
impl fmt::Debug for TestToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestToken")
            .field("typ", &self.typ)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}
