//! [`Issuer`], which signs claims into access tokens (RFC 9068).

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    claims::{AttributeValues, Audience, Claims, REGISTERED, Scope},
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
    json,
    jws::{KeySet, SignError},
    token::AccessToken,
};

/// The type of an access token (RFC 9068 §2.1).
pub(crate) const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// Issues access tokens (RFC 9068). It is cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::{
///     Algorithm, Issuer, KeySet, SigningKey, Verifier,
///     clock::{Clock, SystemClock},
/// };
///
/// let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
/// let issuer = Issuer::new("https://id.example", "https://api.example", keys.clone())?;
///
/// let mut claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(600));
/// claims.scope = "read".parse()?;
/// let token = issuer.sign(&claims)?;
///
/// let verifier = Verifier::new("https://id.example", "https://api.example", keys.verifying())?;
/// assert_eq!(verifier.verify(token.expose())?.claims().sub, "alice");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Issuer(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    issuer: String,
    audience: String,
    default_client_id: String,
    keys: KeySet,
}

impl Issuer {
    /// Creates an issuer. Its tokens have `issuer` as their `iss` claim, usually an https URL, and
    /// `audience` as their `aud` claim.
    ///
    /// # Errors
    ///
    /// [`EmptyIssuer`](ConfigErrorKind::EmptyIssuer) or
    /// [`EmptyAudience`](ConfigErrorKind::EmptyAudience) if the name is empty.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: KeySet,
    ) -> Result<Self, ConfigError> {
        let (issuer, audience) = (issuer.into(), audience.into());
        check_names(&issuer, &audience)?;
        let default_client_id = issuer.clone();
        Ok(Self(Arc::new(Inner {
            issuer,
            audience,
            default_client_id,
            keys,
        })))
    }

    /// Sets the `client_id` of tokens that no OAuth client asked for, such as those of the
    /// application's own logins. RFC 9068 §2.2 requires the claim. The default is the issuer.
    ///
    /// # Errors
    ///
    /// [`EmptyClientId`](ConfigErrorKind::EmptyClientId) if `client_id` is empty.
    pub fn default_client_id(self, client_id: impl Into<String>) -> Result<Self, ConfigError> {
        let default_client_id = client_id.into();
        if default_client_id.is_empty() {
            let empty = "the client identifier is empty";
            return Err(ConfigError::new(ConfigErrorKind::EmptyClientId, empty));
        }
        let inner = Arc::unwrap_or_clone(self.0);
        Ok(Self(Arc::new(Inner {
            default_client_id,
            ..inner
        })))
    }

    /// The `iss` claim.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The `aud` claim.
    pub fn audience(&self) -> &str {
        &self.0.audience
    }

    /// The keys that sign and verify the tokens.
    pub fn keys(&self) -> &KeySet {
        &self.0.keys
    }

    /// Creates the claims of a token for `subject` that lives from `now` for `lifetime`: `iss`,
    /// `sub`, `aud`, `exp`, `iat`, a new `jti` and the default `client_id`. The caller can change
    /// them and add others.
    ///
    /// Times are whole seconds, rounded down: `exp` is `lifetime` after `iat`, so the token never
    /// lives longer than `lifetime`, and up to a second less. `jti` is missing if the operating system gives no random bytes;
    /// [`sign`](Self::sign) refuses it then.
    pub fn claims(&self, subject: impl Into<String>, now: Timestamp, lifetime: Duration) -> Claims {
        Claims {
            iss: self.0.issuer.clone(),
            sub: subject.into(),
            aud: Audience::One(self.0.audience.clone()),
            exp: (now.floor() + lifetime).floor(),
            iat: now.floor(),
            nbf: None,
            jti: fresh_jti().ok().map(|jti| jti.to_string()),
            client_id: Some(self.0.default_client_id.clone()),
            scope: Scope::empty(),
            sid: None,
            generation: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            act: None,
            cnf: None,
            roles: AttributeValues::default(),
            groups: AttributeValues::default(),
            entitlements: AttributeValues::default(),
            private: (),
        }
    }

    /// Signs claims into an access token. Times are rounded down to whole seconds. `P` must
    /// serialise to a JSON object without [registered](REGISTERED) names, or be `()`. It may have one of
    /// [`USER_ATTRIBUTES`](crate::claims::USER_ATTRIBUTES) that the claims themselves do not have.
    ///
    /// # Errors
    ///
    /// [`PrivateClaims`](crate::jws::SignErrorKind::PrivateClaims) if `P` is not like that or `sub`
    /// is empty, [`Backend`](crate::jws::SignErrorKind::Backend) if there is no `jti` or the signature
    /// could not be made, [`KeyElsewhere`](crate::jws::SignErrorKind::KeyElsewhere) if the key has to be waited
    /// for, [`NoKey`](crate::jws::SignErrorKind::NoKey) if the keys are those of a
    /// [ring](https://docs.rs/tower-bearer/latest/tower_bearer/ring/struct.KeyRing.html) that could not be read for longer
    /// than its lease, [`OutlivesKey`](crate::jws::SignErrorKind::OutlivesKey) if `exp` is later than that ring
    /// keeps the key for certain.
    pub fn sign<P: Serialize>(&self, claims: &Claims<P>) -> Result<AccessToken, SignError> {
        let token = self
            .0
            .keys
            .sign(ACCESS_TOKEN_TYPE, &self.checked(claims)?)?;
        Ok(AccessToken::new(token))
    }

    /// Signs like [`sign`](Self::sign), wherever the key is. A key that is [elsewhere](crate::SigningKey::from_signer)
    /// is waited for; with any other the future is ready at once.
    ///
    /// # Errors
    ///
    /// Those of [`sign`](Self::sign) but [`KeyElsewhere`](crate::jws::SignErrorKind::KeyElsewhere), and those of the
    /// signer: [`SignerBusy`](crate::jws::SignErrorKind::SignerBusy),
    /// [`SignerTimeout`](crate::jws::SignErrorKind::SignerTimeout),
    /// [`SignerFailed`](crate::jws::SignErrorKind::SignerFailed) and
    /// [`WrongSignature`](crate::jws::SignErrorKind::WrongSignature).
    #[cfg(feature = "session")]
    pub async fn sign_async<P: Serialize>(
        &self,
        claims: &Claims<P>,
    ) -> Result<AccessToken, SignError> {
        let claims = self.checked(claims)?;
        self.sign_checked(&claims).await
    }

    /// The JSON text of claims that can be signed.
    fn checked<P: Serialize>(&self, claims: &Claims<P>) -> Result<Vec<u8>, SignError> {
        check_private(claims)?;
        check_subject(&claims.sub)?;
        if claims.jti.as_deref().is_none_or(str::is_empty) {
            // `Issuer::claims` had no random bytes for it.
            return Err(SignError::signing());
        }
        #[cfg(feature = "session")]
        self.0.keys.check_expiry(claims.exp)?;
        json::written(claims).map_err(SignError::unwritten)
    }

    /// Signs the JSON text of claims that have a subject, an identifier, and no registered name among the
    /// private ones.
    #[cfg(feature = "session")]
    pub(crate) async fn sign_checked(&self, claims: &[u8]) -> Result<AccessToken, SignError> {
        let token = self.0.keys.sign_async(ACCESS_TOKEN_TYPE, claims).await?;
        Ok(AccessToken::new(token))
    }

    /// The `client_id` of tokens that no OAuth client asked for.
    #[cfg(feature = "session")]
    pub(crate) fn own_client_id(&self) -> &str {
        &self.0.default_client_id
    }
}

