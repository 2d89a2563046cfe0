use super::*;

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
        crate::answer::granted(&response, &reading, false)
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
    cut.extensions_mut()
        .insert(tower_bearer::transport::TooLong);
    for response in [
        response(400, &[], ""),
        response(403, &[], "s3cret"),
        json(400, r#"{"error":"invalid_request"}"#),
        json(400, r#"{"error":"invalid_grant"}"#),
        cut,
    ] {
        crate::answer::granted(&response, &reading, false).unwrap_err();
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
    let later = "Fri, 06 Nov 2026 08:49:37 GMT";
    for long in [
        &[("retry-after", "99999999999")][..],
        &[("retry-after", "99999999999999999999999")],
        &[("retry-after", later), ("date", now)],
    ] {
        assert_eq!(wait(long), Some(LONGEST_RETRY_AFTER), "{long:?}");
    }
    for value in ["-1", "+1", "1.5", "1, 2", "soon", "", then] {
        assert_eq!(wait(&[("retry-after", value)]), None, "{value}");
    }
    assert_eq!(wait(&[("retry-after", now), ("date", then)]), None);
}
