//! A token in `Sec-WebSocket-Protocol` (RFC 6455 §11.3.4), which is the one header that a page sets when it
//! opens a WebSocket.

use std::{fmt, str::FromStr, sync::Arc};

use http::{
    HeaderMap, HeaderValue, Method, Request, Version,
    header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE},
};

use super::{challenge::Rejection, credentials::is_tchar};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    token::AccessToken,
    trace,
};

const DEFAULT: &str = "bearer.";
const FORM: &str = "the prefix of a protocol may hold letters, digits and !#$%&'*+-.^_`|~";

/// What stands before the token in an element of `Sec-WebSocket-Protocol`. The default is `bearer.`, so that
/// the element is `bearer.eyJhbGciOi…`. A prefix is made of the characters of a token of RFC 9110 §5.6.2, and
/// its case matters.
///
/// ```
/// use tower_bearer::bearer::TokenProtocol;
///
/// const OURS: TokenProtocol = TokenProtocol::from_static("access-token.shop.example.");
///
/// assert_eq!(OURS.as_str(), "access-token.shop.example.");
/// assert_eq!(TokenProtocol::default().as_str(), "bearer.");
/// assert!("access token".parse::<TokenProtocol>().is_err());
/// ```
#[derive(Clone)]
pub struct TokenProtocol(Text);

#[derive(Clone)]
enum Text {
    Fixed(&'static str),
    Shared(Arc<str>),
}

impl TokenProtocol {
    /// A prefix from text in the program itself. Use [`new`](Self::new) for text that is read at run time.
    ///
    /// # Panics
    ///
    /// If `prefix` is empty or has another character. In a `const` this is a compile-time error.
    pub const fn from_static(prefix: &'static str) -> Self {
        assert!(
            is_prefix(prefix),
            "the prefix of a protocol may hold letters, digits and !#$%&'*+-.^_`|~"
        );
        Self(Text::Fixed(prefix))
    }

    /// A prefix from text that is read at run time.
    ///
    /// # Errors
    ///
    /// [`Protocol`](ConfigErrorKind::Protocol) if `prefix` is empty or has another character.
    pub fn new(prefix: &str) -> Result<Self, ConfigError> {
        match is_prefix(prefix) {
            true => Ok(Self(Text::Shared(prefix.into()))),
            false => Err(ConfigError::new(ConfigErrorKind::Protocol, FORM)),
        }
    }

    /// The prefix.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Fixed(prefix) => prefix,
            Text::Shared(prefix) => prefix,
        }
    }

    /// Takes the token out of the headers of a handshake. What else is offered stays there, for the
    /// application to select from.
    pub(super) fn take(&self, headers: &mut HeaderMap) -> Result<Option<AccessToken>, Rejection> {
        let Some(offer) = self.read(headers)? else {
            return Ok(None);
        };
        headers.remove(SEC_WEBSOCKET_PROTOCOL);
        if offer.others.is_empty() {
            // No answer would do: many clients take none without one of the protocols that they offered, and
            // the only one here has the token in it.
            trace::debug!(
                "a WebSocket offers no protocol beside its token: offer one of the application's too"
            );
            return Err(Rejection::malformed());
        }
        let others = HeaderValue::try_from(offer.others).map_err(|_| Rejection::malformed())?;
        headers.insert(SEC_WEBSOCKET_PROTOCOL, others);
        Ok(Some(offer.token))
    }

    /// What is offered, if there is a token among it.
    fn read(&self, headers: &HeaderMap) -> Result<Option<Offer>, Rejection> {
        let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL);
        let has_token = |element: &[u8]| element.starts_with(self.as_str().as_bytes());
        if !lines.iter().any(|line| elements(line).any(has_token)) {
            return Ok(None);
        }
        let (mut token, mut others) = (None, String::new());
        for element in lines.iter().flat_map(elements) {
            let element = protocol(element).ok_or_else(Rejection::malformed)?;
            match element.strip_prefix(self.as_str()) {
                Some(text) if token.is_none() && !text.is_empty() => {
                    token = Some(AccessToken::new(text));
                }
                Some(_) => return Err(Rejection::malformed()),
                None => {
                    let comma = if others.is_empty() { "" } else { ", " };
                    others = others + comma + element;
                }
            }
        }
        Ok(token.map(|token| Offer { token, others }))
    }
}

struct Offer {
    token: AccessToken,
    /// The other protocols, as a header has them.
    others: String,
}

fn elements(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes()
        .split(|b| *b == b',')
        .map(<[u8]>::trim_ascii)
}

/// The name of a protocol: a token of RFC 9110 §5.6.2.
fn protocol(element: &[u8]) -> Option<&str> {
    let is_token = !element.is_empty() && element.iter().all(|b| is_tchar(*b));
    std::str::from_utf8(element).ok().filter(|_| is_token)
}

const fn is_prefix(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        if !is_tchar(*first) {
            return false;
        }
        rest = others;
    }
    !text.is_empty()
}

/// Whether the request opens a WebSocket: in HTTP/1.1 a GET that asks for the upgrade (RFC 6455 §4.1), later a
/// CONNECT that has a path (RFC 8441 §4). Servers keep its `:protocol` where no other crate finds it, but no
/// other protocol has the header that WebSocket must have.
pub(super) fn opens_websocket<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    match request.version() {
        Version::HTTP_11 => {
            request.method() == Method::GET
                && lists(headers, &UPGRADE, b"websocket")
                && lists(headers, &CONNECTION, b"upgrade")
        }
        Version::HTTP_2 | Version::HTTP_3 => {
            request.method() == Method::CONNECT
                && request.uri().path().starts_with('/')
                && headers.contains_key(SEC_WEBSOCKET_VERSION)
        }
        _ => false,
    }
}

fn lists(headers: &HeaderMap, name: &http::HeaderName, wanted: &[u8]) -> bool {
    let lines = headers.get_all(name);
    let mut all = lines.iter().flat_map(elements);
    all.any(|element| element.eq_ignore_ascii_case(wanted))
}

impl Default for TokenProtocol {
    /// The prefix `bearer.`.
    fn default() -> Self {
        const { Self::from_static(DEFAULT) }
    }
}

impl FromStr for TokenProtocol {
    type Err = ConfigError;

    fn from_str(prefix: &str) -> Result<Self, ConfigError> {
        Self::new(prefix)
    }
}

impl fmt::Debug for TokenProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenProtocol")
            .field(&self.as_str())
            .finish()
    }
}
