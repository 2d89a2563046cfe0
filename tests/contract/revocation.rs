//! Revocation (RFC 7009).

use tests_shared::client::{Answer, Call, get, post};

use super::site::Site;

pub(crate) async fn walk(site: &Site) {
    for generation in 0..2 {
        by_refresh_token(site, generation).await;
    }
    by_access_token(site).await;
    nothing_to_revoke(site).await;
}

fn revoke(body: String) -> Call {
    post("/auth/revoke").form(body)
}

#[track_caller]
fn revoked(answer: Answer) {
    let answer = answer.is(200).uncached().empty();
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

async fn by_refresh_token(site: &Site, generation: u8) {
    let alice = site.alice().await;
    let live = site.refresh(&alice.refresh).await.tokens();
    let token = if generation == 0 {
        &alice.refresh
    } else {
        &live.refresh
    };
    revoked(
        site.send(revoke(format!(
            "token={token}&token_type_hint=refresh_token"
        )))
        .await,
    );

    site.refresh(&live.refresh)
        .await
        .is(400)
        .error("invalid_grant");
    site.refresh(&alice.refresh)
        .await
        .is(400)
        .error("invalid_grant");
    site.me(&live.access).await.is(401).error("invalid_token");
    site.me(&alice.access).await.is(401).error("invalid_token");
    revoked(site.send(revoke(format!("token={token}"))).await);
}

async fn by_access_token(site: &Site) {
    let (alice, other) = (site.alice().await, site.alice().await);
    revoked(
        site.send(revoke(format!(
            "token={}&token_type_hint=unknown",
            alice.access
        )))
        .await,
    );
    site.me(&alice.access).await.is(401).error("invalid_token");
    site.refresh(&alice.refresh)
        .await
        .is(400)
        .error("invalid_grant");
    site.me(&other.access).await.is(200);
}

async fn nothing_to_revoke(site: &Site) {
    let alice = site.alice().await;
    let forged = format!("{}x", alice.refresh);
    for token in ["abc", "a.b.c", &forged] {
        revoked(site.send(revoke(format!("token={token}"))).await);
    }
    site.me(&alice.access).await.is(200);
    site.refresh(&alice.refresh).await.is(200);

    for missing in [
        "",
        "token=",
        "token_type_hint=access_token",
        "token=a&token=b",
    ] {
        let answer = site.send(revoke(missing.to_owned())).await;
        answer.is(400).error("invalid_request").uncached();
    }
    let long = format!("token={}", "a".repeat(17 * 1024));
    site.send(revoke(long))
        .await
        .is(413)
        .error("invalid_request")
        .uncached();
    let json = post("/auth/revoke").body("text/plain", "token=a");
    site.send(json)
        .await
        .is(415)
        .error("invalid_request")
        .uncached();
    site.send(get("/auth/revoke"))
        .await
        .is(405)
        .allows("POST")
        .uncached();
}
