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
    reply::{self, ReplyBody},
    session::{SessionError, Sessions},
    store::{AnyStore, SessionStore},
};

const TOKEN: Name = Name::word("token");

/// The revocation endpoint (RFC 7009): a refresh token, or a live access token, ends its
/// session.
///
/// A Tower service over any request body. It takes `POST` and a form, `token=…`; a
/// `token_type_hint` is not needed and not looked at. The answer is an empty 200 whatever the
/// token is, unknown and malformed ones included (RFC 7009 §2.2), but for a token of another
/// client (`invalid_grant`) and a store that does not answer (503).
///
/// ```
/// use tower_bearer::{endpoint::RevocationEndpoint, session::Sessions};
///
/// fn endpoint(sessions: &Sessions) -> RevocationEndpoint<MemoryStore> {
///     RevocationEndpoint::new(sessions.clone())
/// }
/// ```
pub struct RevocationEndpoint<St = AnyStore>(SessionEndpoint<St>);

impl<St> RevocationEndpoint<St> {
    /// An endpoint that ends these sessions.
    pub fn new(sessions: Sessions<St>) -> Self {
        Self(SessionEndpoint::new(sessions))
    }

    /// How many bytes a request body has at most; 16 KiB unless set. Longer ones get a 413.
    #[must_use]
    pub fn body_limit(self, bytes: usize) -> Self {
        Self(self.0.body_limit(bytes))
    }

    /// Checks the secrets of OAuth clients, as
    /// [`TokenEndpoint::authenticate_client`](super::TokenEndpoint::authenticate_client) does.
    #[must_use]
    pub fn authenticate_client<F, Fut>(self, check: F) -> Self
    where
        F: Fn(String, ClientSecret) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoClientDecision> + Send + 'static,
    {
        Self(self.0.authenticate_client(check))
    }

    /// Refuses clients that do not authenticate (RFC 7009 §2.1), as
    /// [`TokenEndpoint::require_client_authentication`][token] does.
    ///
    /// [token]: super::TokenEndpoint::require_client_authentication
    #[must_use]
    pub fn require_client_authentication(self) -> Self {
        Self(self.0.require_client_authentication())
    }

    /// Takes the refresh token from a cookie too, with an empty body: a logout, whose answer
    /// clears the cookie. The cookie's path has to reach this endpoint. See
    /// [the policy](crate::cookie).
    #[cfg(feature = "cookie")]
    #[must_use]
    pub fn refresh_cookie(self, cookie: &crate::cookie::RefreshCookie) -> Self {
        Self(self.0.refresh_cookie(cookie))
    }
}

/// What a request asks for.
pub(super) struct Revoke {
    token: String,
    carried: Option<Carried>,
}

impl Operation for Revoke {
    const ACCEPTS: Accepts = Accepts::Form;

    fn read(params: &Params, carried: Option<Carried>) -> Result<Self, ErrorReply> {
        let token = params.get(TOKEN)?;
        let token = carrier::only(token, carried.as_ref(), "token is missing")?;
        Ok(Self {
            token: token.to_owned(),
            carried,
        })
    }

    async fn run<St: SessionStore>(
        self,
        sessions: &Sessions<St>,
        client_id: Option<String>,
    ) -> Result<Response<Bytes>, SessionError> {
        sessions.revoke(&self.token, client_id.as_deref()).await?;
        let mut response = reply::no_store_json(Bytes::new());
        if let Some(carried) = self.carried {
            carried.clear(response.headers_mut());
        }
        Ok(response)
    }
}

impl<St> Clone for RevocationEndpoint<St> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<St> fmt::Debug for RevocationEndpoint<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RevocationEndpoint").field(&self.0).finish()
    }
}

impl<St, B> Service<Request<B>> for RevocationEndpoint<St>
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
        self.0.respond::<Revoke, B>(request).into()
    }
}
