//! What anybody may ask for.

use serde_json::json;
use tests_shared::client::{get, head, jose, post};

use super::site::Site;

pub(crate) async fn walk(site: &Site) {
    health(site).await;
    key_set(site).await;
    nowhere(site).await;
}

async fn health(site: &Site) {
    site.send(get("/health")).await.is(200).json();
    site.send(get("/health").bearer("abc")).await.is(200);
    site.send(head("/health")).await.is(200).empty();
    site.send(post("/health")).await.is(405).allows("GET");
}

async fn key_set(site: &Site) {
    let path = "/.well-known/jwks.json";
    let answer = site.send(get(path)).await.is(200);
    let cache = answer.header("cache-control").expect("Cache-Control");
    assert!(
        cache.contains("public") && cache.contains("max-age="),
        "{cache}"
    );
    let etag = answer.header("etag").expect("ETag").to_owned();
    let keys = answer.json()["keys"].as_array().expect("keys").clone();

    let header = jose(&site.alice().await.access);
    match header["alg"].as_str().expect("alg").strip_prefix("HS") {
        Some(_) => assert_eq!(answer.json(), json!({ "keys": [] }), "no secret"),
        None => {
            assert_eq!(keys.len(), 2, "the one that signs, and the next one");
            assert_eq!(keys[0]["kid"], header["kid"]);
            for private in ["d", "p", "q", "dp", "dq", "qi", "k", "priv"] {
                let is_shown = keys.iter().any(|key| key.get(private).is_some());
                assert!(!is_shown, "{private} is private");
            }
        }
    }
    site.send(get(path).header("if-none-match", &etag))
        .await
        .is(304)
        .empty();
    site.send(head(path)).await.is(200).empty();
    site.send(post(path)).await.is(405).allows("GET");
}

async fn nowhere(site: &Site) {
    for path in [
        "/",
        "/nowhere",
        "/auth",
        "/auth/",
        "/me/",
        "/auth/token/x",
        "/auth/sessions/",
    ] {
        site.send(get(path)).await.is(404).error("not_found");
        site.send(post(path)).await.is(404).error("not_found");
    }
    site.send(head("/nowhere")).await.is(404).empty();
}
