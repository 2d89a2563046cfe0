//! One provider, several tenants, and the same keys for all.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_bearer::{
    TokenProfile, TrustedIssuer, VerifyingKey, VerifyingKeys,
    error::{ConfigErrorKind, TokenError},
    jws::KeyError,
};

use crate::{
    hosted::TENANT,
    shape::{KID, SECRET, keys, named, sign, verifier},
};

const OTHER: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";
const UNLISTED: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn tenants() -> TrustedIssuer {
    let (template, audience) = (TokenProfile::ENTRA_ISSUER, named("entra").audience);
    TrustedIssuer::of_tenants(template, [TENANT, OTHER], audience, keys(SECRET, KID))
        .unwrap()
        .profile(TokenProfile::entra())
}

fn issuer(tenant: &str) -> String {
    TokenProfile::ENTRA_ISSUER.replace("{tenantid}", tenant)
}

#[track_caller]
fn of_tenant(iss: &str, tid: Value, expected: Result<(), TokenError>) {
    let token = named("entra")
        .access
        .with(&json!({ "iss": iss, "tid": tid }));
    let verdict = verifier(tenants()).verify(&sign(&token)).map(|_| ());
    assert_eq!(verdict, expected, "{iss} {tid}");
}

#[test]
fn only_listed_tenants_are_accepted() {
    of_tenant(&issuer(TENANT), json!(TENANT), Ok(()));
    of_tenant(&issuer(OTHER), json!(OTHER), Ok(()));
    let refused = Err(TokenError::Issuer);
    of_tenant(&issuer(UNLISTED), json!(UNLISTED), refused);
    of_tenant(TokenProfile::ENTRA_ISSUER, json!("{tenantid}"), refused);
    of_tenant(&issuer("common"), json!(TENANT), refused);
    of_tenant(&issuer(""), json!(""), refused);
    of_tenant(&format!("{}/", issuer(TENANT)), json!(TENANT), refused);
}

#[test]
fn a_tenant_claim_that_contradicts_the_issuer_is_refused() {
    for tid in [
        json!(OTHER),
        json!(UNLISTED),
        json!(""),
        json!(null),
        json!("absent"),
        json!([TENANT]),
        json!(7),
    ] {
        of_tenant(&issuer(TENANT), tid, Err(TokenError::Issuer));
    }
}

#[test]
fn an_issuer_of_one_tenant_has_it_in_its_path() {
    for name in ["entra", "entra-v1"] {
        let entra = named(name);
        assert!(entra.verify(&json!({})).is_ok());
        for tid in [
            json!(OTHER),
            json!(""),
            json!("absent"),
            json!("72f988bf"),
            json!(null),
        ] {
            let error = entra
                .verify(&json!({ "tid": tid }))
                .map(|_| ())
                .unwrap_err();
            assert_eq!(error, TokenError::Issuer, "{name} {tid}");
        }
    }
}

#[test]
fn a_template_needs_its_place_and_its_tenants() {
    let kind = |template: &str, tenants: &[&str]| {
        let made =
            TrustedIssuer::of_tenants(template, tenants.iter().copied(), "a", keys(SECRET, KID));
        made.unwrap_err().kind()
    };
    for (template, tenants) in [
        ("https://id.example/{tenantid}", &[][..]),
        ("https://id.example/{tenantid}", &["a", ""]),
        ("https://id.example/", &["a"]),
        ("https://id.example/{tenantid}/{tenantid}", &["a"]),
    ] {
        assert_eq!(
            kind(template, tenants),
            ConfigErrorKind::EmptyIssuer,
            "{template}"
        );
    }
}

/// As in a JWK of a provider that signs for several issuers.
fn keys_of(issuer: Option<Value>) -> Result<VerifyingKeys, KeyError> {
    let secret = URL_SAFE_NO_PAD.encode(SECRET);
    let mut jwk = json!({ "kty": "oct", "alg": "HS256", "kid": KID, "k": secret });
    if let Some(issuer) = issuer {
        jwk["issuer"] = issuer;
    }
    VerifyingKeys::new([VerifyingKey::from_jwk(&jwk.to_string())?])
}

