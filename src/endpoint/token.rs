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
    store::{AnyStore, SessionStore},
    token::{RefreshToken, Spelling},
};

const GRANT_TYPE: Name = Name::new("grant_type", "grantType");
const REFRESH_TOKEN: Name = Name::new("refresh_token", "refreshToken");
const SCOPE: Name = Name::word("scope");

/// The token endpoint (RFC 6749 §6): a refresh token in, a new pair of tokens out.
///
/// A Tower service over any request body. It takes `POST` and
/// - a form, `grant_type=refresh_token&refresh_token=…` with optional `scope` and `client_id`,
///   as every OAuth client sends it;
/// - JSON, `{"refreshToken":"…"}` or `{"refresh_token":"…"}`, and answers in the spelling that
///   it was asked in.
///
/// Errors are those of RFC 6749 §5.2. All that is wrong with a refresh token, from unknown to
/// reused, is one `invalid_grant`. A store that does not answer is a 503 with `Retry-After`,
/// after which a client may send the same token again.
///
/// ```
/// use tower_bearer::{endpoint::TokenEndpoint, session::Sessions};
///
/// fn endpoint(sessions: &Sessions) -> TokenEndpoint {
///     TokenEndpoint::new(sessions.clone()).body_limit(4 * 1024)
/// }
/// ```
pub struct TokenEndpoint<St = AnyStore>(SessionEndpoint<St>);

impl<St> TokenEndpoint<St> {
    /// An endpoint that refreshes these sessions.
    pub fn new(sessions: Sessions<St>) -> Self {
        Self(SessionEndpoint::new(sessions))
    }

    /// How many bytes a request body has at most; 16 KiB unless set. Longer ones get a 413.
    #[must_use]
    pub fn body_limit(self, bytes: usize) -> Self {
        Self(self.0.body_limit(bytes))
    }

    /// Checks the secrets of OAuth clients, from a Basic header or from `client_secret`.
    ///
    /// The check gets the client's identifier and secret, and returns a `bool` or a `Result`
    /// of one. `false` is a 401 `invalid_client`; an error, or no answer within 5 s, is a 503
    /// `temporarily_unavailable` with `Retry-After`, so that no client takes its good secret
    /// for a bad one.
    ///
    /// It is asked only where a secret comes. Without a check each secret is refused with
    /// `invalid_client`. A client that sends none is a public one, and is held to the session's
    /// `client_id` if it names itself; where no client is public,
    /// [require](Self::require_client_authentication) a secret.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use tower_bearer::{endpoint::TokenEndpoint};
    /// # struct Clients;
    /// # impl Clients {
    /// #     async fn secret_of(&self, id: &str) -> Result<Option<String>, std::io::Error> {
    /// #         Ok(None)
    /// #     }
    /// # }
    /// # fn configure(endpoint: TokenEndpoint, clients: Arc<Clients>) {
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

    /// Refuses clients that do not authenticate: each request must carry a secret that the
    /// [check](Self::authenticate_client) accepts, or it is a 401 `invalid_client`, whatever it
    /// asks for. Without a check, all requests are refused.
    ///
    /// For servers whose clients are all confidential: back ends that can keep a secret. RFC
    /// 6749 §6 has such a client authenticate at each refresh, so that a refresh token that was
    /// stolen from it is worth nothing without the secret (RFC 9700 §2.2.2 and §4.14). Not for
    /// public clients, apps in browsers and on phones: what is shipped to users is no secret,
    /// and rotation is what protects their tokens. Where there are both kinds, give each its own
    /// `Sessions` with a refresh key of their own, and endpoints of its own.
    ///
    /// A session is held to the client that it was started for; one that was started without a
    /// `client_id` may be refreshed by each client that authenticates.
    #[must_use]
    pub fn require_client_authentication(self) -> Self {
        Self(self.0.require_client_authentication())
    }

    /// Takes refresh tokens from a cookie too, with an empty body or `{}`: the successor then
    /// goes back into the cookie, and only the access token into the body. Tokens in bodies are
    /// answered as before. See [the policy](crate::cookie).
    #[cfg(feature = "cookie")]
    #[must_use]
    pub fn refresh_cookie(self, cookie: &crate::cookie::RefreshCookie) -> Self {
        Self(self.0.refresh_cookie(cookie))
    }
}

/// What a request asks for.
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
