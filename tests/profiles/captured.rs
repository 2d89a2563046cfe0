//! What each profile accepts, and what it does not.

use serde_json::{Value, json};
use tower_bearer::{TokenProfile, error::TokenError};

use crate::shape::{NOW, Shape, Token, all, read, sign};

#[track_caller]
fn refused(shape: &Shape, token: &Token, expected: &[TokenError]) {
    let verdict = shape.verifier().verify(&sign(token));
    let error = verdict.map(|token| read(&token)).unwrap_err();
    assert!(
        expected.contains(&error),
        "{}: {error:?} of {token:?}",
        shape.name
    );
}

/// Refuses an access token after these changes.
#[track_caller]
fn broken(shape: &Shape, changes: &Value, expected: &[TokenError]) {
    refused(shape, &shape.access.with(changes), expected);
}

#[test]
fn each_profile_has_a_name_and_a_shape() {
    let mut shapes: Vec<_> = all().iter().map(|shape| shape.name).collect();
    shapes.sort_unstable();
    let mut names = TokenProfile::NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(shapes, names);
    for other in ["", "Entra", "workos", "rfc9068 "] {
        assert!(TokenProfile::named(other).is_none(), "{other}");
    }
}

#[test]
fn an_access_token_is_accepted_and_read() {
    for shape in all() {
        let token = shape
            .verify(&json!({}))
            .unwrap_or_else(|error| panic!("{}: {error:?}", shape.name));
        assert_eq!(read(&token), shape.read, "{}", shape.name);
        assert_eq!(token.claims().iss, shape.issuer);
        assert_eq!(token.claims().generation, None);
    }
}

#[test]
fn an_access_token_may_also_say_that_it_is_one() {
    for shape in all() {
        let token = Token(Some("application/AT+JWT"), shape.access.1.clone());
        let token = shape.verifier().verify(&sign(&token)).unwrap();
        assert_eq!(read(&token), shape.read, "{}", shape.name);
    }
}

#[test]
fn an_id_token_is_refused_by_its_issuers_profile() {
    for shape in all() {
        let Some(id) = &shape.id else {
            assert_eq!(shape.name, "firebase");
            continue;
        };
        refused(&shape, id, &[TokenError::Type]);
        // A client may have the name of the API.
        refused(
            &shape,
            &id.with(&json!({ "aud": shape.audience })),
            &[TokenError::Type],
        );
        // And where the client takes the place of the audience, an ID token may have that claim too.
        let more = id.with(&json!({ "aud": "absent", "azp": shape.audience }));
        refused(&shape, &more, &[TokenError::Type, TokenError::Audience]);
    }
}

/// Whatever an issuer may put into ID tokens (OpenID Connect Core §2).
#[test]
fn an_id_token_by_the_book_is_refused_by_each_profile() {
    for shape in all() {
        for (typ, more) in [
            (None, json!({ "nonce": "n" })),
            (Some("JWT"), json!({ "nonce": "n", "azp": "c", "sid": "s" })),
            (
                Some("JWT"),
                json!({ "at_hash": "h", "acr": "1", "azp": "c" }),
            ),
            (
                None,
                json!({ "at_hash": "h", "c_hash": "h", "amr": ["pwd"] }),
            ),
            (None, json!({ "s_hash": "h" })),
        ] {
            let token = json!({
                "iss": shape.issuer, "sub": "alice", "aud": shape.audience, "exp": NOW + 60, "iat": NOW,
                "auth_time": NOW,
            });
            refused(&shape, &Token(typ, token).with(&more), &[TokenError::Type]);
            if !shape.is_strict() {
                broken(&shape, &more_of_id(&more), &[TokenError::Type]);
            }
        }
    }
}

