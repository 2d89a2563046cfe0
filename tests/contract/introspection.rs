//! Introspection (RFC 7662).

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use tests_shared::client::{Call, get, payload, post};

use super::site::Site;

const SECRET: &str = "a secret of the resource server";

fn ask(token: &str) -> Call {
    post("/auth/introspect").form(format!("token={token}"))
}

fn ask_with(secret: &str, token: &str) -> Call {
    let encoded = secret.replace(' ', "+");
    let basic = BASE64_STANDARD.encode(format!("resource-server:{encoded}"));
    ask(token).header("authorization", &format!("Basic {basic}"))
}

/// Nobody may ask, as long as nobody is named.
pub(crate) async fn closed(site: &Site) {
    let alice = site.alice().await;
    for call in [
        ask(&alice.access),
        ask("unknown"),
        ask_with(SECRET, &alice.access),
        ask_with("", &alice.access),
        ask(&alice.access).bearer(&alice.access),
    ] {
        let answer = site.send(call).await;
        answer.is(401).error("invalid_client").uncached();
    }
    site.send(get("/auth/introspect"))
        .await
        .is(405)
        .allows("POST")
        .uncached();
    let metadata = site.send(get("/.well-known/oauth-authorization-server"));
    assert!(metadata.await.json()["introspection_endpoint"].is_null());
}

/// The resource server of the settings may ask about access tokens.
pub(crate) async fn open(example: &str, folder: &Path) {
    let env = [("STORE", "memory"), ("CLIENT_SECRET", SECRET)];
    let site = Site::start(example, folder, &env);
    let metadata = site.send(get("/.well-known/oauth-authorization-server"));
    let endpoint = &metadata.await.json()["introspection_endpoint"];
    assert_eq!(*endpoint, "https://id.example/auth/introspect");

    let alice = site.alice().await;
    let told = site.send(ask_with(SECRET, &alice.access)).await;
    let mut told = told.is(200).uncached().json();
    let mut claims = payload(&alice.access);
    claims.as_object_mut().expect("claims").remove("gen");
    for (name, value) in [("active", json!(true)), ("token_type", json!("Bearer"))] {
        let members = told.as_object_mut().expect("members");
        assert_eq!(members.remove(name), Some(value));
    }
    assert_eq!(told, claims);

    let inactive = async |token: &str| {
        let answer = site.send(ask_with(SECRET, token)).await;
        let answer = answer.is(200).uncached();
        assert_eq!(answer.json(), json!({ "active": false }));
    };
    inactive("unknown").await;
    inactive(&alice.refresh).await;
    for call in [ask(&alice.access), ask_with("wrong", &alice.access)] {
        let answer = site.send(call).await;
        answer.is(401).error("invalid_client").uncached();
    }
    site.me(&alice.access).await.is(200);
    site.refresh(&alice.refresh).await.is(200);
    site.send(post("/auth/logout").bearer(&alice.access))
        .await
        .is(204);
    inactive(&alice.access).await;
    site.server.stop();
}
