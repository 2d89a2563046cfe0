//! Tokens that are no JWTs: the server asks the issuer about them.

use serde_json::json;

use crate::{
    Site,
    issuer::{AUDIENCE, Document, Issuer, Manner, now},
};

fn site(issuer: &Issuer) -> Site {
    site_with(issuer, &[])
}

fn site_with(issuer: &Issuer, others: &[(&str, &str)]) -> Site {
    let url = format!("{}/introspect", issuer.url);
    let mut own = vec![
        ("INTROSPECTION_URL", url.as_str()),
        ("CLIENT_ID", "api"),
        ("CLIENT_SECRET", "a secret: of the api"),
    ];
    own.extend(others);
    Site::start(&issuer.url, &own)
}

#[tokio::test]
async fn they_pass_beside_jwts() {
    let issuer = Issuer::start().await;
    issuer.knows(
        "opaque",
        &json!({ "active": true, "sub": "alice", "client_id": "app", "exp": now() + 600,
                 "aud": AUDIENCE, "scope": "read admin" }),
    );
    issuer.knows(
        "of-a-name",
        &json!({ "active": true, "username": "alice", "client_id": "app", "exp": now() + 600,
                 "aud": AUDIENCE }),
    );
    let foreign = json!({ "active": true, "sub": "alice", "client_id": "app", "exp": now() + 600,
                          "aud": "other" });
    issuer.knows("for-another", &foreign);

    let site = site(&issuer);
    site.me_at_last(&issuer.token()).await.is(200);
    let claims = site.me("opaque").await.is(200).json();
    assert_eq!(claims["iss"], issuer.url);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(site.admin("opaque").await.is(200).json()["admin"], "alice");
    assert_eq!(site.me("of-a-name").await.is(200).json()["sub"], "alice");
    for token in ["unknown", "for-another"] {
        site.me(token).await.is(401).error("invalid_token");
    }
    let authorization = issuer.asked_by();
    assert_eq!(
        authorization,
        // `api:a+secret%3A+of+the+api` (RFC 6749 §2.3.1).
        "Basic YXBpOmErc2VjcmV0JTNBK29mK3RoZSthcGk="
    );
}

#[tokio::test]
async fn an_audience_is_wanted_unless_it_is_switched_off() {
    let issuer = Issuer::start().await;
    issuer.knows(
        "for-nobody",
        &json!({ "active": true, "sub": "alice", "client_id": "app", "exp": now() + 600 }),
    );
    let site = site(&issuer);
    site.me("for-nobody").await.is(401).error("invalid_token");
    let site = site_with(&issuer, &[("REQUIRE_AUDIENCE", "0")]);
    site.me("for-nobody").await.is(200);
}

#[tokio::test]
async fn the_profile_is_that_of_jwts() {
    let issuer = Issuer::start().await;
    issuer.knows(
        "of-scp",
        &json!({ "active": true, "sub": "alice", "client_id": "app", "exp": now() + 600,
                 "aud": AUDIENCE, "scp": ["admin"] }),
    );
    site(&issuer).admin("of-scp").await.is(403);
    let site = site_with(&issuer, &[("PROFILE", "hydra")]);
    site.admin("of-scp").await.is(200);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_refuses_nobody() {
    let issuer = Issuer::start().await;
    let site = site(&issuer);
    site.me_at_last(&issuer.token()).await.is(200);
    for manner in [
        Manner::Status(500),
        Manner::Html,
        Manner::Gone,
        Manner::Garbage,
    ] {
        issuer.turn(Document::Introspection, manner);
        let answer = site.me("opaque").await.is(503);
        assert!(answer.header("retry-after").is_some());
        site.me(&issuer.token()).await.is(200);
    }
}
