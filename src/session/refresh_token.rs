//! The refresh token: a small JWT that says which session and generation it is of.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{PresentedToken, refresh_claims::RefreshClaims};
use crate::{
    claims::SessionId,
    clock::Timestamp,
    json,
    jws::{self, Algorithm, KeyError, KeySet, SignError, SigningKey, VerifyingKeys},
    store::{Session, SessionState},
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
    pub(super) fn mint(
        &self,
        session: &Session,
        state: &SessionState,
    ) -> Result<RefreshToken, SignError> {
        let claims = RefreshClaims {
            iss: session.issuer.as_str().into(),
            sid: session.id,
            generation: state.generation,
            jti: jti(session, state.generation),
            iat: state.rotated_at.unwrap_or(session.created_at),
            exp: state.expires_at,
        };
        let payload = json::written(&claims).map_err(|_| SignError::signing())?;
        self.0.sign(TYP, &payload).map(RefreshToken::new)
    }

    /// Verifies signature, type and issuer; the rest is for the session.
    pub(super) fn open(&self, token: &str, issuer: &str) -> Option<OpenedToken> {
        let opened = self.0.verifying().open(token, TYP, MAX_BYTES).ok()?;
        let claims: RefreshClaims<'_> = serde_json::from_slice(&opened.payload).ok()?;
        let opened = OpenedToken {
            session: claims.sid,
            generation: claims.generation,
            jti: claims.jti,
            exp: claims.exp,
        };
        (claims.iss == issuer).then_some(opened)
    }
}

/// A refresh token whose signature, type and issuer are right. It is not shown, as its `jti` is
/// nobody's to see.
#[derive(Clone, Copy)]
pub(super) struct OpenedToken {
    /// The session that it names.
    pub(super) session: SessionId,
    generation: u32,
    jti: Uuid,
    exp: Timestamp,
}

impl OpenedToken {
    /// The token as the decision sees it: whether it is one of this session's is looked at in
    /// constant time.
    pub(super) fn presented_to(self, session: &Session) -> PresentedToken {
        let right = jti(session, self.generation);
        let is_genuine = right.as_bytes().ct_eq(self.jti.as_bytes()).into();
        PresentedToken::new(self.generation, self.exp, is_genuine)
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
fn jti(session: &Session, generation: u32) -> Uuid {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Record, SessionSecret};

    fn session() -> Session {
        let id = SessionId::from_uuid(Uuid::from_u128(7));
        let secret = SessionSecret::from_bytes([9; 32]);
        Session::new(
            id,
            "https://id.example",
            "anna",
            secret,
            Timestamp::from_secs(1),
        )
    }

    fn opened(session: Session) -> OpenedToken {
        let Record { session, mut state } = Record::new(session);
        state.generation = 7;
        let key = RefreshKey::from_secret([5; 32]).unwrap();
        let token = key.mint(&session, &state).unwrap();
        key.open(token.expose(), &session.issuer).unwrap()
    }

    #[test]
    fn a_token_is_genuine_to_its_own_session_only() {
        let token = opened(session());
        assert!(token.presented_to(&session()).is_genuine);
        assert_eq!(token.presented_to(&session()).generation, 7);

        let others: [fn(&mut Session); 3] = [
            |other| other.secret = SessionSecret::from_bytes([8; 32]),
            |other| other.id = SessionId::from_uuid(Uuid::from_u128(8)),
            |other| other.issuer = "https://other.example".to_owned(),
        ];
        for change in others {
            let mut other = session();
            change(&mut other);
            assert!(!token.presented_to(&other).is_genuine);
        }
    }

    #[test]
    fn a_token_that_says_another_generation_is_not_genuine() {
        for generation in [0, 6, 8, u32::MAX] {
            let mut relabelled = opened(session());
            relabelled.generation = generation;
            assert!(!relabelled.presented_to(&session()).is_genuine);
        }
    }

    #[test]
    fn a_made_up_jti_is_not_genuine() {
        let mut forged = opened(session());
        forged.jti = Uuid::new_v8([1; 16]);
        assert!(!forged.presented_to(&session()).is_genuine);
    }
}
