//! Reads a token from the `Cookie` header (RFC 6265 §4.2, §5.4).

use http::{HeaderMap, Request, header::COOKIE};

use super::origin::OriginCheck;

/// The most bytes of cookies that are searched. It is far above what servers accept in all
/// headers.
const MAX_BYTES: usize = 64 * 1024;

/// What a request's cookies have under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Absent,
    /// One cookie, whose value has only characters of a token. Nothing else was checked.
    Token(&'a str),
    /// Two cookies of the name, or one that cannot be a token.
    Malformed,
}

/// A page of another origin has made the browser send the cookie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrossOrigin;

impl<'a> Found<'a> {
    /// What a request has under this name. A browser adds the cookie even if a page of another origin
    /// makes the request, so the origin is checked before the token.
    pub(super) fn in_request<B>(
        request: &'a Request<B>,
        name: &str,
        origins: &OriginCheck,
    ) -> Result<Self, CrossOrigin> {
        match Self::find(request.headers(), name) {
            Self::Absent => Ok(Self::Absent),
            found if origins.admits(request) => Ok(found),
            _ => Err(CrossOrigin),
        }
    }

    /// Searches all `Cookie` headers, as HTTP/2 may split them (RFC 9113 §8.2.3). Cookies with
    /// other names may be malformed.
    pub(super) fn find(headers: &'a HeaderMap, name: &str) -> Self {
        let lines = || headers.get_all(COOKIE).iter().map(|line| line.as_bytes());
        if lines().map(<[u8]>::len).sum::<usize>() > MAX_BYTES {
            return Self::Malformed;
        }
        let mut values = lines()
            .flat_map(|line| line.split(|byte| *byte == b';'))
            .filter_map(|pair| value_of(pair.trim_ascii(), name.as_bytes()));
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::parse(value),
            // An attacker may have planted one of them, and it is unknown which (RFC 6265 §8.6).
            (Some(_), Some(_)) => Self::Malformed,
        }
    }

    fn parse(value: &'a [u8]) -> Self {
        let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
        match std::str::from_utf8(value) {
            Ok(token) if !value.is_empty() && value.iter().all(is_token) => Self::Token(token),
            _ => Self::Malformed,
        }
    }
}

/// The value of a pair, if it has this name. A name without `=` or with spaces around it counts
/// too, since another parser might accept it.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let own = halves.next().unwrap_or_default().trim_ascii() == name;
    own.then(|| halves.next().unwrap_or_default())
}