/// What of these claims only an ID token has.
fn more_of_id(claims: &Value) -> Value {
    let of_id = |(name, _): &(&String, &Value)| *name == "nonce" || name.ends_with("_hash");
    let members = claims.as_object().unwrap().iter().filter(of_id);
    members
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[test]
fn other_tokens_of_the_issuer_are_refused() {
    use TokenError::{Audience, Claims, Issuer, Type};
    for shape in all() {
        for other in &shape.others {
            refused(&shape, other, &[Type, Issuer, Audience, Claims]);
        }
        for typ in [
            "logout+jwt",
            "secevent+jwt",
            "token-introspection+jwt",
            "dpop+jwt",
            "at+jwt ",
            "JWTx",
            "",
        ] {
            let token = Token(Some(typ), shape.access.1.clone());
            refused(&shape, &token, &[Type]);
        }
        if !shape.is_strict() {
            broken(&shape, &json!({ "events": {} }), &[Type]);
        }
    }
}

#[test]
fn without_its_mark_a_token_is_no_access_token() {
    for shape in all() {
        assert_eq!(shape.marks.is_empty(), shape.is_strict(), "{}", shape.name);
        for mark in &shape.marks {
            broken(&shape, mark, &[TokenError::Type]);
        }
    }
}

/// OpenID Connect Core §2 requires no more of an ID token.
#[test]
fn the_barest_id_token_is_accepted_by_no_profile_whose_name_does_not_warn() {
    for shape in all() {
        let claims = json!({
            "iss": shape.issuer, "sub": "u1", "aud": shape.audience, "exp": NOW + 60, "iat": NOW, "auth_time": NOW,
        });
        let accepts = |typ| {
            let token = sign(&Token(typ, claims.clone()));
            shape.verifier().verify(&token).is_ok()
        };
        let is_accepted = accepts(None) || accepts(Some("JWT"));
        assert!(shape.is_danger() || !is_accepted, "{}", shape.name);
        assert!(is_accepted || shape.name != "danger-canaille");
    }
}

#[test]
fn the_audience_is_this_api() {
    for shape in all().iter().filter(|shape| !shape.takes_any_audience()) {
        let expected = &[TokenError::Audience];
        for aud in [
            json!("https://other.example"),
            json!([]),
            json!(["https://other.example", ""]),
            json!(format!("{}/", shape.audience)),
            json!(shape.audience.to_uppercase() + "x"),
        ] {
            broken(shape, &json!({ "aud": aud }), expected);
        }
        for aud in [
            json!(null),
            json!(7),
            json!([7]),
            json!({}),
            json!([shape.audience, 7]),
        ] {
            broken(shape, &json!({ "aud": aud }), &[TokenError::Claims]);
        }
    }
}

#[test]
fn without_an_audience_only_what_the_profile_names_takes_its_place() {
    for shape in all().iter().filter(|shape| !shape.takes_any_audience()) {
        let instead = match shape.name {
            "clerk" => "azp",
            "cognito" => "client_id",
            _ if shape.is_strict() => {
                broken(shape, &json!({ "aud": "absent" }), &[TokenError::Claims]);
                continue;
            }
            _ => {
                broken(shape, &json!({ "aud": "absent" }), &[TokenError::Audience]);
                continue;
            }
        };
        broken(
            shape,
            &json!({ instead: "https://other.example" }),
            &[TokenError::Audience],
        );
        let missing = json!({ instead: "absent" });
        broken(shape, &missing, &[TokenError::Audience, TokenError::Claims]);
        // An audience that is there counts, whatever stands beside it.
        let both = json!({ "aud": "https://api.example" });
        broken(shape, &both, &[TokenError::Audience]);
    }
}

#[test]
fn the_issuer_is_compared_to_the_last_slash() {
    for shape in all() {
        let other = match shape.issuer.strip_suffix('/') {
            Some(less) => less.to_owned(),
            None => format!("{}/", shape.issuer),
        };
        for issuer in [
            other,
            format!("{} ", shape.issuer),
            shape.issuer.to_uppercase(),
            String::new(),
        ] {
            broken(&shape, &json!({ "iss": issuer }), &[TokenError::Issuer]);
        }
        for issuer in [json!("absent"), json!(null), json!([shape.issuer])] {
            broken(&shape, &json!({ "iss": issuer }), &[TokenError::Claims]);
        }
    }
}

#[test]
fn the_times_are_required_and_checked() {
    for shape in all() {
        broken(
            &shape,
            &json!({ "exp": NOW - 60, "iat": NOW - 90, "nbf": NOW - 90 }),
            &[TokenError::Expired],
        );
        broken(
            &shape,
            &json!({ "iat": NOW + 60 }),
            &[TokenError::NotYetValid],
        );
        broken(
            &shape,
            &json!({ "nbf": NOW + 60 }),
            &[TokenError::NotYetValid],
        );
        for (name, value) in [
            ("exp", json!("absent")),
            ("exp", json!(null)),
            ("exp", json!("2000000")),
            ("iat", json!("absent")),
            ("iat", json!("1")),
            ("nbf", json!("1")),
            ("cnf", json!(null)),
            ("cnf", json!({ "jkt": "x" })),
        ] {
            broken(&shape, &json!({ name: value }), &[TokenError::Claims]);
        }
    }
}

#[test]
fn whose_a_token_is_can_be_read_or_it_is_refused() {
    for shape in all() {
        for value in [
            json!("absent"),
            json!(null),
            json!(""),
            json!(7),
            json!(["alice"]),
        ] {
            broken(&shape, &json!({ "sub": value }), &[TokenError::Claims]);
        }
        let client = match shape.name {
            "auth0" | "entra" | "keycloak" => "azp",
            "entra-v1" => "appid",
            "okta" => "cid",
            _ => "client_id",
        };
        if !shape.read["client_id"].is_null() {
            for value in [json!(7), json!(["c"]), json!({})] {
                broken(&shape, &json!({ client: value }), &[TokenError::Claims]);
            }
        }
    }
}

#[test]
fn strict_rfc_9068_refuses_the_tokens_of_all_others() {
    for shape in all() {
        let verifier = shape.verifier_with(TokenProfile::rfc9068());
        let verdict = verifier
            .verify(&sign(&shape.access))
            .map(|token| read(&token));
        match shape.is_strict() {
            true => assert!(verdict.is_ok(), "{}: {verdict:?}", shape.name),
            false => assert_eq!(verdict, Err(TokenError::Type), "{}", shape.name),
        }
    }
}

#[test]
fn rfc_9068_with_the_claims_elsewhere_still_wants_all_of_them() {
    let profile = TokenProfile::rfc9068().scope_claims(["scp"]);
    let shape = crate::shape::named("rfc9068");
    let verify = |typ, changes: &Value| {
        let Token(_, claims) = shape.access.with(changes);
        let verifier = shape.verifier_with(profile.clone());
        verifier
            .verify(&sign(&Token(typ, claims)))
            .map(|token| read(&token)["scope"].clone())
    };
    assert_eq!(
        verify(Some("at+jwt"), &json!({ "scp": ["a", "b"] })),
        Ok(json!("a b"))
    );
    assert_eq!(verify(Some("JWT"), &json!({})), Err(TokenError::Type));
    assert_eq!(verify(None, &json!({})), Err(TokenError::Type));
    for name in ["iss", "sub", "exp", "iat", "jti", "client_id"] {
        let missing = json!({ name: "absent" });
        assert_eq!(
            verify(Some("at+jwt"), &missing),
            Err(TokenError::Claims),
            "{name}"
        );
    }
    assert_eq!(
        verify(Some("at+jwt"), &json!({ "aud": "absent" })),
        Err(TokenError::Audience)
    );
}
