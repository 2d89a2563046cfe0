use std::time::Duration;

use tower_bearer::{AccessToken, RefreshToken, TokenResponse, TokenType, claims::Scope};

use crate::{
    answer::{Granted, Types},
    error::ClientError,
    syntax::{is_refresh_token, is_token},
};

/// Tokens to sign in with: the result of a login, or of any other grant of RFC 6749. See
/// [`ClientSession::sign_in`](crate::ClientSession::sign_in).
///
/// ```
/// use std::time::Duration;
/// use tower_bearer_client::NewTokens;
///
/// // The body of a token response, as it came over the wire …
/// let login = br#"{"access_token":"a","token_type":"Bearer","expires_in":600,"refresh_token":"r"}"#;
/// let tokens = NewTokens::from_json(login)?;
///
/// // … or a refresh token alone.
/// let tokens = NewTokens::from_refresh_token("r");
/// # Ok::<_, tower_bearer_client::ClientError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NewTokens {
    pub(crate) refresh: RefreshToken,
    pub(crate) access: Option<AccessToken>,
    /// `None` if nobody has said: it is the one that fits the session.
    pub(crate) token_type: Option<TokenType>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) scope: Option<Scope>,
}

impl NewTokens {
    /// A refresh token alone. The first request that needs an access token starts a refresh.
    pub fn from_refresh_token(token: impl Into<String>) -> Self {
        Self {
            refresh: RefreshToken::new(token),
            access: None,
            token_type: None,
            lifetime: None,
            scope: None,
        }
    }

    /// Reads the body of a successful token response (RFC 6749 §5.1).
    ///
    /// # Errors
    ///
    /// [`Malformed`](crate::ClientErrorKind::Malformed) if the body is something else, if the type
    /// of the token is missing or neither `Bearer` nor, with the feature `dpop`, `DPoP`, or if there is
    /// no refresh token. Of an issuer that
    /// names no type, take the tokens out of the answer yourself and give them to
    /// [`from_refresh_token`](Self::from_refresh_token) and
    /// [`with_access_token`](Self::with_access_token).
    pub fn from_json(answer: &[u8]) -> Result<Self, ClientError> {
        let types = Types {
            bearer: true,
            dpop: cfg!(feature = "dpop"),
            missing: false,
        };
        let granted = Granted::parse(answer, types)?;
        let missing = || ClientError::malformed("refresh_token is missing or empty");
        Ok(Self {
            refresh: granted.refresh.ok_or_else(missing)?,
            access: Some(granted.access),
            token_type: Some(granted.token_type),
            lifetime: granted.lifetime,
            scope: granted.scope,
        })
    }

    /// Adds an access token. `lifetime` is what is left of its lifetime when it is
    /// [signed in](crate::ClientSession::sign_in) with.
    #[must_use]
    pub fn with_access_token(self, token: impl Into<String>, lifetime: Duration) -> Self {
        Self {
            access: Some(AccessToken::new(token)),
            token_type: None,
            lifetime: Some(lifetime),
            ..self
        }
    }

    /// Checks that both tokens can be sent.
    pub(crate) fn check(&self) -> Result<(), ClientError> {
        let access = self.access.as_ref().map(AccessToken::expose);
        if is_refresh_token(self.refresh.expose()) && access.is_none_or(is_token) {
            return Ok(());
        }
        let what = "a token is empty or has a character that no token has";
        Err(ClientError::malformed(what))
    }
}

impl From<TokenResponse> for NewTokens {
    fn from(tokens: TokenResponse) -> Self {
        Self {
            refresh: tokens.refresh_token,
            access: Some(tokens.access_token),
            token_type: Some(tokens.token_type),
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
