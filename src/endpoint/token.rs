use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    future::Future,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    authenticate::IntoClientDecision,
    carrier::{self, Carried},
    client::ClientSecret,
    error_reply::ErrorReply,
    future::ResponseFuture,
    params::{Accepts, Name, Params},
    session_endpoint::{Operation, SessionEndpoint},
};
use crate::{
    claims::Scope,
    error::ErrorCode,
    reply::{self, ReplyBody},
    session::{RefreshRequest, SessionError, Sessions},
    store::SessionStore,
    token::{RefreshToken, Spelling},
};

const GRANT_TYPE: Name = Name::new("grant_type", "grantType");
const REFRESH_TOKEN: Name = Name::new("refresh_token", "refreshToken");
const SCOPE: Name = Name::word("scope");

/// The token endpoint, which exchanges a refresh token for new tokens (RFC 6749 §6).
///
/// It is a Tower service over any request body. It accepts a `POST` with
/// - a form, `grant_type=refresh_token&refresh_token=…` with optional `scope` and `client_id`,
///   as every OAuth client sends it;
/// - or JSON, `{"refreshToken":"…"}` or `{"refresh_token":"…"}`. The response uses the same
///   spelling as the request.
///
/// The errors are those of RFC 6749 §5.2. Every refused refresh token is answered with the same
/// `invalid_grant`, whatever the reason is. If the store does not answer, the response is a 503
/// with `Retry-After`, and the client may send the same token again.
///
/// ```
/// use tower_bearer::{endpoint::TokenEndpoint, session::Sessions, store::MemoryStore};
///
/// fn endpoint(sessions: &Sessions<MemoryStore>) -> TokenEndpoint<MemoryStore> {
///     TokenEndpoint::new(sessions.clone()).body_limit(4 * 1024)
/// }
/// ```
pub struct TokenEndpoint<St>(SessionEndpoint<St>);

impl<St> TokenEndpoint<St> {
    /// An endpoint that refreshes these sessions.
    pub fn new(sessions: Sessions<St>) -> Self {
        Self(SessionEndpoint::new(sessions))
    }

    /// The largest request body in bytes: 16 KiB by default. A larger one gets a 413.
    #[must_use]
    pub fn body_limit(self, bytes: usize) -> Self {
        Self(self.0.body_limit(bytes))
    }

    /// Checks the secrets of OAuth clients, which they send in a Basic header or as
    /// `client_secret`.
    ///
    /// The check gets the client's identifier and secret, and returns a `bool` or a `Result` of
    /// one. `false` is answered with 401 `invalid_client`. An error, or no result within 5 seconds,
    /// is answered with 503 `temporarily_unavailable` and `Retry-After`, so that no client takes
    /// its secret for a wrong one.
    ///
    /// The check is called only if a request has a secret. Without a check, every secret is
    /// refused with `invalid_client`. A client without a secret is a public client. If it sends a
    /// `client_id`, that must be the session's. If none of your clients are public,
    /// [require](Self::require_client_authentication) a secret.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use tower_bearer::{endpoint::TokenEndpoint, store::MemoryStore};
    /// # struct Clients;
    /// # impl Clients {
    /// #     async fn secret_of(&self, id: &str) -> Result<Option<String>, std::io::Error> {
    /// #         Ok(None)
    /// #     }
    /// # }
    /// # fn configure(endpoint: TokenEndpoint<MemoryStore>, clients: Arc<Clients>) {
    /// let endpoint = endpoint.authenticate_client(move |id, secret| {
    ///     let clients = Arc::clone(&clients);
    ///     async move {
    ///         let expected = clients.secret_of(&id).await?;
    ///         Ok::<_, std::io::Error>(expected.is_some_and(|expected| secret.matches(&expected)))
    ///     }
    /// });
    /// # }
    /// ```
    #[must_use]
    pub fn authenticate_client<F, Fut>(self, check: F) -> Self
    where
        F: Fn(String, ClientSecret) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoClientDecision> + Send + 'static,
    {
        Self(self.0.authenticate_client(check))
    }

