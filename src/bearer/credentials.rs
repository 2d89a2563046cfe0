//! The `Authorization` header (RFC 9110 §11.6.2, RFC 6750 §2.1).

use http::{
    HeaderMap, HeaderName,
    header::{AUTHORIZATION, Entry},
};

/// What a request's `Authorization` header holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials<'a> {
    /// No credentials, another scheme, or the scheme alone.
    Absent,
    /// One token; its characters are right, nothing else is known of it.
    Token(&'a str),
    /// Something that was meant as a bearer token and cannot be one.
    Malformed,
}

impl<'a> Credentials<'a> {
    pub(super) fn find(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::parse(value.as_bytes()),
            // Whoever reads the first and whoever reads the last would see different users.
            (Some(_), Some(_)) => Self::Malformed,
        }
    }

    fn parse(value: &'a [u8]) -> Self {
        // Space around a value is not part of it (RFC 9110 §5.5).
        let value = value.trim_ascii();
        let end = value
            .iter()
            .position(|b| !is_tchar(*b))
            .unwrap_or(value.len());
        let Some((scheme, rest)) = value.split_at_checked(end) else {
            return Self::Malformed;
        };
        if value.is_empty() || !scheme.is_empty() && !scheme.eq_ignore_ascii_case(b"bearer") {
            return Self::Absent;
        }
        match rest.first() {
            None => Self::Absent,
            Some(b' ') if !scheme.is_empty() => Self::token(rest),
            // `Bearer,`, `Bearer=` and the like: it is refused even where a token is optional.
            Some(_) => Self::Malformed,
        }
    }

    fn token(rest: &'a [u8]) -> Self {
        match std::str::from_utf8(rest).map(|rest| rest.trim_start_matches(' ')) {
            Ok(token) if is_b64token(token) => Self::Token(token),
            _ => Self::Malformed,
        }
    }
}

/// `token` characters (RFC 9110 §5.6.2), which a scheme is made of.
fn is_tchar(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

/// Marks all headers of this name.
pub(super) fn mark_sensitive(headers: &mut HeaderMap, name: HeaderName) {
    if let Entry::Occupied(mut values) = headers.entry(name) {
        values
            .iter_mut()
            .for_each(|value| value.set_sensitive(true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parses(value: &str, expected: Credentials<'_>) {
        assert_eq!(Credentials::parse(value.as_bytes()), expected, "{value:?}");
    }

    #[test]
    fn scheme_in_any_case_and_any_number_of_spaces() {
        for value in [
            "Bearer a.b.c",
            "bearer a.b.c",
            "BEARER   a.b.c",
            " \tBearer a.b.c\t ",
        ] {
            parses(value, Credentials::Token("a.b.c"));
        }
    }

    #[test]
    fn b64token_characters() {
        parses("Bearer aZ09-._~+/==", Credentials::Token("aZ09-._~+/=="));
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
        assert_eq!(Credentials::parse(b"Bearer \xff"), Credentials::Malformed);
    }

    #[test]
    fn two_headers_are_malformed_even_when_equal() {
        let mut headers = HeaderMap::new();
        assert_eq!(Credentials::find(&headers), Credentials::Absent);
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        assert_eq!(Credentials::find(&headers), Credentials::Token("a"));
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        assert_eq!(Credentials::find(&headers), Credentials::Malformed);
    }
}
