//! The header of a token (RFC 7515 §4).

use serde_json::Value;

use super::{Algorithm, compact::decode};
use crate::{error::TokenError, json};

/// Members that would change how the token is read, or that bring a key with the token (RFC 7515
/// §4.1, RFC 7797). This crate supports none of these extensions, and takes keys only from its
/// configuration (RFC 8725 §3.10).
const REFUSED: [&str; 6] = ["crit", "b64", "jwk", "jku", "x5u", "x5c"];

pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    /// Reads the first segment of a token.
    pub(super) fn parse(segment: &str) -> Result<Self, TokenError> {
        let bytes = decode(segment)?;
        let mut members = json::object(&bytes).map_err(|_| TokenError::Malformed)?;
        if REFUSED.iter().any(|name| members.contains_key(*name)) {
            return Err(TokenError::Header);
        }
        let mut text = |name: &str| match members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(TokenError::Malformed),
        };
        let algorithm = text("alg")?.ok_or(TokenError::Malformed)?;
        let kid = text("kid")?;
        let typ = text("typ")?;
        let algorithm = Algorithm::named(&algorithm).ok_or(TokenError::Algorithm)?;
        Ok(Self {
            algorithm,
            kid,
            typ,
        })
    }

    /// Whether `typ` is the media type `wanted`. Case does not matter, and `application/` may be
    /// left out (RFC 7515 §4.1.9).
    pub(super) fn is_type(&self, wanted: &str) -> bool {
        const PREFIX: &str = "application/";
        let Some(typ) = self.typ.as_deref() else {
            return false;
        };
        let short = match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
            _ => typ,
        };
        short.eq_ignore_ascii_case(wanted)
    }
}
