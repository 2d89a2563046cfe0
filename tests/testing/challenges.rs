//! Challenges are read as they are written, and an assertion that does not hold says why.

use http::{HeaderValue, Response, StatusCode, header::WWW_AUTHENTICATE};
use tower_bearer::{
    bearer::Rejection,
    error::ErrorCode,
    testing::{Challenge, assert_admitted, assert_refused},
};

fn demanding(values: &[&'static str]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    for value in values {
        let value = HeaderValue::from_static(value);
        response.headers_mut().append(WWW_AUTHENTICATE, value);
    }
    response
}

#[test]
fn all_challenges_of_all_headers_are_read() {
    let response = demanding(&[
        r#"Basic realm="a \"b\", c", Negotiate YII=="#,
        r#"bearer REALM=d, error="x" , DPoP"#,
    ]);
    let all = Challenge::all(&response);
    let schemes: Vec<_> = all.iter().map(Challenge::scheme).collect();
    assert_eq!(schemes, ["Basic", "Negotiate", "bearer", "DPoP"]);
    assert_eq!(all[0].realm(), Some(r#"a "b", c"#));
    let bearer = Challenge::bearer(&response);
    assert_eq!((bearer.realm(), bearer.error()), (Some("d"), Some("x")));
    assert_eq!(bearer.scope(), None);
    assert_eq!(Challenge::of_scheme(&response, "dpop").error(), None);
}

#[test]
fn a_refusal_is_one_of_its_code() {
    let needed = "read write".parse().unwrap();
    let response = Rejection::insufficient_scope(&needed).to_response();
    let challenge = assert_refused(&response, ErrorCode::InsufficientScope);
    assert_eq!(challenge.unwrap().scope(), Some("read write"));
    assert_refused(
        &Rejection::missing_token().to_response(),
        ErrorCode::MissingToken,
    );
    assert_admitted(&Response::new(()));
}

#[test]
#[should_panic = "no challenge of Bearer or DPoP has the error None for MissingToken"]
fn another_error_is_named() {
    let response = demanding(&[r#"Bearer error="invalid_token""#]);
    assert_refused(&response, ErrorCode::MissingToken);
}

#[test]
#[should_panic = "the status is 401 Unauthorized, and not 403 Forbidden"]
fn another_status_is_named() {
    assert_refused(&demanding(&["Bearer"]), ErrorCode::InsufficientScope);
}

#[test]
fn a_code_without_a_challenge_is_known_by_its_status() {
    for code in [
        ErrorCode::TemporarilyUnavailable,
        ErrorCode::CrossOrigin,
        ErrorCode::ServerError,
    ] {
        let mut response = Response::new(());
        *response.status_mut() = code.status();
        assert_eq!(assert_refused(&response, code), None, "{code:?}");
    }
}

#[test]
fn a_layer_that_takes_only_proofs_has_refused_too() {
    let response = demanding(&[r#"DPoP error="invalid_token""#]);
    let challenge = assert_refused(&response, ErrorCode::InvalidToken).unwrap();
    assert_eq!(challenge.scheme(), "DPoP");
    let response = demanding(&[r#"DPoP error="use_dpop_nonce", Bearer"#]);
    assert!(assert_refused(&response, ErrorCode::UseDpopNonce).is_some());
}

#[test]
#[should_panic = "no challenge of Bearer or DPoP"]
fn a_refused_token_is_never_without_a_challenge() {
    assert_refused(&demanding(&[]), ErrorCode::InvalidToken);
}

#[test]
#[should_panic = "not one challenge of the scheme Bearer"]
fn a_challenge_that_is_missing_is_named() {
    Challenge::bearer(&demanding(&["Basic"]));
}

#[test]
#[should_panic = "not one challenge of the scheme Bearer"]
fn two_challenges_are_not_one() {
    Challenge::bearer(&demanding(&["Bearer, Bearer"]));
}

#[test]
#[should_panic = "a malformed challenge"]
fn what_cannot_be_read_is_named() {
    Challenge::all(&demanding(&[r#"Bearer realm="a"#]));
}

#[test]
#[should_panic = "insufficient_scope"]
fn a_request_that_is_not_admitted_says_why() {
    let response = Rejection::insufficient_scope(&"read".parse().unwrap()).to_response();
    assert_admitted(&response);
}
