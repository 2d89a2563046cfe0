//! `resource` at the token endpoint (RFC 8707 §2.2).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_bearer::session::Grant;

use crate::support::*;

/// Of the examples of the RFC.
const CALENDAR: &str = "https://cal.example.com/";
const CONTACTS: &str = "https://contacts.example.com/";
const RESOURCE: &str = "&resource=https%3A%2F%2Fcontacts.example.com%2F";

async fn token(world: &World) -> String {
    let grant = Grant::new("alice").resources([CALENDAR, CONTACTS]);
    let tokens = world.sessions.start(grant).await.unwrap();
    tokens.refresh_token.expose().to_owned()
}

#[track_caller]
fn audience(answer: &Value) -> Value {
    let access = answer["access_token"]
        .as_str()
        .or(answer["accessToken"].as_str());
    let payload = access.unwrap().split('.').nth(1).unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["aud"].clone()
}

#[tokio::test]
async fn a_form_asks_for_one_or_several() {
    let world = world();
    let token = token(&world).await;
    for (parameters, expected) in [
        ("", json!([CALENDAR, CONTACTS])),
        ("&resource=", json!([CALENDAR, CONTACTS])),
        (RESOURCE, json!(CONTACTS)),
        (
            "&resource=https://contacts.example.com&resource=https://cal.example.com/",
            json!([CALENDAR, CONTACTS]),
        ),
        (
            "&resource=&resource=https://cal.example.com/",
            json!(CALENDAR),
        ),
    ] {
        let form = refresh_form(&token) + parameters;
        let answer = send(world.endpoint(), post(FORM, &form)).await;
        assert_eq!(audience(&answer.granted()), expected, "{parameters}");
    }
}

#[tokio::test]
async fn json_has_a_text_or_a_list() {
    let world = world();
    let token = token(&world).await;
    for (resource, expected) in [
        (json!(CALENDAR), json!(CALENDAR)),
        (json!([CALENDAR]), json!(CALENDAR)),
        (json!([CONTACTS, CALENDAR]), json!([CALENDAR, CONTACTS])),
        (json!([]), json!([CALENDAR, CONTACTS])),
    ] {
        let body = json!({ "refreshToken": token, "resource": resource }).to_string();
        let answer = send(world.endpoint(), post(JSON, &body)).await;
        assert_eq!(audience(&answer.granted()), expected, "{resource}");
    }
    for resource in [json!(7), json!(null), json!([7]), json!({})] {
        let body = json!({ "refreshToken": token, "resource": resource }).to_string();
        let answer = send(world.endpoint(), post(JSON, &body)).await;
        answer.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn what_was_not_granted_is_an_invalid_target() {
    let world = world();
    let token = token(&world).await;
    for wrong in [
        "https://other.example.com/",
        "https://cal.example.com/%23a",
        "https://cal.example.com/&resource=x",
        "not+a+uri",
    ] {
        let form = format!("{}&resource={wrong}", refresh_form(&token));
        let answer = send(world.endpoint(), post(FORM, &form)).await;
        answer.refused(400, "invalid_target");
        assert_eq!(
            answer.json()["error_description"],
            "the resource is malformed or was not granted"
        );
    }
    assert!(world.works(&token).await);
}

/// A refusal of the token itself comes first, so that no resource hides a theft.
#[tokio::test]
async fn a_bad_token_is_an_invalid_grant() {
    let world = world();
    let form = refresh_form("a.b.c") + "&resource=x";
    let answer = send(world.endpoint(), post(FORM, &form)).await;
    answer.refused(400, "invalid_grant");

    let first = token(&world).await;
    let mut held = first.clone();
    for _ in 0..2 {
        let answer = send(world.endpoint(), post(FORM, &refresh_form(&held))).await;
        held = answer.granted()["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        world.clock.advance(LATER);
    }
    let form = refresh_form(&first) + "&resource=x";
    let answer = send(world.endpoint(), post(FORM, &form)).await;
    answer.refused(400, "invalid_grant");
    assert!(!world.works(&held).await, "the session has ended");
}

#[tokio::test]
async fn a_session_for_nothing_in_particular_is_for_the_audience() {
    let world = world();
    let token = world.token().await;
    let form = refresh_form(&token) + "&resource=https://api.example";
    let answer = send(world.endpoint(), post(FORM, &form)).await;
    assert_eq!(audience(&answer.granted()), AUDIENCE);
    let form = refresh_form(&token) + RESOURCE;
    let answer = send(world.endpoint(), post(FORM, &form)).await;
    answer.refused(400, "invalid_target");
}

/// RFC 9470 §7.
#[tokio::test]
async fn the_metadata_name_the_classes_of_authentication() {
    use tower_bearer::{bearer::AcrValues, endpoint::Endpoints};

    let world = world();
    let inner = tower::service_fn(
        async |_: http::Request<http_body_util::Full<bytes::Bytes>>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(
                tower_bearer::ReplyBody::default(),
            ))
        },
    );
    for (values, named) in [
        ("gold silver", json!(["gold", "silver"])),
        ("", Value::Null),
    ] {
        let values: AcrValues = values.parse().unwrap();
        let endpoints = Endpoints::new(&world.sessions).acr_values_supported(&values);
        let mut request = bare(http::Method::GET);
        *request.uri_mut() = "/.well-known/oauth-authorization-server/tenant"
            .parse()
            .unwrap();
        let answer = ask(tower::Layer::layer(&endpoints, inner), request).await;
        assert_eq!(answer.json()["acr_values_supported"], named);
    }
}
