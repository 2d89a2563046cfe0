//! Logging out, here and elsewhere.

use serde_json::{Value, json};
use tests_shared::client::{Tokens, delete, get, post};

use super::site::Site;

pub(crate) async fn walk(site: &Site) {
    log_out(site).await;
    log_out_everywhere(site).await;
    listed(site).await;
    ended_one_by_one(site).await;
}

async fn gone(site: &Site, tokens: &Tokens) {
    site.me(&tokens.access).await.is(401).error("invalid_token");
    site.refresh(&tokens.refresh)
        .await
        .is(400)
        .error("invalid_grant");
}

async fn log_out(site: &Site) {
    let (alice, other) = (site.alice().await, site.alice().await);
    site.send(post("/auth/logout")).await.is(401).challenge();
    site.send(get("/auth/logout").bearer(&alice.access))
        .await
        .is(405)
        .allows("POST");
    site.send(post("/auth/logout").bearer(&alice.access))
        .await
        .is(204)
        .empty();
    gone(site, &alice).await;
    site.send(post("/auth/logout").bearer(&alice.access))
        .await
        .is(401)
        .error("invalid_token");
    site.me(&other.access).await.is(200);
}

async fn log_out_everywhere(site: &Site) {
    let (one, other, alice) = tokio::join!(site.bob(), site.bob(), site.alice());
    site.send(post("/auth/logout-all"))
        .await
        .is(401)
        .challenge();
    site.send(post("/auth/logout-all").bearer(&one.access))
        .await
        .is(204)
        .empty();
    gone(site, &one).await;
    gone(site, &other).await;
    site.me(&alice.access).await.is(200);
    let back = site.bob().await;
    assert_eq!(list(site, &back).await.len(), 1);
}

async fn list(site: &Site, tokens: &Tokens) -> Vec<Value> {
    let answer = site
        .send(get("/auth/sessions").bearer(&tokens.access))
        .await
        .is(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json().as_array().expect("an array").clone()
}

async fn listed(site: &Site) {
    site.send(get("/auth/sessions")).await.is(401).challenge();
    let (bob, other) = (site.bob().await, site.bob().await);
    site.refresh(&bob.refresh).await.is(200);
    let sessions = list(site, &bob).await;
    let find = |sid: String| {
        sessions
            .iter()
            .find(|session| session["sid"] == sid.as_str())
            .expect("in the list")
    };
    let own = find(bob.sid());
    assert_eq!(own["current"], true);
    assert_eq!(find(other.sid())["current"], false);
    assert_eq!(own["subject"], "bob");
    assert_eq!(own["metadata"]["user_agent"], "walker/1");
    let seen = json!({ "address": "127.0.0.1" });
    assert_eq!(
        own["last_seen"], seen,
        "the refresh does not name its program"
    );
    let seen = json!({ "address": "127.0.0.1", "user_agent": "walker/1" });
    assert_eq!(find(other.sid())["last_seen"], seen);
    let refreshed = own["last_refreshed_at"].as_i64().expect("a time");
    assert_eq!(refreshed % 3600, 0, "only to the hour");

    // They would tell a thief when to present, or give the session away.
    for session in &sessions {
        assert_eq!(session["subject"], "bob", "nobody else's");
        let told = session.as_object().expect("an object");
        for secret in [
            "generation",
            "gen",
            "rotated_at",
            "delivered_at",
            "confirmed",
            "late",
            "expires_at",
            "secret",
            "version",
            "jti",
            "ended",
        ] {
            assert!(!told.contains_key(secret), "{secret} in {session}");
        }
    }
}

async fn ended_one_by_one(site: &Site) {
    let (alice, bob, phone) = tokio::join!(site.alice(), site.bob(), site.bob());
    let end = |tokens: &Tokens, sid: &str| {
        delete(&format!("/auth/sessions/{sid}")).bearer(&tokens.access)
    };
    let unknown = "0190a0a0-0000-7000-8000-000000000000";
    let unknown = site
        .send(end(&bob, unknown))
        .await
        .is(404)
        .error("not_found");
    let others = site.send(end(&bob, &alice.sid())).await.is(404);
    assert_eq!(
        others.body, unknown.body,
        "another's session looks like an unknown one"
    );
    site.me(&alice.access).await.is(200);
    site.send(end(&bob, "abc")).await.is(404).error("not_found");
    site.send(end(&bob, "%20")).await.is(404).error("not_found");
    let path = format!("/auth/sessions/{}", phone.sid());
    site.send(delete(&path)).await.is(401).challenge();
    site.send(get(&path).bearer(&bob.access))
        .await
        .is(405)
        .allows("DELETE");

    site.send(end(&bob, &phone.sid())).await.is(204).empty();
    gone(site, &phone).await;
    site.send(end(&bob, &phone.sid())).await.is(404);
    site.send(end(&bob, &bob.sid())).await.is(204);
    gone(site, &bob).await;
}
