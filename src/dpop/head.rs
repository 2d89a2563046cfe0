use http::{
    Extensions, HeaderMap, HeaderValue, Method, Request, Uri, header::HOST, request::Parts,
};

/// The part of a request that a proof is about: all but its body. It is made from a
/// [`Request`] or its [`Parts`].
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    pub(super) method: &'a Method,
    uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) extensions: &'a Extensions,
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'a> From<&'a Parts> for RequestHead<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

impl<'a> RequestHead<'a> {
    /// The path that the request has arrived with.
    pub(super) fn path(self) -> &'a str {
        self.uri.path()
    }

    /// The path before nested axum routers have taken a part of it away.
    #[cfg(feature = "axum")]
    pub(super) fn original_path(self) -> &'a str {
        match self.extensions.get::<axum::extract::OriginalUri>() {
            Some(original) => original.path(),
            None => self.path(),
        }
    }

    /// The host that the client has asked for. That of the request target, which HTTP/2 has, counts
    /// before `Host` (RFC 9112 §3.2.2).
    pub(super) fn authority(self) -> Option<&'a str> {
        if let Some(authority) = self.uri.authority() {
            return Some(authority.as_str());
        }
        let mut hosts = self.headers.get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => HeaderValue::to_str(host).ok(),
            _ => None,
        }
    }
}
