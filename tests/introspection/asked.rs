//! How the server is asked (RFC 7662 §2.1).

use base64::{Engine, prelude::BASE64_STANDARD};
use tower_bearer::introspection::ClientAuthentication;

use crate::support::*;

const ODD: &str = "a+b/c=~._-";

async fn asked_by(client: ClientAuthentication) -> Asked {
    let server = Server::start().await;
    let world = world(server.builder_with(client));
    world.passes(ODD).await;
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    let asked = asked[0].clone();
    assert_eq!(asked.method, "POST");
    assert_eq!(
        asked.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(asked.headers["accept"], "application/json");
    assert_eq!(asked.form["token"], ODD);
    assert_eq!(asked.form["token_type_hint"], "access_token");
    asked
}

#[tokio::test]
async fn by_a_basic_header() {
    let asked = asked_by(ClientAuthentication::basic("the api", "s:e%c ret")).await;
    let header = asked.headers["authorization"].to_str().unwrap();
    let decoded = BASE64_STANDARD.decode(header.strip_prefix("Basic ").unwrap());
    assert_eq!(decoded.unwrap(), b"the+api:s%3Ae%25c+ret");
    assert_eq!(asked.form.len(), 2);
}

#[tokio::test]
async fn by_a_secret_in_the_body() {
    let asked = asked_by(ClientAuthentication::post("the api", "s&e=c ret")).await;
    assert!(!asked.headers.contains_key("authorization"));
    assert_eq!(asked.form["client_id"], "the api");
    assert_eq!(asked.form["client_secret"], "s&e=c ret");
    assert_eq!(asked.form.len(), 4);
}

#[tokio::test]
async fn by_a_bearer_token() {
    let asked = asked_by(ClientAuthentication::bearer("of-this-api")).await;
    assert_eq!(asked.headers["authorization"], "Bearer of-this-api");
    assert_eq!(asked.form.len(), 2);
}
