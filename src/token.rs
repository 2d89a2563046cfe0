//! The tokens that a client gets: [`AccessToken`], [`RefreshToken`] and [`TokenResponse`]
//! (RFC 6749 §5.1).

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::Response;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use zeroize::Zeroize;

use crate::claims::Scope;

macro_rules! token_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// `Debug` does not show the token. It is wiped from memory when it is dropped.
        #[derive(Clone)]
        pub struct $name(String);

        impl $name {
            /// Takes the text of a token. Nothing is checked here.
            pub fn new(token: impl Into<String>) -> Self {
                Self(token.into())
            }

            /// The token itself. Hand it to its owner and to nobody else.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.0.as_mut_str().zeroize();
            }
        }
    };
}

token_type! {
    /// A short-lived token that opens protected resources (RFC 6749 §1.4).
    AccessToken
}

token_type! {
    /// A long-lived token that is exchanged for new access tokens (RFC 6749 §1.5).
    RefreshToken
}

/// A successful answer of the token endpoint (RFC 6749 §5.1).
///
/// It is written in the snake_case form of the RFC: as JSON by `Serialize`, as a response by
/// [`to_response`](Self::to_response), and with the `axum` feature as an `IntoResponse`. For front ends
/// that read `accessToken`, there is [`into_camel_case`](Self::into_camel_case).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenResponse {
    /// The access token.
    pub access_token: AccessToken,
    /// How the access token is to be presented.
    pub token_type: TokenType,
    /// How long the access token lives: the whole seconds from its `iat` to its `exp`.
    pub expires_in: Duration,
    /// The refresh token to use from now on.
    pub refresh_token: RefreshToken,
    /// How long the refresh token lives from now on, if nobody uses it. It is not sent to the
    /// client, which does not need it; it would help a thief.
    pub refresh_expires_in: Duration,
    /// What the access token allows. It is empty if the token has no scope.
    pub scope: Scope,
    /// Whether cookies with these tokens go when the browser is closed
    /// ([`Grant::cookies_end_with_browser`](https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.Grant.html#method.cookies_end_with_browser)).
    /// It is not sent to the client.
    pub cookies_end_with_browser: bool,
}

/// How an access token is presented: the `token_type` of the answer (RFC 6749 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenType {
    /// By itself (RFC 6750).
    #[default]
    Bearer,
    /// Together with a proof that the presenter holds a key (RFC 9449 §5).
    DPoP,
}

impl TokenType {
    /// The name on the wire, which is also the scheme of the `Authorization` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::DPoP => "DPoP",
        }
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the names of the members of a token answer are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `access_token`, as in RFC 6749 §5.1.
    Snake,
    /// `accessToken`, for front ends that use no OAuth library.
    Camel,
}

impl TokenResponse {
    /// The answer of a login or a token endpoint: status 200, the snake_case form of RFC 6749 §5.1
    /// as the body, and a header that keeps it out of caches.
    pub fn to_response(&self) -> Response<Bytes> {
        crate::reply::json(self)
    }

    /// The same answer with the names `accessToken`, `tokenType`, `expiresIn` and `refreshToken`,
    /// for front ends that use no OAuth library. The token endpoint answers in this form by itself
    /// if the request says `refreshToken`; at a login it is the application that chooses.
    ///
    /// ```
    /// use tower_bearer::{CamelCaseTokens, TokenResponse};
    ///
    /// fn login(tokens: TokenResponse) -> CamelCaseTokens {
    ///     tokens.into_camel_case()
    /// }
    /// ```
    pub fn into_camel_case(self) -> CamelCaseTokens {
        CamelCaseTokens(self)
    }

    /// The JSON of the answer in this spelling.
    pub(crate) fn to_wire(&self, spelling: Spelling) -> TokenWire<'_> {
        TokenWire {
            tokens: self,
            spelling,
            has_refresh_token: true,
        }
    }

    /// `expires_in` in whole seconds, and never 0, which some clients read as "for ever".
    fn expires_in_secs(&self) -> u64 {
        self.expires_in.as_secs().max(1)
    }
}

impl From<TokenResponse> for Response<Bytes> {
    fn from(tokens: TokenResponse) -> Self {
        tokens.to_response()
    }
}

/// The snake_case form of RFC 6749 §5.1, tokens included.
impl Serialize for TokenResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_wire(Spelling::Snake).serialize(serializer)
    }
}

/// A [`TokenResponse`] that is written in camelCase:
/// `{"accessToken":…,"tokenType":"Bearer","expiresIn":…,"refreshToken":…}`, and `scope` unless it is
/// empty.
///
/// With the `axum` feature it is an `IntoResponse`.
#[derive(Clone, Debug)]
pub struct CamelCaseTokens(TokenResponse);

