//! `POST /auth/login`.

use tests_shared::client::{get, jose, payload, post};

use super::site::{Site, login};

pub(crate) async fn walk(site: &Site) {
    good(site).await;
    refused(site).await;
}

async fn good(site: &Site) {
    let alice = site.alice().await;
    assert_eq!(alice.scope.as_deref(), Some("read"));
    assert_eq!(alice.expires_in, 600);
    assert_eq!(jose(&alice.access)["typ"], "at+jwt");
    assert_eq!(jose(&alice.refresh)["typ"], "rt+jwt");
    let claims = payload(&alice.access);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["scope"], "read");
    assert_eq!(claims["gen"], 0);
    for text in ["iss", "aud", "jti", "client_id", "sid"] {
        assert!(
            claims[text].as_str().is_some_and(|text| !text.is_empty()),
            "{text}"
        );
    }
    for number in ["exp", "iat", "auth_time"] {
        assert!(claims[number].is_i64(), "{number}");
    }
    let about_the_user = ["sub", "scope", "aud", "client_id", "auth_time"];
    let refresh = payload(&alice.refresh);
    assert!(
        about_the_user
            .iter()
            .all(|name| refresh.get(name).is_none()),
        "{refresh}"
    );
    assert!(alice.refresh.len() < 1024, "a cookie must hold it");

    let bob = site.bob().await;
    assert_eq!(bob.scope.as_deref(), Some("read admin"));
    assert_ne!(bob.sid(), alice.sid());

    let (one, other) = tokio::join!(site.alice(), site.alice());
    assert_ne!(one.access, other.access);
    assert_ne!(one.sid(), other.sid(), "each login is a session of its own");
}

async fn refused(site: &Site) {
    let wrong = site
        .send(login("alice", "builder"))
        .await
        .is(401)
        .error("invalid_credentials");
    let unknown = site.send(login("mallory", "builder")).await.is(401);
    assert_eq!(
        wrong.body, unknown.body,
        "an unknown user looks like a wrong password"
    );
    site.send(login("", "")).await.is(401);

    for malformed in [
        "",
        "{",
        "[]",
        "null",
        r#"{"username":"alice"}"#,
        r#"{"username":1,"password":2}"#,
    ] {
        site.send(post("/auth/login").json(malformed))
            .await
            .is(400)
            .error("invalid_request");
    }
    let form = post("/auth/login").form("username=alice&password=wonderland");
    site.send(form).await.is(415).error("invalid_request");
    let long = login("alice", &"x".repeat(17 * 1024));
    site.send(long).await.is(413).error("invalid_request");
    site.send(get("/auth/login")).await.is(405).allows("POST");
}
