mod refusals;

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

fn granted(response: &Response<Bytes>) -> Result<Granted, ClientError> {
    super::granted(response, &Reading::default(), false)
}

fn types(missing: bool) -> Types {
    Types {
        bearer: true,
        dpop: false,
        missing,
    }
}

fn parse(body: &str) -> Result<Granted, ClientError> {
    Granted::parse(body.as_bytes(), types(false))
}

/// The refresh token that is kept of this answer, and the error that its request gets.
fn rescued(response: &Response<Bytes>) -> Option<(String, Kind)> {
    match refreshed(response, &Reading::default(), false).ok()? {
        Answer::Granted(_) => panic!("it is a good answer"),
        Answer::RefreshOnly(token, error) => Some((token.expose().to_owned(), error.kind())),
    }
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

fn expires_in(value: &str) -> Option<u64> {
    let granted = parse(&format!(r#"{{{TOKENS},"expires_in":{value}}}"#)).unwrap();
    granted.lifetime.map(|lifetime| lifetime.as_secs())
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
        let granted = parse(&format!("{{{TOKENS}{rest}}}")).unwrap();
        assert!(granted.refresh.is_none() && granted.lifetime.is_none());
        assert!(granted.scope.is_none());
    }
    let empty = format!(r#"{{{TOKENS},"refresh_token":""}}"#);
    assert!(parse(&empty).unwrap().refresh.is_none());
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
        r#"{"access_token":"a","token_type":"Bearer","refresh_token":"a\nb"}"#,
        r#"{"access_token":"a","token_type":null}"#,
        r#"{"access_token":"a","token_type":""}"#,
        r#"{"access_token":"a","token_type":"bearer "}"#,
        r#"{"access_token":"a","token_type":"Bearer","token_type":"Bearer"}"#,
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
        assert_eq!(expires_in(value), Some(secs), "{value}");
    }
    for value in [
        "1e300",
        "18446744073709551615",
        r#""999999999999999999999""#,
    ] {
        assert_eq!(
            expires_in(value),
            Some(LONGEST_LIFETIME.as_secs()),
            "{value}"
        );
    }
}

#[test]
fn an_expires_in_that_cannot_be_read_is_not_said() {
    for value in [
        "0",
        "-1",
        "0.5",
        "null",
        "true",
        "false",
        "[]",
        "[600]",
        "{}",
        "1e999",
        r#""""#,
        r#""0""#,
        r#""-1""#,
        r#""600.0""#,
        r#""1h""#,
        r#"" 1""#,
        "1,\"expires_in\":2",
    ] {
        assert_eq!(expires_in(value), None, "{value}");
    }
}

#[test]
fn a_scope_that_cannot_be_read_is_not_said() {
    for value in [r#"["read"]"#, "7", r#""a\"b""#, r#""a","scope":"b""#] {
        let granted = parse(&format!(r#"{{{TOKENS},"scope":{value}}}"#)).unwrap();
        assert!(granted.scope.is_none(), "{value}");
    }
}

#[test]
fn a_byte_order_mark_and_what_is_unknown_are_no_obstacle() {
    let body = format!("\u{feff}{{{TOKENS},\"x\":1,\"x\":[1e999]}}");
    assert_eq!(parse(&body).unwrap().access.expose(), "a");
}

#[test]
fn a_missing_type_can_be_allowed_and_another_one_cannot() {
    let access = r#""access_token":"a""#;
    for rest in ["", r#","token_type":null"#, r#","token_type":"""#] {
        let body = format!("{{{access}{rest}}}");
        assert!(
            Granted::parse(body.as_bytes(), types(true)).is_ok(),
            "{rest}"
        );
        assert!(
            Granted::parse(body.as_bytes(), types(false)).is_err(),
            "{rest}"
        );
    }
    for kind in [r#""DPoP""#, r#""bearer ""#, r#""N_A""#, "7"] {
        let body = format!(r#"{{{access},"token_type":{kind}}}"#);
        assert!(
            Granted::parse(body.as_bytes(), types(true)).is_err(),
            "{kind}"
        );
    }
}

/// The server has most likely used up the old one.
#[test]
fn a_refresh_token_is_kept_whatever_else_is_wrong() {
    let text = [("content-type", "text/plain")];
    let refresh = r#""refresh_token":"r v""#;
    for (response, kind) in [
        (json(200, &format!("{{{refresh}}}")), Kind::Malformed),
        (
            json(200, &format!(r#"{{"error":"x",{refresh}}}"#)),
            Kind::Malformed,
        ),
        (
            json(200, &format!(r#"{{{refresh},"access_token":7}}"#)),
            Kind::Malformed,
        ),
        (
            json(200, &format!(r#"{{{refresh},{TOKENS},{TOKENS}}}"#)),
            Kind::Malformed,
        ),
        (
            json(
                200,
                &format!(r#"{{"refresh_token":"q",{TOKENS},{refresh}}}"#),
            ),
            Kind::Malformed,
        ),
        (
            json(200, &format!(r#"{{{refresh},"refresh_token":7}}"#)),
            Kind::Malformed,
        ),
        // Cut off, and with something behind it.
        (
            json(200, &format!(r#"{{{refresh},"access_tok"#)),
            Kind::Malformed,
        ),
        (
            json(200, &format!("{{{refresh},{TOKENS}}} {{}}")),
            Kind::Malformed,
        ),
        (json(201, &format!("{{{refresh},{TOKENS}}}")), Kind::Status),
        (
            response(200, &text, &format!("{{{refresh},{TOKENS}}}")),
            Kind::ContentType,
        ),
    ] {
        assert_eq!(
            rescued(&response),
            Some(("r v".to_owned(), kind)),
            "{response:?}"
        );
    }
}

#[test]
fn what_is_no_refresh_token_is_not_kept() {
    for response in [
        json(200, r#"{"refresh_token":""}"#),
        json(200, r#"{"refresh_token":7}"#),
        json(200, r#"{"refresh_token":"a\nb"}"#),
        json(200, r#"{"refresh_token":"cut o"#),
        json(200, r#"["refresh_token","r"]"#),
        json(200, r#"{"a":{"refresh_token":"r"}}"#),
        json(302, r#"{"refresh_token":"r"}"#),
        json(400, r#"{"refresh_token":"r"}"#),
        json(503, r#"{"refresh_token":"r"}"#),
    ] {
        assert_eq!(rescued(&response), None, "{response:?}");
    }
}
