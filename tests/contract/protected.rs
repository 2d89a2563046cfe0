//! Protected requests (RFC 6750).

use tests_shared::client::{Answer, Call, get, head, jose, payload, post};

use super::site::Site;

pub(crate) async fn walk(site: &Site) {
    accepted(site).await;
    refused(site).await;
    scopes(site).await;
    methods(site).await;
}

fn me(authorization: &str) -> Call {
    get("/me").header("authorization", authorization)
}

async fn accepted(site: &Site) {
    let alice = site.alice().await;
    let claims = site.me(&alice.access).await.is(200).json();
    assert_eq!(
        claims,
        payload(&alice.access),
        "/me tells the claims, and only those"
    );
    for scheme in ["bearer", "BEARER", "Bearer  ", "bEaReR    "] {
        site.send(me(&format!("{scheme} {}", alice.access)))
            .await
            .is(200);
    }
}

async fn refused(site: &Site) {
    for nothing in [
        get("/me"),
        me("Basic YWxpY2U6"),
        me("Bearer"),
        me("Bearer "),
        me(""),
    ] {
        let answer = site.send(nothing).await.is(401);
        assert!(
            answer.challenge().starts_with("Bearer realm=\""),
            "{answer:?}"
        );
        assert!(!answer.challenge().contains("error"), "{answer:?}");
        answer.json();
    }

    let alice = site.alice().await;
    let twice = me(&format!("Bearer {}", alice.access)).bearer(&alice.access);
    let long = format!("Bearer {}", "a".repeat(9 * 1024));
    for malformed in [
        twice,
        me("Bearer a b"),
        me("Bearer a,b"),
        me("Bearer \"a\""),
        me(&long),
    ] {
        told(site.send(malformed).await, 400, "invalid_request");
    }

    for forged in forgeries(&alice.access, &alice.refresh) {
        told(site.me(&forged).await, 401, "invalid_token");
    }
    let query = format!("/me?access_token={}", alice.access);
    site.send(get(&query)).await.is(401);
    site.me(&alice.access).await.is(200);
}

/// Tokens that the server has never signed, or not as access tokens.
fn forgeries(access: &str, refresh: &str) -> Vec<String> {
    let (signed, signature) = access.rsplit_once('.').expect("three segments");
    let (_, payload) = signed.split_once('.').expect("three segments");
    let first = if signature.starts_with('A') { "B" } else { "A" };
    vec![
        "abc".to_owned(),
        "a.b.c".to_owned(),
        refresh.to_owned(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{signed}.{first}{}", &signature[1..]),
        // {"alg":"none","typ":"at+jwt"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{payload}."),
    ]
}

/// The challenge and the body name the error.
#[track_caller]
fn told(answer: Answer, status: u16, error: &str) {
    let answer = answer.is(status).error(error);
    let challenge = answer.challenge();
    assert!(challenge.starts_with("Bearer realm=\""), "{challenge}");
    assert!(
        challenge.contains(&format!("error=\"{error}\"")),
        "{challenge}"
    );
    assert!(challenge.contains("error_description=\""), "{challenge}");
}

async fn scopes(site: &Site) {
    let (alice, bob) = (site.alice().await, site.bob().await);
    let refused = site.send(get("/admin").bearer(&alice.access)).await;
    assert!(
        refused.challenge().contains("scope=\"admin\""),
        "{refused:?}"
    );
    told(refused, 403, "insufficient_scope");
    site.send(get("/admin").bearer(&bob.access))
        .await
        .is(200)
        .json();
    site.send(get("/admin")).await.is(401);
}

async fn methods(site: &Site) {
    let alice = site.alice().await;
    site.send(head("/me").bearer(&alice.access))
        .await
        .is(200)
        .empty();
    let refused = site.send(head("/me").bearer("abc")).await.is(401).empty();
    assert!(refused.challenge().contains("error=\"invalid_token\""));
    site.send(post("/me").bearer(&alice.access))
        .await
        .is(405)
        .allows("GET")
        .error("invalid_request");
    assert!(jose(&alice.access)["kid"].is_string());
}
