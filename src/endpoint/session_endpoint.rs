//! What the token and the revocation endpoint share: they read a request and authenticate its
//! client in the same way. The introspection endpoint has the same sessions and options.

use std::{fmt, future::Future};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;

use super::{
    carrier::Carried,
    client::ClientCredentials,
    dpop::Proved,
    error_reply::ErrorReply,
    options::EndpointOptions,
    params::{Accepts, Params},
};
#[cfg(feature = "dbsc")]
use crate::dbsc::DeviceBinding;
use crate::{
    context::RequestContext,
    error::BoxError,
    reply::{ReplyBody, ReplyFuture, method_not_allowed},
    session::{Refusal, SessionError, SessionErrorKind, Sessions},
    store::SessionStore,
};

const UNPROVEN_DEVICE: SessionErrorKind = SessionErrorKind::InvalidGrant(Refusal::UnprovenDevice);

/// What a request asks of the sessions. It is the part that differs between the endpoints.
pub(super) trait Operation: Sized + Send + 'static {
    /// The kinds of body that are accepted.
    const ACCEPTS: Accepts;
    /// Whether proofs of a key count.
    const TAKES_PROOFS: bool;

    fn read(params: &Params, carried: Option<Carried>) -> Result<Self, ErrorReply>;

    fn run<St: SessionStore>(
        self,
        sessions: &Sessions<St>,
        client_id: Option<String>,
        proved: &Proved,
        context: RequestContext,
    ) -> impl Future<Output = Result<Response<Bytes>, SessionError>> + Send;
}

/// Sessions, and how requests to them are read.
pub(super) struct SessionEndpoint<St> {
    sessions: Sessions<St>,
    options: EndpointOptions,
}

impl<St> SessionEndpoint<St> {
    pub(super) fn new(sessions: Sessions<St>) -> Self {
        Self {
            sessions,
            options: EndpointOptions::new(),
        }
    }

    pub(super) fn options(self, options: EndpointOptions) -> Self {
        Self { options, ..self }
    }

    pub(super) fn sessions(&self) -> &Sessions<St> {
        &self.sessions
    }

    pub(super) fn settings(&self) -> &EndpointOptions {
        &self.options
    }

    #[cfg(feature = "dbsc")]
    pub(super) fn device_binding(&self) -> Option<&DeviceBinding> {
        self.options.carrier.binding()
    }

    /// The methods by which clients authenticate, as the metadata name them.
    pub(super) fn client_methods(&self) -> &'static [&'static str] {
        self.options.clients.methods()
    }

    /// The algorithms of proofs, as the metadata name them.
    pub(super) fn proof_algorithms(&self) -> Option<Vec<&str>> {
        self.options.proofs.algorithms()
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
        let version = request.version();
        ReplyFuture::boxed(async move {
            match endpoint.answer::<Op, B>(request).await {
                Ok(answer) => answer.map(ReplyBody::from),
                Err(error) => error.into_response_over(version),
            }
        })
    }

    /// Answers a request. The client is authenticated before anything else is checked (RFC 6749
    /// §6): a client that fails to authenticate learns nothing else.
    async fn answer<Op, B>(&self, request: Request<B>) -> Result<Response<Bytes>, ErrorReply>
    where
        Op: Operation,
        B: Body<Data: Send, Error: Into<BoxError>> + Send,
    {
        let carried = self.options.carrier.find(&request)?;
        let (head, body) = request.into_parts();
        let client = ClientCredentials::in_header(&head.headers)?;
        let params = Params::read(&head.headers, body, Op::ACCEPTS, self.options.body).await?;
        let client = client.and_in_body(&params)?;
        let client_id = self.options.clients.identify(client).await?;
        let is_of_a_page = carried.is_some() && self.options.carrier.binds_devices();
        let operation = Op::read(&params, carried)?;
        let proved = match Op::TAKES_PROOFS {
            true => self.options.proofs.check(&head)?,
            false => Proved::default(),
        };
        let context = RequestContext::from(&head);
        match operation
            .run(&self.sessions, client_id, &proved, context)
            .await
        {
            Ok(mut answer) => {
                proved.add_nonce(answer.headers_mut());
                Ok(answer)
            }
            Err(error)
                if is_of_a_page && error.kind() == UNPROVEN_DEVICE && proved.proof().is_none() =>
            {
                Err(self.options.carrier.unproven_device(&head))
            }
            Err(error) => Err(proved.refused(&error)),
        }
    }
}

impl<St> Clone for SessionEndpoint<St> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            options: self.options.clone(),
        }
    }
}

impl<St> fmt::Debug for SessionEndpoint<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEndpoint")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
