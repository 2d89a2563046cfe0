//! The few structured fields (RFC 9651) that the protocol has.

use http::{HeaderMap, HeaderName, HeaderValue};

/// From the browser: the JWS that proves its key.
pub(super) const RESPONSE: HeaderName = HeaderName::from_static("secure-session-response");
/// From the browser: the identifier of its session.
pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("sec-secure-session-id");
/// From the browser: why it has not refreshed for this request, although it has a key.
pub(super) const SKIPPED: HeaderName = HeaderName::from_static("secure-session-skipped");
/// To the browser: what it signs next.
pub(super) const CHALLENGE: HeaderName = HeaderName::from_static("secure-session-challenge");
/// To the browser: where it can register a key.
pub(super) const REGISTRATION: HeaderName = HeaderName::from_static("secure-session-registration");

/// A header that comes twice, or whose value is not one string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The only value of a header: a string of base64url and dots. Chromium writes it without quotes, and
/// the specification asks for them. There are no parameters, no lists and no escapes.
pub(super) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    longest: usize,
) -> Result<Option<&'a str>, Malformed> {
    let mut values = headers.get_all(name).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) if value.len() <= longest => value.to_str().map_err(|_| Malformed)?,
        _ => return Err(Malformed),
    };
    let value = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or(Malformed)?,
        None => value,
    };
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    match !value.is_empty() && value.bytes().all(is_plain) {
        true => Ok(Some(value)),
        false => Err(Malformed),
    }
}

/// Whether text can be written as a string between quotes as it is (RFC 9651 §3.3.3).
pub(super) fn is_plain_string(text: &str) -> bool {
    text.bytes()
        .all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
}

/// A header value of parts that were checked, or are base64url.
pub(super) fn value(text: String) -> HeaderValue {
    // It is always valid, so nothing is lost here.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(lines: &[&[u8]], expected: Result<Option<&str>, Malformed>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(RESPONSE, HeaderValue::from_bytes(line).unwrap());
        }
        assert_eq!(only(&headers, &RESPONSE, 16), expected, "{lines:?}");
    }

    #[test]
    fn one_string_with_quotes_or_without() {
        reads(&[], Ok(None));
        reads(&[b"a-b_c.d"], Ok(Some("a-b_c.d")));
        reads(&[b"\"a-b_c.d\""], Ok(Some("a-b_c.d")));
        reads(&[b"a", b"a"], Err(Malformed));
        let others: [&[u8]; 14] = [
            b"",
            b"\"",
            b"\"\"",
            b"\"a",
            b"a\"",
            b"\"a\"\"",
            b"a b",
            b"a,b",
            b"\"a\";b",
            b"(a)",
            b"\\a",
            b":YQ==:",
            b"\xff",
            b"aaaaaaaaaaaaaaaaa",
        ];
        for line in others {
            reads(&[line], Err(Malformed));
        }
    }
}
