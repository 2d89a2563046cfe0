//! Names, attributes and sizes: what can be built, and what it looks like.

use std::time::Duration;

use tower_bearer::{
    claims::KeyThumbprint,
    cookie::{AccessCookie, CookieOptions, RefreshCookie, SameSite},
    error::{ConfigError, ConfigErrorKind},
    session::{Grant, KeyProof},
};

use crate::support::*;

#[track_caller]
fn fault(options: CookieOptions) -> ConfigErrorKind {
    AccessCookie::new(options).unwrap_err().kind()
}

#[track_caller]
fn refused(options: CookieOptions) {
    assert_eq!(fault(options), ConfigErrorKind::Cookie);
}

/// Name and attributes of the refresh cookie, as a login writes them.
async fn written(options: CookieOptions) -> (String, Vec<String>) {
    let world = world_with(options);
    let answer = read(world.cookie.response(&world.start().await).unwrap()).await;
    let cookie = answer.cookie();
    assert_eq!(cookie.name, world.cookie.name());
    (cookie.name, cookie.attributes)
}

/// No page of a subdomain can plant a `__Host-` cookie, which needs `Secure`, the path `/` and no
/// `Domain` (RFC 6265bis §4.1.3.2).
#[tokio::test]
async fn by_default_no_other_host_can_set_it() {
    for options in [CookieOptions::new(), CookieOptions::default()] {
        let (name, attributes) = written(options).await;
        assert_eq!(name, "__Host-refresh_token");
        assert_eq!(
            attributes,
            ["Path=/", "HttpOnly", "Secure", "SameSite=Strict"]
        );
    }
}

#[tokio::test]
async fn with_a_narrower_path_it_is_at_least_from_a_secure_origin() {
    let (name, attributes) = written(CookieOptions::new().path("/auth/token")).await;
    assert_eq!(name, "__Secure-refresh_token");
    assert_eq!(
        attributes,
        ["Path=/auth/token", "HttpOnly", "Secure", "SameSite=Strict"]
    );
}

#[tokio::test]
async fn name_and_same_site_can_be_set() {
    let options = CookieOptions::new().path("/a").name("__Secure-a.b");
    let (name, attributes) = written(options.same_site(SameSite::Lax)).await;
    assert_eq!(name, "__Secure-a.b");
    assert_eq!(
        attributes,
        ["Path=/a", "HttpOnly", "Secure", "SameSite=Lax"]
    );
}

#[tokio::test]
async fn without_tls_it_is_neither_secure_nor_prefixed() {
    let options = CookieOptions::new()
        .path("/auth/token")
        .danger_insecure_over_http();
    let (name, attributes) = written(options).await;
    assert_eq!(name, "refresh_token");
    assert_eq!(
        attributes,
        ["Path=/auth/token", "HttpOnly", "SameSite=Strict"]
    );
}

#[test]
fn names_are_held_to_their_prefix() {
    let named = |path: &str, name: &str| CookieOptions::new().path(path).name(name);
    for options in [
        named("/", "__Host-a"),
        named("/", "__Secure-a"),
        named("/a", "__Secure-a"),
        named("/a", "a").danger_insecure_over_http(),
    ] {
        AccessCookie::new(options).unwrap();
    }
    for options in [
        named("/a", "__Host-a"),
        named("/", "a"),
        named("/", ""),
        named("/", "__host-a"),
        named("/", "__SECURE-a"),
        named("/", "__Host-a b"),
        named("/", "__Host-a=b"),
        named("/", "__Host-a;b"),
        named("/", "__Host-é"),
        named("/", "__Host-a\r\nb"),
        named("/", "__Host-a").danger_insecure_over_http(),
        named("/", "__sEcUrE-a").danger_insecure_over_http(),
        named("/", "").danger_insecure_over_http(),
    ] {
        refused(options);
    }
}

#[test]
fn paths_are_absolute_and_hold_nothing_odd() {
    for path in [
        "", "auth", "/a;b", "/a b", "/a\r\n", "/é", "/a?b", "/a#b", "*",
    ] {
        refused(CookieOptions::new().path(path));
    }
    refused(CookieOptions::new().path(format!("/{}", "a".repeat(1024))));
    AccessCookie::new(CookieOptions::new().path(format!("/{}", "a".repeat(1023)))).unwrap();
}

#[test]
fn origins_are_as_browsers_write_them() {
    for origin in [
        "https://app.example",
        "http://localhost:5173",
        "https://app.example:8443",
        "http://app.example:443",
        "http://[::1]:3000",
    ] {
        AccessCookie::new(CookieOptions::new().allow_origin(origin)).unwrap();
    }
    for origin in [
        "",
        "null",
        "*",
        "app.example",
        "https://app.example/",
        "https://app.example/a",
        "https://app.example?a",
        "https://app.example#a",
        "https://App.example",
        "https://app.example:443",
        "http://app.example:80",
        "file:///a",
        "https://é.example",
    ] {
        let kind = fault(CookieOptions::new().allow_origin(origin));
        assert_eq!(kind, ConfigErrorKind::Url, "{origin}");
    }
    // A good one does not hide a bad one.
    let options = CookieOptions::new().allow_origin("*");
    fault(options.allow_origin("https://app.example"));
}

#[test]
fn a_cookie_that_browsers_would_drop_is_an_error_at_once() {
    let world = world();
    let (largest, _) = largest(&world);
    let error = named(&world, largest + 1).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Cookie);
    assert!(error.to_string().contains("4096 bytes"), "{error}");
}

/// A cookie with a name of this length.
fn named(world: &World, length: usize) -> Result<RefreshCookie, ConfigError> {
    let name = format!("__Secure-{}", "n".repeat(length - 9));
    RefreshCookie::new(
        &world.sessions,
        CookieOptions::new().path("/auth").name(name),
    )
}

/// The longest name that can be had, and the cookie of that name.
fn largest(world: &World) -> (usize, RefreshCookie) {
    let longest_first = (10..4096).rev();
    let mut built = longest_first.filter_map(|length| Some((length, named(world, length).ok()?)));
    built.next().unwrap()
}

/// What is built fits: no token of the sessions makes it any longer.
#[tokio::test]
async fn what_can_be_built_is_never_too_large() {
    let world = world();
    let (_, largest) = largest(&world);
    let key = KeyThumbprint::from_bytes([7; 32]);
    let bound = Grant::new("alice").bound_to(KeyProof::danger_unchecked(key));
    let mut tokens = world.sessions.start(bound).await.unwrap();
    let response = largest.response(&tokens).unwrap();
    let length = response.headers()["set-cookie"].len();
    assert!((4000..=4096).contains(&length), "{length}");

    tokens.refresh_expires_in = Duration::MAX;
    let _ = largest.set(&tokens).unwrap();
}

#[tokio::test]
async fn an_access_token_that_is_too_large_for_a_cookie_is_an_error() {
    let world = world();
    let cookie = AccessCookie::new(CookieOptions::new()).unwrap();
    let small = world.start().await;
    let set = cookie.set(&small).unwrap();
    assert_eq!(format!("{set:?}"), "SetCookies(…)");

    let claims = serde_json::json!({ "roles": vec!["administrator"; 250] });
    let grant = Grant::new("alice").claims(&claims);
    let large = world.sessions.start(grant).await.unwrap();
    let error = cookie.set(&large).unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::Cookie, "{error}");
    let _ = world.cookie.set(&large).unwrap();
}
