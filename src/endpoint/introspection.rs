use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    client::ClientCredentials,
    error_reply::ErrorReply,
    introspection_answer as answer,
    options::EndpointOptions,
    params::{Accepts, Params, TOKEN},
    session_endpoint::SessionEndpoint,
};
use crate::{
    error::BoxError,
    reply::{ReplyBody, ReplyFuture, ResponseFuture, method_not_allowed},
    session::{SessionError, Sessions},
    store::{AnyStore, SessionStore},
};

/// The introspection endpoint (RFC 7662): a resource server or a client asks whether a token is live,
/// and what it says.
///
/// It is a Tower service over any request body. It accepts a `POST` with a form, `token=…`, and
/// ignores a `token_type_hint`.
///
/// 1. **Who may ask.** Only a caller that has authenticated, before anything else is looked at:
///    - a client with its secret, as
///      [`authenticate_client`](EndpointOptions::authenticate_client) accepts it. A `client_id` alone is
///      no authentication, whatever the token endpoint takes;
///    - a resource server with a bearer token of its own, as
///      [`authenticate_resource_server`](EndpointOptions::authenticate_resource_server) accepts it.
///
///    Without either setting all requests are answered with 401.
/// 2. **Which tokens a caller may see.** A client sees the access and refresh tokens that were issued to
///    it. A resource server, be it by its bearer token or as a client that
///    [`resource_server`](EndpointOptions::resource_server) names, sees the access tokens that are for its
///    audience. Any other token is answered as an unknown one is (RFC 7662 §4). So are refresh tokens of
///    a session that was started without a client.
/// 3. **What is live.** An access token that verifies, has not expired, without any leeway, and whose
///    session still runs, in the store and as far as this process knows; a token without a session as long as it verifies. A refresh token
///    that a refresh would accept now, if its client proves what it has to.
/// 4. **What the answer says.** For all that is not live, `{"active":false}` and nothing more. For an
///    access token `active`, `token_type` and its claims except for `gen`. For a refresh token `active`, `scope`,
///    `client_id`, `sub` and `iss`: never its `jti`, its generation or its expiry.
/// 5. **What it changes.** Nothing: it writes nothing, confirms no generation, and tells no event.
///
/// A caller with `Accept: application/token-introspection+jwt` gets the answer as a JWT that is signed
/// with the issuer's key (RFC 9701). If the store does not answer, the response is a 503 with
/// `Retry-After`, and never an inactive token.
///
/// ```
/// use tower_bearer::{
///     endpoint::{EndpointOptions, IntrospectionEndpoint},
///     session::Sessions,
/// };
///
/// fn endpoint(sessions: &Sessions, secret: String) -> IntrospectionEndpoint {
///     let options = EndpointOptions::new()
///         .authenticate_client(move |id, sent| {
///             let accepted = id == "orders" && sent.matches(&secret);
///             async move { accepted }
///         })
///         .resource_server("orders", "https://orders.example");
///     IntrospectionEndpoint::new(sessions.clone()).options(options)
/// }
/// ```
pub struct IntrospectionEndpoint<St = AnyStore>(SessionEndpoint<St>);

impl<St> IntrospectionEndpoint<St> {
    /// An endpoint that answers for the tokens of these sessions. Nobody may ask until the
    /// [options](Self::options) say who.
    pub fn new(sessions: Sessions<St>) -> Self {
        Self(SessionEndpoint::new(sessions))
    }

    /// Reads requests, and authenticates those who ask, as these options say.
    #[must_use]
    pub fn options(self, options: EndpointOptions) -> Self {
        Self(self.0.options(options))
    }
}

/// How callers authenticate, as the metadata name it. `None` if nobody may ask.
pub(super) fn methods(options: &EndpointOptions) -> Option<Vec<&'static str>> {
    options.introspectors.methods(&options.clients)
}

/// The future answer to a request.
pub(super) fn respond<St, B>(endpoint: &SessionEndpoint<St>, request: Request<B>) -> ReplyFuture
where
    St: SessionStore,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    if request.method() != Method::POST {
        return ReplyFuture::ready(method_not_allowed(request.method(), "POST"));
    }
    let endpoint = endpoint.clone();
    let version = request.version();
    ReplyFuture::boxed(async move {
        match introspect(&endpoint, request).await {
            Ok(answer) => answer.map(ReplyBody::from),
            Err(error) => error.into_response_over(version),
        }
    })
}

/// A caller that fails to authenticate learns nothing else. Cookies are not looked at: a browser has no
/// business here.
async fn introspect<St, B>(
    endpoint: &SessionEndpoint<St>,
    request: Request<B>,
) -> Result<Response<Bytes>, ErrorReply>
where
    St: SessionStore,
    B: Body<Data: Send, Error: Into<BoxError>> + Send,
{
    let (sessions, options) = (endpoint.sessions(), endpoint.settings());
    let (head, body) = request.into_parts();
    let client = ClientCredentials::in_header(&head.headers)?;
    let params = Params::read(&head.headers, body, Accepts::Form, options.body).await?;
    let client = client.and_in_body(&params)?;
    let caller = options
        .introspectors
        .identify(&head.headers, client, &options.clients)
        .await?;
    let missing = || ErrorReply::request("token is missing");
    let token = params.get(TOKEN)?.ok_or_else(missing)?;
    let failed = |error: SessionError| ErrorReply::from(&error);
    let introspected = sessions.introspect(token).await.map_err(failed)?;
    let seen = introspected.token.filter(|token| caller.may_see(token));
    let members = answer::members(seen.as_ref(), sessions.issuer());
    if !answer::is_to_be_signed(&head.headers) {
        return Ok(answer::plain(members));
    }
    answer::signed(members, sessions.issuer(), caller.name(), introspected.at)
        .await
        .map_err(|error| failed(error.into()))
}

impl<St> Clone for IntrospectionEndpoint<St> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<St> fmt::Debug for IntrospectionEndpoint<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntrospectionEndpoint")
            .field(&self.0)
            .finish()
    }
}

impl<St, B> Service<Request<B>> for IntrospectionEndpoint<St>
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
        respond(&self.0, request).into()
    }
}
