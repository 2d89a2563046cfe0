use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    carrier::{self, Carried},
    dpop::Proved,
    error_reply::ErrorReply,
    options::EndpointOptions,
    params::{Accepts, Name, Params},
    session_endpoint::{Operation, SessionEndpoint},
};
use crate::{
    claims::Scope,
    context::RequestContext,
    error::ErrorCode,
    reply::{self, ReplyBody, ResponseFuture},
    session::{RefreshRequest, SessionError, Sessions},
    store::{AnyStore, SessionStore},
    token::{RefreshToken, Spelling},
};

const GRANT_TYPE: Name = Name::new("grant_type", "grantType");
const REFRESH_TOKEN: Name = Name::new("refresh_token", "refreshToken");
const SCOPE: Name = Name::word("scope");
const RESOURCE: Name = Name::word("resource");

/// The token endpoint, which exchanges a refresh token for new tokens (RFC 6749 §6).
///
/// It is a Tower service over any request body. It accepts a `POST` with
/// - a form, `grant_type=refresh_token&refresh_token=…` with optional `scope`, `client_id` and one or more
///   `resource` (RFC 8707), as every OAuth client sends it;
/// - or JSON, `{"refreshToken":"…"}` or `{"refresh_token":"…"}`. The response uses the same
///   spelling as the request. Several `resource` are an array.
///
/// If a [`Takeover`](crate::session::Takeover) is under way, it also exchanges the refresh tokens of another
/// program, in all of these forms.
///
/// The errors are those of RFC 6749 §5.2. Every refused refresh token is answered with the same
/// `invalid_grant`, whatever the reason is. Only the token of a session that is bound to a key, and
/// that nobody has refused, is told what it lacks: the proof (`invalid_dpop_proof`, RFC 9449 §5), or
/// the device, which renews the session by itself (403 `access_denied`). If the store does not answer, the response is a 503
/// with `Retry-After`, and the client may send the same token again.
///
/// ```
/// use tower_bearer::{
///     endpoint::{EndpointOptions, TokenEndpoint},
///     session::Sessions,
/// };
///
/// fn endpoint(sessions: &Sessions) -> TokenEndpoint {
///     let options = EndpointOptions::new().body_limit(4 * 1024);
///     TokenEndpoint::new(sessions.clone()).options(options)
/// }
/// ```
pub struct TokenEndpoint<St = AnyStore>(SessionEndpoint<St>);

impl<St> TokenEndpoint<St> {
    /// An endpoint that refreshes these sessions.
    pub fn new(sessions: Sessions<St>) -> Self {
        Self(SessionEndpoint::new(sessions))
    }

    /// Reads requests, and asks for clients' secrets, as these options say.
    #[must_use]
    pub fn options(self, options: EndpointOptions) -> Self {
        Self(self.0.options(options))
    }
}

/// A request to refresh a session.
pub(super) struct Refresh {
    token: RefreshToken,
    scope: Option<Scope>,
    resources: Vec<String>,
    spelling: Spelling,
    carried: Option<Carried>,
}

impl Operation for Refresh {
    const ACCEPTS: Accepts = Accepts::FormOrJson;
    const TAKES_PROOFS: bool = true;

    fn read(params: &Params, carried: Option<Carried>) -> Result<Self, ErrorReply> {
        let grant_type = params.get(GRANT_TYPE)?;
        let token = params.get(REFRESH_TOKEN)?;
        let carried = carrier::counting(token, carried);
        let scope = params.get(SCOPE)?;
        match (grant_type, params) {
            (Some("refresh_token"), _) | (None, Params::Json(_)) => {}
            (Some(_), _) => return Err(ErrorCode::UnsupportedGrantType.into()),
            (None, Params::Form(_)) if token.is_some() || carried.is_some() => {
                return Err(ErrorReply::request("grant_type is missing"));
            }
            // It has no token either, which is said below.
            (None, Params::Form(_)) => {}
        }
        let token = carrier::only(token, carried.as_ref(), "the refresh token is missing")?;
        let scope = scope.map(|scope| scope.parse::<Scope>().map_err(|_| ErrorCode::InvalidScope));
        let camel = params.is_camel(REFRESH_TOKEN);
        Ok(Self {
            token: RefreshToken::new(token),
            scope: scope.transpose()?.filter(|scope| !scope.is_empty()),
            resources: params.all(RESOURCE)?,
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
        proved: &Proved,
        context: RequestContext,
    ) -> Result<Response<Bytes>, SessionError> {
        let request = RefreshRequest::new(self.token).context(context);
        let mut request = proved.add_to(request);
        if let Some(carried) = &self.carried {
            request = carried.add_to(request);
        }
        if let Some(scope) = self.scope {
            request = request.scope(scope);
        }
        for resource in self.resources {
            request = request.resource(resource);
        }
        if let Some(id) = client_id {
            request = request.client_id(id);
        }
        let refreshed = match self.carried.as_ref().is_some_and(Carried::is_foreign) {
            true => sessions.adopt(request).await?,
            false => sessions.refresh(request).await?,
        };
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
