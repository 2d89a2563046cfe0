//! How the client says who it is (RFC 6749 §2.3).

use base64::{Engine, prelude::BASE64_STANDARD};
use form_urlencoded::byte_serialize;
use http::{HeaderValue, header::AUTHORIZATION};
use zeroize::{Zeroize, Zeroizing};

use crate::token_request::TokenRequest;

#[derive(Clone, Default)]
pub(crate) enum ClientIdentity {
    /// It does not say so.
    #[default]
    Unnamed,
    /// A public client, which sends its identifier in the form.
    Named(String),
    /// A confidential client, which sends this header. It is marked sensitive.
    Basic(HeaderValue),
}

impl ClientIdentity {
    /// By RFC 6749 §2.3.1 both are form-encoded before they are joined by a colon and encoded as
    /// RFC 7617 says. So they may hold colons and characters outside of ASCII. `None` if the result
    /// does not fit a header.
    pub(crate) fn basic(id: &str, secret: &str) -> Option<Self> {
        let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let mut pair = Zeroizing::new(encode(id));
        pair.push(':');
        let mut secret = encode(secret);
        pair.push_str(&secret);
        secret.zeroize();
        let encoded = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair)));
        let mut header = HeaderValue::from_str(&encoded).ok()?;
        header.set_sensitive(true);
        Some(Self::Basic(header))
    }

    pub(crate) fn add_to(&self, request: &mut TokenRequest) {
        match self {
            Self::Unnamed => {}
            Self::Named(id) => request.set_param("client_id", id.clone()),
            Self::Basic(header) => {
                request.headers.insert(AUTHORIZATION, header.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_halves_are_form_encoded() {
        let Some(ClientIdentity::Basic(header)) = ClientIdentity::basic("a:b c", "p&q:r é%")
        else {
            panic!("no header");
        };
        assert!(header.is_sensitive());
        let encoded = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        let decoded = BASE64_STANDARD.decode(encoded).unwrap();
        assert_eq!(decoded, b"a%3Ab+c:p%26q%3Ar+%C3%A9%25");
    }
}
