//! Where the endpoints are: the first three below a prefix, the last at the root.

pub(super) const TOKEN: &str = "/token";
pub(super) const REFRESH_TOKEN: &str = "/refresh-token";
pub(super) const REVOKE: &str = "/revoke";
pub(super) const JWKS: &str = "/.well-known/jwks.json";
