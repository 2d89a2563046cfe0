//! The calls to the token and revocation endpoints, over the caller's HTTP client.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time;
use tower_service::Service;

use super::{
    ClientError, ClientErrorKind as Kind, TokenEndpointKind, TokenRequest,
    answer::{self, Granted},
    schedule::back_off,
    token_request::ClientIdentity,
};
use crate::trace;
use tower_bearer::{RefreshToken, claims::Scope, error::BoxError};

/// How often a request is sent before the refresh has failed.
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

type Exchange = Pin<Box<dyn Future<Output = Result<Response<Bytes>, ClientError>> + Send>>;
pub(super) type Amend = dyn Fn(&mut TokenRequest) + Send + Sync;

/// The caller's HTTP client: one request, one whole answer of at most so many bytes. Its type
/// stays out of the session's.
#[derive(Clone)]
pub(super) struct Transport(Arc<dyn Fn(Request<Bytes>, usize) -> Exchange + Send + Sync>);

impl Transport {
    pub(super) fn new<T, B, R>(http: T) -> Self
    where
        T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        T::Error: Into<BoxError>,
        T::Future: Send,
        B: From<Bytes> + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        // In a mutex, so that the client need not be `Sync`.
        let http = Mutex::new(http);
        Self(Arc::new(move |request, limit| {
            let http = http.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Box::pin(exchange(http, request, limit))
        }))
    }
}

async fn exchange<T, B, R>(
    mut http: T,
    request: Request<Bytes>,
    limit: usize,
) -> Result<Response<Bytes>, ClientError>
where
    T: Service<Request<B>, Response = Response<R>>,
    T::Error: Into<BoxError>,
    B: From<Bytes>,
    R: Body,
    R::Error: Into<BoxError>,
{
    let unreachable = |error: T::Error| ClientError::with_source(Kind::Unreachable, error);
    poll_fn(|cx| http.poll_ready(cx))
        .await
        .map_err(unreachable)?;
    let answer = http.call(request.map(B::from));
    let (head, body) = answer.await.map_err(unreachable)?.into_parts();

    match read(&head.headers, body, limit).await {
        Ok(body) => Ok(Response::from_parts(head, body)),
        // A page that says in many words what the status says in one.
        Err(error) if error.kind() == Kind::TooLarge && !head.status.is_success() => {
            Ok(Response::from_parts(head, Bytes::new()))
        }
        Err(error) => Err(error),
    }
}

async fn read<R>(headers: &HeaderMap, body: R, limit: usize) -> Result<Bytes, ClientError>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    let declared = headers.get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let least = body.size_hint().lower().max(declared.unwrap_or(0));
    if usize::try_from(least).map_or(true, |least| least > limit) {
        return Err(Kind::TooLarge.into());
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Kind::TooLarge.into()),
        Err(error) => Err(ClientError::with_source(Kind::Unreachable, error)),
    }
}

/// Where and how tokens are refreshed and revoked.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) transport: Transport,
    pub(super) token: Uri,
    pub(super) revocation: Option<Uri>,
    pub(super) identity: ClientIdentity,
    pub(super) scope: Option<Scope>,
    pub(super) amend: Option<Arc<Amend>>,
    pub(super) timeout: Duration,
    pub(super) answer_limit: usize,
}

impl Endpoint {
    /// Presents the refresh token (RFC 6749 §6). After a lost answer the same one is presented
    /// again.
    pub(super) async fn refresh(&self, token: &RefreshToken) -> Result<Granted, ClientError> {
        let request = || {
            let mut request = TokenRequest::new(TokenEndpointKind::Token);
            request.set("grant_type", "refresh_token");
            request.set("refresh_token", token.expose());
            if let Some(scope) = &self.scope {
                request.set("scope", scope.as_str());
            }
            self.finish(request, &self.token)
        };
        self.send(request, answer::granted).await
    }

    /// Revokes the refresh token, where there is an endpoint for it (RFC 7009 §2.1).
    pub(super) async fn revoke(&self, token: &RefreshToken) -> Result<(), ClientError> {
        let Some(uri) = &self.revocation else {
            return Ok(());
        };
        let request = || {
            let mut request = TokenRequest::new(TokenEndpointKind::Revocation);
            request.set("token", token.expose());
            request.set("token_type_hint", "refresh_token");
            self.finish(request, uri)
        };
        self.send(request, answer::revoked).await
    }

    fn finish(&self, mut request: TokenRequest, uri: &Uri) -> Request<Bytes> {
        self.identity.add_to(&mut request);
        if let Some(amend) = &self.amend {
            amend(&mut request);
        }
        request.into_request(uri)
    }

    /// Sends until there is an answer that means something, a few times.
    async fn send<T>(
        &self,
        request: impl Fn() -> Request<Bytes>,
        read: impl Fn(&Response<Bytes>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut tried = 0;
        loop {
            let answer = self.send_once(request()).await;
            let error = match answer.and_then(|response| read(&response)) {
                Ok(read) => return Ok(read),
                Err(error) => error,
            };
            tried += 1;
            let pause = back_off(tried, FIRST_PAUSE, LONGEST_PAUSE);
            let pause = pause.max(error.retry_after().unwrap_or_default());
            // Who asks for more patience than this gets it from the next refresh.
            if tried >= TRIES || !error.is_transient() || pause > LONGEST_PAUSE {
                return Err(error);
            }
            trace::debug!(tried, error = %error, "the token endpoint is asked again");
            time::sleep(pause).await;
        }
    }

    async fn send_once(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        let exchange = (self.transport.0)(request, self.answer_limit);
        match time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Kind::Timeout.into()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("token", &self.token)
            .field("revocation", &self.revocation)
            .finish_non_exhaustive()
    }
}
