//! A JWS that brings its own public key, to prove that its sender holds the private one (RFC 9449
//! §4.2, and Device Bound Session Credentials).

use serde_json::Value;

use super::{
    Algorithm, CryptoProvider, VerifyingKey,
    compact::Compact,
    header::{BareHeader, REFUSED},
};
#[cfg(feature = "dpop")]
use crate::claims::KeyThumbprint;
use crate::error::TokenError;

/// Members of a JWK that only the key's owner may know (RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 9964 §3).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// A JWS whose signature is right by a key of the sender's own choice. It proves nothing but that the
/// sender holds that key.
pub(crate) struct SelfSigned {
    pub(crate) key: VerifyingKey,
    pub(crate) payload: Vec<u8>,
}

impl SelfSigned {
    /// Opens a JWS of the type `typ` by the `jwk` in its header or, if that has none, by the key that
    /// is `known` already. It checks everything but the claims, in this order: the size, the shape,
    /// the header, the type, the algorithm, the key, the signature.
    pub(crate) fn open(
        jws: &str,
        typ: &str,
        algorithms: &[Algorithm],
        provider: Option<CryptoProvider>,
        known: Option<&VerifyingKey>,
        max_bytes: usize,
    ) -> Result<Self, TokenError> {
        let jws = Compact::parse(jws, max_bytes)?;
        let mut header = BareHeader::parse(jws.header)?;
        let jwk = header.members.remove("jwk");
        if REFUSED
            .iter()
            .any(|name| header.members.contains_key(*name))
        {
            return Err(TokenError::Header);
        }
        let header = header.read()?;
        if !header.is_type(typ) {
            return Err(TokenError::Type);
        }
        if !algorithms.iter().any(|known| known.is(header.algorithm)) {
            return Err(TokenError::Algorithm);
        }
        let key = match (jwk, known) {
            (Some(jwk), None) => public_key(jwk, header.algorithm, provider.unwrap_or_default())?,
            (None, Some(known)) if known.algorithm().is(header.algorithm) => known.clone(),
            _ => return Err(TokenError::Header),
        };
        let verify = |signature: &[u8]| key.verify(jws.signing_input.as_bytes(), signature);
        if !jws.with_signature(verify)? {
            return Err(TokenError::Signature);
        }
        let payload = jws.payload()?;
        Ok(Self { key, payload })
    }

    /// The thumbprint of the key (RFC 7638).
    #[cfg(feature = "dpop")]
    pub(crate) fn thumbprint(&self) -> Option<KeyThumbprint> {
        self.key.thumbprint().parse().ok()
    }
}

/// The public key in a header. A private one, or a secret, is out once it was sent.
fn public_key(
    jwk: Value,
    algorithm: Algorithm,
    provider: CryptoProvider,
) -> Result<VerifyingKey, TokenError> {
    let Value::Object(members) = jwk else {
        return Err(TokenError::Header);
    };
    if PRIVATE.iter().any(|name| members.contains_key(*name)) {
        return Err(TokenError::Header);
    }
    VerifyingKey::with_provider(provider)
        .jwk_members_as(algorithm, members)
        .map_err(|_| TokenError::Header)
}
