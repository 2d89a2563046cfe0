//! How claims become what the application reads.

use serde_json::{Value, json};
use tower_bearer::{TokenProfile, VerifiedToken, error::TokenError, profile::Discriminator};

use crate::shape::{NOW, Token, all, named, read, sign, trusted, verifier};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://api.example";

fn profile() -> TokenProfile {
    TokenProfile::jwt(Discriminator::claim("use", "access"))
}

fn verify(profile: TokenProfile, claims: Value) -> Result<VerifiedToken, TokenError> {
    let least = json!({
        "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 60, "iat": NOW, "use": "access",
    });
    let token = sign(&Token(Some("JWT"), least).with(&claims));
    verifier(trusted(ISSUER, AUDIENCE).profile(profile)).verify(&token)
}

#[track_caller]
fn reads(profile: TokenProfile, claims: Value, name: &str, expected: Value) {
    let token = verify(profile, claims.clone()).unwrap();
    assert_eq!(read(&token)[name], expected, "{claims}");
}

#[test]
fn an_item_that_is_no_scope_token_is_left_out_and_never_split() {
    let scopes = || profile().scope_claims(["scope", "scp", "deep.er.scope"]);
    for (claims, expected) in [
        (json!({ "scope": "a b" }), "a b"),
        (json!({ "scope": ["a", "b c", "d"] }), "a d"),
        (
            json!({ "scope": ["a", "b\"", "c\\", "", " ", "ü", "x\ty"] }),
            "a",
        ),
        (json!({ "scope": "a b\" c  d" }), "a c d"),
        (json!({ "scope": ["admin read"], "scp": "read" }), "read"),
        (json!({ "scope": "a b", "scp": ["b", "c"] }), "a b c"),
        (json!({ "scope": null, "scp": 7 }), ""),
        (json!({ "scope": [["a"], { "a": 1 }, 7, null, "b"] }), "b"),
        (json!({ "scope": { "a": true } }), ""),
        (json!({ "deep": { "er": { "scope": ["x"] } } }), "x"),
        (json!({ "deep.er.scope": "whole" }), "whole"),
    ] {
        reads(scopes(), claims, "scope", json!(expected));
    }
}

#[test]
fn the_first_claim_that_is_there_counts() {
    let clients = || profile().client_claims(["azp", "appid", "client_id"]);
    for (claims, expected) in [
        (json!({}), json!(null)),
        (json!({ "client_id": "a" }), json!("a")),
        (json!({ "client_id": "a", "azp": "b" }), json!("b")),
        (json!({ "client_id": 7, "appid": "c" }), json!("c")),
    ] {
        reads(clients(), claims, "client_id", expected);
    }
    for unreadable in [
        json!({ "azp": "" }),
        json!({ "azp": 7, "client_id": "a" }),
        json!({ "azp": null }),
    ] {
        assert_eq!(
            verify(clients(), unreadable).unwrap_err(),
            TokenError::Claims
        );
    }
    let required = verify(clients().require_client(), json!({}));
    assert_eq!(required.unwrap_err(), TokenError::Claims);
}

/// Who has a client of the name of a user would be that user.
#[test]
fn a_token_without_a_subject_is_nobodys_unless_the_profile_says_whose() {
    let missing = json!({ "sub": "absent", "client_id": "service" });
    assert_eq!(
        verify(profile(), missing.clone()).unwrap_err(),
        TokenError::Claims
    );
    let of_client = || profile().subject_claims(["sub", "client_id"]);
    reads(of_client(), missing, "sub", json!("service"));
    reads(
        of_client(),
        json!({ "client_id": "service" }),
        "sub",
        json!("alice"),
    );
    for sub in [json!(null), json!(""), json!(7)] {
        let claims = json!({ "sub": sub, "client_id": "service" });
        assert_eq!(verify(of_client(), claims).unwrap_err(), TokenError::Claims);
    }
}

#[test]
fn names_of_ours_never_cost_a_token_its_life() {
    for shape in all() {
        for odd in [
            json!("x"),
            json!(7),
            json!(-1.5),
            json!(null),
            json!(["a"]),
            json!({ "b": 1 }),
            json!(true),
        ] {
            let token = shape.verify(&json!({ "gen": odd })).unwrap();
            if !shape.is_strict() {
                assert_eq!(token.claims().generation, None, "{}", shape.name);
            }
            if shape.name != "clerk" && shape.name != "danger-workos" {
                let token = shape.verify(&json!({ "sid": odd })).unwrap();
                assert_eq!(token.claims().session_id(), None);
            }
            if !shape.is_strict() {
                let token = shape
                    .verify(&json!({ "auth_time": odd, "acr": odd }))
                    .unwrap();
                assert_eq!(
                    token.claims().acr.as_deref(),
                    odd.as_str(),
                    "{}",
                    shape.name
                );
            }
        }
    }
}

