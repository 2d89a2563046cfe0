//! What Chromium would not bind is refused when it is built.

use std::time::Duration;

use tower_bearer::{
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    dbsc::{DeviceBinding, DeviceOptions, DeviceSecret},
    error::{ConfigError, ConfigErrorKind},
    jws::KeyErrorKind,
};

use crate::world::{MINUTE, World, builder, secret};

fn build(
    access: Option<CookieOptions>,
    refresh: CookieOptions,
    options: DeviceOptions,
) -> Result<DeviceBinding, ConfigError> {
    let world = World::new();
    let cookie = RefreshCookie::new(&world.sessions, refresh).unwrap();
    let cookie = match access {
        Some(access) => cookie.with_access_cookie(&AccessCookie::new(access).unwrap()),
        None => cookie,
    };
    DeviceBinding::new(&world.sessions, &cookie, options)
}

#[track_caller]
fn refused(built: Result<DeviceBinding, ConfigError>, kind: ConfigErrorKind, words: &str) {
    let error = built.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

fn options() -> DeviceOptions {
    DeviceOptions::new(secret(1)).under("/auth")
}

#[test]
fn what_can_be_bound_is_built() {
    let new = CookieOptions::new;
    for (access, refresh) in [
        (new(), new()),
        (new(), new().http_prefix()),
        (new().path("/app").http_prefix(), new().path("/auth")),
        (new().name("__Secure-a"), new().path("/auth/device")),
        (new(), new().path("/auth/device/")),
    ] {
        let binding = build(Some(access), refresh, options()).unwrap();
        assert_eq!(binding.registration_path(), "/auth/device/register");
        assert_eq!(binding.refresh_path(), "/auth/device/refresh");
        assert!(!format!("{binding:?}").contains("[1, 1"));
    }
}

#[test]
fn cookies_that_no_browser_binds() {
    let (new, cookie) = (CookieOptions::new, ConfigErrorKind::Cookie);
    refused(build(None, new(), options()), cookie, "with_access_cookie");
    let insecure = || new().danger_insecure_over_http();
    refused(build(Some(insecure()), new(), options()), cookie, "Secure");
    refused(build(Some(new()), insecure(), options()), cookie, "Secure");
    for access in [
        new().http_prefix(),
        new().name("__Host-Http-a"),
        new().name("__Host-hTTP-a"),
    ] {
        refused(
            build(Some(access), new(), options()),
            cookie,
            "__Host-Http-",
        );
    }
    for path in [
        "/auth/token",
        "/auth/device/refresh",
        "/au",
        "/auth/device/r",
    ] {
        let built = build(Some(new()), new().path(path), options());
        refused(built, cookie, "the refresh cookie's path");
    }
}

#[test]
fn paths_that_would_have_to_be_escaped() {
    let built = |options| build(Some(CookieOptions::new()), CookieOptions::new(), options);
    for path in [
        "logout",
        "",
        "//evil.example",
        "/a b",
        "/a\"",
        "/a\\",
        "/a?b",
        "/a#b",
        "/\u{e9}",
    ] {
        refused(
            built(options().exclude(path)),
            ConfigErrorKind::Url,
            "starts with one /",
        );
    }
    refused(
        built(options().under("/a\"b")),
        ConfigErrorKind::Url,
        "starts with one /",
    );
}

/// A page that asks there without an access cookie is told that its browser has lost its key.
#[test]
fn the_token_endpoint_is_not_excluded() {
    let built = |options| build(Some(CookieOptions::new()), CookieOptions::new(), options);
    for path in ["/auth/token", "/auth/refresh-token", "/auth", "/auth/", "/"] {
        refused(
            built(options().exclude(path)),
            ConfigErrorKind::Url,
            "the token endpoint",
        );
    }
    for path in ["/auth/tokens", "/aut", "/static"] {
        assert!(built(options().exclude(path)).is_ok(), "{path}");
    }
}

#[test]
fn lifetimes_at_which_browsers_refresh_all_the_time() {
    let world = World::new();
    let (new, second) = (CookieOptions::new, Duration::from_secs(1));
    for (lifetime, is_fit) in [(5 * MINUTE, true), (5 * MINUTE - second, false)] {
        let sessions = builder(&world.keys, world.store.clone()).access_lifetime(lifetime);
        let sessions = sessions.build().unwrap();
        let access = AccessCookie::new(new()).unwrap();
        let cookie = RefreshCookie::new(&sessions, new())
            .unwrap()
            .with_access_cookie(&access);
        let built = DeviceBinding::new(&sessions, &cookie, options());
        match is_fit {
            true => assert!(built.is_ok()),
            false => refused(built, ConfigErrorKind::Lifetime, "five minutes"),
        }
    }
    let built = |options| build(Some(new()), new(), options);
    let day = 24 * 60 * MINUTE;
    for (lifetime, is_fit) in [
        (MINUTE, true),
        (day, true),
        (MINUTE - second, false),
        (day + second, false),
    ] {
        for options in [
            options().challenge_lifetime(lifetime),
            options().offer_lifetime(lifetime),
        ] {
            match is_fit {
                true => assert!(built(options).is_ok()),
                false => refused(
                    built(options),
                    ConfigErrorKind::Lifetime,
                    "a minute at least",
                ),
            }
        }
    }
}

#[test]
fn a_short_secret_is_refused() {
    let error = DeviceSecret::from_secret([7; 31]).unwrap_err();
    assert!(matches!(
        error.kind(),
        KeyErrorKind::Weak {
            bits: 248,
            minimum: 256,
            ..
        }
    ));
    assert_eq!(format!("{:?}", secret(1)), "DeviceSecret(…)");
}
