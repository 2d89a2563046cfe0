use serde_json::{Map, Value};

use crate::{clock::Timestamp, json};

const MAX_JTI_BYTES: usize = 256;

/// The claims of a proof (RFC 9449 §4.2). Others are ignored.
pub(super) struct ProofClaims {
    pub(super) jti: String,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) iat: Timestamp,
    /// The hash of the access token.
    pub(super) ath: Option<String>,
    pub(super) nonce: Option<String>,
}

impl ProofClaims {
    /// `None` if a claim is missing, or has the wrong type or size, or if a member comes twice.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let mut members = json::object(payload).ok()?;
        let jti = required(&mut members, "jti")?;
        if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
            return None;
        }
        Some(Self {
            jti,
            method: required(&mut members, "htm")?,
            url: required(&mut members, "htu")?,
            iat: serde_json::from_value(members.remove("iat")?).ok()?,
            ath: optional(&mut members, "ath")?,
            nonce: optional(&mut members, "nonce")?,
        })
    }
}

fn required(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    optional(members, name)?
}

/// `None` if it is there and not a string.
fn optional(members: &mut Map<String, Value>, name: &str) -> Option<Option<String>> {
    match members.remove(name) {
        None => Some(None),
        Some(Value::String(text)) => Some(Some(text)),
        Some(_) => None,
    }
}
