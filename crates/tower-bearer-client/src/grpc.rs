//! What a gRPC answer says about the token. Its status is in the headers if the answer has no body,
//! and in the trailers otherwise (`Trailers-Only` and `Trailers` in gRPC over HTTP/2).

use http::{HeaderMap, header::CONTENT_TYPE};

/// The content types of gRPC and gRPC-Web, without the name of the message format.
const NAMES: [&str; 3] = [
    "application/grpc",
    "application/grpc-web",
    "application/grpc-web-text",
];

/// Whether an answer with these headers speaks gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let name = value.and_then(|value| value.split([';', '+']).next());
    name.is_some_and(|name| {
        let is = |known: &&str| name.trim_end().eq_ignore_ascii_case(known);
        NAMES.iter().any(is)
    })
}

/// Whether the status is `UNAUTHENTICATED`.
pub(crate) fn is_unauthenticated(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|code| code == "16")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn speaks_grpc(content_type: &str) -> bool {
        let content_type = content_type.parse().unwrap();
        is_grpc(&HeaderMap::from_iter([(CONTENT_TYPE, content_type)]))
    }

    #[test]
    fn a_grpc_answer_is_known_by_its_whole_content_type() {
        for name in NAMES {
            for rest in ["", "+proto", "+json; charset=utf-8", ";a=b", " ;a=b"] {
                let content_type = format!("{name}{rest}");
                assert!(speaks_grpc(&content_type), "{content_type}");
                let loud = content_type.to_ascii_uppercase();
                assert!(speaks_grpc(&loud), "{loud}");
            }
        }
        for other in [
            "",
            "application/json",
            "application/grpcx",
            "application/grpc-",
            "application/grpc-webx+proto",
            "application/grp",
            "text/application/grpc",
        ] {
            assert!(!speaks_grpc(other), "{other}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }
}
