use std::{borrow::Cow, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use form_urlencoded::{Serializer, byte_serialize};
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use zeroize::{Zeroize, Zeroizing};

/// A request to the token or revocation endpoint, before it is sent; for
/// [`on_token_request`](super::ClientSessionBuilder::on_token_request).
///
/// `Debug` shows the names of its parameters only.
#[non_exhaustive]
pub struct TokenRequest {
    /// Whether it goes to the token endpoint or to the revocation endpoint.
    pub endpoint: TokenEndpointKind,
    /// Its headers.
    pub headers: HeaderMap,
    params: Vec<(Cow<'static, str>, Zeroizing<String>)>,
}

/// Where a [`TokenRequest`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenEndpointKind {
    /// The token endpoint (RFC 6749 §6).
    Token,
    /// The revocation endpoint (RFC 7009).
    Revocation,
}

impl TokenRequest {
    pub(super) fn new(endpoint: TokenEndpointKind) -> Self {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        // Some servers answer with a form, unless they are asked not to.
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            endpoint,
            headers,
            params: Vec::new(),
        }
    }

    /// Sets a parameter of the form; one of that name is replaced.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let name = name.into();
        self.params.retain(|(other, _)| *other != name);
        self.params.push((name, Zeroizing::new(value.into())));
    }

    pub(super) fn into_request(self, uri: &Uri) -> Request<Bytes> {
        let mut form = Serializer::new(String::new());
        for (name, value) in &self.params {
            form.append_pair(name, value);
        }
        let mut request = Request::new(Bytes::from(form.finish()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.headers;
        request
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("TokenRequest")
            .field("endpoint", &self.endpoint)
            .field("params", &names)
            .finish_non_exhaustive()
    }
}

/// How the client says who it is (RFC 6749 §2.3).
#[derive(Clone, Default)]
pub(super) enum ClientIdentity {
    /// It does not.
    #[default]
    Unnamed,
    /// A public client: its identifier, in the form.
    Named(String),
    /// A confidential client: the whole header, marked sensitive.
    Basic(HeaderValue),
}

impl ClientIdentity {
    /// RFC 6749 §2.3.1: both are form-encoded before they go into the form of RFC 7617, so that
    /// a colon or any character outside of ASCII passes. Nothing where the result is no header.
    pub(super) fn basic(id: &str, secret: &str) -> Option<Self> {
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

    pub(super) fn add_to(&self, request: &mut TokenRequest) {
        match self {
            Self::Unnamed => {}
            Self::Named(id) => request.set("client_id", id.clone()),
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
    fn a_form() {
        let mut request = TokenRequest::new(TokenEndpointKind::Token);
        request.set("grant_type", "refresh_token");
        request.set("refresh_token", "a+b/c=&d e é");
        request.set("scope", "old");
        request.set("scope", "new");
        let shown = format!("{request:?}");
        assert!(shown.contains("scope") && !shown.contains("new"), "{shown}");

        let request = request.into_request(&Uri::from_static("https://id.example/token"));
        assert_eq!(request.method(), Method::POST);
        assert_eq!(
            request.headers()[CONTENT_TYPE],
            "application/x-www-form-urlencoded"
        );
        let form = "grant_type=refresh_token&refresh_token=a%2Bb%2Fc%3D%26d+e+%C3%A9&scope=new";
        assert_eq!(request.body(), form);
    }

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
