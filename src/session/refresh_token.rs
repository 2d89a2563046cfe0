//! The refresh token: a small JWT that says which session and generation it is of.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{Presented, Session, refresh_claims::RefreshClaims};
use crate::{
    claims::SessionId,
    json,
    jws::{self, Algorithm, KeyError, KeySet, SignError, SigningKey, VerifyingKeys},
    token::RefreshToken,
};

const TYP: &str = "rt+jwt";
const JTI_LABEL: &[u8] = b"tower-bearer refresh token jti v1\0";
/// Ours are well under 1 KiB; the rest is room for long issuer names.
const MAX_BYTES: usize = 4096;

/// What refresh tokens are signed with. Never a key that access tokens are signed with.
///
/// Keep old keys as previous ones for at least the idle lifetime: until then clients hold
/// tokens that were signed with them.
///
/// ```
/// use tower_bearer::session::RefreshKey;
///
/// # let (new, old) = ([7_u8; 32], [8_u8; 32]);
/// let key = RefreshKey::from_secret(new)?.with_previous_secret(old)?;
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RefreshKey(KeySet);

impl RefreshKey {
    /// A secret of at least 32 random bytes, used with HMAC-SHA-256.
    ///
    /// # Errors
    ///
    /// Where the secret is shorter.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let key = SigningKey::from_secret(Algorithm::HS256, long_enough(secret.as_ref())?)?;
        Ok(Self(KeySet::new(key)))
    }

    /// Any set of keys, for roll-overs without a restart or asymmetric keys.
    pub fn from_keys(keys: KeySet) -> Self {
        Self(keys)
    }

    /// Also accepts tokens that were signed with this secret, an earlier one.
    ///
    /// # Errors
    ///
    /// Where the secret is shorter than 32 bytes or in the set already.
    pub fn with_previous_secret(self, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = long_enough(secret.as_ref())?;
        let key = jws::VerifyingKey::from_secret(Algorithm::HS256, secret)?;
        self.0.add_verifying(key)?;
        Ok(self)
    }

    pub(super) fn verifying(&self) -> VerifyingKeys {
        self.0.verifying()
    }

    /// Mints the live refresh token of a session. Done twice, it gives the same claims.
    pub(super) fn mint(&self, session: &Session) -> Result<RefreshToken, SignError> {
        let claims = RefreshClaims {
            iss: session.issuer.as_str().into(),
            sid: session.id,
            generation: session.generation,
            jti: jti(session, session.generation),
            iat: session.rotated_at.unwrap_or(session.created_at),
            exp: session.expires_at,
        };
        let payload = json::written(&claims).map_err(|_| SignError::signing())?;
        self.0.sign(TYP, &payload).map(RefreshToken::new)
    }

    /// Verifies signature, type and issuer; the rest is for the decision.
    pub(super) fn open(&self, token: &str, issuer: &str) -> Option<(SessionId, Presented)> {
        let opened = self.0.verifying().open(token, TYP, MAX_BYTES).ok()?;
        let claims: RefreshClaims<'_> = serde_json::from_slice(&opened.payload).ok()?;
        let presented = Presented {
            generation: claims.generation,
            jti: claims.jti,
            exp: claims.exp,
        };
        (claims.iss == issuer).then_some((claims.sid, presented))
    }
}

fn long_enough(secret: &[u8]) -> Result<&[u8], KeyError> {
    match secret.len() {
        bytes @ 0..32 => Err(KeyError::weak("refresh secret", 8 * bytes, 256)),
        _ => Ok(secret),
    }
}

/// The `jti` of a generation, from the session's secret. It can be computed again for any
/// generation and guessed for none; it appears nowhere but in the token.
pub(super) fn jti(session: &Session, generation: u32) -> Uuid {
    let mac = jws::hmac_sha256(
        session.secret.expose(),
        &[
            JTI_LABEL,
            session.issuer.as_bytes(),
            &[0],
            session.id.as_uuid().as_bytes(),
            &generation.to_be_bytes(),
        ],
    );
    let (head, _) = mac.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    Uuid::new_v8(*head)
}

/// Whether the token's `jti` is the one of its generation.
pub(super) fn has_jti(session: &Session, token: Presented) -> bool {
    let right = jti(session, token.generation);
    right.as_bytes().ct_eq(token.jti.as_bytes()).into()
}
