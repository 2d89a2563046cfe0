//! The paths of the endpoints. All but those under `/.well-known` are below a prefix.
#![cfg_attr(
    not(feature = "session"),
    allow(dead_code, reason = "only the endpoints need all of it")
)]

pub(crate) const TOKEN: &str = "/token";
pub(crate) const REFRESH_TOKEN: &str = "/refresh-token";
pub(crate) const REVOKE: &str = "/revoke";
pub(crate) const INTROSPECT: &str = "/introspect";
/// The path of the metadata of a protected resource, before that of the resource (RFC 9728 §3).
pub(crate) const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";
pub(crate) const JWKS: &str = "/.well-known/jwks.json";
#[cfg(feature = "dbsc")]
pub(crate) const DEVICE_REGISTRATION: &str = "/device/register";
#[cfg(feature = "dbsc")]
pub(crate) const DEVICE_REFRESH: &str = "/device/refresh";

/// A prefix in its one spelling, `/auth`, however it was given: `auth`, `/auth` or `/auth/`.
pub(crate) fn prefix(given: &str) -> String {
    let segments = given.split('/').filter(|segment| !segment.is_empty());
    segments.flat_map(|segment| ["/", segment]).collect()
}

/// The path as a route of axum, where braces have a meaning. axum panics at segments that look
/// like the parameters of its version 0.7, so these are replaced by parameters.
#[cfg(feature = "axum")]
pub(crate) fn axum_route(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(at, segment)| {
        if segment.starts_with([':', '*']) {
            format!("{{segment{at}}}")
        } else {
            segment.replace('{', "{{").replace('}', "}}")
        }
    });
    segments.collect::<Vec<_>>().join("/")
}
