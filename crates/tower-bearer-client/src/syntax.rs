//! How tokens are written (RFC 6749 Appendices A.12 and A.17).

/// Whether the text can be a token: visible ASCII, at least one character. RFC 6749 allows spaces
/// too, but a space would end the token in an `Authorization` header.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
