use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    future::Future,
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    client::{ClientCheck, ClientSecret, Presented},
    future::{ReplyFuture, ResponseFuture},
    params::{Accepts, DEFAULT_BODY_LIMIT, Name, Params},
    rejection::{Rejection, method_not_allowed},
};
use crate::{
    claims::Scope,
    error::ErrorCode,
    reply::{self, ReplyBody},
    session::{RefreshRequest, Sessions},
    store::SessionStore,
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
/// use tower_bearer::{endpoint::TokenEndpoint, session::Sessions, store::MemoryStore};
///
/// fn endpoint(sessions: &Sessions<MemoryStore>) -> TokenEndpoint<MemoryStore> {
///     TokenEndpoint::new(sessions.clone()).body_limit(4 * 1024)
/// }
/// ```
pub struct TokenEndpoint<St> {
    sessions: Sessions<St>,
    clients: ClientCheck,
    body_limit: usize,
}

impl<St> TokenEndpoint<St> {
    /// An endpoint that refreshes these sessions.
    pub fn new(sessions: Sessions<St>) -> Self {
        Self {
            sessions,
            clients: ClientCheck::default(),
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }

    /// How many bytes a request body has at most; 16 KiB unless set. Longer ones get a 413.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Checks the passwords of OAuth clients, from a Basic header or from `client_secret`.
    ///
    /// It is asked only where a password comes. Without a check each password is refused with
    /// `invalid_client`; a client that sends none is a public one, and is held to the session's
    /// `client_id` if it names itself.
    #[must_use]
    pub fn authenticate_client<F, Fut>(self, check: F) -> Self
    where
        F: Fn(String, ClientSecret) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.client_check(ClientCheck::new(check))
    }

    pub(super) fn client_check(mut self, clients: ClientCheck) -> Self {
        self.clients = clients;
        self
    }
}

impl<St: SessionStore> TokenEndpoint<St> {
    pub(super) fn respond<B>(&self, request: Request<B>) -> ReplyFuture
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        if request.method() != Method::POST {
            return ReplyFuture::ready(method_not_allowed(request.method(), "POST"));
        }
        let endpoint = self.clone();
        ReplyFuture::boxed(async move {
            endpoint
                .refresh(request)
                .await
                .unwrap_or_else(Rejection::into_response)
        })
    }

    async fn refresh<B>(&self, request: Request<B>) -> Result<Response<ReplyBody>, Rejection>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let client = Presented::in_header(request.headers())?;
        let params = Params::read(request, Accepts::FormOrJson, self.body_limit).await?;
        let client = client.and_in_body(&params)?;
        let wanted = Wanted::new(&params)?;
        let client_id = self.clients.identify(client).await?;

        let mut refresh = RefreshRequest::new(wanted.token);
        if let Some(scope) = wanted.scope {
            refresh = refresh.scope(scope);
        }
        if let Some(id) = client_id {
            refresh = refresh.client_id(id);
        }
        match self.sessions.refresh(refresh).await {
            Ok(refreshed) => {
                let answer = reply::json(&refreshed.tokens.to_wire(wanted.spelling));
                Ok(answer.map(ReplyBody::from))
            }
            Err(error) => Err(error.code().into()),
        }
    }
}

/// What a request asks for.
struct Wanted {
    token: RefreshToken,
    scope: Option<Scope>,
    spelling: Spelling,
}

impl Wanted {
    fn new(params: &Params) -> Result<Self, Rejection> {
        let grant_type = params.get(GRANT_TYPE)?;
        let token = params.get(REFRESH_TOKEN)?;
        let scope = params.get(SCOPE)?;
        match (grant_type, params) {
            (Some("refresh_token"), _) | (None, Params::Json(_)) => {}
            (Some(_), _) => return Err(ErrorCode::UnsupportedGrantType.into()),
            (None, Params::Form(_)) => return Err(Rejection::request("grant_type is missing")),
        }
        let token = token.ok_or_else(|| Rejection::request("the refresh token is missing"))?;
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
        })
    }
}

impl<St> Clone for TokenEndpoint<St> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            clients: self.clients.clone(),
            body_limit: self.body_limit,
        }
    }
}

impl<St> fmt::Debug for TokenEndpoint<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("clients", &self.clients)
            .field("body_limit", &self.body_limit)
            .finish_non_exhaustive()
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
        self.respond(request).into()
    }
}