/// Refuses an empty issuer and an empty audience.
pub(crate) fn check_names(issuer: &str, audience: &str) -> Result<(), ConfigError> {
    if issuer.is_empty() {
        let empty = "the issuer is empty: give the https URL that its tokens have as `iss`";
        return Err(ConfigError::new(ConfigErrorKind::EmptyIssuer, empty));
    }
    if audience.is_empty() {
        let empty =
            "the audience is empty: give the URL or name of the API that the tokens are for";
        return Err(ConfigError::new(ConfigErrorKind::EmptyAudience, empty));
    }
    Ok(())
}

/// Refuses an empty subject.
pub(crate) fn check_subject(subject: &str) -> Result<(), SignError> {
    match subject.is_empty() {
        true => Err(SignError::claims("sub is empty")),
        false => Ok(()),
    }
}

/// Refuses private claims with a registered name. They are written into the same object as the
/// registered claims, so that the token would have a duplicate member. Strict readers refuse such a
/// token; others may pick different values from it.
fn check_private<P: Serialize>(claims: &Claims<P>) -> Result<(), SignError> {
    match serde_json::to_value(&claims.private) {
        Ok(Value::Null) => Ok(()),
        Ok(Value::Object(members)) => {
            match REGISTERED.iter().find(|name| members.contains_key(**name)) {
                Some(name) => Err(SignError::claims(format!("{name} is a registered name"))),
                None => check_user_attributes(claims, &members),
            }
        }
        Ok(_) => Err(SignError::claims("they are no JSON object")),
        Err(error) => Err(SignError::unwritten(error)),
    }
}

