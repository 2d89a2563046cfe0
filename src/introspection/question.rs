//! The request to the introspection endpoint (RFC 7662 §2.1).

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// What form encoding leaves as it is, besides letters and digits.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

/// A text as `application/x-www-form-urlencoded` (RFC 6749 appendix B).
pub(super) fn form_encoded(text: &str) -> String {
    let pieces = text
        .split(' ')
        .map(|piece| utf8_percent_encode(piece, ESCAPED));
    pieces
        .map(|piece| piece.to_string())
        .collect::<Vec<_>>()
        .join("+")
}

/// All of a request but the token.
pub(super) struct Question {
    pub(super) endpoint: Uri,
    /// The endpoint as logs and `Debug` have it.
    pub(super) shown: String,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) parameters: Zeroizing<String>,
    pub(super) accept: HeaderValue,
}

impl Question {
    pub(super) fn about(&self, token: &str) -> Request<Bytes> {
        let form = format!(
            "token={}&token_type_hint=access_token{}",
            form_encoded(token),
            &*self.parameters
        );
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        let headers = request.headers_mut();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        headers.insert(ACCEPT, self.accept.clone());
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}
