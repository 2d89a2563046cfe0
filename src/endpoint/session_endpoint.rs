//! What the token and the revocation endpoint share: how a request is read, who sends it.

use std::{fmt, future::Future};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;

use super::{
    authenticate::{Authentication, IntoClientDecision},
    carrier::{Carried, Carrier},
    client::{ClientCredentials, ClientSecret},
    error_reply::{ErrorReply, method_not_allowed},
    future::ReplyFuture,
    params::{Accepts, DEFAULT_BODY_LIMIT, Params},
};
use crate::{
    error::BoxError,
    reply::ReplyBody,
    session::{SessionError, Sessions},
    store::SessionStore,
};

/// What a request asks of the sessions: each endpoint's own part.
pub(super) trait Operation: Sized + Send + 'static {
    /// The kinds of body that it may come in.
    const ACCEPTS: Accepts;

    fn read(params: &Params, carried: Option<Carried>) -> Result<Self, ErrorReply>;

    fn run<St: SessionStore>(
        self,
        sessions: &Sessions<St>,
        client_id: Option<String>,
    ) -> impl Future<Output = Result<Response<Bytes>, SessionError>> + Send;
}

/// Sessions, and how requests to them are read.
pub(super) struct SessionEndpoint<St> {
    sessions: Sessions<St>,
    clients: Authentication,
    carrier: Carrier,
    body_limit: usize,
}

impl<St> SessionEndpoint<St> {
    pub(super) fn new(sessions: Sessions<St>) -> Self {
        Self {
            sessions,
            clients: Authentication::default(),
            carrier: Carrier::default(),
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }

    pub(super) fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    pub(super) fn authenticate_client<F, Fut>(mut self, check: F) -> Self
    where
        F: Fn(String, ClientSecret) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoClientDecision> + Send + 'static,
    {
        self.clients = self.clients.check(check);
        self
    }

    pub(super) fn require_client_authentication(mut self) -> Self {
        self.clients = self.clients.require();
        self
    }

    #[cfg(feature = "cookie")]
    pub(super) fn refresh_cookie(mut self, cookie: &crate::cookie::RefreshCookie) -> Self {
        self.carrier = Carrier::new(cookie);
        self
    }

    /// How clients authenticate, in the words of the metadata.
    pub(super) fn client_methods(&self) -> &'static [&'static str] {
        self.clients.methods()
    }
}

impl<St: SessionStore> SessionEndpoint<St> {
    pub(super) fn respond<Op, B>(&self, request: Request<B>) -> ReplyFuture
    where
        Op: Operation,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        if request.method() != Method::POST {
            return ReplyFuture::ready(method_not_allowed(request.method(), "POST"));
        }
        let endpoint = self.clone();
        ReplyFuture::boxed(async move {
            match endpoint.answer::<Op, B>(request).await {
                Ok(answer) => answer.map(ReplyBody::from),
                Err(error) => error.into_response(),
            }
        })
    }

    /// The client comes before the question (RFC 6749 §6): one that has to prove itself and
    /// does not is told nothing else.
    async fn answer<Op, B>(&self, request: Request<B>) -> Result<Response<Bytes>, ErrorReply>
    where
        Op: Operation,
        B: Body<Data: Send, Error: Into<BoxError>> + Send,
    {
        let carried = self.carrier.find(&request)?;
        let client = ClientCredentials::in_header(request.headers())?;
        let needs_body = carried.is_none();
        let params = Params::read(request, Op::ACCEPTS, self.body_limit, needs_body).await?;
        let client = client.and_in_body(&params)?;
        let client_id = self.clients.identify(client).await?;
        let operation = Op::read(&params, carried)?;
        let answer = operation.run(&self.sessions, client_id).await;
        answer.map_err(|error| error.code().into())
    }
}

impl<St> Clone for SessionEndpoint<St> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            clients: self.clients.clone(),
            carrier: self.carrier.clone(),
            body_limit: self.body_limit,
        }
    }
}

impl<St> fmt::Debug for SessionEndpoint<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEndpoint")
            .field("clients", &self.clients)
            .field("carrier", &self.carrier)
            .field("body_limit", &self.body_limit)
            .finish_non_exhaustive()
    }
}
