//! How tokens are written (RFC 6749 Appendices A.12 and A.17).

/// Whether the text can be an access token: visible ASCII, at least one character. RFC 6749 allows
/// spaces too, but a space would end the token in an `Authorization` header.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether the text can be a refresh token. It is sent in a form, where a space does no harm.
pub(crate) fn is_refresh_token(text: &str) -> bool {
    let is_visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    !text.is_empty() && text.bytes().all(is_visible)
}
