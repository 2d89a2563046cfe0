use std::sync::Arc;

use tower_layer::Layer;

use crate::{
    origin::Origin,
    replay::{CloneBody, NeverReplay},
    rules::Rules,
    service::Refresh,
    session::ClientSession,
};

/// Puts the access token of a [`ClientSession`] on the requests of an HTTP client. The
/// [front page](crate) says which requests and when.
///
/// ```
/// # use tower_bearer_client::{ClientSession, ConfigError, RefreshLayer};
/// # fn layer(session: &ClientSession) -> Result<(), ConfigError> {
/// let one_api = RefreshLayer::new(session, "https://api.example".parse()?);
/// let two_apis = one_api.clone().origin("https://files.example:8443".parse()?);
/// let any_body = two_apis.never_replay();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RefreshLayer<R = CloneBody> {
    rules: Arc<Rules>,
    replay: R,
}

impl RefreshLayer {
    /// Sends the session's access token to this [`Origin`] and to no other.
    ///
    /// The body of a request is cloned before the request is sent, so that it can be sent once more
    /// if the token is refused. For bodies that are not [`Clone`] there are
    /// [`never_replay`](Self::never_replay) and [`replay_with`](Self::replay_with).
    #[must_use]
    pub fn new(session: &ClientSession, origin: Origin) -> Self {
        Self {
            rules: Arc::new(Rules {
                session: session.clone(),
                origins: vec![origin],
                relative_is_ours: false,
                needs_challenge: true,
            }),
            replay: CloneBody,
        }
    }
}

impl<R> RefreshLayer<R> {
    fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.rules));
        self
    }

    /// Sends the token to this origin too.
    #[must_use]
    pub fn origin(self, origin: Origin) -> Self {
        self.with(|rules| rules.origins.push(origin))
    }

    /// Sends the token with requests whose URL is a path without a host too, such as `/path`.
    /// Clients with one open connection send such requests.
    ///
    /// The layer cannot see where such a request goes. Call this only for an HTTP client that
    /// cannot reach any server but those of the configured origins. A token that is bound to a key is
    /// proven for the first of them, the one given to [`new`](RefreshLayer::new).
    #[must_use]
    pub fn danger_trust_relative_urls(self) -> Self {
        self.with(|rules| rules.relative_is_ours = true)
    }

    /// Takes every 401, and every `grpc-status: 16`, for a refusal of the access token, and
    /// refreshes. By default, only one with a challenge that says `invalid_token` is one (RFC 6750
    /// §3.1), but some servers send none.
    #[must_use]
    pub fn refresh_without_challenge(self) -> Self {
        self.with(|rules| rules.needs_challenge = false)
    }

    /// Takes any body and sends it once. If its token is refused, the caller gets the refusal, and
    /// the next request has a new token.
    #[must_use]
    pub fn never_replay(self) -> RefreshLayer<NeverReplay> {
        self.replay_with(NeverReplay)
    }

    /// Has bodies copied by `replay`, which is a [`Replay`](crate::Replay) or a function from `&B`
    /// to `Option<B>`.
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
            rules: self.rules,
            replay,
        }
    }
}

impl<S, R: Clone> Layer<S> for RefreshLayer<R> {
    type Service = Refresh<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Refresh::new(inner, Arc::clone(&self.rules), self.replay.clone())
    }
}
