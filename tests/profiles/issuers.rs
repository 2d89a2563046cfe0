//! One verifier of the tokens of several issuers.

use serde_json::json;
use tower_bearer::{
    Algorithm, CacheLimits, Scope, TokenProfile, TrustedIssuer, Verifier, VerifyingKey,
    VerifyingKeys,
    clock::{ManualClock, Timestamp},
    error::{ConfigErrorKind, TokenError},
};

use crate::shape::{NOW, Token, keys, named, sign_by, sign_text};

const OURS: &str = "https://id.example";
const THEIRS: &str = "https://partner.example";
const API: &str = "https://api.example";
const OUR_SECRET: &[u8] = b"our secret of thirty-two bytes!!";
const THEIR_SECRET: &[u8] = b"their secret, of as many bytes!!";
/// The same in both sets.
const KID: &str = "2026";

/// One issuer of RFC 9068, and one with tokens like Keycloak's.
fn pair() -> (VerifyingKeys, VerifyingKeys, Verifier) {
    let (ours, theirs) = (keys(OUR_SECRET, KID), keys(THEIR_SECRET, KID));
    let verifier = trusting([
        TrustedIssuer::new(OURS, API, ours.clone()).unwrap(),
        partner(theirs.clone()),
    ]);
    (ours, theirs, verifier)
}

fn partner(keys: VerifyingKeys) -> TrustedIssuer {
    let partner = TrustedIssuer::new(THEIRS, "partner-api", keys).unwrap();
    partner.profile(TokenProfile::keycloak())
}

fn trusting(issuers: impl IntoIterator<Item = TrustedIssuer>) -> Verifier {
    let clock = ManualClock::new(Timestamp::from_secs(NOW));
    Verifier::trusting(issuers).unwrap().clock(clock)
}

fn our_token() -> Token {
    named("rfc9068")
        .access
        .with(&json!({ "iss": OURS, "scope": "read write" }))
}

fn their_token() -> Token {
    let more = json!({ "iss": THEIRS, "aud": "partner-api", "scope": "read admin" });
    named("keycloak").access.with(&more)
}

#[track_caller]
fn refused(verifier: &Verifier, token: &str, expected: TokenError) {
    assert_eq!(verifier.verify(token).map(|_| ()), Err(expected), "{token}");
}

#[test]
fn one_profile_is_not_set_for_several_issuers() {
    let (_, _, verifier) = pair();
    let error = verifier.profile(TokenProfile::keycloak()).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Profile);

    let ours = TrustedIssuer::new(OURS, API, keys(OUR_SECRET, KID)).unwrap();
    let verifier = trusting([ours]).profile(TokenProfile::keycloak()).unwrap();
    let token = sign_by(OUR_SECRET, KID, &our_token());
    refused(&verifier, &token, TokenError::Type);
}

#[test]
fn each_token_is_judged_by_the_keys_and_rules_of_its_own_issuer() {
    let (_, _, verifier) = pair();
    for _ in 0..2 {
        let ours = verifier
            .verify(&sign_by(OUR_SECRET, KID, &our_token()))
            .unwrap();
        assert_eq!(
            (
                ours.claims().iss.as_str(),
                ours.claims().client_id.as_deref()
            ),
            (OURS, Some("c"))
        );
        let theirs = verifier
            .verify(&sign_by(THEIR_SECRET, KID, &their_token()))
            .unwrap();
        assert_eq!(
            (
                theirs.claims().iss.as_str(),
                theirs.claims().client_id.as_deref()
            ),
            (THEIRS, Some("spa"))
        );
    }
    // The audience of one is not that of the other.
    let swapped = our_token().with(&json!({ "aud": "partner-api" }));
    refused(
        &verifier,
        &sign_by(OUR_SECRET, KID, &swapped),
        TokenError::Audience,
    );
    let swapped = their_token().with(&json!({ "aud": API }));
    refused(
        &verifier,
        &sign_by(THEIR_SECRET, KID, &swapped),
        TokenError::Audience,
    );
    // Nor is the shape.
    let shaped = their_token().with(&json!({ "iss": OURS, "aud": API }));
    refused(
        &verifier,
        &sign_by(OUR_SECRET, KID, &shaped),
        TokenError::Type,
    );
}

#[test]
fn a_key_of_one_issuer_never_verifies_a_token_of_another() {
    let (_, _, verifier) = pair();
    refused(
        &verifier,
        &sign_by(THEIR_SECRET, KID, &our_token()),
        TokenError::Signature,
    );
    refused(
        &verifier,
        &sign_by(OUR_SECRET, KID, &their_token()),
        TokenError::Signature,
    );

    // Nor do they where the kids differ, and one issuer lists a kid of the other.
    let verifier = trusting([
        TrustedIssuer::new(OURS, API, keys(OUR_SECRET, "ours")).unwrap(),
        partner(keys(THEIR_SECRET, "theirs")),
    ]);
    refused(
        &verifier,
        &sign_by(THEIR_SECRET, "theirs", &our_token()),
        TokenError::UnknownKey,
    );
    refused(
        &verifier,
        &sign_by(OUR_SECRET, "ours", &their_token()),
        TokenError::UnknownKey,
    );
}

