use std::sync::Arc;

use http::{Request, Response, StatusCode, Uri, header::AUTHORIZATION};
use tower_layer::Layer;

use super::{ClientSession, CloneBody, NeverReplay, RefreshService, challenge, origin::Origin};
use tower_bearer::error::ConfigError;

/// Sends the requests of an HTTP client with the access token of a [`ClientSession`]. See
/// [the policy](super).
///
/// ```
/// # use tower_bearer::{client::{ClientSession, RefreshLayer}, error::ConfigError};
/// # fn layer(session: &ClientSession) -> Result<(), ConfigError> {
/// let one_api = RefreshLayer::new(session, "https://api.example")?;
/// let two_apis = one_api.clone().origin("https://files.example:8443")?;
/// let any_body = two_apis.never_replay();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RefreshLayer<R = CloneBody> {
    policy: Arc<Policy>,
    replay: R,
}

impl RefreshLayer {
    /// Sends the session's access token to this origin, `scheme://host[:port]`, and to no other.
    ///
    /// A request's body is cloned before it is sent, to have it again after a 401. For bodies that
    /// are not `Clone` see [`never_replay`](Self::never_replay) and
    /// [`replay_with`](Self::replay_with).
    ///
    /// # Errors
    ///
    /// Where `origin` is malformed, or is not https unless it is on this machine.
    pub fn new(session: &ClientSession, origin: &str) -> Result<Self, ConfigError> {
        Ok(Self {
            policy: Arc::new(Policy {
                session: session.clone(),
                origins: vec![confidential(origin)?],
                relative_is_ours: false,
                any_401: false,
            }),
            replay: CloneBody,
        })
    }
}

impl<R> RefreshLayer<R> {
    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(Arc::make_mut(&mut self.policy));
        self
    }

    /// Sends the token to this origin too.
    ///
    /// # Errors
    ///
    /// As [`new`](RefreshLayer::new).
    pub fn origin(self, origin: &str) -> Result<Self, ConfigError> {
        let origin = confidential(origin)?;
        Ok(self.with(|policy| policy.origins.push(origin)))
    }

    /// Sends the token to this origin too, in the clear if it is not https.
    ///
    /// Whoever is on the way has the token.
    ///
    /// # Errors
    ///
    /// Where `origin` is malformed.
    pub fn danger_plain_http_origin(self, origin: &str) -> Result<Self, ConfigError> {
        let origin = Origin::parse(origin)?;
        Ok(self.with(|policy| policy.origins.push(origin)))
    }

    /// Sends the token with requests that name no host too, `/path` alone, as they are sent over
    /// a connection that is open.
    ///
    /// The layer cannot see where such a request goes. Only for clients that can reach nobody but
    /// the configured origins.
    #[must_use]
    pub fn danger_trust_relative_urls(self) -> Self {
        self.with(|policy| policy.relative_is_ours = true)
    }

    /// Takes each 401 for an access token that is refused, not only those that say so: for
    /// servers whose 401 has no `invalid_token` challenge (RFC 6750 §3.1).
    #[must_use]
    pub fn refresh_on_any_401(self) -> Self {
        self.with(|policy| policy.any_401 = true)
    }

    /// Takes any body and sends it once. A 401 comes through; the next request has a new token.
    #[must_use]
    pub fn never_replay(self) -> RefreshLayer<NeverReplay> {
        self.replay_with(NeverReplay)
    }

    /// Has bodies copied by `replay`, a [`Replay`](super::Replay) or a function from `&B` to
    /// `Option<B>`.
    ///
    /// ```
    /// # use tower_bearer_client::RefreshLayer;
    /// enum Upload {
    ///     Text(String),
    ///     Stream(Box<dyn std::io::Read + Send>),
    /// }
    ///
    /// # fn layer(layer: RefreshLayer) -> RefreshLayer<impl Clone> {
    /// layer.replay_with(|body: &Upload| match body {
    ///     Upload::Text(text) => Some(Upload::Text(text.clone())),
    ///     Upload::Stream(_) => None,
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn replay_with<R2>(self, replay: R2) -> RefreshLayer<R2> {
        RefreshLayer {
            policy: self.policy,
            replay,
        }
    }
}

impl<S, R: Clone> Layer<S> for RefreshLayer<R> {
    type Service = RefreshService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RefreshService::new(inner, Arc::clone(&self.policy), self.replay.clone())
    }
}

fn confidential(origin: &str) -> Result<Origin, ConfigError> {
    Origin::parse(origin)?.require_confidential()
}

/// Which requests get a token, and which answers refuse one.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) session: ClientSession,
    origins: Vec<Origin>,
    relative_is_ours: bool,
    any_401: bool,
}

impl Policy {
    /// A request that brings its own `Authorization`, whatever it is, is the caller's.
    pub(super) fn is_ours<B>(&self, request: &Request<B>) -> bool {
        !request.headers().contains_key(AUTHORIZATION) && self.may_go_to(request.uri())
    }

    fn may_go_to(&self, uri: &Uri) -> bool {
        match uri.authority() {
            None => self.relative_is_ours,
            Some(_) => self.origins.iter().any(|origin| origin.is_of(uri)),
        }
    }

    pub(super) fn refuses<B>(&self, response: &Response<B>) -> bool {
        response.status() == StatusCode::UNAUTHORIZED
            && (self.any_401 || challenge::is_invalid_token(response.headers()))
    }
}
