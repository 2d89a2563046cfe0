//! The strict parser of the compact serialisation (RFC 7515 §7.1).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::Algorithm;
use crate::{error::TokenError, json};

/// Members that would change how the token is to be read, or bring a key of its own
/// (RFC 7515 §4.1, RFC 7797). This crate supports none of their extensions, and a key comes
/// from the configuration only (RFC 8725 §3.10).
const REFUSED: [&str; 6] = ["crit", "b64", "jwk", "jku", "x5u", "x5c"];

/// A token that has the right shape. Nothing in it is to be trusted yet.
pub(super) struct Compact<'a> {
    pub(super) header: Header,
    /// Header and payload as they were signed (RFC 7515 §5.2).
    pub(super) signing_input: &'a str,
    pub(super) signature: Vec<u8>,
    payload: &'a str,
}

pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
}

impl<'a> Compact<'a> {
    pub(super) fn parse(token: &'a str, max_bytes: usize) -> Result<Self, TokenError> {
        if token.len() > max_bytes {
            return Err(TokenError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(TokenError::Malformed)?;
        // A further dot in the payload is no base64url, but is told apart before any work.
        if payload.contains('.') || [header, payload, signature].contains(&"") {
            return Err(TokenError::Malformed);
        }
        Ok(Self {
            header: Header::parse(&decode(header)?)?,
            signing_input,
            signature: decode(signature)?,
            payload,
        })
    }

    /// The payload. To be called once the signature has been verified.
    pub(super) fn payload(&self) -> Result<Vec<u8>, TokenError> {
        decode(self.payload)
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        let mut members = json::object(bytes).map_err(|_| TokenError::Malformed)?;
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

    /// Whether `typ` is `wanted`: a media type, in any case, whose `application/` may be left
    /// out (RFC 7515 §4.1.9).
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

/// Unpadded base64url whose unused bits are zero, so that a token has one spelling only.
fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| TokenError::Malformed)
}
