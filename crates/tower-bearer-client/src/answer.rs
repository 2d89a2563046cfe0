//! What the token endpoint's answers mean (RFC 6749 §5).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_TYPE, DATE, RETRY_AFTER},
};
use serde_json::{Map, Value};

use tower_bearer::{AccessToken, RefreshToken, claims::Scope, json};

use crate::{
    error::{ClientError, ClientErrorKind as Kind},
    schedule::LONGEST_LIFETIME,
    syntax::is_token,
};

/// However long a server asks to wait, it is not more than this.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// The tokens of a good answer.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) access: AccessToken,
    /// `None` if the old one stays good (RFC 6749 §6).
    pub(crate) refresh: Option<RefreshToken>,
    /// `None` if the server does not say.
    pub(crate) lifetime: Option<Duration>,
    /// `None` if it is the scope that was asked for.
    pub(crate) scope: Option<Scope>,
}

/// Reads an answer to a refresh.
pub(crate) fn granted(response: &Response<Bytes>) -> Result<Granted, ClientError> {
    if response.status() != StatusCode::OK {
        return Err(failure(response));
    }
    if !is_json(response.headers()) {
        return Err(Kind::ContentType.into());
    }
    Granted::parse(response.body())
}

/// Reads an answer to a revocation (RFC 7009 §2.2).
pub(crate) fn revoked(response: &Response<Bytes>) -> Result<(), ClientError> {
    match response.status() {
        StatusCode::OK => Ok(()),
        _ => Err(failure(response)),
    }
}

impl Granted {
    /// The members that are needed are read strictly, and no member may come twice. Others are
    /// ignored.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ClientError> {
        let members =
            json::object(body).map_err(|error| malformed("no JSON object").caused_by(error))?;
        // Some servers report errors with 200. By RFC 6749 §5.2 it has to be 400, so such an
        // `invalid_grant` does not end the session.
        if members.contains_key("error") && !members.contains_key("access_token") {
            return Err(malformed("an error in an answer of success"));
        }
        // RFC 6749 §7.1: a client must not use a token of a type that it does not know.
        if !text(&members, "token_type")?.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
            return Err(malformed("token_type is not Bearer"));
        }
        let access = text(&members, "access_token")?.filter(|token| is_token(token));
        let missing = || malformed("access_token is missing or empty");
        let refresh = text(&members, "refresh_token")?.filter(|token| !token.is_empty());
        if !refresh.is_none_or(is_token) {
            return Err(malformed("refresh_token has a character that no token has"));
        }
        // No decision depends on the scope, so a malformed one is ignored.
        let scope = members.get("scope").and_then(Value::as_str);
        Ok(Self {
            access: AccessToken::new(access.ok_or_else(missing)?),
            refresh: refresh.map(RefreshToken::new),
            lifetime: members.get("expires_in").map_or(Ok(None), lifetime)?,
            scope: scope.and_then(|scope| scope.parse().ok()),
        })
    }
}

fn malformed(what: &'static str) -> ClientError {
    ClientError::malformed(what)
}

/// A member that is a string. `null` counts as absent.
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ClientError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed("a member is not a string")),
    }
}

/// Reads seconds. In RFC 6749's examples they are a JSON number, but some servers write digits in a
/// string (Appendix A.14). Both are read, because only the time of the next refresh depends on the
/// value. Less than one second counts as absent.
fn lifetime(value: &Value) -> Result<Option<Duration>, ClientError> {
    let secs = match value {
        Value::Null => return Ok(None),
        Value::Number(secs) => secs.as_f64(),
        Value::String(secs) if secs.bytes().all(|byte| byte.is_ascii_digit()) => secs.parse().ok(),
        _ => None,
    };
    let secs = secs.ok_or_else(|| malformed("expires_in is not a number"))?;
    let secs = secs.floor();
    let longest = LONGEST_LIFETIME.as_secs_f64();
    Ok((secs >= 1.0).then(|| Duration::from_secs_f64(secs.min(longest))))
}

