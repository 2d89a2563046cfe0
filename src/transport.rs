//! An application's HTTP client with its type erased: it sends one request and reads the whole
//! answer, up to a limit. The crate `tower-bearer-client` uses it too. It is no part of the API.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower_service::Service;

use crate::error::BoxError;

/// Marks an answer that is no success and whose body was too long to be read.
#[derive(Clone, Copy, Debug)]
pub struct TooLong;

/// Why there is no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The server could not be reached, or the connection broke before the answer ended.
    #[error("the server cannot be reached")]
    Unreachable(#[source] BoxError),
    /// A successful answer has more bytes than the limit.
    #[error("the answer is too large")]
    TooLarge,
}

/// The answer to one request.
pub type Exchange = Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send>>;

/// The type of the HTTP client is erased here, so that it stays out of the types of those who use it.
#[derive(Clone)]
pub struct Transport(Arc<dyn Fn(Request<Bytes>, usize) -> Exchange + Send + Sync>);

impl Transport {
    /// Erases the type of an HTTP client.
    pub fn new<T, B, R>(http: T) -> Self
    where
        T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        T::Error: Into<BoxError>,
        T::Future: Send,
        B: From<Bytes> + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        // In a mutex, so that the HTTP client does not have to be `Sync`.
        let http = Mutex::new(http);
        Self(Arc::new(move |request, limit| {
            let http = http.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Box::pin(exchange(http, request, limit))
        }))
    }

    /// Sends a request. An answer of more than `limit` bytes is an error, unless its status is one.
    pub fn send(&self, request: Request<Bytes>, limit: usize) -> Exchange {
        (self.0)(request, limit)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

async fn exchange<T, B, R>(
    mut http: T,
    request: Request<Bytes>,
    limit: usize,
) -> Result<Response<Bytes>, TransportError>
where
    T: Service<Request<B>, Response = Response<R>>,
    T::Error: Into<BoxError>,
    B: From<Bytes>,
    R: Body,
    R::Error: Into<BoxError>,
{
    let unreachable = |error: T::Error| TransportError::Unreachable(error.into());
    poll_fn(|cx| http.poll_ready(cx))
        .await
        .map_err(unreachable)?;
    let answer = http.call(request.map(B::from));
    let (mut head, body) = answer.await.map_err(unreachable)?.into_parts();

    match read(&head.headers, body, limit).await {
        Ok(body) => Ok(Response::from_parts(head, body)),
        // A long error page. The status says enough.
        Err(TransportError::TooLarge) if !head.status.is_success() => {
            head.extensions.insert(TooLong);
            Ok(Response::from_parts(head, Bytes::new()))
        }
        Err(error) => Err(error),
    }
}

async fn read<R>(headers: &HeaderMap, body: R, limit: usize) -> Result<Bytes, TransportError>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    let declared = headers.get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let least = body.size_hint().lower().max(declared.unwrap_or(0));
    if usize::try_from(least).map_or(true, |least| least > limit) {
        return Err(TransportError::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(TransportError::TooLarge),
        Err(error) => Err(TransportError::Unreachable(error)),
    }
}