/// Then the key says nothing of whose a token is, but its `iss` still does, with what belongs to it.
#[test]
fn the_same_key_in_both_sets_mixes_nothing_up() {
    let verifier = trusting([
        TrustedIssuer::new(OURS, API, keys(OUR_SECRET, KID)).unwrap(),
        partner(keys(OUR_SECRET, KID)).limit_scope(Scope::from_static("read")),
    ]);
    let sign = |token: &Token| sign_by(OUR_SECRET, KID, token);
    assert_eq!(
        verifier.verify(&sign(&our_token())).unwrap().claims().iss,
        OURS
    );
    assert_eq!(
        verifier.verify(&sign(&their_token())).unwrap().claims().iss,
        THEIRS
    );
    let shaped = their_token().with(&json!({ "iss": OURS, "aud": API }));
    refused(&verifier, &sign(&shaped), TokenError::Type);
    let strict = our_token().with(&json!({ "iss": THEIRS, "aud": "partner-api" }));
    refused(&verifier, &sign(&strict), TokenError::Type);
}

#[test]
fn the_scope_of_one_issuer_can_be_limited() {
    let verifier = trusting([
        TrustedIssuer::new(OURS, API, keys(OUR_SECRET, KID)).unwrap(),
        partner(keys(THEIR_SECRET, KID)).limit_scope(Scope::from_static("read write")),
    ]);
    for _ in 0..2 {
        let theirs = verifier
            .verify(&sign_by(THEIR_SECRET, KID, &their_token()))
            .unwrap();
        assert_eq!(theirs.claims().scope.as_str(), "read");
        let ours = verifier
            .verify(&sign_by(OUR_SECRET, KID, &our_token()))
            .unwrap();
        assert_eq!(ours.claims().scope.as_str(), "read write");
    }
}

#[test]
fn one_memory_follows_the_keys_of_each_issuer() {
    let (ours, theirs, verifier) = pair();
    let verifier = verifier.cache(CacheLimits::default().entries(1000));
    let (our_token, their_token) = (
        sign_by(OUR_SECRET, KID, &our_token()),
        sign_by(THEIR_SECRET, KID, &their_token()),
    );
    assert!(verifier.verify(&our_token).is_ok() && verifier.verify(&their_token).is_ok());
    // A remembered token dies with its key, and the tokens of the other issuer stay.
    theirs
        .replace(&keys(b"a key that came after the old one", KID))
        .unwrap();
    refused(&verifier, &their_token, TokenError::Signature);
    assert!(verifier.verify(&our_token).is_ok());
    // The same secret as the key of the other issuer brings nothing back there.
    ours.replace(&keys(THEIR_SECRET, KID)).unwrap();
    refused(&verifier, &their_token, TokenError::Signature);
    refused(&verifier, &our_token, TokenError::Signature);
}

#[test]
fn an_issuer_that_nobody_trusts_or_that_is_not_named_is_refused() {
    let (_, _, verifier) = pair();
    for iss in [
        json!("https://id.example/"),
        json!("https://ID.example"),
        json!("https://id.example "),
        json!(""),
        json!(null),
        json!("absent"),
    ] {
        let token = our_token().with(&json!({ "iss": iss }));
        refused(
            &verifier,
            &sign_by(OUR_SECRET, KID, &token),
            TokenError::Issuer,
        );
    }
    for iss in [json!(7), json!([OURS]), json!({ "iss": OURS })] {
        let token = our_token().with(&json!({ "iss": iss }));
        refused(
            &verifier,
            &sign_by(OUR_SECRET, KID, &token),
            TokenError::Malformed,
        );
    }
}

/// Whichever of the two counts, nobody may choose the keys by one and be believed the other.
#[test]
fn a_payload_that_names_two_issuers_is_malformed() {
    let (_, _, verifier) = pair();
    let claims = our_token().1.to_string();
    let rest = claims.strip_prefix('{').unwrap();
    for first in [
        r#""iss":"https://partner.example""#,
        r#""iss":"https://id.example""#,
        r#""\u0069ss":"https://partner.example""#,
    ] {
        let payload = format!("{{{first},{rest}");
        for secret in [OUR_SECRET, THEIR_SECRET] {
            let token = sign_text(secret, KID, Some("at+jwt"), &payload);
            refused(&verifier, &token, TokenError::Malformed);
        }
    }
    for payload in [
        format!("[{claims}]"),
        format!("{claims}x"),
        "[]".into(),
        "7".into(),
        String::new(),
    ] {
        let token = sign_text(OUR_SECRET, KID, Some("at+jwt"), &payload);
        assert!(verifier.verify(&token).is_err(), "{payload}");
    }
    // Below the top level, the name means nothing.
    let nested = our_token().with(&json!({ "x": { "iss": THEIRS } }));
    assert!(verifier.verify(&sign_by(OUR_SECRET, KID, &nested)).is_ok());
}

