//! The refresh token: a small JWT that names its session and its generation.

use std::time::Duration;

use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{PresentedToken, SessionError, SessionErrorKind, refresh_claims::RefreshClaims};
use crate::{
    claims::{Confirmation, KeyThumbprint, SessionId},
    clock::Timestamp,
    error::TokenError,
    jws::{
        self, Algorithm, Header, KeyError, KeySet, MacKey, SignError, SigningKey, VerifyingKeys,
        long_enough,
    },
    store::{Session, SessionState},
    token::RefreshToken,
};

const TYP: &str = "rt+jwt";
/// What an error calls it.
const SECRET: &str = "refresh secret";
const JTI_LABEL: &[u8] = b"tower-bearer refresh token jti v1\0";
/// The longest token that is looked at. Tokens are usually well below 1 KiB; long issuer names and
/// ML-DSA need more.
const MAX_BYTES: usize = 8192;

/// The keys that refresh tokens are signed with. They must not be keys of access tokens.
///
/// Keep them: a process that made new ones as it starts would log everybody out. So there is no `generate`, and a test
/// takes [32 bytes](Self::from_secret) of its own.
///
/// After a change of keys, keep the old one as a previous key for at least the idle lifetime: so
/// long may clients hold tokens that were signed with it.
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
    /// Signs refresh tokens with HMAC-SHA-256 and a secret of at least 32 random bytes. What
    /// `openssl rand -base64 32` prints is a good one: it is taken as it is, and not decoded.
    ///
    /// # Errors
    ///
    /// If the secret is shorter than 32 bytes.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let key = SigningKey::from_secret(Algorithm::HS256, long_enough(SECRET, secret.as_ref())?)?;
        Ok(Self(KeySet::new(key)))
    }

    /// Signs refresh tokens with any set of keys: use it for asymmetric keys, or to change keys
    /// without a restart. The key that signs has to be here, not with a [signer](crate::jws::Signer). A secret is
    /// as safe, and its tokens are short: those of ML-DSA are
    /// [too long for a cookie](crate::manual::keys#tokens-that-quantum-computers-cannot-forge).
    pub fn from_keys(keys: KeySet) -> Self {
        Self(keys)
    }

    /// Also accepts refresh tokens that were signed with this earlier secret.
    ///
    /// # Errors
    ///
    /// If the secret is shorter than 32 bytes or is in the set already.
    pub fn with_previous_secret(self, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = long_enough(SECRET, secret.as_ref())?;
        let key = jws::VerifyingKey::from_secret(Algorithm::HS256, secret)?;
        self.0.add_verifying(key)?;
        Ok(self)
    }

    /// For how long at least tokens can be verified, if a ring keeps the keys.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.0.longest()
    }

    /// Whether refresh tokens can be signed without waiting for somebody.
    pub(super) fn is_here(&self) -> bool {
        self.0.signer_timeout().is_none()
    }

    pub(super) fn verifying(&self) -> VerifyingKeys {
        self.0.verifying()
    }

    /// Mints the live refresh token of a session, whose `jti` is that of the generation in its line. The same
    /// state and line always give the same claims.
    pub(super) fn mint(
        &self,
        session: &Session,
        state: &SessionState,
        line: Option<u32>,
        jti: Uuid,
    ) -> Result<RefreshToken, SignError> {
        let claims = RefreshClaims {
            iss: session.issuer.as_str().into(),
            sid: session.id,
            generation: state.generation,
            line,
            jti,
            iat: state.rotated_at.unwrap_or(session.created_at),
            exp: state.expires_at,
            cnf: state.bound_to.clone().map(Confirmation::with_jkt),
        };
        let payload = claims.written().map_err(|_| SignError::signing())?;
        self.0.sign(TYP, &payload).map(RefreshToken::new)
    }

    /// Verifies signature, type and issuer. The other claims are checked against the session.
    ///
    /// # Errors
    ///
    /// If it cannot be told now whether the token is one of ours.
    pub(super) fn open(
        &self,
        token: &str,
        issuer: &str,
    ) -> Result<Option<OpenedToken>, SessionError> {
        let is_right_type = |header: &Header| header.is_type(TYP);
        let keys = self.0.trusted();
        let payload = match keys.payload(token, is_right_type, MAX_BYTES) {
            Ok(payload) => payload,
            Err(error) => return not_ours(error),
        };
        let Some(claims) = RefreshClaims::read(&payload) else {
            return Ok(None);
        };
        let opened = OpenedToken {
            session: claims.sid,
            generation: claims.generation,
            line: claims.line,
            jti: claims.jti,
            exp: claims.exp,
            bound_to: claims.cnf.as_ref().and_then(|cnf| cnf.jkt().cloned()),
        };
        Ok((claims.iss == issuer).then_some(opened))
    }
}

