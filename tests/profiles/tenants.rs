//! One provider, several tenants, and the same keys for all.

use serde_json::{Value, json};
use tower_bearer::{
    TokenProfile, TrustedIssuer,
    error::{ConfigErrorKind, TokenError},
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
