//! The paths of the endpoints. The first three are below the prefix, the last is at the root.

pub(super) const TOKEN: &str = "/token";
pub(super) const REFRESH_TOKEN: &str = "/refresh-token";
pub(super) const REVOKE: &str = "/revoke";
pub(super) const JWKS: &str = "/.well-known/jwks.json";