/// `None`, unless the verdict on a token is that there can be none now.
pub(super) fn not_ours<T>(error: TokenError) -> Result<Option<T>, SessionError> {
    match error {
        // The ring has logged why. Whoever makes tokens up shall neither fill the log nor keep all others away.
        TokenError::Unavailable => {
            Err(SessionError::new(SessionErrorKind::Unavailable).of_strangers())
        }
        _ => Ok(None),
    }
}

/// A refresh token whose signature, type and issuer are right. It has no `Debug`, so that its `jti`
/// is never shown.
#[derive(Clone)]
pub(super) struct OpenedToken {
    /// The session that the token names.
    pub(super) session: SessionId,
    generation: u32,
    /// The [line](super::authentication) that the token says it is of.
    pub(super) line: Option<u32>,
    jti: Uuid,
    exp: Timestamp,
    /// The key that the token says its session is bound to.
    pub(super) bound_to: Option<KeyThumbprint>,
}

impl OpenedToken {
    /// What stands for the refresh token of generation 0 of a session, whose client never got that.
    pub(super) fn of_generation_0(session: &Session, exp: Timestamp) -> Self {
        Self {
            session: session.id,
            generation: 0,
            line: None,
            jti: Series::of(session).jti(0, None),
            exp,
            bound_to: None,
        }
    }

    /// The token as [`decide`](super::decide) needs it. Its `jti` is compared with the session's
    /// in constant time. What is known of its key comes from the caller.
    pub(super) fn presented_to(&self, series: &Series<'_>) -> PresentedToken {
        let right = series.jti(self.generation, self.line);
        let is_genuine = right.as_bytes().ct_eq(self.jti.as_bytes()).into();
        PresentedToken::new(self.generation, self.exp, is_genuine)
    }
}

/// The refresh tokens of a session, one for each generation and line.
pub(super) struct Series<'a> {
    session: &'a Session,
    key: MacKey,
}

impl<'a> Series<'a> {
    pub(super) fn of(session: &'a Session) -> Self {
        let key = MacKey::new(session.secret.expose());
        Self { session, key }
    }

    /// The `jti` of a generation, computed from the session's secret. Without the secret it cannot be
    /// guessed. It appears nowhere but in the token.
    pub(super) fn jti(&self, generation: u32, line: Option<u32>) -> Uuid {
        let line = line.map(u32::to_be_bytes);
        let mac = self.key.tag(&[
            JTI_LABEL,
            self.session.issuer.as_bytes(),
            &[0],
            self.session.id.as_uuid().as_bytes(),
            &generation.to_be_bytes(),
            line.as_ref().map_or(&[], |line| line),
        ]);
        let (head, _) = mac.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        Uuid::new_v8(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reply::Pause,
        store::{Record, SessionSecret},
    };

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
        let token = key
            .mint(&session, &state, None, Series::of(&session).jti(7, None))
            .unwrap();
        key.open(token.expose(), &session.issuer).unwrap().unwrap()
    }

    #[test]
    fn a_token_is_genuine_to_its_own_session_only() {
        let token = opened(session());
        assert!(token.presented_to(&Series::of(&session())).is_genuine);
        assert_eq!(token.presented_to(&Series::of(&session())).generation, 7);

        let others: [fn(&mut Session); 3] = [
            |other| other.secret = SessionSecret::from_bytes([8; 32]),
            |other| other.id = SessionId::from_uuid(Uuid::from_u128(8)),
            |other| other.issuer = "https://other.example".to_owned(),
        ];
        for change in others {
            let mut other = session();
            change(&mut other);
            assert!(!token.presented_to(&Series::of(&other)).is_genuine);
        }
    }

    #[test]
    fn a_token_that_says_another_generation_is_not_genuine() {
        for generation in [0, 6, 8, u32::MAX] {
            let mut relabelled = opened(session());
            relabelled.generation = generation;
            assert!(!relabelled.presented_to(&Series::of(&session())).is_genuine);
        }
    }

    #[test]
    fn a_token_that_says_another_line_is_not_genuine() {
        for line in [Some(0), Some(7), Some(u32::MAX)] {
            let mut relabelled = opened(session());
            relabelled.line = line;
            assert!(!relabelled.presented_to(&Series::of(&session())).is_genuine);
            relabelled.jti = Series::of(&session()).jti(7, line);
            assert!(relabelled.presented_to(&Series::of(&session())).is_genuine);
            relabelled.line = None;
            assert!(!relabelled.presented_to(&Series::of(&session())).is_genuine);
        }
    }

    #[test]
    fn tokens_that_nobody_can_judge_keep_no_others_away() {
        let error = not_ours::<()>(TokenError::Unavailable).unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Unavailable);
        assert_eq!(error.pause(), Pause::Second);
    }

    #[test]
    fn a_made_up_jti_is_not_genuine() {
        let mut forged = opened(session());
        forged.jti = Uuid::new_v8([1; 16]);
        assert!(!forged.presented_to(&Series::of(&session())).is_genuine);
    }
}
