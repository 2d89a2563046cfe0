//! What the servers do for their users: the same with a router and without one.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, USER_AGENT},
    request::Parts,
};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use tower_bearer::{
    Claims, Issuer, TokenResponse, Verifier,
    bearer::BearerLayer,
    dpop::{DpopError, DpopVerifier},
    endpoint::EndpointOptions,
    error::ConfigError,
    session::{
        ExcessScope, Grant, ListRequest, RefreshDecision, SessionError, SessionInfo, Sessions,
    },
};

use super::{
    config::{Config, Dpop, StartError},
    keys,
    store::OpenStore,
    users::Users,
};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://api.example";

/// A login's body may be this long.
pub(crate) const MAX_BODY: usize = 16 * 1024;

/// A login's body may take this long.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// So many sessions a user sees in the list, besides the current one. The newest are there.
const LISTED: usize = 1000;

/// Sessions, the users who have them, and what checks their access tokens.
#[derive(Clone)]
pub(crate) struct Auth {
    pub(crate) sessions: Sessions,
    verifier: Verifier,
    /// What checks the proofs of clients that they hold a key.
    dpop: Option<DpopVerifier>,
    /// The name and the secret of the resource server that may ask about access tokens.
    resource_server: Option<(String, String)>,
    users: Users,
}

impl Auth {
    pub(crate) async fn new(config: &Config, store: &OpenStore) -> Result<Self, StartError> {
        Self::limited(config, store, |_| None).await
    }

    /// With sessions that may have to wait for their next refresh, for as long as `wait` says.
    pub(crate) async fn limited(
        config: &Config,
        store: &OpenStore,
        wait: impl Fn(&SessionInfo) -> Option<Duration> + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let ring = keys::open(config, store).await?;
        let users = Users::demo().map_err(|error| StartError::new("argon2", &error))?;
        let build = || -> Result<Self, ConfigError> {
            let verifier = Verifier::new(ISSUER, AUDIENCE, ring.keys().verifying())?
                // One clock issues and verifies.
                .leeway(Duration::ZERO)?;
            let issuer = Issuer::new(ISSUER, AUDIENCE, ring.keys())?;
            let known = users.clone();
            let sessions = Sessions::builder(issuer, ring.refresh_key(), store.any())
                .access_lifetime(config.access_ttl())
                .idle_lifetime(config.refresh_idle_ttl())
                .session_lifetime(config.session_ttl())
                .reuse_window(config.reuse_window())
                // Some clients always ask for more than they were granted.
                .excess_scope(ExcessScope::LeaveOut)
                // Users see where and by what each of their sessions was used last.
                .remember_context()
                // Whoever was deleted since the login gets no new token, and the session ends.
                .on_refresh(move |session, _| {
                    let decision = match (known.is_known(&session.subject), wait(&session)) {
                        (false, _) => RefreshDecision::RefuseAndEnd,
                        (true, Some(wait)) => RefreshDecision::Throttle(wait),
                        (true, None) => RefreshDecision::Continue,
                    };
                    async move { decision }
                })
                .build()?;
            Ok(Self {
                sessions,
                verifier,
                dpop: dpop(config)?,
                resource_server: config.resource_server(),
                users,
            })
        };
        build().map_err(|error| StartError::new("configuration", &error))
    }

    /// The layer that checks access tokens.
    pub(crate) fn bearer(&self) -> BearerLayer {
        let layer = BearerLayer::new(self.verifier.clone()).sessions(&self.sessions);
        match &self.dpop {
            Some(dpop) => layer.dpop(dpop),
            None => layer,
        }
    }

    /// How the OAuth endpoints read requests.
    pub(crate) fn endpoint_options(&self) -> EndpointOptions {
        let mut options = EndpointOptions::new();
        if let Some(dpop) = &self.dpop {
            options = options.dpop(dpop);
        }
        match self.resource_server.clone() {
            Some((id, secret)) => {
                options
                    .resource_server(&id, AUDIENCE)
                    .authenticate_client(move |client, sent| {
                        let accepted = client == id && sent.matches(&secret);
                        async move { accepted }
                    })
            }
            None => options,
        }
    }

