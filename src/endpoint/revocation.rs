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
    params::{Accepts, Params, TOKEN},
    session_endpoint::{Operation, SessionEndpoint},
};
use crate::{
    context::RequestContext,
    reply::{self, ReplyBody, ResponseFuture},
    session::{SessionError, Sessions},
    store::{AnyStore, SessionStore},
};

/// The revocation endpoint (RFC 7009): a client revokes a refresh token or an access token that
/// has not expired, which ends the token's session.
///
/// It is a Tower service over any request body. It accepts a `POST` with a form, `token=…`, and
/// ignores a `token_type_hint`. The answer is an empty 200, even if the token is unknown or
/// malformed (RFC 7009 §2.2). Only a token of another client (`invalid_grant`) and a store that
/// does not answer (503) are errors. A session that is bound to a key is revoked without a proof, and
/// one that comes is not looked at.
///
/// ```
/// use tower_bearer::{endpoint::RevocationEndpoint, session::Sessions};
///
/// fn endpoint(sessions: &Sessions) -> RevocationEndpoint {
///     RevocationEndpoint::new(sessions.clone())
/// }
/// ```
pub struct RevocationEndpoint<St = AnyStore>(SessionEndpoint<St>);

impl<St> RevocationEndpoint<St> {
    /// An endpoint that revokes the tokens of these sessions.
    pub fn new(sessions: Sessions<St>) -> Self {
        Self(SessionEndpoint::new(sessions))
    }

    /// Reads requests, and asks for clients' secrets, as these options say.
    #[must_use]
    pub fn options(self, options: EndpointOptions) -> Self {
        Self(self.0.options(options))
    }
}

/// A request to revoke a token.
pub(super) struct Revoke {
    token: String,
    carried: Option<Carried>,
}

impl Operation for Revoke {
    const ACCEPTS: Accepts = Accepts::Form;
    // A logout must not fail for a proof, its clock or its nonce: who has the token may revoke it.
    const TAKES_PROOFS: bool = false;

    fn read(params: &Params, carried: Option<Carried>) -> Result<Self, ErrorReply> {
        let token = params.get(TOKEN)?;
        let carried = carrier::counting(token, carried);
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
        _proved: &Proved,
        context: RequestContext,
    ) -> Result<Response<Bytes>, SessionError> {
        let client_id = client_id.as_deref();
        sessions.revoke_in(&self.token, client_id, &context).await?;
        let mut response = reply::no_store_json(Bytes::new());
        // The own session has ended: its cookies go also where this fails, and the client's next try has only
        // the other one.
        if let Some(beside) = self.carried.as_ref().and_then(Carried::beside)
            && let Err(error) = sessions.revoke_in(beside, client_id, &context).await
        {
            response = error.to_response();
        }
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
