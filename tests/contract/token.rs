//! The token endpoint (RFC 6749 §6).

use serde_json::{Value, json};
use tests_shared::client::{Answer, Call, Tokens, call, get, head, payload, post};

use super::site::Site;

const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) async fn walk(site: &Site) {
    rotation(site).await;
    forms(site).await;
    json_spellings(site).await;
    scopes(site).await;
    malformed(site).await;
    refused(site).await;
    clients(site).await;
}

fn token(body: &str) -> Call {
    post("/auth/token").form(body.to_owned())
}

#[track_caller]
fn refreshed(answer: Answer) -> Tokens {
    answer.unchallenged().tokens()
}

#[track_caller]
fn failed(answer: Answer, status: u16, error: &str) {
    answer.is(status).error(error).uncached().unchallenged();
}

/// One rotation, then all that a client may do again within the reuse window.
async fn rotation(site: &Site) {
    let first = site.alice().await;
    let second = refreshed(site.refresh(&first.refresh).await);
    assert_ne!(second.refresh, first.refresh);
    assert_eq!(second.sid(), first.sid(), "the session goes on");
    assert_eq!(payload(&second.refresh)["gen"], 1);
    assert_eq!(payload(&second.access)["gen"], 1);
    site.me(&second.access).await.is(200);
    site.me(&first.access).await.is(200);

    let (tab, other_tab) = tokio::join!(site.refresh(&first.refresh), site.refresh(&first.refresh));
    let again = site.refresh(&second.refresh).await;
    for answer in [tab, other_tab, again] {
        let same = refreshed(answer);
        let (is, was) = (payload(&same.refresh), payload(&second.refresh));
        assert_eq!(is, was, "one generation has one refresh token");
        assert_ne!(same.access, second.access);
    }
}

async fn forms(site: &Site) {
    let refresh = site.alice().await.refresh;
    for body in [
        format!("grant_type=refresh_token&refresh_token={refresh}"),
        format!("refresh_token={refresh}&grant_type=refresh_token"),
        format!("refresh_token={refresh}&grant_type=refresh_token&client_secret=&scope="),
        format!("x=1&refresh_token={refresh}&x=2&grant_type=refresh_token&resource="),
        format!("client_id=&grant_type=refresh_token&refresh_token={refresh}"),
    ] {
        refreshed(site.send(token(&body)).await);
        refreshed(
            site.send(post("/auth/refresh-token").form(body.clone()))
                .await,
        );
        for content_type in [format!("{FORM};charset=UTF-8"), FORM.to_uppercase()] {
            let call = post("/auth/token").body(&content_type, body.clone());
            refreshed(site.send(call).await);
        }
    }
}

async fn json_spellings(site: &Site) {
    let refresh = site.alice().await.refresh;
    for path in ["/auth/token", "/auth/refresh-token"] {
        let camel = post(path).json(json!({ "refreshToken": refresh }).to_string());
        let body = site.send(camel).await.is(200).uncached().json();
        assert!(
            body["accessToken"].is_string() && body["refreshToken"].is_string(),
            "{body}"
        );
        assert_eq!(body["tokenType"], "Bearer");
        assert_eq!(body["expiresIn"], 600);
        assert!(
            members(&body).iter().all(|name| !name.contains('_')),
            "{body}"
        );

        let snake = json!({ "refresh_token": refresh }).to_string();
        refreshed(site.send(post(path).json(snake.clone())).await);
        let charset = post(path).body("application/json; charset=utf-8", snake);
        refreshed(site.send(charset).await);
    }
}

