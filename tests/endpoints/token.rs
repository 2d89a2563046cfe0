//! The token endpoint's table.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tower_bearer::{
    Issuer,
    endpoint::TokenEndpoint,
    session::{Grant, RefreshDecision, RefreshKey, Sessions},
    testing::Fault,
};

use crate::support::*;

fn keys(answer: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = answer
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_form_gets_the_rfcs_answer() {
    let world = world();
    let old = world.token().await;
    let answer = send(world.endpoint(), post(FORM, &refresh_form(&old)))
        .await
        .granted();
    assert_eq!(
        keys(&answer),
        [
            "access_token",
            "expires_in",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], json!(600));
    assert_eq!(answer["scope"], "read write");
    let new = answer["refresh_token"].as_str().unwrap();
    assert_ne!(new, old);

    world.clock.advance(LATER);
    assert!(world.works(new).await);
}

#[tokio::test]
async fn json_is_answered_in_the_spelling_it_came_in() {
    let world = world();
    let token = world.token().await;
    let body = json!({ "refreshToken": token }).to_string();
    let answer = send(world.endpoint(), post(JSON, &body)).await.granted();
    assert_eq!(
        keys(&answer),
        [
            "accessToken",
            "expiresIn",
            "refreshToken",
            "scope",
            "tokenType"
        ]
    );

    let body = json!({ "refresh_token": token }).to_string();
    let answer = send(world.endpoint(), post(JSON, &body)).await.granted();
    assert!(answer["access_token"].is_string());
    assert!(answer["accessToken"].is_null());
}

#[tokio::test]
async fn json_takes_the_optional_members_in_both_spellings() {
    let world = world();
    let token = world.token().await;
    for extra in [
        json!({ "grant_type": "refresh_token", "client_id": "app", "scope": "read" }),
        json!({ "grantType": "refresh_token", "clientId": "app", "scope": "read" }),
        json!({ "grantType": "", "clientId": "", "scope": "read", "unknown": [1, { "a": null }] }),
    ] {
        let mut body = extra;
        body["refreshToken"] = json!(token);
        let answer = send(world.endpoint(), post(JSON, &body.to_string()))
            .await
            .granted();
        assert_eq!(answer["scope"], "read", "{body}");
    }
}

#[tokio::test]
async fn json_is_strict() {
    let world = world();
    let token = world.token().await;
    for body in [
        "null".to_owned(),
        format!("[\"{token}\"]"),
        format!("\"{token}\""),
        format!("{{\"refreshToken\":\"{token}\""),
        format!("{{\"refreshToken\":\"{token}\"}} x"),
        format!("{{\"refreshToken\":\"{token}\",\"refreshToken\":\"{token}\"}}"),
        format!("{{\"refreshToken\":\"{token}\",\"refresh_token\":\"{token}\"}}"),
        format!("{{\"refreshToken\":[\"{token}\"]}}"),
        format!("{{\"refreshToken\":\"{token}\",\"scope\":7}}"),
        format!("{{\"refreshToken\":\"{token}\",\"clientId\":\"app\",\"client_id\":\"app\"}}"),
        format!("{{\"refreshToken\":\"{token}\",\"clientId\":null}}"),
        "{\"refreshToken\":null}".to_owned(),
        format!("\u{feff}{{\"refreshToken\":\"{token}\"}}"),
    ] {
        send(world.endpoint(), post(JSON, &body))
            .await
            .refused(400, "invalid_request");
    }
    let body = json!({ "refreshToken": token, "grantType": "password" }).to_string();
    send(world.endpoint(), post(JSON, &body))
        .await
        .refused(400, "unsupported_grant_type");
    assert!(
        world.works(&token).await,
        "a malformed request leaves the session alone"
    );
}

#[tokio::test]
async fn forms_are_strict_about_what_is_known_and_nothing_else() {
    let world = world();
    let token = world.token().await;
    let accepted = [
        format!("refresh_token={token}&grant_type=refresh_token"),
        format!(
            "client_id=app&{}&scope=&client_secret=",
            refresh_form(&token)
        ),
        format!("{}&foo=1&foo=2&&bar&=", refresh_form(&token)),
        format!(
            "{}&refreshToken=other&REFRESH_TOKEN=other",
            refresh_form(&token)
        ),
        format!("grant%5Ftype=refresh%5ftoken&refresh_token={token}"),
    ];
    for body in accepted {
        send(world.endpoint(), post(FORM, &body)).await.granted();
    }

    let form = refresh_form(&token);
    for body in [
        format!("refresh_token={token}"),
        format!("grant_type=&refresh_token={token}"),
        format!("{form}&grant_type=refresh_token"),
        format!("grant_type=&{form}"),
        format!("{form}&refresh_token={token}"),
        format!("{form}&client_id=app&client_id=app"),
        format!("{form}&client_id=&client_id=app"),
        format!("{form}&scope=read&scope=write"),
        format!("{form}&client_secret=&client_secret="),
        format!("{form}&foo=%zz"),
        format!("{form}%"),
        format!("{form}&foo=%ff%fe"),
        format!("%ff=1&{form}"),
    ] {
        send(world.endpoint(), post(FORM, &body))
            .await
            .refused(400, "invalid_request");
    }
    for grant in [
        "password",
        "Refresh_Token",
        "refresh_token+",
        "authorization_code",
    ] {
        let body = format!("grant_type={grant}&refresh_token={token}");
        send(world.endpoint(), post(FORM, &body))
            .await
            .refused(400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn a_scope_narrows_and_never_widens() {
    let world = world();
    let token = world.token().await;
    let ask = async |scope: &str| {
        let body = format!("{}&scope={scope}", refresh_form(&token));
        send(world.endpoint(), post(FORM, &body)).await
    };
    ask("read+write+admin").await.refused(400, "invalid_scope");
    ask("%22").await.refused(400, "invalid_scope");
    ask("r%C3%A9ad").await.refused(400, "invalid_scope");

    let narrow = ask("write").await.granted();
    assert_eq!(narrow["scope"], "write");
    let claims = payload(narrow["access_token"].as_str().unwrap());
    assert_eq!(claims["scope"], "write");

    // The next answer is as wide as the login again.
    assert_eq!(ask("").await.granted()["scope"], "read write");
    assert_eq!(ask("+").await.granted()["scope"], "read write");
    assert_eq!(ask("write+read").await.granted()["scope"], "write read");
}

fn payload(token: &str) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn all_refused_grants_look_the_same() {
    let world = world();
    let mut answers = Vec::new();
    let mut refuse = async |token: &str| {
        let answer = send(world.endpoint(), post(FORM, &refresh_form(token))).await;
        answer.refused(400, "invalid_grant");
        answers.push((answer.headers, answer.body));
    };
    refuse("no-such-token").await;
    refuse("\u{e9}%00%0A").await;

    let login = world.login().await;
    refuse(login.access_token.expose()).await;

    let ended = world.token().await;
    world.sessions.revoke(&ended, None).await.unwrap();
    refuse(&ended).await;

    // Two rotations back: reuse.
    let first = world.token().await;
    let mut live = first.clone();
    for _ in 0..2 {
        let answer = send(world.endpoint(), post(FORM, &refresh_form(&live)))
            .await
            .granted();
        live = answer["refresh_token"].as_str().unwrap().to_owned();
        world.clock.advance(LATER);
    }
    refuse(&first).await;
    refuse(&live).await;

    let expired = world.token().await;
    world.clock.advance(LATER * 60 * 24 * 365);
    refuse(&expired).await;

    assert_eq!(answers.len(), 7);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn an_application_that_refuses_the_subject_is_an_invalid_grant() {
    for (decision, survives) in [
        (RefreshDecision::Refuse, true),
        (RefreshDecision::RefuseAndEnd, false),
    ] {
        let world = world();
        let issuer = Issuer::new(ISSUER, AUDIENCE, world.keys.clone()).unwrap();
        let key = RefreshKey::from_secret([7; 32]).unwrap();
        let strict = Sessions::builder(issuer, key, world.store.clone())
            .on_refresh(move |_, _| std::future::ready(decision.clone()))
            .build()
            .unwrap();
        let token = world.token().await;
        let answer = send(
            TokenEndpoint::new(strict),
            post(FORM, &refresh_form(&token)),
        )
        .await;
        answer.refused(400, "invalid_grant");
        assert_eq!(world.works(&token).await, survives);
    }
}

#[tokio::test]
async fn an_application_that_throttles_is_a_503_and_the_token_goes_on() {
    let world = world();
    let issuer = Issuer::new(ISSUER, AUDIENCE, world.keys.clone()).unwrap();
    let key = RefreshKey::from_secret([7; 32]).unwrap();
    let throttle = RefreshDecision::Throttle(std::time::Duration::from_secs(3));
    let busy = Sessions::builder(issuer, key, world.store.clone())
        .on_refresh(move |_, _| std::future::ready(throttle.clone()))
        .build()
        .unwrap();
    let token = world.token().await;
    let answer = send(TokenEndpoint::new(busy), post(FORM, &refresh_form(&token))).await;
    assert_eq!(answer.header("retry-after"), "3");
    answer.refused(503, "temporarily_unavailable");
    assert!(world.works(&token).await);
}

#[tokio::test]
async fn only_post_is_allowed() {
    let world = world();
    for method in [
        Method::GET,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
    ] {
        let answer = send(world.endpoint(), bare(method)).await;
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), "POST");
    }
    let answer = send(world.endpoint(), bare(Method::HEAD)).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), "POST");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_token_in_the_query_is_not_read() {
    let world = world();
    let token = world.token().await;
    let mut request = post(FORM, "grant_type=refresh_token");
    *request.uri_mut() = format!("/?{}", refresh_form(&token)).parse().unwrap();
    send(world.endpoint(), request).await.misses_a_token();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_a_503_and_costs_nothing() {
    let world = world();
    let token = world.token().await;
    for fault in [down(), Fault::hang(), Fault::lost_swap(), read_only()] {
        let endpoint = TokenEndpoint::new(world.faulty(fault.clone()));
        let answer = send(endpoint, post(FORM, &refresh_form(&token))).await;
        answer.refused(503, "temporarily_unavailable");
        assert!(
            answer.header("retry-after").parse::<u32>().unwrap() >= 1,
            "{fault:?}"
        );
    }
    // A forged token never reaches the store.
    let endpoint = TokenEndpoint::new(world.faulty(down()));
    send(endpoint, post(FORM, &refresh_form("a.b.c")))
        .await
        .refused(400, "invalid_grant");
    assert!(world.works(&token).await);
}

#[tokio::test]
async fn no_answer_and_no_debug_shows_a_token() {
    let world = world();
    let login = world.sessions.start(Grant::new("alice")).await.unwrap();
    let token = login.refresh_token.expose();
    for body in [
        format!("{}&scope=admin", refresh_form(token)),
        format!("refresh_token={token}"),
    ] {
        let answer = send(world.endpoint(), post(FORM, &body)).await;
        let shown = format!("{answer:?}");
        assert!(
            !shown.contains(token) && !shown.contains(&token[..20]),
            "{shown}"
        );
    }
    assert!(!format!("{:?}", world.endpoint()).contains(ISSUER));
}

/// A page cannot see whether its browser has a cookie: this answer, and no other, tells it.
#[tokio::test]
async fn a_request_without_a_token_is_told_so_and_no_other_is() {
    let world = world();
    for (content_type, body) in [
        (JSON, ""),
        (JSON, "{}"),
        (JSON, r#"{"refreshToken":""}"#),
        (JSON, r#"{"refresh_token":""}"#),
        (FORM, ""),
        (FORM, "grant_type=refresh_token"),
        (FORM, "grant_type=refresh_token&refresh_token="),
        (FORM, "client_id=app"),
    ] {
        let answer = send(world.endpoint(), post(content_type, body)).await;
        answer.misses_a_token();
    }
    for body in ["", "token=", "token_type_hint=refresh_token"] {
        let answer = send(world.revocation(), post(FORM, body)).await;
        answer.misses_a_token();
    }
    // `refused` sees that these have no such member.
    for (content_type, body) in [
        (JSON, "{"),
        (JSON, "[]"),
        (JSON, r#"{"refreshToken":1}"#),
        (FORM, "refresh_token=a"),
        (
            FORM,
            "grant_type=refresh_token&refresh_token=a&refresh_token=b",
        ),
    ] {
        let answer = send(world.endpoint(), post(content_type, body)).await;
        answer.refused(400, "invalid_request");
    }
}
