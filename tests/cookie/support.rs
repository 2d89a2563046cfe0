use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{COOKIE, SET_COOKIE},
};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::{Service, ServiceExt};
use tower_bearer::{
    Algorithm, Issuer, KeySet, Scope, SigningKey, TokenResponse, Verifier,
    clock::{Clock, ManualClock, SystemClock},
    cookie::{CookieOptions, RefreshCookie},
    endpoint::{EndpointOptions, RevocationEndpoint, TokenEndpoint},
    session::{Grant, Record, RefreshKey, Sessions, SessionsBuilder},
    store::{MemoryStore, SessionStore},
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const NAME: &str = "__Host-refresh_token";
pub(crate) const IDLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Past the reuse window, twice: a token presented again rotates again.
pub(crate) const LATER: Duration = Duration::from_secs(60);

/// Sessions over a store in memory, the clock that they tell the time by, and their cookie.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) keys: KeySet,
    pub(crate) store: MemoryStore,
    pub(crate) sessions: Sessions<MemoryStore>,
    pub(crate) cookie: RefreshCookie,
}

pub(crate) fn world() -> World {
    world_with(CookieOptions::new())
}

pub(crate) fn world_with(options: CookieOptions) -> World {
    let clock = ManualClock::new(SystemClock.now());
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let store = MemoryStore::with_clock(clock.clone());
    let sessions = sessions(&keys, store.clone());
    let cookie = RefreshCookie::new(&sessions, options).unwrap();
    World {
        clock,
        keys,
        store,
        sessions,
        cookie,
    }
}

pub(crate) fn sessions<St: SessionStore>(keys: &KeySet, store: St) -> Sessions<St> {
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys.clone()).unwrap();
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let builder = SessionsBuilder::new(issuer, refresh_key, store);
    builder.build().unwrap()
}

impl World {
    pub(crate) async fn start(&self) -> TokenResponse {
        let grant = Grant::new("alice")
            .scope(Scope::from_static("read write"))
            .client_id("app");
        self.sessions.start(grant).await.unwrap()
    }

    /// The refresh token of a fresh login.
    pub(crate) async fn token(&self) -> String {
        self.start().await.refresh_token.expose().to_owned()
    }

    /// Tokens in the cookie.
    pub(crate) fn options(&self) -> EndpointOptions {
        EndpointOptions::new().refresh_cookie(&self.cookie)
    }

    pub(crate) fn endpoint(&self) -> TokenEndpoint<MemoryStore> {
        TokenEndpoint::new(self.sessions.clone()).options(self.options())
    }

    pub(crate) fn revocation(&self) -> RevocationEndpoint<MemoryStore> {
        RevocationEndpoint::new(self.sessions.clone()).options(self.options())
    }

    pub(crate) fn verifier(&self) -> Verifier {
        let verifier = Verifier::new(ISSUER, AUDIENCE, self.keys.verifying()).unwrap();
        verifier.clock(self.clock.clone())
    }

    /// The session of these tokens, as the store has it.
    pub(crate) async fn row(&self, tokens: &TokenResponse) -> Record {
        let token = tokens.access_token.expose();
        let sid = self.verifier().verify(token).unwrap();
        let sid = sid.claims().session_id().unwrap();
        self.store.load(sid).await.unwrap().record.unwrap()
    }

    /// A refresh with this token in the cookie.
    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        send(self.endpoint(), with_cookie(NAME, token)).await
    }

    /// Whether the session that the token is of goes on.
    pub(crate) async fn lives(&self, token: &str) -> bool {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        let answer = send(self.endpoint(), post(Some(FORM), &form)).await;
        answer.status == StatusCode::OK
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";

pub(crate) fn post(content_type: Option<&str>, body: &str) -> Request<Full<Bytes>> {
    let mut request = Request::post("/auth/token").header("host", "id.example");
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    request.body(body).unwrap()
}

/// A `POST` without a body, as `fetch(url, { method: 'POST' })` sends it.
pub(crate) fn with_cookie(name: &str, token: &str) -> Request<Full<Bytes>> {
    and_cookies(post(None, ""), &[&format!("{name}={token}")])
}

/// With these `Cookie` headers.
pub(crate) fn and_cookies<B>(mut request: Request<B>, lines: &[&str]) -> Request<B> {
    for line in lines {
        let headers = request.headers_mut();
        headers.append(COOKIE, line.parse().unwrap());
    }
    request
}

pub(crate) fn and<B>(mut request: Request<B>, name: &'static str, value: &str) -> Request<B> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends a request to the token or revocation endpoint. No cache may keep any answer of theirs,
/// and all of them are JSON.
pub(crate) async fn send<S, B, R>(service: S, request: Request<B>) -> Answer
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: http_body::Body<Data = Bytes, Error = Infallible>,
{
    let answer = read(service.oneshot(request).await.unwrap()).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["content-type"], JSON);
    answer
}

pub(crate) async fn read<R>(response: Response<R>) -> Answer
where
    R: http_body::Body<Data = Bytes, Error = Infallible>,
{
    let (head, body) = response.into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// A `Set-Cookie` header, taken apart.
#[derive(Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) max_age: u64,
    /// All attributes but `Max-Age`, as they are written.
    pub(crate) attributes: Vec<String>,
}

impl Cookie {
    fn parse(line: &str) -> Self {
        let mut parts = line.split("; ");
        let (name, token) = parts.next().unwrap().split_once('=').unwrap();
        let (ages, attributes): (Vec<_>, Vec<_>) =
            parts.partition(|part| part.starts_with("Max-Age="));
        let [age] = ages[..] else { panic!("{line}") };
        Self {
            name: name.to_owned(),
            token: token.to_owned(),
            max_age: age["Max-Age=".len()..].parse().unwrap(),
            attributes: attributes.into_iter().map(str::to_owned).collect(),
        }
    }
}

pub(crate) fn cookies(headers: &HeaderMap) -> Vec<Cookie> {
    let lines = headers.get_all(SET_COOKIE).iter();
    let parse = |line: &http::HeaderValue| {
        assert!(line.is_sensitive());
        Cookie::parse(line.to_str().unwrap())
    };
    lines.map(parse).collect()
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The one cookie that is set.
    #[track_caller]
    pub(crate) fn cookie(&self) -> Cookie {
        let mut cookies = cookies(&self.headers);
        assert_eq!(cookies.len(), 1, "{self:?}");
        cookies.remove(0)
    }

    #[track_caller]
    pub(crate) fn sets_no_cookie(&self) {
        assert!(!self.headers.contains_key(SET_COOKIE), "{self:?}");
    }

    /// Exactly 200, an access token and no refresh token.
    #[track_caller]
    pub(crate) fn granted(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let json = self.json();
        assert!(json["access_token"].is_string(), "{json}");
        assert!(
            !self.body.windows(7).any(|part| part == b"refresh"),
            "{json}"
        );
        json
    }

    /// The answer to a request that has no token, which no other request gets.
    #[track_caller]
    pub(crate) fn misses_a_token(&self) {
        assert_eq!(self.status, StatusCode::BAD_REQUEST, "{self:?}");
        assert_eq!(self.json()["error"], "invalid_request");
        assert_eq!(self.json()["reason"], "no_token");
        self.sets_no_cookie();
    }

    /// This status and `error`, and not the sign of a request without a token; and whatever it is,
    /// the cookie stays.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.json()["error"], error);
        assert!(self.json()["error_description"].is_string());
        assert!(self.json()["reason"].is_null(), "{self:?}");
        self.sets_no_cookie();
    }
}
