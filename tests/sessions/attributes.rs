//! What a login tells of its user besides who it is: methods, roles, groups and entitlements.

use serde_json::{Value, json};
use tower_bearer::{
    TokenResponse,
    claims::PrivateClaims,
    session::{Grant, Reauthentication, SessionErrorKind},
    store::{MemoryStore, SessionStore},
};

use crate::support::*;

fn grant() -> Grant {
    Grant::new("anna")
        .claims(&json!({ "shop": 7 }))
        .amr(["pwd", "otp"])
        .roles(["cook"])
        .roles(["chief"])
        .groups(["staff"])
        .entitlements(["oven"])
}

#[track_caller]
fn tells(tokens: &TokenResponse, expected: Value) {
    let payload = access_payload(tokens);
    for name in ["shop", "amr", "roles", "groups", "entitlements"] {
        assert_eq!(payload.get(name), expected.get(name), "{name}");
    }
}

fn granted() -> Value {
    json!({ "shop": 7, "amr": ["pwd", "otp"], "roles": ["cook", "chief"], "groups": ["staff"], "entitlements": ["oven"] })
}

#[tokio::test]
async fn each_access_token_tells_what_the_login_told() {
    let world = world();
    let login = world.sessions.start(grant()).await.unwrap();
    tells(&login, granted());
    let refreshed = rotate(&world, &login).await;
    tells(&refreshed, granted());

    let claims = world.claims(&refreshed.access_token);
    assert_eq!(claims.amr, ["pwd", "otp"]);
    assert!(claims.roles.contains("chief") && !claims.roles.contains("che"));
    assert_eq!(claims.groups, ["staff"].into());
    assert_eq!(claims.entitlements, ["oven"].into());
    let listed = world.sessions.list("anna").await.unwrap().sessions;
    assert_eq!(listed[0].amr, ["pwd", "otp"]);
    assert_eq!(
        serde_json::to_value(&listed[0]).unwrap()["amr"],
        json!(["pwd", "otp"])
    );
    assert_eq!(
        listed[0].claims,
        PrivateClaims::new(&json!({
            "shop": 7, "roles": ["cook", "chief"], "groups": ["staff"], "entitlements": ["oven"]
        }))
        .unwrap()
    );
}

#[tokio::test]
async fn who_tells_nothing_has_none_of_these_claims() {
    let world = world();
    let none: [&str; 0] = [];
    let grant = Grant::new("anna").amr(none).roles([""]).groups(none);
    let login = world.sessions.start(grant).await.unwrap();
    tells(&login, json!({}));
    let row = world.row(&login).await.unwrap();
    assert!(row.session.extra.is_empty());
    assert_eq!(row.session.claims.to_json(), "{}");
}

#[tokio::test]
async fn the_hook_gives_other_roles_and_leaves_what_it_does_not_name() {
    let world = world_with(|builder| {
        builder.on_refresh(|session, _| async move {
            let none: [&str; 0] = [];
            session.claims.with_roles(["guest"]).with_groups(none)
        })
    });
    let login = world.sessions.start(grant()).await.unwrap();
    let expected =
        json!({ "shop": 7, "amr": ["pwd", "otp"], "roles": ["guest"], "entitlements": ["oven"] });
    tells(&rotate(&world, &login).await, expected);
}

#[tokio::test]
async fn methods_are_those_of_the_authentication_that_is_told() {
    let world = world();
    let login = world.sessions.start(grant()).await.unwrap();
    let claims = world.claims(&login.access_token);
    let again = async |how| world.sessions.reauthenticate(&claims, how).await.unwrap();
    let methods = |tokens: &TokenResponse| access_payload(tokens).get("amr").cloned();

    let renewed = again(Reauthentication::new().acr("phr").amr(["hwk", "user"])).await;
    assert_eq!(methods(&renewed), Some(json!(["hwk", "user"])));
    let held = rotate(&world, &renewed).await;
    assert_eq!(methods(&held), Some(json!(["hwk", "user"])));
    // Whoever has the token of before learns nothing of it.
    let neighbour = rotate(&world, &login).await;
    assert_eq!(methods(&neighbour), Some(json!(["pwd", "otp"])));
    // Each authentication tells its own, or none.
    assert_eq!(methods(&again(Reauthentication::new()).await), None);
}

#[tokio::test]
async fn roles_are_told_once() {
    let world = world();
    let kept = json!({ "roles": ["cook"], "groups": [{ "value": "g1", "display": "Cooks" }] });
    let login = world
        .sessions
        .start(Grant::new("anna").claims(&kept))
        .await
        .unwrap();
    tells(&login, kept.clone());
    let claims = world.claims(&login.access_token);
    assert_eq!(
        (claims.roles, claims.groups),
        (["cook"].into(), ["g1"].into())
    );
    let own: Value = world
        .verified(&login.access_token)
        .claims_as()
        .unwrap()
        .private;
    assert_eq!(own, kept);

    for twice in [
        Grant::new("anna").claims(&kept).roles(["chief"]),
        Grant::new("anna").roles(["chief"]).claims(&kept),
        Grant::new("anna").claims(&json!({ "roles": { "cook": true } })),
    ] {
        let error = world.sessions.start(twice).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Grant);
    }
}

#[tokio::test]
async fn methods_have_names_within_limits() {
    let world = world();
    let login = world.login().await;
    let claims = world.claims(&login.access_token);
    for wrong in [vec![String::new()], vec!["a".repeat(512), "b".repeat(513)]] {
        let error = world
            .sessions
            .start(Grant::new("anna").amr(wrong.clone()))
            .await;
        assert_eq!(error.unwrap_err().kind(), SessionErrorKind::InvalidRequest);
        let how = Reauthentication::new().amr(wrong);
        let error = world.sessions.reauthenticate(&claims, how).await;
        assert_eq!(error.unwrap_err().kind(), SessionErrorKind::InvalidRequest);
    }
    let longest = Grant::new("anna").amr(["a".repeat(512), "b".repeat(512)]);
    rotate(&world, &world.sessions.start(longest).await.unwrap()).await;
}

/// A session from the time when an application could write them as it liked. No verifier would accept its tokens.
#[tokio::test]
async fn roles_that_no_verifier_reads_are_an_error_until_the_hook_gives_others() {
    let first = world();
    let login = first.login().await;
    let mut record = first.row(&login).await.unwrap();
    record.session.claims = PrivateClaims::from_json(r#"{"roles":{"cook":true}}"#).unwrap();

    let later = world_on(MemoryStore::with_clock(clock()), clock(), |builder| builder);
    later.sessions.store().insert(&record).await.unwrap();
    let error = later.present(&login.refresh_token).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Grant);
    assert_eq!(
        later.row(&login).await.unwrap(),
        record,
        "nothing was rotated"
    );

    let helped = world_on(MemoryStore::with_clock(clock()), clock(), |builder| {
        builder.on_refresh(|session, _| async move { session.claims.with_roles(["cook"]) })
    });
    helped.sessions.store().insert(&record).await.unwrap();
    tells(&rotate(&helped, &login).await, json!({ "roles": ["cook"] }));
}
