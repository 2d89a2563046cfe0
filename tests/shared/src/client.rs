//! A small HTTP client that says nothing by itself.

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

/// A request in the making.
pub struct Call(Request<Full<Bytes>>);

pub fn call(method: Method, path: &str) -> Call {
    let mut request = Request::new(Full::default());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().expect("a path");
    Call(request)
}

pub fn get(path: &str) -> Call {
    call(Method::GET, path)
}

pub fn head(path: &str) -> Call {
    call(Method::HEAD, path)
}

pub fn post(path: &str) -> Call {
    call(Method::POST, path)
}

pub fn delete(path: &str) -> Call {
    call(Method::DELETE, path)
}

impl Call {
    /// Adds a header, beside others of the name.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.0
            .headers_mut()
            .append(name, value.parse().expect("a header"));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        *self.0.body_mut() = Full::new(body.into());
        self.header("content-type", content_type)
    }

    pub fn form(self, body: impl Into<Bytes>) -> Self {
        self.body("application/x-www-form-urlencoded", body)
    }

    pub fn json(self, body: impl Into<Bytes>) -> Self {
        self.body("application/json", body)
    }
}

#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    addr: SocketAddr,
}

impl Client {
    pub fn new(addr: SocketAddr) -> Self {
        Self {
            http: legacy::Client::builder(TokioExecutor::new()).build_http(),
            addr,
        }
    }

    /// Sends the request; fails where the server is not there or goes away.
    pub async fn attempt(&self, Call(mut request): Call) -> Result<Answer, legacy::Error> {
        let uri = format!("http://{}{}", self.addr, request.uri());
        *request.uri_mut() = uri.parse().expect("a URI");
        let (parts, body) = self.http.request(request).await?.into_parts();
        // A body that breaks off is an answer that was lost; no JSON fits it.
        let body = body
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    pub async fn send(&self, call: Call) -> Answer {
        self.attempt(call).await.expect("an answer")
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("ASCII"))
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// An error body of that code, with a description.
    #[track_caller]
    pub fn error(self, code: &str) -> Self {
        let body = self.json();
        assert_eq!(body["error"], code, "{self:?}");
        assert!(
            body["error_description"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{self:?}"
        );
        self
    }

    /// What RFC 6749 §5.1 asks of everything around tokens.
    #[track_caller]
    pub fn uncached(self) -> Self {
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert_eq!(self.header("pragma"), Some("no-cache"), "{self:?}");
        self
    }

    /// The first challenge. Besides it there may be one more, of the scheme DPoP.
    #[track_caller]
    pub fn challenge(&self) -> &str {
        let challenges = self.challenges();
        let (first, others) = challenges.split_first().expect("a challenge");
        assert!(others.len() <= 1, "{self:?}");
        assert!(others.iter().all(|other| other.starts_with("DPoP realm=")));
        first
    }

    /// All challenges, one for each header line.
    pub fn challenges(&self) -> Vec<&str> {
        let lines = self.headers.get_all(header::WWW_AUTHENTICATE).iter();
        lines.map(|line| line.to_str().expect("ASCII")).collect()
    }

    #[track_caller]
    pub fn unchallenged(self) -> Self {
        assert_eq!(self.header("www-authenticate"), None, "{self:?}");
        self
    }

    #[track_caller]
    pub fn empty(self) -> Self {
        assert!(self.body.is_empty(), "{self:?}");
        self
    }

    #[track_caller]
    pub fn allows(self, method: &str) -> Self {
        let allow = self.header("allow").expect("Allow");
        assert!(
            allow.split(',').any(|allowed| allowed.trim() == method),
            "{self:?}"
        );
        self
    }

    /// A token answer in the snake_case form (RFC 6749 §5.1).
    #[track_caller]
    pub fn tokens(self) -> Tokens {
        self.tokens_of_type("Bearer")
    }

    /// A token answer with this `token_type`.
    #[track_caller]
    pub fn tokens_of_type(self, token_type: &str) -> Tokens {
        let body = self.is(200).uncached().json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(body["token_type"], token_type);
        let expires_in = body["expires_in"].as_u64().expect("a whole number");
        assert!(expires_in > 0);
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        assert!(!access.is_empty() && !refresh.is_empty());
        Tokens {
            access,
            refresh,
            scope: body["scope"].as_str().map(str::to_owned),
            expires_in,
        }
    }
}

#[derive(Clone)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub scope: Option<String>,
    pub expires_in: u64,
}

impl Tokens {
    /// The session, as the access token names it.
    #[track_caller]
    pub fn sid(&self) -> String {
        payload(&self.access)["sid"]
            .as_str()
            .expect("a sid")
            .to_owned()
    }
}

/// The header of a token.
#[track_caller]
pub fn jose(token: &str) -> Value {
    segment(token, 0)
}

/// The claims of a token, unverified.
#[track_caller]
pub fn payload(token: &str) -> Value {
    segment(token, 1)
}

#[track_caller]
fn segment(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).expect("a segment");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}
