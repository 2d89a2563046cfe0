use std::{borrow::Cow, fmt};

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use zeroize::Zeroizing;

/// A request to the token or revocation endpoint that is about to be sent.
/// [`on_token_request`](crate::ClientSessionBuilder::on_token_request) can change it.
///
/// `Debug` shows the names of the parameters, and neither their values nor the headers.
pub struct TokenRequest {
    /// The endpoint that it is for.
    pub endpoint: EndpointKind,
    /// The headers of the request.
    pub headers: HeaderMap,
    params: Vec<(Cow<'static, str>, Zeroizing<String>)>,
}

/// The endpoint that a [`TokenRequest`] is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndpointKind {
    /// The token endpoint (RFC 6749 §6).
    Token,
    /// The revocation endpoint (RFC 7009).
    Revocation,
}

impl TokenRequest {
    pub(crate) fn new(endpoint: EndpointKind) -> Self {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        // Some servers answer with a form unless they are asked for JSON.
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            endpoint,
            headers,
            params: Vec::new(),
        }
    }

    /// Sets a parameter of the form. If there is one of this name already, it is replaced.
    pub fn set_param(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let name = name.into();
        self.params.retain(|(other, _)| *other != name);
        self.params.push((name, Zeroizing::new(value.into())));
    }

    pub(crate) fn into_request(self, uri: &Uri) -> Request<Bytes> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form() {
        let mut request = TokenRequest::new(EndpointKind::Token);
        request.set_param("grant_type", "refresh_token");
        request.set_param("refresh_token", "a+b/c=&d e é");
        request.set_param("scope", "old");
        request.set_param("scope", "new");
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
}
