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
    for status in [408, 425, 429, 500, 502, 503, 504] {
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
    let is_invalid_grant = |response| granted(&response).unwrap_err().ends_session();
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

/// Whatever the application says, for it is not asked about these.
#[test]
fn nothing_but_a_client_error_can_be_said_to_end_a_session() {
    let reading = Reading {
        ends_session: Some(Arc::new(|_| true)),
        ..Reading::default()
    };
    let ends = |response| {
        super::granted(&response, &reading, false)
            .unwrap_err()
            .ends_session()
    };
    let body = r#"{"error":"invalid_request"}"#;
    for status in (200..600).filter(|status| *status != 204) {
        let is_refusal = (400..500).contains(&status) && ![408, 425, 429].contains(&status);
        assert_eq!(ends(json(status, body)), is_refusal, "{status}");
        assert_eq!(ends(response(status, &[], "")), is_refusal, "{status}");
    }
}

#[test]
fn an_error_response_tells_status_code_and_body() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let look = move |response: &ErrorResponse<'_>| {
        let shown = format!("{response:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        let (code, body) = (response.code().map(str::to_owned), response.body());
        let told = (response.status().as_u16(), code, body.map(<[u8]>::len));
        kept.lock().unwrap().push(told);
        false
    };
    let reading = Reading {
        ends_session: Some(Arc::new(look)),
        ..Reading::default()
    };
    let mut cut = response(400, &[], "");
    cut.extensions_mut().insert(crate::transport::TooLong);
    for response in [
        response(400, &[], ""),
        response(403, &[], "s3cret"),
        json(400, r#"{"error":"invalid_request"}"#),
        json(400, r#"{"error":"invalid_grant"}"#),
        cut,
    ] {
        super::granted(&response, &reading, false).unwrap_err();
    }
    let code = |code: &str| Some(code.to_owned());
    let expected = [
        (400, None, Some(0)),
        (403, None, Some(6)),
        (400, code("invalid_request"), Some(27)),
        // Nobody need be asked about an `invalid_grant`.
        (400, None, None),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
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