/// The error that an unsuccessful answer stands for. The body counts only with a client error
/// (4xx), where it may name an OAuth error.
fn failure(response: &Response<Bytes>) -> ClientError {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let kind = match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Kind::Unavailable,
        _ if status.is_server_error() => Kind::Unavailable,
        _ if status.is_redirection() => Kind::Redirected,
        _ if status.is_client_error() => match error_code(response) {
            Some(code) => return ClientError::refused(&code).and_retry_after(retry_after),
            None => Kind::Status,
        },
        _ => Kind::Status,
    };
    ClientError::with_status(kind, status).and_retry_after(retry_after)
}

/// The `error` of RFC 6749 §5.2, if it is short and simple enough to be shown.
fn error_code(response: &Response<Bytes>) -> Option<String> {
    if !is_json(response.headers()) {
        return None;
    }
    let members = json::object(response.body()).ok()?;
    let code = members.get("error")?.as_str()?;
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    ((1..=64).contains(&code.len()) && code.bytes().all(is_code)).then(|| code.to_owned())
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next();
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads seconds, or a date, which is compared with the date of the answer because the clocks of
/// server and client may differ (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse() {
        Ok(secs) => Duration::from_secs(secs),
        Err(_) => date(value)?
            .duration_since(date(headers.get(DATE)?.to_str().ok()?)?)
            .ok()?,
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: &str = r#""access_token":"a","token_type":"Bearer""#;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap()
    }

    fn json(status: u16, body: &str) -> Response<Bytes> {
        response(status, &[("content-type", "application/json")], body)
    }

    #[track_caller]
    fn fails(response: &Response<Bytes>, kind: Kind) {
        assert_eq!(granted(response).unwrap_err().kind(), kind, "{response:?}");
    }

    #[track_caller]
    fn fails_by_status(response: &Response<Bytes>, kind: Kind) {
        fails(response, kind);
        let status = granted(response).unwrap_err().status();
        assert_eq!(status, Some(response.status()));
    }

    fn expires_in(value: &str) -> Result<Option<u64>, Kind> {
        let body = format!(r#"{{{TOKENS},"expires_in":{value}}}"#);
        let granted = Granted::parse(body.as_bytes()).map_err(|error| error.kind())?;
        Ok(granted.lifetime.map(|lifetime| lifetime.as_secs()))
    }

    #[test]
    fn a_good_answer() {
        let body = r#"{"access_token":"a.b-c_d~e+f/g=|","token_type":"bEARER","expires_in":600,
            "refresh_token":"r","scope":"read write","id_token":{"any":["thing"]}}"#;
        let kind = ("content-type", "Application/JSON ; charset=utf-8");
        let granted = granted(&response(200, &[kind], body)).unwrap();
        assert_eq!(granted.access.expose(), "a.b-c_d~e+f/g=|");
        assert_eq!(granted.refresh.unwrap().expose(), "r");
        assert_eq!(granted.lifetime, Some(Duration::from_secs(600)));
        assert_eq!(granted.scope.unwrap().as_str(), "read write");
    }

    #[test]
    fn what_may_be_missing() {
        for rest in [
            "",
            r#","refresh_token":null,"expires_in":null,"scope":["read"]"#,
        ] {
            let granted = Granted::parse(format!("{{{TOKENS}{rest}}}").as_bytes()).unwrap();
            assert!(granted.refresh.is_none() && granted.lifetime.is_none());
            assert!(granted.scope.is_none());
        }
        let empty = format!(r#"{{{TOKENS},"refresh_token":""}}"#);
        assert!(Granted::parse(empty.as_bytes()).unwrap().refresh.is_none());
    }

    #[test]
    fn what_is_malformed() {
        for body in [
            "",
            "[]",
            "null",
            "{",
            "<!doctype html>",
            r#"{"access_token":"a"}"#,
            r#"{"token_type":"Bearer"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":null,"token_type":"Bearer"}"#,
            r#"{"access_token":1,"token_type":"Bearer"}"#,
            r#"{"access_token":"a b","token_type":"Bearer"}"#,
            r#"{"access_token":"a\r\nX: b","token_type":"Bearer"}"#,
            r#"{"access_token":"é","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"DPoP"}"#,
            r#"{"access_token":"a","token_type":["Bearer"]}"#,
            r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"Bearer","refresh_token":7}"#,
            r#"{"access_token":"a","token_type":"Bearer","refresh_token":"a b"}"#,
            r#"{"access_token":"a","token_type":"Bearer"} {}"#,
        ] {
            let error = granted(&json(200, body)).unwrap_err();
            assert_eq!(error.kind(), Kind::Malformed, "{body}: {error:?}");
        }
    }

    #[test]
    fn expires_in_is_seconds_as_a_number_or_as_digits() {
        for (value, secs) in [
            ("600", 600),
            (r#""600""#, 600),
            ("599.9", 599),
            ("6e2", 600),
        ] {
            assert_eq!(expires_in(value), Ok(Some(secs)), "{value}");
        }
        for value in ["0", "-1", "0.5", r#""0""#, "null"] {
            assert_eq!(expires_in(value), Ok(None), "{value}");
        }
        for value in [
            "1e300",
            "18446744073709551615",
            r#""999999999999999999999""#,
        ] {
            assert_eq!(
                expires_in(value),
                Ok(Some(LONGEST_LIFETIME.as_secs())),
                "{value}"
            );
        }
        for value in [r#""""#, r#""-1""#, r#""1h""#, r#"" 1""#, "true", "[]", "{}"] {
            assert!(expires_in(value).is_err(), "{value}");
        }
    }

    #[test]
    fn statuses() {
        let ok = format!("{{{TOKENS}}}");
        fails(&response(200, &[], &ok), Kind::ContentType);
        fails(
            &response(200, &[("content-type", "text/html")], &ok),
            Kind::ContentType,
        );
        for status in [301, 302, 303, 307, 308] {
            fails_by_status(&json(status, &ok), Kind::Redirected);
        }
        for status in [408, 429, 500, 502, 503, 504] {
            let body = r#"{"error":"invalid_grant"}"#;
            fails_by_status(&json(status, body), Kind::Unavailable);
        }
        for status in [201, 204, 404] {
            fails_by_status(&json(status, &ok), Kind::Status);
        }
    }

    #[test]
    fn only_a_client_error_in_json_is_an_invalid_grant() {
        let body = r#"{"error":"invalid_grant","error_description":"token t0p-s3cret"}"#;
        let is_invalid_grant = |response| granted(&response).unwrap_err().is_invalid_grant();
        assert!(is_invalid_grant(json(400, body)));
        assert!(is_invalid_grant(json(401, body)));
        for response in [
            json(200, body),
            json(500, body),
            json(302, body),
            json(201, body),
            response(400, &[("content-type", "text/html")], body),
            json(400, r#"{"error":"invalid_client"}"#),
            json(400, r#"{"error":["invalid_grant"]}"#),
            json(400, r#"{"error":"invalid_grant","error":"invalid_grant"}"#),
            json(400, r#""invalid_grant""#),
            json(400, "invalid_grant"),
        ] {
            assert!(!is_invalid_grant(response));
        }
        let shown = format!("{0:?} {0}", granted(&json(400, body)).unwrap_err());
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_code_that_is_none_is_not_shown() {
        for code in ["", "a b", "é", &"a".repeat(65)] {
            let body = format!(r#"{{"error":"{code}"}}"#);
            fails_by_status(&json(400, &body), Kind::Status);
        }
    }

    #[test]
    fn a_refusal_may_ask_to_wait() {
        let json = ("content-type", "application/json");
        let headers = [json, ("retry-after", "7")];
        let error = granted(&response(400, &headers, r#"{"error":"slow_down"}"#)).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_servers_clock() {
        let wait = |headers: &[(&str, &str)]| {
            granted(&response(503, headers, ""))
                .unwrap_err()
                .retry_after()
        };
        let (then, now) = (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:30 GMT",
        );
        assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        let dates = [("retry-after", then), ("date", now)];
        assert_eq!(wait(&dates), Some(Duration::from_secs(7)));
        assert_eq!(
            wait(&[("retry-after", "99999999999")]),
            Some(LONGEST_RETRY_AFTER)
        );
        for value in ["-1", "soon", "", then] {
            assert_eq!(wait(&[("retry-after", value)]), None, "{value}");
        }
        assert_eq!(wait(&[("retry-after", now), ("date", then)]), None);
    }
}
