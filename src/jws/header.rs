//! The header of a token (RFC 7515 §4).

use serde_json::{Map, Value};

use super::{Algorithm, compact::decode};
use crate::{error::TokenError, json};

/// Members that would change how the token is read, or that bring a key with the token (RFC 7515
/// §4.1, RFC 7797). This crate supports none of these extensions, and takes keys only from its
/// configuration (RFC 8725 §3.10).
pub(super) const REFUSED: [&str; 6] = ["crit", "b64", "jwk", "jku", "x5u", "x5c"];

pub(crate) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    typ: Option<String>,
}

/// The members of a header, none of which has been looked at.
pub(super) struct BareHeader {
    pub(super) members: Map<String, Value>,
}

impl BareHeader {
    pub(super) fn parse(segment: &str) -> Result<Self, TokenError> {
        let members = json::object(&decode(segment)?).map_err(|_| TokenError::Malformed)?;
        Ok(Self { members })
    }

    /// Reads the members that every header may have.
    pub(super) fn read(mut self) -> Result<Header, TokenError> {
        let mut text = |name: &str| match self.members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(TokenError::Malformed),
        };
        let algorithm = text("alg")?.ok_or(TokenError::Malformed)?;
        let kid = text("kid")?;
        let typ = text("typ")?;
        let algorithm = Algorithm::named(&algorithm).ok_or(TokenError::Algorithm)?;
        Ok(Header {
            algorithm,
            kid,
            typ,
        })
    }
}

impl Header {
    /// Reads the first segment of a token.
    pub(super) fn parse(segment: &str) -> Result<Self, TokenError> {
        let bare = BareHeader::parse(segment)?;
        match REFUSED.iter().any(|name| bare.members.contains_key(*name)) {
            true => Err(TokenError::Header),
            false => bare.read(),
        }
    }

    /// Whether `typ` is the media type `wanted`. Case does not matter, and `application/` may be
    /// left out (RFC 7515 §4.1.9).
    pub(crate) fn is_type(&self, wanted: &str) -> bool {
        self.short_type()
            .is_some_and(|typ| typ.eq_ignore_ascii_case(wanted))
    }

    /// Whether there is no `typ`.
    pub(crate) fn is_without_type(&self) -> bool {
        self.typ.is_none()
    }

    fn short_type(&self) -> Option<&str> {
        const PREFIX: &str = "application/";
        let typ = self.typ.as_deref()?;
        Some(match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
            _ => typ,
        })
    }
}