#[test]
fn a_key_that_is_bound_to_an_issuer_signs_for_no_other() {
    let template = TokenProfile::ENTRA_ISSUER;
    for (of_key, expected) in [
        (None, Ok(())),
        (Some(json!(template)), Ok(())),
        (Some(json!(issuer(TENANT))), Ok(())),
        (Some(json!(issuer(OTHER))), Err(TokenError::Issuer)),
        (Some(json!(issuer(UNLISTED))), Err(TokenError::Issuer)),
        (
            Some(json!("https://sts.windows.net/{tenantid}/")),
            Err(TokenError::Issuer),
        ),
        (
            Some(json!("https://login.microsoftonline.com/{tenantid}/v2.0/")),
            Err(TokenError::Issuer),
        ),
        (
            Some(json!("https://login.microsoftonline.com/{tenantid}")),
            Err(TokenError::Issuer),
        ),
        (
            Some(json!(format!(
                "https://login.microsoftonline.com/{TENANT}/{{tenantid}}"
            ))),
            Err(TokenError::Issuer),
        ),
    ] {
        let entra = named("entra");
        let keys = keys_of(of_key.clone()).unwrap();
        let several = TrustedIssuer::of_tenants(template, [TENANT], entra.audience, keys.clone());
        let token = sign(&entra.access);
        let verdict = verifier(several.unwrap().profile(TokenProfile::entra())).verify(&token);
        assert_eq!(verdict.map(|_| ()), expected, "{of_key:?}");
    }
}

#[test]
fn a_template_of_a_key_stands_for_one_segment() {
    for (iss, of_key, expected) in [
        (
            "https://id.example/t/v2",
            "https://id.example/{tenantid}/v2",
            true,
        ),
        (
            "https://id.example/t/u/v2",
            "https://id.example/{tenantid}/v2",
            false,
        ),
        (
            "https://id.example//v2",
            "https://id.example/{tenantid}/v2",
            false,
        ),
        (
            "https://id.example/v2",
            "https://id.example/{tenantid}/v2",
            false,
        ),
        ("https://id.example/t", "https://id.example/t", true),
        ("https://id.example/t", "https://id.example/t/", false),
    ] {
        let strict = named("rfc9068");
        let keys = keys_of(Some(json!(of_key))).unwrap();
        let trusted = TrustedIssuer::new(iss, strict.audience, keys).unwrap();
        let token = sign(&strict.access.with(&json!({ "iss": iss })));
        assert_eq!(
            verifier(trusted).verify(&token).is_ok(),
            expected,
            "{iss} {of_key}"
        );
    }
}

/// The set of the provider was fetched again, and the key is another issuer's now.
#[test]
fn a_remembered_token_dies_when_its_key_is_bound_to_another_issuer() {
    let entra = named("entra");
    let trusted_keys = keys_of(Some(json!(TokenProfile::ENTRA_ISSUER))).unwrap();
    let issuer_of = |tenant| Some(json!(issuer(tenant)));
    let made = TrustedIssuer::new(entra.issuer, entra.audience, trusted_keys.clone()).unwrap();
    let verifier = verifier(made.profile(TokenProfile::entra()));
    let token = sign(&entra.access);
    assert!(verifier.verify(&token).is_ok());
    trusted_keys
        .replace(&keys_of(issuer_of(TENANT)).unwrap())
        .unwrap();
    assert!(verifier.verify(&token).is_ok());
    trusted_keys
        .replace(&keys_of(issuer_of(OTHER)).unwrap())
        .unwrap();
    assert_eq!(verifier.verify(&token).map(|_| ()), Err(TokenError::Issuer));
}
