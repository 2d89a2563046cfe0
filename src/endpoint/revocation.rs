use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt,
    future::Future,
    task::{Context, Poll},
};

use bytes::Bytes;
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
    reply::{self, ReplyBody},
    session::Sessions,
    store::SessionStore,
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
/// use tower_bearer::{endpoint::RevocationEndpoint, session::Sessions, store::MemoryStore};
///
/// fn endpoint(sessions: &Sessions<MemoryStore>) -> RevocationEndpoint<MemoryStore> {
///     RevocationEndpoint::new(sessions.clone())
/// }
/// ```
pub struct RevocationEndpoint<St> {
    sessions: Sessions<St>,
    clients: ClientCheck,
    body_limit: usize,
}

impl<St> RevocationEndpoint<St> {
    /// An endpoint that ends these sessions.
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

    /// Checks the passwords of OAuth clients, as
    /// [`TokenEndpoint::authenticate_client`](super::TokenEndpoint::authenticate_client) does.
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

impl<St: SessionStore> RevocationEndpoint<St> {
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
                .revoke(request)
                .await
                .unwrap_or_else(Rejection::into_response)
        })
    }

    async fn revoke<B>(&self, request: Request<B>) -> Result<Response<ReplyBody>, Rejection>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let client = Presented::in_header(request.headers())?;
        let params = Params::read(request, Accepts::Form, self.body_limit).await?;
        let client = client.and_in_body(&params)?;
        let token = params
            .get(TOKEN)?
            .ok_or_else(|| Rejection::request("token is missing"))?;
        let client_id = self.clients.identify(client).await?;

        match self.sessions.revoke(token, client_id.as_deref()).await {
            Ok(()) => Ok(reply::no_store_json(Bytes::new()).map(ReplyBody::from)),
            Err(error) => Err(error.code().into()),
        }
    }
}

impl<St> Clone for RevocationEndpoint<St> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            clients: self.clients.clone(),
            body_limit: self.body_limit,
        }
    }
}

impl<St> fmt::Debug for RevocationEndpoint<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationEndpoint")
            .field("clients", &self.clients)
            .field("body_limit", &self.body_limit)
            .finish_non_exhaustive()
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
        self.respond(request).into()
    }
}