    /// Checks a user's password and starts a session, which is bound to the client's key if the
    /// request proves that it has one.
    pub(crate) async fn log_in(
        &self,
        request: &Parts,
        body: &[u8],
    ) -> Result<TokenResponse, Failure> {
        let login = Login::read(&request.headers, body)?;
        let proof = match &self.dpop {
            Some(dpop) => dpop.verify(request)?,
            None => None,
        };
        let user = self.users.log_in(login.username, login.password).await;
        let user = user.ok_or(Failure::InvalidCredentials)?;
        let mut grant = Grant::new(user.name).scope(user.scope).context(request);
        if let Some(proof) = proof {
            grant = grant.bound_to(proof);
        }
        if !login.remember {
            grant = grant.cookies_end_with_browser();
        }
        if let Some(agent) = request
            .headers
            .get(USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
        {
            grant = grant.metadata("user_agent", agent);
        }
        Ok(self.sessions.start(grant).await?)
    }

    /// Ends the session of the token that the request came with.
    pub(crate) async fn log_out(&self, claims: &Claims) -> Result<(), Failure> {
        if let Some(sid) = claims.session_id() {
            self.sessions.end(sid, claims).await?;
        }
        Ok(())
    }

    /// Ends all sessions of the user.
    pub(crate) async fn log_out_everywhere(&self, claims: &Claims) -> Result<(), Failure> {
        self.sessions.end_all(claims).await?;
        Ok(())
    }

    /// The user's sessions, so that they can spot one that is not theirs.
    pub(crate) async fn list(&self, claims: &Claims) -> Result<Vec<ListedSession>, Failure> {
        let own = claims.session_id();
        let request = ListRequest::from(claims).limit(LISTED);
        let page = self.sessions.list(request).await?;
        let listed = |info: SessionInfo| ListedSession {
            current: own == Some(info.sid),
            info,
        };
        Ok(page.sessions.into_iter().map(listed).collect())
    }

    /// Ends one session of the user. Another's is told from an unknown one by nothing.
    pub(crate) async fn end(&self, claims: &Claims, sid: &str) -> Result<(), Failure> {
        let sid = sid.parse().map_err(|_| Failure::NotFound)?;
        match self.sessions.end(sid, claims).await? {
            true => Ok(()),
            false => Err(Failure::NotFound),
        }
    }
}

fn dpop(config: &Config) -> Result<Option<DpopVerifier>, ConfigError> {
    let verifier = match &config.public_origin {
        Some(origin) => DpopVerifier::new(origin)?,
        // These servers are found at whatever address somebody tries them.
        None => DpopVerifier::danger_any_origin(),
    };
    Ok(match config.dpop {
        Dpop::Accept => Some(verifier),
        Dpop::Require => Some(verifier.require()),
        Dpop::Off => None,
    })
}

/// A session in the list that its user sees.
#[derive(Serialize)]
pub(crate) struct ListedSession {
    /// Whether the request came from this one.
    current: bool,
    #[serde(flatten)]
    info: SessionInfo,
}

// No `Debug`: it would show the password.
#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
    /// Whether the cookies are still there when the browser is opened again.
    #[serde(default = "yes")]
    remember: bool,
}

fn yes() -> bool {
    true
}

impl Login {
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = content_type
            .and_then(|value| value.split(';').next())
            .unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case("application/json") {
            return Err(Failure::UnsupportedMediaType);
        }
        serde_json::from_slice(body).map_err(|_| Failure::Malformed)
    }
}

/// What can go wrong with a request. Bodies look like those of the OAuth endpoints.
pub(crate) enum Failure {
    Malformed,
    TooLarge,
    /// The body broke off, or did not come in time.
    Incomplete,
    UnsupportedMediaType,
    InvalidCredentials,
    NotFound,
    MethodNotAllowed,
    Session(SessionError),
    /// The proof of a key is missing or refused.
    Proof(DpopError),
}

impl From<DpopError> for Failure {
    fn from(error: DpopError) -> Self {
        Self::Proof(error)
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl Failure {
    fn wire(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                r#"send {"username":"…","password":"…"}"#,
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                "the body is too large",
            ),
            Self::Incomplete => (
                StatusCode::REQUEST_TIMEOUT,
                "temporarily_unavailable",
                "the body did not come, or not in time",
            ),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "invalid_request",
                "send application/json",
            ),
            // Not `invalid_token`: nothing is wrong with a token, and clients must not refresh.
            Self::InvalidCredentials => (
                StatusCode::UNAUTHORIZED,
                "invalid_credentials",
                "the username or the password is wrong",
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "there is nothing here"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "invalid_request",
                "the method is not allowed",
            ),
            Self::Session(error) => {
                let code = error.code();
                (code.status(), code.as_str(), code.description())
            }
            Self::Proof(error) => {
                let code = error.code();
                (code.status(), code.as_str(), code.description())
            }
        }
    }

    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        match self {
            Self::Session(error) => return error.to_response().map(Full::new),
            Self::Proof(error) => return error.to_response().map(Full::new),
            _ => {}
        }
        let (status, error, description) = self.wire();
        let body = serde_json::json!({ "error": error, "error_description": description });
        json(status, &body)
    }
}

/// A JSON answer that no cache keeps: all of these are about one user.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let (status, text) = match serde_json::to_vec(body) {
        Ok(text) => (status, text),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