    /// Refuses clients that do not authenticate. A request without a secret that the
    /// [check](Self::authenticate_client) accepts is answered with 401 `invalid_client`. Without a
    /// check, all requests are refused.
    ///
    /// Use this if all clients are confidential, that is, back ends that can keep a secret.
    /// RFC 6749 §6 requires such a client to authenticate at each refresh, so that a stolen
    /// refresh token is of no use without the secret (RFC 9700 §2.2.2 and §4.14). Do not use it
    /// for public clients, which are apps in browsers and on phones: they cannot keep a secret,
    /// and rotation protects their tokens. If you have both kinds of clients, give each kind its
    /// own `Sessions`, refresh key and endpoints.
    ///
    /// Only the client that a session was started for can refresh it. A session that was started
    /// without a `client_id` can be refreshed by every client that authenticates.
    #[must_use]
    pub fn require_client_authentication(self) -> Self {
        Self(self.0.require_client_authentication())
    }

    /// Also takes refresh tokens from a cookie, if the body is empty or `{}`. The new refresh
    /// token then goes into the cookie, and only the access token into the body. Requests with a
    /// token in the body are answered as without this call. See [the policy](crate::cookie).
    #[cfg(feature = "cookie")]
    #[must_use]
    pub fn refresh_cookie(self, cookie: &crate::cookie::RefreshCookie) -> Self {
        Self(self.0.refresh_cookie(cookie))
    }
}

/// A request to refresh a session.
pub(super) struct Refresh {
    token: RefreshToken,
    scope: Option<Scope>,
    spelling: Spelling,
    carried: Option<Carried>,
}

impl Operation for Refresh {
    const ACCEPTS: Accepts = Accepts::FormOrJson;

    fn read(params: &Params, carried: Option<Carried>) -> Result<Self, ErrorReply> {
        let grant_type = params.get(GRANT_TYPE)?;
        let token = params.get(REFRESH_TOKEN)?;
        let scope = params.get(SCOPE)?;
        match (grant_type, params) {
            (Some("refresh_token"), _) | (None, Params::Json(_)) => {}
            (Some(_), _) => return Err(ErrorCode::UnsupportedGrantType.into()),
            (None, Params::Form(_)) => return Err(ErrorReply::request("grant_type is missing")),
        }
        let token = carrier::only(token, carried.as_ref(), "the refresh token is missing")?;
        let scope = scope.map(|scope| scope.parse::<Scope>().map_err(|_| ErrorCode::InvalidScope));
        let camel = params.is_camel(REFRESH_TOKEN);
        Ok(Self {
            token: RefreshToken::new(token),
            scope: scope.transpose()?.filter(|scope| !scope.is_empty()),
            spelling: if camel {
                Spelling::Camel
            } else {
                Spelling::Snake
            },
            carried,
        })
    }

    async fn run<St: SessionStore>(
        self,
        sessions: &Sessions<St>,
        client_id: Option<String>,
    ) -> Result<Response<Bytes>, SessionError> {
        let mut request = RefreshRequest::new(self.token);
        if let Some(scope) = self.scope {
            request = request.scope(scope);
        }
        if let Some(id) = client_id {
            request = request.client_id(id);
        }
        let refreshed = sessions.refresh(request).await?;
        match self.carried {
            Some(carried) => carried.refreshed(&refreshed),
            None => Ok(reply::json(&refreshed.tokens.to_wire(self.spelling))),
        }
    }
}

impl<St> Clone for TokenEndpoint<St> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<St> fmt::Debug for TokenEndpoint<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenEndpoint").field(&self.0).finish()
    }
}

impl<St, B> Service<Request<B>> for TokenEndpoint<St>
where
    St: SessionStore,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.0.respond::<Refresh, B>(request).into()
    }
}