#[test]
fn a_long_token_is_read_as_far_as_the_limit_allows() {
    let (_, _, verifier) = pair();
    let padded = |bytes: usize| {
        let token = our_token().with(&json!({ "pad": "x".repeat(bytes) }));
        sign_by(OUR_SECRET, KID, &token)
    };
    let least = padded(0).len();
    let fits = padded((8192 - least) / 4 * 3);
    assert!((8180..=8192).contains(&fits.len()), "{}", fits.len());
    assert!(verifier.verify(&fits).is_ok());
    refused(&verifier, &padded(8192), TokenError::TooLong);
    // Many small claims before the issuer's name.
    let many: String = (0..500)
        .map(|index| format!(r#""c{index}":{index},"#))
        .collect();
    let claims = our_token().1.to_string();
    let payload = format!("{{{many}{}", claims.strip_prefix('{').unwrap());
    assert!(
        verifier
            .verify(&sign_text(OUR_SECRET, KID, Some("at+jwt"), &payload))
            .is_ok()
    );
}

#[test]
fn two_issuers_have_two_names_and_there_is_one_at_least() {
    let kind = |issuers: Vec<TrustedIssuer>| Verifier::trusting(issuers).unwrap_err().kind();
    let issuer = || TrustedIssuer::new(OURS, API, keys(OUR_SECRET, KID)).unwrap();
    assert_eq!(
        kind(vec![issuer(), issuer()]),
        ConfigErrorKind::DuplicateIssuer
    );
    assert_eq!(kind(vec![]), ConfigErrorKind::NoIssuer);
    let tenants = ["a", "a"];
    let twice =
        TrustedIssuer::of_tenants("https://x/{tenantid}", tenants, API, keys(OUR_SECRET, KID));
    assert_eq!(kind(vec![twice.unwrap()]), ConfigErrorKind::DuplicateIssuer);
}

#[test]
fn an_issuer_may_have_several_audiences() {
    let issuer = TrustedIssuer::new(OURS, API, keys(OUR_SECRET, KID)).unwrap();
    let verifier = trusting([issuer.audience("api://second").unwrap()]);
    for (aud, expected) in [
        (json!("api://second"), Ok(())),
        (json!(API), Ok(())),
        (json!(["x", "api://second"]), Ok(())),
        (json!("api://third"), Err(TokenError::Audience)),
    ] {
        let token = sign_by(OUR_SECRET, KID, &our_token().with(&json!({ "aud": aud })));
        assert_eq!(verifier.verify(&token).map(|_| ()), expected, "{aud}");
    }
    let again = TrustedIssuer::new(OURS, API, keys(OUR_SECRET, KID)).unwrap();
    assert_eq!(
        again.audience("").unwrap_err().kind(),
        ConfigErrorKind::EmptyAudience
    );
}

#[test]
fn a_token_without_kid_is_verified_by_its_own_issuers_only_key() {
    let (ours, theirs) = (keys(OUR_SECRET, "a"), keys(THEIR_SECRET, "b"));
    let more =
        VerifyingKey::from_secret(Algorithm::HS256, b"one more secret of enough bytes!!").unwrap();
    let both = VerifyingKeys::new([
        VerifyingKey::from_secret(Algorithm::HS256, THEIR_SECRET)
            .unwrap()
            .with_kid("b")
            .unwrap(),
        more.with_kid("c").unwrap(),
    ]);
    let unnamed = |secret: &[u8], Token(typ, claims): &Token| {
        crate::shape::sign_headed(
            secret,
            json!({ "alg": "HS256", "typ": typ.unwrap() }),
            &claims.to_string(),
        )
    };
    let verifier = trusting([
        TrustedIssuer::new(OURS, API, ours.clone()).unwrap(),
        partner(theirs),
    ]);
    assert!(verifier.verify(&unnamed(OUR_SECRET, &our_token())).is_ok());
    refused(
        &verifier,
        &unnamed(THEIR_SECRET, &our_token()),
        TokenError::Signature,
    );
    let verifier = trusting([
        TrustedIssuer::new(OURS, API, ours).unwrap(),
        partner(both.unwrap()),
    ]);
    assert!(verifier.verify(&unnamed(OUR_SECRET, &our_token())).is_ok());
    refused(
        &verifier,
        &unnamed(THEIR_SECRET, &their_token()),
        TokenError::UnknownKey,
    );
}
