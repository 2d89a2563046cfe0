use http::{HeaderValue, Method, Response, header::ALLOW};

use super::ReplyBody;
use crate::error::ErrorCode;

/// A 405 that names the allowed methods (RFC 9110 §15.5.6).
pub(crate) fn method_not_allowed(method: &Method, allow: &'static str) -> Response<ReplyBody> {
    let code = ErrorCode::MethodNotAllowed;
    let mut response = super::error(code, code.description());
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(allow));
    match *method {
        Method::HEAD => response.map(|_| ReplyBody::default()),
        _ => response.map(ReplyBody::from),
    }
}
