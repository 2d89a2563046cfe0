//! The application's own claims.

/// The token's private members do not have the shape that the application asked for.
#[derive(Debug, thiserror::Error)]
#[error("the token's private claims do not fit the type that was asked for")]
pub struct PrivateClaimsError(#[source] pub(crate) serde_json::Error);
