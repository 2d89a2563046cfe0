use std::time::Duration;

use super::{
    ClientError, ClientErrorKind,
    answer::{Granted, is_token},
};
use tower_bearer::{AccessToken, RefreshToken, TokenResponse, claims::Scope};

/// Tokens to sign in with: what a login, or any other grant, has given.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer_client::NewTokens;
///
/// // The body of a token answer, as it came over the wire …
/// let login = br#"{"access_token":"a","token_type":"Bearer","expires_in":600,"refresh_token":"r"}"#;
/// let tokens = NewTokens::from_json(login)?;
///
/// // … or a refresh token alone, from which all else is made.
/// let tokens = NewTokens::from_refresh_token("r");
/// # Ok::<_, tower_bearer_client::ClientError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NewTokens {
    pub(super) refresh: RefreshToken,
    pub(super) access: Option<AccessToken>,
    pub(super) lifetime: Option<Duration>,
    pub(super) scope: Option<Scope>,
}

impl NewTokens {
    /// A refresh token; the access token comes with the first refresh.
    pub fn from_refresh_token(token: impl Into<String>) -> Self {
        Self {
            refresh: RefreshToken::new(token),
            access: None,
            lifetime: None,
            scope: None,
        }
    }

    /// Reads a token answer (RFC 6749 §5.1).
    ///
    /// # Errors
    ///
    /// [`Malformed`](ClientErrorKind::Malformed) where it is none, has a type other than
    /// `Bearer`, or comes without a refresh token.
    pub fn from_json(answer: &[u8]) -> Result<Self, ClientError> {
        let granted = Granted::parse(answer)?;
        let missing = ClientErrorKind::Malformed("refresh_token is missing or empty");
        Ok(Self {
            refresh: granted.refresh.ok_or(missing)?,
            access: Some(granted.access),
            lifetime: granted.lifetime,
            scope: granted.scope,
        })
    }

    /// Adds an access token that lives for this long from now on.
    #[must_use]
    pub fn with_access_token(self, token: impl Into<String>, lifetime: Duration) -> Self {
        Self {
            access: Some(AccessToken::new(token)),
            lifetime: Some(lifetime),
            ..self
        }
    }

    /// Whether both could be sent.
    pub(super) fn check(&self) -> Result<(), ClientError> {
        let access = self.access.as_ref().map(AccessToken::expose);
        if is_token(self.refresh.expose()) && access.is_none_or(is_token) {
            return Ok(());
        }
        let what = "a token is empty or has a character that no token has";
        Err(ClientErrorKind::Malformed(what).into())
    }
}

impl From<TokenResponse> for NewTokens {
    fn from(tokens: TokenResponse) -> Self {
        Self {
            refresh: tokens.refresh_token,
            access: Some(tokens.access_token),
            lifetime: Some(tokens.expires_in),
            scope: Some(tokens.scope),
        }
    }
}

impl From<RefreshToken> for NewTokens {
    fn from(token: RefreshToken) -> Self {
        Self::from_refresh_token(token.expose())
    }
}
