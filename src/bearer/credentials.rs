//! Reading the token from the `Authorization` header (RFC 9110 §11.6.2, RFC 6750 §2.1).

use std::mem;

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

/// The name of an authentication scheme as most clients write it. Case does not matter. Its length
/// is known when the program is compiled, so that comparing it takes few steps.
pub(super) struct Scheme<const LENGTH: usize>([u8; LENGTH]);

pub(super) const BEARER_SCHEME: Scheme<6> = Scheme(*b"Bearer");

pub(super) const DPOP_SCHEME: Scheme<4> = Scheme(*b"DPoP");

/// What a request's `Authorization` header holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials<'a> {
    /// No credentials, another scheme, or the scheme alone.
    Absent,
    /// What is in the place of the token. Its characters are not checked yet; see [`token`].
    Token(&'a [u8]),
    /// Bearer credentials that cannot be a token.
    Malformed,
}

impl<'a> Credentials<'a> {
    /// Finds the credentials, and marks them sensitive, so that inner services do not print or
    /// compress them.
    pub(super) fn find_and_mark(headers: &'a mut HeaderMap) -> Self {
        let mut found = Self::Absent;
        let mut is_first = true;
        // A loop, since `HeaderMap::entry` may allocate room for one more header.
        for (name, value) in headers {
            if name == AUTHORIZATION {
                value.set_sensitive(true);
                found = if mem::take(&mut is_first) {
                    Self::parse(value.as_bytes(), &BEARER_SCHEME)
                } else {
                    // One reader may take the first header and another the last, and so see
                    // different users.
                    Self::Malformed
                };
            }
        }
        found
    }

    /// The credentials of the one `Authorization` header, as those of this scheme.
    pub(super) fn of_scheme<const LENGTH: usize>(
        headers: &'a HeaderMap,
        scheme: &Scheme<LENGTH>,
    ) -> Self {
        let value = headers.get(AUTHORIZATION);
        value.map_or(Self::Absent, |value| Self::parse(value.as_bytes(), scheme))
    }

    #[inline]
    fn parse<const LENGTH: usize>(value: &'a [u8], wanted: &Scheme<LENGTH>) -> Self {
        // Space around a value is not part of it (RFC 9110 §5.5).
        let value = value.trim_ascii();
        let (credentials, first) = match value.split_first_chunk() {
            Some((scheme, rest))
                if *scheme == wanted.0 || scheme.eq_ignore_ascii_case(&wanted.0) =>
            {
                (rest, rest.first())
            }
            _ => (b"".as_slice(), value.first()),
        };
        match first {
            Some(b' ') => {
                let start = credentials.iter().position(|b| *b != b' ');
                Self::Token(credentials.get(start.unwrap_or(0)..).unwrap_or_default())
            }
            // Another scheme, or one that only begins like this one.
            Some(b) if is_tchar(*b) => Self::Absent,
            // `Bearer,`, `Bearer=` and the like are refused even if the token is optional.
            Some(_) => Self::Malformed,
            None => Self::Absent,
        }
    }
}

/// Checks that all characters are allowed in a token. Nothing else is checked here.
///
/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
pub(super) fn token(raw: &[u8]) -> Option<&str> {
    let padding = raw.iter().rev().take_while(|b| **b == b'=').count();
    let body = raw.get(..raw.len() - padding).unwrap_or_default();
    // No early return: the compiler can then check many bytes at once.
    let strange = body
        .iter()
        .fold(0, |strange, b| strange | u8::from(!is_b64token_char(*b)));
    if body.is_empty() || strange != 0 {
        return None;
    }
    std::str::from_utf8(raw).ok()
}

/// Whether an authentication scheme may contain the character: `tchar` of RFC 9110 §5.6.2.
pub(super) const fn is_tchar(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
        )
}

fn is_b64token_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// Marks all headers of this name.
pub(super) fn mark_sensitive(headers: &mut HeaderMap, wanted: &HeaderName) {
    // A loop, since `HeaderMap::entry` may allocate room for one more header.
    for (name, value) in headers {
        if name == wanted {
            value.set_sensitive(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn parses(value: &str, expected: Credentials<'_>) {
        assert_eq!(judged(value.as_bytes()), expected, "{value:?}");
    }

    /// The credentials as the layer takes them if the token is not in the verifier's cache.
    fn judged(value: &[u8]) -> Credentials<'_> {
        match Credentials::parse(value, &BEARER_SCHEME) {
            Credentials::Token(raw) if token(raw).is_none() => Credentials::Malformed,
            credentials => credentials,
        }
    }

    #[test]
    fn scheme_in_any_case_and_any_number_of_spaces() {
        for value in [
            "Bearer a.b.c",
            "bearer a.b.c",
            "BEARER   a.b.c",
            " \tBearer a.b.c\t ",
        ] {
            parses(value, Credentials::Token(b"a.b.c"));
        }
    }

    #[test]
    fn b64token_characters() {
        parses("Bearer aZ09-._~+/==", Credentials::Token(b"aZ09-._~+/=="));
        for value in [
            "Bearer =",
            "Bearer a=b",
            "Bearer a b",
            "Bearer \"a\"",
            "Bearer a,b",
            "Bearer é",
        ] {
            parses(value, Credentials::Malformed);
        }
    }

    #[test]
    fn other_schemes_and_the_scheme_alone_are_no_credentials() {
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "BearerX a",
            "Bearer%20a",
            "a.b.c",
        ] {
            parses(value, Credentials::Absent);
        }
    }

    #[test]
    fn near_misses_are_malformed() {
        for value in [
            "Bearer\ta",
            "Bearer=a",
            "Bearer:a",
            "Bearer,Bearer a",
            ", Bearer a",
            "Bearer \ta\tb",
        ] {
            parses(value, Credentials::Malformed);
        }
        assert_eq!(judged(b"Bearer \xff"), Credentials::Malformed);
    }

    #[test]
    fn two_headers_are_malformed_even_when_equal() {
        let mut headers = HeaderMap::new();
        assert_eq!(
            Credentials::find_and_mark(&mut headers),
            Credentials::Absent
        );
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        assert_eq!(
            Credentials::find_and_mark(&mut headers),
            Credentials::Token(b"a")
        );
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        assert_eq!(
            Credentials::find_and_mark(&mut headers),
            Credentials::Malformed
        );
        let values = headers.get_all(AUTHORIZATION);
        assert!(values.iter().all(HeaderValue::is_sensitive));
    }
}
