//! The strict parser of the compact serialisation (RFC 7515 §7.1).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use memchr::memchr;

use crate::error::TokenError;

/// The signature of ML-DSA-87, the longest of all.
const MAX_SIGNATURE_BYTES: usize = 4627;
/// The signature of an RSA key of 8192 bits, the longest of any algorithm but ML-DSA. A buffer of this
/// size is cheaper to clear.
const LONG_SIGNATURE_BYTES: usize = 1024;
/// The signature of P-384, the longest of any algorithm but RSA, ES512 and ML-DSA.
const SHORT_SIGNATURE_BYTES: usize = 96;

/// A token of the right shape. Nothing in it can be trusted yet, and no segment is decoded yet.
pub(super) struct Compact<'a> {
    pub(super) header: &'a str,
    /// Header and payload as they were signed (RFC 7515 §5.2).
    pub(super) signing_input: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Compact<'a> {
    pub(super) fn parse(token: &'a str, max_bytes: usize) -> Result<Self, TokenError> {
        if token.len() > max_bytes {
            return Err(TokenError::TooLong);
        }
        let (header, rest) = split(token)?;
        let (payload, signature) = split(rest)?;
        // Decoding would refuse a fourth segment too, but only after some work.
        if split(signature).is_ok() || [header, payload, signature].contains(&"") {
            return Err(TokenError::Malformed);
        }
        let signing_input = token.get(..header.len() + 1 + payload.len());
        Ok(Self {
            header,
            signing_input: signing_input.unwrap_or_default(),
            payload,
            signature,
        })
    }

    /// Calls `check` with the signature, which is decoded without an allocation.
    pub(super) fn with_signature<T>(
        &self,
        check: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, TokenError> {
        let length = self.signature.len();
        Ok(if length <= SHORT_SIGNATURE_BYTES / 3 * 4 {
            check(self.signature_in(&mut [0; SHORT_SIGNATURE_BYTES])?)
        } else if length <= LONG_SIGNATURE_BYTES.div_ceil(3) * 4 {
            check(self.signature_in(&mut [0; LONG_SIGNATURE_BYTES])?)
        } else {
            check(self.signature_in(&mut [0; MAX_SIGNATURE_BYTES])?)
        })
    }

    fn signature_in<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], TokenError> {
        let decoded = URL_SAFE_NO_PAD.decode_slice(self.signature, buffer);
        let length = decoded.map_err(|_| TokenError::Malformed)?;
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// Decodes the payload. Call this only after the signature has been verified: the payload takes
    /// longest to decode, so a library with vector instructions does it, and that library should
    /// not see the bytes of strangers.
    pub(super) fn payload(&self) -> Result<Vec<u8>, TokenError> {
        base64_simd::URL_SAFE_NO_PAD
            .decode_to_vec(self.payload)
            .map_err(|_| TokenError::Malformed)
    }
}

/// Splits the text at its first dot.
fn split(text: &str) -> Result<(&str, &str), TokenError> {
    memchr(b'.', text.as_bytes())
        .and_then(|dot| Some((text.get(..dot)?, text.get(dot + 1..)?)))
        .ok_or(TokenError::Malformed)
}

/// Decodes unpadded base64url. Unused bits must be zero, so that a token has only one spelling.
pub(super) fn decode(segment: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| TokenError::Malformed)
}
