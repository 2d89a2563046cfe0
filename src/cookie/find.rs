//! The `Cookie` header (RFC 6265 §4.2, §5.4).

use http::{HeaderMap, header::COOKIE};

/// Far above what browsers and servers agree on for all headers.
const MAX_BYTES: usize = 64 * 1024;

/// What a request's cookies hold under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Absent,
    /// One token; its characters are right, nothing else is known of it.
    Token(&'a str),
    /// Two of the name, or one that cannot be a token.
    Malformed,
}

impl<'a> Found<'a> {
    /// Looks through all `Cookie` headers: HTTP/2 may split them (RFC 9113 §8.2.3). What other
    /// cookies look like is none of ours.
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
            // One of them may have been planted, and nobody can tell which (RFC 6265 §8.6).
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

/// The value of a pair, where it has that name. What another reader might take for our name, a
/// name alone or one before a space, is not passed over.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let own = halves.next().unwrap_or_default().trim_ascii() == name;
    own.then(|| halves.next().unwrap_or_default())
}