/// What describes the user is written once, and in a form that a verifier reads.
fn check_user_attributes<P>(
    claims: &Claims<P>,
    private: &Map<String, Value>,
) -> Result<(), SignError> {
    for (name, values) in claims.user_attributes() {
        let is_twin = !values.is_empty() && private.contains_key(name);
        if is_twin || AttributeValues::among(private, name).is_err() {
            let wrong = match is_twin {
                true => format!("{name} is a member of the claims too"),
                false => format!("{name} is neither a text nor a list of texts"),
            };
            return Err(SignError::claims(wrong));
        }
    }
    Ok(())
}

/// A random UUID (RFC 9562 §5.4), so that two tokens issued in the same second differ.
pub(crate) fn fresh_jti() -> Result<Uuid, SignError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| SignError::signing())?;
    Ok(uuid::Builder::from_random_bytes(random).into_uuid())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jws::{Algorithm, SignErrorKind, SigningKey};

    fn issuer() -> Issuer {
        let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
        Issuer::new("https://id.example", "https://api.example", keys).unwrap()
    }

    fn claims() -> Claims {
        issuer().claims(
            "alice",
            Timestamp::from_millis(1_999),
            Duration::from_secs(600),
        )
    }

    #[track_caller]
    fn refused<P: Serialize>(claims: &Claims<P>) -> SignErrorKind {
        issuer().sign(claims).unwrap_err().kind().clone()
    }

    #[test]
    fn names_are_not_empty() {
        let keys = || issuer().keys().clone();
        let kind = |made: Result<Issuer, ConfigError>| made.unwrap_err().kind();
        assert_eq!(
            kind(Issuer::new("", "b", keys())),
            ConfigErrorKind::EmptyIssuer
        );
        assert_eq!(
            kind(Issuer::new("a", "", keys())),
            ConfigErrorKind::EmptyAudience
        );
        assert_eq!(
            kind(issuer().default_client_id("")),
            ConfigErrorKind::EmptyClientId
        );
    }

    #[test]
    fn claims_have_what_rfc9068_requires() {
        let claims = claims();
        assert_eq!(
            serde_json::to_value(&claims).unwrap(),
            json!({
                "iss": "https://id.example", "sub": "alice", "aud": "https://api.example",
                "iat": 1, "exp": 601, "jti": claims.jti, "client_id": "https://id.example",
            })
        );
        let other = issuer().default_client_id("app").unwrap();
        let claims = other.claims("alice", Timestamp::default(), Duration::ZERO);
        assert_eq!(claims.client_id.as_deref(), Some("app"));
    }

    #[test]
    fn two_tokens_of_one_second_differ() {
        assert_ne!(claims().jti, claims().jti);
    }

    #[test]
    fn private_claims_are_an_object_without_registered_names() {
        for private in [
            json!({}),
            json!({ "role": "admin", "issuer": 7 }),
            json!(null),
        ] {
            issuer().sign(&claims().with_private(private)).unwrap();
        }
        for private in [
            json!([]),
            json!("text"),
            json!(7),
            json!({ "": 1, "sid": 1 }),
        ] {
            let kind = refused(&claims().with_private(private));
            assert!(matches!(kind, SignErrorKind::PrivateClaims(_)), "{kind:?}");
        }
        for &name in REGISTERED {
            let kind = refused(&claims().with_private(json!({ name: "alice" })));
            assert!(
                matches!(kind, SignErrorKind::PrivateClaims(_)),
                "{name}: {kind:?}"
            );
        }
    }

    #[test]
    fn what_describes_the_user_is_a_member_or_a_private_claim() {
        let private =
            json!({ "roles": ["cook"], "groups": "g", "entitlements": [{ "value": "e" }] });
        issuer()
            .sign(&claims().with_private(private.clone()))
            .unwrap();
        let mut typed = claims();
        typed.roles = ["cook"].into();
        issuer().sign(&typed).unwrap();
        assert_eq!(
            serde_json::to_value(&typed).unwrap()["roles"],
            json!(["cook"])
        );
        for (claims, private) in [
            (typed, private),
            (claims(), json!({ "roles": { "cook": true } })),
            (claims(), json!({ "groups": null })),
        ] {
            let kind = refused(&claims.with_private(private));
            assert!(matches!(kind, SignErrorKind::PrivateClaims(_)), "{kind:?}");
        }
    }

    #[test]
    fn a_token_has_a_subject_and_an_identifier() {
        let mut nobody = claims();
        nobody.sub.clear();
        assert!(matches!(refused(&nobody), SignErrorKind::PrivateClaims(_)));
        let mut nameless = claims();
        nameless.jti = None;
        assert_eq!(refused(&nameless), SignErrorKind::Backend);
    }
}
