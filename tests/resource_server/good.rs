//! Issuers that answer as they should.

use serde_json::json;
use tests_shared::client::{get, post};

use crate::{
    Site,
    issuer::{AUDIENCE, Issuer, now},
};

#[tokio::test]
async fn tokens_of_the_issuer_pass() {
    let issuer = Issuer::start().await;
    let site = Site::start(&issuer.url, &[]);
    let claims = site.me_at_last(&issuer.token()).await.is(200).json();
    assert_eq!(claims["iss"], issuer.url);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["scope"], "read");

    let refused = site.admin(&issuer.token()).await.is(403);
    assert!(refused.challenge().contains(r#"scope="admin""#));
    let admin = site.admin(&issuer.scoped("read admin")).await.is(200);
    assert_eq!(admin.json()["admin"], "alice");

    let send = |call| site.client.send(call);
    send(get("/health")).await.is(200);
    let bare = send(get("/me")).await.is(401);
    let metadata = "https://api.example/.well-known/oauth-protected-resource";
    let named = format!("resource_metadata=\"{metadata}\"");
    assert!(bare.challenge().contains(&named), "{bare:?}");
    let metadata = send(get("/.well-known/oauth-protected-resource")).await;
    let metadata = metadata.is(200).json();
    assert_eq!(metadata["resource"], AUDIENCE);
    assert_eq!(metadata["authorization_servers"], json!([issuer.url]));

    send(get("/nothing")).await.is(404).error("not_found");
    send(post("/me").bearer(&issuer.token())).await.is(405);
    assert_eq!(issuer.fetches(), 1);
    site.server.stop();
}

#[tokio::test]
async fn tokens_that_are_not_good_are_refused() {
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    let site = Site::start(&issuer.url, &[]);
    site.me_at_last(&issuer.token()).await.is(200);
    let forged = |claims| issuer.forge(&json!({}), &claims);
    for token in [
        other.token(),
        other.forge(&json!({}), &json!({ "iss": issuer.url })),
        issuer.forge(&json!({ "typ": "JWT" }), &json!({})),
        issuer.forge(&json!({ "alg": "none" }), &json!({})),
        forged(json!({ "aud": "https://other.example" })),
        forged(json!({ "iss": format!("{}/", issuer.url) })),
        forged(json!({ "exp": now() - 60 })),
        // It is older than the keys, so that there never was one of this name.
        issuer.forge(&json!({ "kid": "2" }), &json!({ "iat": now() - 60 })),
    ] {
        site.me(&token).await.is(401).error("invalid_token");
    }
    // Of this one nobody knows: its key may be newer than the set.
    let unknown = issuer.forge(&json!({ "kid": "2" }), &json!({}));
    let answer = site.me(&unknown).await.is(503);
    assert!(answer.header("retry-after").is_some());
    site.me(&issuer.token()).await.is(200);
}

/// Each has keys, an audience and a profile of its own.
#[tokio::test]
async fn several_issuers() {
    let (first, second) = (Issuer::start().await, Issuer::with_rsa().await);
    let issuers = format!("{};{}", first.url, second.url);
    let own = [
        ("AUDIENCE", "https://api.example;the second"),
        ("RSA_ALG", "RS256;RS512"),
    ];
    let site = Site::start(&issuers, &own);
    let of_second = |audience| second.forge(&json!({}), &json!({ "aud": audience }));
    site.me_at_last(&first.token()).await.is(200);
    let claims = site.me_at_last(&of_second("the second")).await.is(200);
    assert_eq!(claims.json()["iss"], second.url);
    site.me(&of_second(AUDIENCE)).await.is(401);
    let swapped = first.forge(&json!({}), &json!({ "iss": second.url }));
    site.me(&swapped).await.is(401);
}

/// A name that is no address, and one with a path.
#[tokio::test]
async fn names_of_the_api() {
    let issuer = Issuer::start().await;
    for (audience, path) in [("the api", ""), ("https://api.example/v1", "/v1")] {
        let site = Site::start(&issuer.url, &[("AUDIENCE", audience)]);
        let token = issuer.forge(&json!({}), &json!({ "aud": audience }));
        site.me_at_last(&token).await.is(200);
        let own = format!("http://{}", site.server.addr);
        let resource = if path.is_empty() { &own } else { audience };
        for place in ["", path] {
            let place = format!("/.well-known/oauth-protected-resource{place}");
            let metadata = site.client.send(get(&place)).await.is(200).json();
            assert_eq!(metadata["resource"], resource);
        }
    }
}

/// For issuers without metadata.
#[tokio::test]
async fn keys_at_an_address() {
    let issuer = Issuer::with_rsa().await;
    let jwks_url = format!("{}/keys", issuer.url);
    // Names that nobody looks up.
    let site = Site::start(
        "https://id.example",
        &[("JWKS_URL", &jwks_url), ("RSA_ALG", "RS512")],
    );
    let token = issuer.forge(&json!({}), &json!({ "iss": "https://id.example" }));
    site.me_at_last(&token).await.is(200);
}