/// Of tokens of all shapes, so that no actor passes for the user.
#[test]
fn an_actor_is_read_or_the_token_is_refused() {
    for shape in all() {
        let token = shape.verify(&json!({ "act": { "sub": "admin", "iss": "x" } }));
        let act = token.unwrap().claims().act.clone().unwrap();
        assert_eq!(act.sub(), Some("admin"), "{}", shape.name);
        for odd in [
            json!("admin"),
            json!(7),
            json!(null),
            json!(["admin"]),
            json!({ "sub": 7 }),
            json!({ "sub": "" }),
        ] {
            let error = shape.verify(&json!({ "act": odd })).err();
            assert_eq!(error, Some(TokenError::Claims), "{} {odd}", shape.name);
        }
    }
}

#[test]
fn what_is_not_read_is_a_private_claim() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Foreign {
        #[serde(rename = "gen")]
        own: String,
        sid: Vec<u8>,
        auth_time: String,
        acr: u8,
        oid: String,
    }
    let claims = json!({ "gen": "x", "sid": [1], "auth_time": "noon", "acr": 2, "oid": "o" });
    let token = verify(profile(), claims).unwrap();
    let private = token.claims_as::<Foreign>().unwrap().private;
    let expected = Foreign {
        own: "x".into(),
        sid: vec![1],
        auth_time: "noon".into(),
        acr: 2,
        oid: "o".into(),
    };
    assert_eq!(private, expected);
    assert!(
        token
            .claims_as::<std::collections::BTreeMap<String, Value>>()
            .unwrap()
            .private
            .contains_key("use")
    );
}

#[test]
fn roles_come_from_the_claims_that_the_profile_names() {
    let keycloak = named("keycloak");
    let roles = |claims: &'static [&'static str]| {
        let profile = TokenProfile::keycloak().role_claims(claims.iter().copied());
        let verifier = keycloak.verifier_with(profile);
        let token = verifier.verify(&sign(&keycloak.access)).unwrap();
        token.roles().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(roles(&["resource_access.my.api.roles"]), ["manage"]);
    assert_eq!(
        roles(&["realm_access.roles", "resource_access.my.api.roles"]),
        ["offline_access", "editor", "manage"]
    );
    assert!(roles(&["resource_access.other.roles"]).is_empty());
    assert!(roles(&[]).is_empty());
    // The default of RFC 9068 (§2.2.3.1).
    let strict = named("rfc9068")
        .verify(&json!({ "roles": ["a", "b c"] }))
        .unwrap();
    assert_eq!(strict.roles().collect::<Vec<_>>(), ["a", "b c"]);
}

/// Each issuer writes them where its profile says, and in a form of its own.
#[test]
fn what_describes_the_user_is_where_the_issuer_writes_it() {
    let okta = named("okta").verify(&json!({ "groups": ["Everyone", "Cooks"] }));
    let okta = okta.unwrap();
    assert_eq!(okta.claims().roles, ["Everyone", "Cooks"].into());
    assert_eq!(okta.claims().groups, ["Everyone", "Cooks"].into());

    let keycloak = named("keycloak");
    for (odd, groups) in [
        (json!({ "cook": true }), &[][..]),
        (json!(7), &[]),
        (json!("cook"), &["cook"]),
        (json!(["cook", 7]), &[]),
    ] {
        let members = json!({ "groups": odd, "roles": ["of no weight"] });
        let token = keycloak.verify(&members).unwrap();
        assert_eq!(token.claims().groups, groups.iter().copied().collect());
        assert_eq!(token.claims().roles, ["offline_access", "editor"].into());
        let own: Value = token.claims_as().unwrap().private;
        assert_eq!(own["groups"], odd);
    }

    // Supabase writes objects, which are its own claim.
    for (amr, methods, is_own) in [
        (json!(["pwd"]), vec!["pwd"], false),
        (json!([{ "method": "password" }]), vec![], true),
    ] {
        let token = named("supabase").verify(&json!({ "amr": amr })).unwrap();
        assert_eq!(token.claims().amr, methods);
        let own: Value = token.claims_as().unwrap().private;
        assert_eq!(own.get("amr").is_some(), is_own);
    }

    let profile = TokenProfile::rfc9068().role_claims::<&str>([]);
    let verifier = named("rfc9068").verifier_with(profile);
    let mut partner = named("rfc9068").access.clone();
    partner.1["roles"] = json!(["admin"]);
    let token = verifier.verify(&sign(&partner)).unwrap();
    assert!(token.claims().roles.is_empty() && token.roles().next().is_none());
}

#[test]
fn a_token_that_is_remembered_still_has_its_roles() {
    let entra = named("entra");
    let (verifier, token) = (entra.verifier(), sign(&entra.access));
    for _ in 0..2 {
        let verified = verifier.verify(&token).unwrap();
        assert_eq!(verified.roles().collect::<Vec<_>>(), ["Editor"]);
    }
}

#[test]
fn an_audience_that_nobody_checks_tells_no_token_apart() {
    let profile = TokenProfile::jwt(Discriminator::audience());
    reads(profile.clone(), json!({}), "sub", json!("alice"));
    let open = profile.danger_accept_any_audience();
    assert_eq!(verify(open, json!({})).unwrap_err(), TokenError::Type);
}
