use std::{fmt, net::IpAddr};

use http::{Extensions, HeaderMap, Method, Request, Uri, header::USER_AGENT, request::Parts};

use super::address;

/// The longest user agent, in bytes.
const MAX_USER_AGENT: usize = 1024;

/// All of a request but its body, borrowed. It is made from a [`Request`] or its [`Parts`].
///
/// `Debug` shows the method and the path only.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    #[inline]
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
    /// The method.
    pub fn method(self) -> &'a Method {
        self.method
    }

    /// The target, as far as routers have left it: nested ones of axum take a part of the path away.
    pub fn uri(self) -> &'a Uri {
        self.uri
    }

    /// The headers.
    pub fn headers(self) -> &'a HeaderMap {
        self.headers
    }

    /// What the server, its layers and the application have put into the request.
    pub fn extensions(self) -> &'a Extensions {
        self.extensions
    }

    /// The [address](super) of the client, if it is known.
    pub fn address(self) -> Option<IpAddr> {
        address::find(self.extensions)
    }

    /// What the client [calls itself](super): up to 1024 printable ASCII characters.
    pub fn user_agent(self) -> Option<&'a str> {
        let agent = self.headers.get(USER_AGENT)?.to_str().ok()?;
        Some(agent.get(..MAX_USER_AGENT).unwrap_or(agent)).filter(|agent| !agent.is_empty())
    }
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", self.method)
            .field("path", &self.uri.path())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::HeaderValue;

    use super::*;
    use crate::context::{ClientAddress, RequestContext};

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    fn request() -> Request<()> {
        Request::new(())
    }

    #[track_caller]
    fn agent(value: &[u8]) -> Option<String> {
        let mut request = request();
        let value = HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().insert(USER_AGENT, value);
        let head = RequestHead::from(&request);
        let context = RequestContext::from(&request);
        assert_eq!(head.user_agent(), context.user_agent());
        context.user_agent().map(str::to_owned)
    }

    #[test]
    fn a_user_agent_is_ascii_and_short() {
        let (longest, longer) = ("a".repeat(1024), "a".repeat(1025));
        assert_eq!(agent(b"shop/1.2 (x)").as_deref(), Some("shop/1.2 (x)"));
        assert_eq!(agent(longest.as_bytes()), Some(longest.clone()));
        assert_eq!(agent(longer.as_bytes()), Some(longest));
        assert_eq!(agent(b""), None);
        assert_eq!(agent("Büro/1".as_bytes()), None);
        assert_eq!(agent(b"\xff"), None);
        assert_eq!(RequestHead::from(&request()).user_agent(), None);
    }

    #[test]
    fn an_address_is_what_the_application_says() {
        let mut request = request();
        request.extensions_mut().insert(ClientAddress(CLIENT));
        assert_eq!(RequestHead::from(&request).address(), Some(CLIENT));
        let (parts, ()) = request.into_parts();
        assert_eq!(RequestContext::from(&parts).address(), Some(CLIENT));
    }

    #[test]
    fn no_header_is_an_address() {
        let mut request = request();
        for name in ["x-forwarded-for", "x-real-ip", "cf-connecting-ip"] {
            let value = HeaderValue::from_static("192.0.2.7");
            request.headers_mut().insert(name, value);
        }
        let value = HeaderValue::from_static("for=192.0.2.7");
        request.headers_mut().insert("forwarded", value);
        assert_eq!(RequestHead::from(&request).address(), None);
    }

    #[test]
    fn ipv4_has_one_form() {
        let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        let mut request = request();
        request.extensions_mut().insert(ClientAddress(mapped));
        assert_eq!(RequestHead::from(&request).address(), Some(CLIENT));
    }

    #[cfg(feature = "axum")]
    #[test]
    fn the_peer_counts_where_the_application_says_nothing() {
        use axum::extract::ConnectInfo;

        let peer: std::net::SocketAddr = "[::ffff:127.0.0.1]:5000".parse().unwrap();
        let mut request = request();
        request.extensions_mut().insert(ConnectInfo(peer));
        let loopback = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(RequestHead::from(&request).address(), loopback);
        request.extensions_mut().insert(ClientAddress(CLIENT));
        assert_eq!(RequestHead::from(&request).address(), Some(CLIENT));
    }

    #[test]
    fn a_head_shows_no_secret() {
        let mut request = request();
        *request.uri_mut() = "/events?access_ticket=secret".parse().unwrap();
        let value = HeaderValue::from_static("a=secret");
        request.headers_mut().insert("cookie", value);
        let shown = format!("{:?}", RequestHead::from(&request));
        assert_eq!(shown, r#"RequestHead { method: GET, path: "/events", .. }"#);
    }

    #[test]
    fn a_context_shows_no_extension() {
        #[derive(Clone, Debug)]
        struct Secret;

        let mut request = request();
        request.extensions_mut().insert(Secret);
        request.extensions_mut().insert(ClientAddress(CLIENT));
        let shown = format!("{:?}", RequestContext::from(&request));
        assert_eq!(
            shown,
            "RequestContext { address: Some(192.0.2.7), user_agent: None, .. }"
        );
    }
}