impl CamelCaseTokens {
    /// The answer of a login: status 200, this form as the body, and a header that keeps it out of
    /// caches.
    pub fn to_response(&self) -> Response<Bytes> {
        crate::reply::json(self)
    }
}

impl From<CamelCaseTokens> for Response<Bytes> {
    fn from(tokens: CamelCaseTokens) -> Self {
        tokens.to_response()
    }
}

/// The camelCase form, tokens included.
impl Serialize for CamelCaseTokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_wire(Spelling::Camel).serialize(serializer)
    }
}

/// The JSON of a token answer.
pub(crate) struct TokenWire<'a> {
    tokens: &'a TokenResponse,
    spelling: Spelling,
    has_refresh_token: bool,
}

#[cfg(all(feature = "cookie", feature = "session"))]
impl TokenWire<'_> {
    /// Leaves out the refresh token, for clients that get it in a cookie.
    pub(crate) fn without_refresh_token(self) -> Self {
        Self {
            has_refresh_token: false,
            ..self
        }
    }
}

impl Serialize for TokenWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [access_token, token_type, expires_in, refresh_token] = match self.spelling {
            Spelling::Snake => ["access_token", "token_type", "expires_in", "refresh_token"],
            Spelling::Camel => ["accessToken", "tokenType", "expiresIn", "refreshToken"],
        };
        let has_scope = !self.tokens.scope.is_empty();
        let members = 3 + usize::from(self.has_refresh_token) + usize::from(has_scope);
        let mut wire = serializer.serialize_struct("TokenResponse", members)?;
        wire.serialize_field(access_token, self.tokens.access_token.expose())?;
        wire.serialize_field(token_type, self.tokens.token_type.as_str())?;
        wire.serialize_field(expires_in, &self.tokens.expires_in_secs())?;
        if self.has_refresh_token {
            wire.serialize_field(refresh_token, self.tokens.refresh_token.expose())?;
        }
        if has_scope {
            wire.serialize_field("scope", &self.tokens.scope)?;
        }
        wire.end()
    }
}

#[cfg(test)]
#[cfg(feature = "session")]
mod tests {
    use super::*;

    fn wire(expires_in: Duration, scope: &str, spelling: Spelling) -> String {
        let tokens = TokenResponse {
            access_token: AccessToken::new("a.b.c"),
            token_type: TokenType::Bearer,
            expires_in,
            refresh_token: RefreshToken::new("r.s.t"),
            refresh_expires_in: Duration::from_secs(3600),
            scope: scope.parse().unwrap(),
            cookies_end_with_browser: false,
        };
        serde_json::to_string(&tokens.to_wire(spelling)).unwrap()
    }

    #[test]
    fn snake_is_rfc_6749() {
        assert_eq!(
            wire(Duration::from_secs(600), "read write", Spelling::Snake),
            r#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":600,"refresh_token":"r.s.t","scope":"read write"}"#
        );
    }

    #[test]
    fn camel_is_the_tutorials() {
        assert_eq!(
            wire(Duration::from_secs(600), "read", Spelling::Camel),
            r#"{"accessToken":"a.b.c","tokenType":"Bearer","expiresIn":600,"refreshToken":"r.s.t","scope":"read"}"#
        );
    }

    #[test]
    fn an_application_chooses_by_itself() {
        let tokens = TokenResponse {
            access_token: AccessToken::new("a.b.c"),
            token_type: TokenType::Bearer,
            expires_in: Duration::from_secs(600),
            refresh_token: RefreshToken::new("r.s.t"),
            refresh_expires_in: Duration::from_secs(3600),
            scope: Scope::default(),
            cookies_end_with_browser: false,
        };
        let camel = tokens.clone().into_camel_case().to_response();
        assert_eq!(
            camel.body(),
            r#"{"accessToken":"a.b.c","tokenType":"Bearer","expiresIn":600,"refreshToken":"r.s.t"}"#
        );
        assert_eq!(camel.headers(), tokens.to_response().headers());
    }

    #[test]
    fn expires_in_is_whole_seconds_and_never_zero() {
        let snake = |expires_in| wire(expires_in, "", Spelling::Snake);
        assert!(snake(Duration::ZERO).contains(r#""expires_in":1,"#));
        assert!(snake(Duration::from_millis(999)).contains(r#""expires_in":1,"#));
        assert!(snake(Duration::from_millis(2_999)).contains(r#""expires_in":2,"#));
    }

    #[test]
    fn an_empty_scope_is_left_out() {
        assert!(!wire(Duration::from_secs(1), "", Spelling::Snake).contains("scope"));
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!(
            "{:?} {:?}",
            AccessToken::new("secret"),
            RefreshToken::new("secret")
        );
        assert!(!shown.contains("secret"), "{shown}");
    }
}