fn members(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

async fn scopes(site: &Site) {
    let bob = site.bob().await;
    let with = |scope: &str| {
        token(&format!(
            "grant_type=refresh_token&refresh_token={}&scope={scope}",
            bob.refresh
        ))
    };
    let narrow = refreshed(site.send(with("read")).await);
    assert_eq!(narrow.scope.as_deref(), Some("read"));
    assert_eq!(payload(&narrow.access)["scope"], "read");
    site.send(get("/admin").bearer(&narrow.access))
        .await
        .is(403);

    // As MSAL does: what was not granted is left out, and the answer says what is left.
    let msal = with("openid+profile+offline_access+read");
    let left = refreshed(site.send(msal).await);
    assert_eq!(left.scope.as_deref(), Some("read"));
    assert_eq!(payload(&left.access)["scope"], "read");
    failed(site.send(with("write")).await, 400, "invalid_scope");
    failed(site.send(with("re%22ad")).await, 400, "invalid_scope");
    let whole = refreshed(site.send(with("admin+read")).await);
    site.send(get("/admin").bearer(&whole.access)).await.is(200);
}

async fn malformed(site: &Site) {
    let refresh = site.alice().await.refresh;
    let grant = "grant_type=refresh_token";
    for body in [
        String::new(),
        grant.to_owned(),
        format!("{grant}&refresh_token="),
        format!("refresh_token={refresh}"),
        format!("{grant}&refresh_token={refresh}&refresh_token={refresh}"),
        format!("{grant}&{grant}&refresh_token={refresh}"),
        format!("{grant}&refresh_token={refresh}&client_id=a&client_id=a"),
        format!("{grant}&refresh_token={refresh}&scope=read&scope=read"),
    ] {
        failed(site.send(token(&body)).await, 400, "invalid_request");
    }
    for body in [
        "{",
        "[]",
        "\"\"",
        "{}",
        r#"{"refreshToken":1}"#,
        r#"{"refreshToken":null}"#,
    ] {
        failed(
            site.send(post("/auth/token").json(body)).await,
            400,
            "invalid_request",
        );
    }
    let twice = format!(r#"{{"refreshToken":"{refresh}","refreshToken":"{refresh}"}}"#);
    failed(
        site.send(post("/auth/token").json(twice)).await,
        400,
        "invalid_request",
    );
    let password = "grant_type=password&username=alice&password=wonderland";
    failed(
        site.send(token(password)).await,
        400,
        "unsupported_grant_type",
    );

    let long = format!("{grant}&refresh_token={}", "a".repeat(17 * 1024));
    failed(site.send(token(&long)).await, 413, "invalid_request");
    for content_type in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/jsonx",
    ] {
        let call = post("/auth/token").body(content_type, refresh.clone());
        failed(site.send(call).await, 415, "invalid_request");
    }
    for method in [http::Method::GET, http::Method::PUT, http::Method::DELETE] {
        let answer = site.send(call(method, "/auth/token")).await.allows("POST");
        failed(answer, 405, "invalid_request");
    }
    site.send(head("/auth/token")).await.is(405).empty();
    refreshed(site.refresh(&refresh).await);
}

async fn refused(site: &Site) {
    let alice = site.alice().await;
    let (signed, _) = alice.refresh.rsplit_once('.').expect("three segments");
    let unsigned = format!("{signed}.");
    let mut bodies = Vec::new();
    for bad in ["abc", "a.b.c", &alice.access, &unsigned] {
        let answer = site.refresh(bad).await;
        bodies.push(answer.body.clone());
        failed(answer, 400, "invalid_grant");
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "all refusals look alike");
    refreshed(site.refresh(&alice.refresh).await);
}

/// The demo's sessions are bound to no client.
async fn clients(site: &Site) {
    let refresh = site.alice().await.refresh;
    let grant = format!("grant_type=refresh_token&refresh_token={refresh}");
    refreshed(site.send(token(&format!("{grant}&client_id=any"))).await);
    // any: (an empty password)
    refreshed(
        site.send(token(&grant).header("authorization", "Basic YW55Og=="))
            .await,
    );

    // any:secret
    let secret = token(&grant).header("authorization", "Basic YW55OnNlY3JldA==");
    let answer = site
        .send(secret)
        .await
        .is(401)
        .error("invalid_client")
        .uncached();
    assert!(answer.challenge().starts_with("Basic"), "{answer:?}");
    refreshed(site.refresh(&refresh).await);
}
