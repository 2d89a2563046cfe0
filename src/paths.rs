//! The paths of the endpoints. All but that of the key set are below a prefix.

pub(crate) const TOKEN: &str = "/token";
pub(crate) const REFRESH_TOKEN: &str = "/refresh-token";
pub(crate) const REVOKE: &str = "/revoke";
pub(crate) const INTROSPECT: &str = "/introspect";
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
