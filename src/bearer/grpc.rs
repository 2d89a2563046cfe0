//! The form of an answer to a gRPC request. The [manual](crate::manual::grpc) says why it is this
//! one.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use crate::{
    error::ErrorCode,
    reply::{Pause, TOKEN_REQUIRED},
};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// How long a client with a retry policy waits. `Retry-After` says the same in seconds.
const GRPC_RETRY_PUSHBACK_MS: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The content type of a request that speaks gRPC, without the name of the message format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grpc(&'static str);

impl Grpc {
    /// `None` if the request does not speak gRPC, in which all requests are a POST.
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        if method != Method::POST {
            return None;
        }
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let name = value.split([';', '+']).next()?.trim_end();
        [
            "application/grpc",
            "application/grpc-web",
            "application/grpc-web-text",
        ]
        .into_iter()
        .find(|known| name.eq_ignore_ascii_case(known))
        .map(Self)
    }

    /// An answer that consists of headers only (`Trailers-Only` in gRPC over HTTP/2). It keeps the HTTP
    /// status of the refusal: with 200, a client could turn a refusal into a success by its content
    /// type, for all that looks at nothing but the status.
    pub(super) fn error(
        self,
        code: ErrorCode,
        status: StatusCode,
        description: &str,
        pause: Pause,
    ) -> Response<Bytes> {
        let description = match code {
            ErrorCode::MissingToken => TOKEN_REQUIRED,
            _ => description,
        };
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.0));
        headers.insert(GRPC_STATUS, HeaderValue::from_static(grpc_status(status)));
        if let Some(message) = encode(description) {
            headers.insert(GRPC_MESSAGE, message);
        }
        if code == ErrorCode::TemporarilyUnavailable {
            let seconds = pause.seconds();
            headers.insert(RETRY_AFTER, seconds.into());
            headers.insert(GRPC_RETRY_PUSHBACK_MS, (1000 * seconds).into());
        }
        response
    }
}

/// The gRPC status that says what the HTTP status does. gRPC's own table makes a 400 an `INTERNAL`,
/// but that would blame the server.
fn grpc_status(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::FORBIDDEN => "7",
        StatusCode::SERVICE_UNAVAILABLE => "14",
        status if status.is_client_error() => "3",
        _ => "13",
    }
}

/// The text as `grpc-message` has it: percent-encoded, except for printable ASCII.
fn encode(text: &str) -> Option<HeaderValue> {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(byte.into()),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    HeaderValue::try_from(encoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn kind(content_type: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        assert!(Grpc::of(&Method::GET, &headers).is_none());
        Grpc::of(&Method::POST, &headers).map(|grpc| grpc.0)
    }

    #[test]
    fn a_grpc_request_is_known_by_its_content_type() {
        for (content_type, expected) in [
            ("application/grpc", "application/grpc"),
            ("application/grpc+proto", "application/grpc"),
            ("Application/gRPC+json; charset=utf-8", "application/grpc"),
            ("application/grpc ;a=b", "application/grpc"),
            ("application/grpc-web", "application/grpc-web"),
            ("application/grpc-web+proto", "application/grpc-web"),
            ("application/grpc-web-text", "application/grpc-web-text"),
            (
                "application/grpc-web-text+proto",
                "application/grpc-web-text",
            ),
        ] {
            assert_eq!(kind(content_type), Some(expected), "{content_type}");
        }
        for other in [
            "",
            "application/json",
            "application/grpcx",
            "application/grpc-",
        ] {
            assert_eq!(kind(other), None, "{other}");
        }
        assert!(Grpc::of(&Method::POST, &HeaderMap::new()).is_none());
    }

    #[test]
    fn a_message_is_percent_encoded() {
        assert_eq!(encode("a b~").unwrap(), "a b~");
        assert_eq!(encode("50 %\r\né").unwrap(), "50 %25%0D%0A%C3%A9");
    }
}
