use super::*;

#[track_caller]
fn challenge(rejection: Rejection, expected: &str) {
    let response = rejection.to_response();
    assert_eq!(response.headers()[WWW_AUTHENTICATE], expected);
}

#[test]
fn each_code_has_its_challenge() {
    challenge(Rejection::missing_token(), r#"Bearer realm="api""#);
    challenge(
        Rejection::malformed(),
        r#"Bearer realm="api", error="invalid_request", error_description="the request is malformed""#,
    );
    challenge(
        TokenError::Expired.into(),
        r#"Bearer realm="api", error="invalid_token", error_description="the access token has expired""#,
    );
}

#[test]
fn all_bad_tokens_but_expired_ones_look_alike() {
    for cause in [
        TokenError::Signature,
        TokenError::SessionEnded,
        TokenError::UnknownKey,
    ] {
        challenge(
            cause.into(),
            r#"Bearer realm="api", error="invalid_token", error_description="the access token is invalid""#,
        );
    }
}

#[test]
fn what_is_not_the_tokens_fault_has_no_challenge() {
    for rejection in [Rejection::unavailable(), Rejection::misconfigured()] {
        assert!(
            !rejection
                .to_response()
                .headers()
                .contains_key(WWW_AUTHENTICATE)
        );
    }
}

#[test]
fn the_realm_and_the_scope_are_named() {
    const REALM: Realm = Realm::from_static("a b");
    let missing = Rejection::missing_token().with_realm(REALM);
    challenge(missing, r#"Bearer realm="a b""#);
    for (scope, named) in [("a b", r#", scope="a b""#), ("", "")] {
        let rejection = Rejection::insufficient_scope(&scope.parse().unwrap());
        challenge(
            rejection,
            &format!(
                r#"Bearer realm="api", error="insufficient_scope", error_description="the access token does not allow this"{named}"#
            ),
        );
    }
}
