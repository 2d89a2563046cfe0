//! The caller's HTTP client, as the token endpoint is called by it.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower_service::Service;

use crate::error::{BoxError, ClientError, ClientErrorKind as Kind};

/// Marks an answer whose body was too long to be read.
#[derive(Clone, Copy)]
pub(crate) struct TooLong;

type Exchange = Pin<Box<dyn Future<Output = Result<Response<Bytes>, ClientError>> + Send>>;

/// Sends one request and reads the whole answer, up to a limit. The type of the HTTP client is
/// erased here, so that it stays out of the type of the session.
#[derive(Clone)]
pub(crate) struct Transport(Arc<dyn Fn(Request<Bytes>, usize) -> Exchange + Send + Sync>);

impl Transport {
    pub(crate) fn new<T, B, R>(http: T) -> Self
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

    /// An answer of more than `limit` bytes is an error.
    pub(crate) fn send(&self, request: Request<Bytes>, limit: usize) -> Exchange {
        (self.0)(request, limit)
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
    let (mut head, body) = answer.await.map_err(unreachable)?.into_parts();

    match read(&head.headers, body, limit).await {
        Ok(body) => Ok(Response::from_parts(head, body)),
        // A long error page. The status says enough.
        Err(error) if error.kind() == Kind::TooLarge && !head.status.is_success() => {
            head.extensions.insert(TooLong);
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
