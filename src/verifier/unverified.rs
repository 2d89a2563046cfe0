//! What a token says of itself before its signature is verified. It decides by which keys it is
//! verified, and nothing else.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::clock::Timestamp;

/// A member that is there twice is an error here too.
#[derive(Deserialize)]
pub(super) struct Unverified {
    #[serde(default)]
    pub(super) iss: Option<String>,
    #[serde(default)]
    pub(super) iat: Option<Timestamp>,
}

impl Unverified {
    /// `None` if the token cannot be read.
    pub(super) fn of(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        serde_json::from_slice(&payload).ok()
    }
}
