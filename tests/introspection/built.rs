//! Settings that cannot be used are errors at the start.

use std::time::Duration;

use tower_bearer::{
    error::ConfigErrorKind as Kind,
    introspection::{ClientAuthentication, Introspection, IntrospectionBuilder},
};

use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn at(endpoint: &str, client: ClientAuthentication) -> IntrospectionBuilder {
    Introspection::new(endpoint, client, http())
}

fn client() -> ClientAuthentication {
    ClientAuthentication::basic("api", "hunter2")
}

fn right() -> IntrospectionBuilder {
    at("https://id.example/introspect", client())
        .issuer(ISSUER)
        .audience(AUDIENCE)
}

#[track_caller]
fn refused(builder: IntrospectionBuilder, kind: Kind) {
    assert!(!format!("{builder:?}").contains("hunter2"));
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().len() > 10 && !error.to_string().contains("hunter2"));
}

#[test]
fn an_endpoint_is_https_unless_danger_is_taken() {
    for endpoint in [
        "",
        "id.example/introspect",
        "/introspect",
        "ftp://id.example",
        "https://",
        "http://id.example/introspect",
    ] {
        let builder = at(endpoint, client()).issuer(ISSUER).audience(AUDIENCE);
        refused(builder, Kind::Url);
    }
    let builder = at("http://127.0.0.1:1/", client()).danger_allow_plain_http();
    assert!(builder.issuer(ISSUER).audience(AUDIENCE).build().is_ok());
    let builder = at("ftp://id.example", client()).danger_allow_plain_http();
    refused(builder.issuer(ISSUER).audience(AUDIENCE), Kind::Url);
}

#[test]
fn names_are_there() {
    let endpoint = "https://id.example/introspect";
    refused(at(endpoint, client()).audience(AUDIENCE), Kind::EmptyIssuer);
    refused(at(endpoint, client()).issuer(ISSUER), Kind::EmptyAudience);
    refused(right().audience(""), Kind::EmptyAudience);
    for client in [
        ClientAuthentication::basic("", "hunter2"),
        ClientAuthentication::post("", "hunter2"),
    ] {
        let builder = at(endpoint, client).issuer(ISSUER).audience(AUDIENCE);
        refused(builder, Kind::EmptyClientId);
    }
    let odd = ClientAuthentication::bearer("hunter2\n");
    refused(
        at(endpoint, odd).issuer(ISSUER).audience(AUDIENCE),
        Kind::Credentials,
    );
}

#[test]
fn limits_have_limits() {
    let milli = Duration::from_millis(1);
    refused(right().max_age(DAY + milli), Kind::Lifetime);
    refused(right().stale_if_error(DAY + milli), Kind::Lifetime);
    refused(
        right().negative_for(Duration::from_secs(61)),
        Kind::Lifetime,
    );
    refused(right().timeout(Duration::ZERO), Kind::Lifetime);
    refused(right().timeout(Duration::from_secs(61)), Kind::Lifetime);
    refused(right().answer_limit(0), Kind::Limit);
    refused(right().max_concurrent(0), Kind::Limit);
    refused(right().max_concurrent(10_001), Kind::Limit);
    refused(right().max_waiting(1_000_001), Kind::Limit);
    refused(right().require_signed(), Kind::NoKeys);
    let builder = right()
        .max_age(DAY)
        .stale_if_error(DAY)
        .max_concurrent(10_000);
    let built = builder.max_waiting(1_000_000).build().unwrap();
    assert!(!format!("{built:?}").contains("hunter2"));
}

/// A user and a password in an address, or a key in its query, are for nobody's eyes.
#[test]
fn an_address_tells_no_secret() {
    for endpoint in [
        "https://api:hunter2@id.example/introspect",
        "https://hunter2@id.example/introspect",
        "http://api:hunter2@id.example/introspect",
        "api:hunter2@id.example",
        "https://api:hunter2?@id.example/introspect",
    ] {
        let builder = at(endpoint, client()).issuer(ISSUER).audience(AUDIENCE);
        refused(builder.danger_allow_plain_http(), Kind::Url);
    }
    for endpoint in [
        "http://id.example/introspect?key=hunter2",
        "/introspect?key=hunter2",
        "https://id.example/intro spect?key=hunter2",
    ] {
        let builder = at(endpoint, client()).issuer(ISSUER).audience(AUDIENCE);
        refused(builder, Kind::Url);
    }
    let builder = at("https://id.example/introspect?key=hunter2", client());
    let built = builder.issuer(ISSUER).audience(AUDIENCE).build().unwrap();
    let shown = format!("{built:?}");
    assert!(shown.contains("https://id.example/introspect"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
