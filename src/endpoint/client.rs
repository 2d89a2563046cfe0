//! The identifier and the secret of the OAuth client in a request (RFC 6749 §2.3).

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::{
    error_reply::ErrorReply,
    params::{Name, Params, form_decode},
};
use crate::error::ErrorCode;

const CLIENT_ID: Name = Name::new("client_id", "clientId");
const CLIENT_SECRET: Name = Name::new("client_secret", "clientSecret");

/// The secret that an OAuth client has sent (RFC 6749 §2.3.1). It is never empty.
///
/// `Debug` does not show it. It is wiped from memory when dropped.
#[derive(Clone)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// The text of the secret.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the secret is the expected one. They are compared in constant time.
    ///
    /// Use this for long random secrets. A secret that a person has chosen should be stored as a
    /// password hash, and checked with that.
    #[must_use]
    pub fn matches(&self, expected: &str) -> bool {
        self.0.as_bytes().ct_eq(expected.as_bytes()).into()
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

impl Drop for ClientSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The client's identifier and secret, as far as a request has them.
#[derive(Debug, Default)]
pub(super) struct ClientCredentials {
    pub(super) id: Option<String>,
    pub(super) secret: Option<ClientSecret>,
}

impl ClientCredentials {
    /// Reads the `Authorization: Basic` header. Other schemes are ignored, since some front ends
    /// send their access token with every request.
    pub(super) fn in_header(headers: &HeaderMap) -> Result<Self, ErrorReply> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(Self::default()),
            (Some(value), None) => value.as_bytes(),
            (Some(_), Some(_)) => {
                return Err(ErrorReply::request("there are two Authorization headers"));
            }
        };
        let (scheme, credentials) = match value.iter().position(|byte| *byte == b' ') {
            Some(at) => value.split_at(at),
            None => (value, [].as_slice()),
        };
        if scheme.eq_ignore_ascii_case(b"Basic") {
            Self::basic(credentials.trim_ascii()).ok_or(ErrorCode::InvalidClient.into())
        } else {
            Ok(Self::default())
        }
    }

    /// Decodes Basic credentials (RFC 7617). The identifier and the secret in them are
    /// form-encoded (RFC 6749 §2.3.1).
    fn basic(credentials: &[u8]) -> Option<Self> {
        let decoded = BASE64_STANDARD.decode(credentials).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (id, secret) = decoded.split_at_checked(colon)?;
        let secret = secret.get(1..).and_then(form_decode)?;
        Some(Self {
            id: non_empty(form_decode(id)?),
            secret: non_empty(secret).map(ClientSecret),
        })
    }

    /// Adds the parameters of the body. It is an error if the header and the body name different
    /// clients or both have a secret.
    pub(super) fn and_in_body(self, params: &Params) -> Result<Self, ErrorReply> {
        let id = params.get(CLIENT_ID)?.map(str::to_owned);
        let secret = params
            .get(CLIENT_SECRET)?
            .map(|secret| ClientSecret(secret.to_owned()));
        if matches!((&self.id, &id), (Some(header), Some(body)) if header != body) {
            return Err(ErrorReply::request("the client has two identifiers"));
        }
        if self.secret.is_some() && secret.is_some() {
            return Err(ErrorReply::request("the client authenticates in two ways"));
        }
        Ok(Self {
            id: self.id.or(id),
            secret: self.secret.or(secret),
        })
    }
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = ClientSecret("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "ClientSecret(…)");
        assert!(secret.matches("hunter2"));
        assert!(!secret.matches("hunter"));
    }

    #[test]
    fn basic_halves_are_form_encoded() {
        let encoded = BASE64_STANDARD.encode("a%3Ab+c:p%26q:r");
        let client = ClientCredentials::basic(encoded.as_bytes()).unwrap();
        assert_eq!(client.id.as_deref(), Some("a:b c"));
        assert!(client.secret.unwrap().matches("p&q:r"));
    }
}
