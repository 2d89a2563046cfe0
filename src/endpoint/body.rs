//! Reads the body of a request, within limits of size and time.

use std::{
    error::Error as StdError,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{
    error::{BoxError, ErrorCode},
    trace,
};

/// How large a body may be, and how long all of it may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    pub(super) bytes: usize,
    pub(super) timeout: Duration,
}

impl BodyLimits {
    pub(super) const DEFAULT: Self = Self {
        bytes: 16 * 1024,
        timeout: Duration::from_secs(10),
    };

    /// The body. One that is said to be too large is not even asked for.
    pub(super) async fn read<B>(self, headers: &HeaderMap, body: B) -> Result<Bytes, ErrorCode>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        if usize::try_from(least(headers, &body)).map_or(true, |least| least > self.bytes) {
            return Err(ErrorCode::BodyTooLarge);
        }
        let mut body = pin!(Limited::new(body, self.bytes).collect());
        // Most bodies are here already, and need no timer.
        let body = match poll_fn(|cx| Poll::Ready(body.as_mut().poll(cx))).await {
            Poll::Ready(body) => Ok(body),
            Poll::Pending => tokio::time::timeout(self.timeout, body).await,
        };
        match body {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(code(&*error)),
            Err(_) => {
                trace::debug!("the body of a request did not come in time");
                Err(ErrorCode::BodyIncomplete)
            }
        }
    }
}

/// The least size of the body, as the request itself or its body tells it.
fn least<B: Body>(headers: &HeaderMap, body: &B) -> u64 {
    let declared = headers.get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    let hint = body.size_hint().lower();
    declared.unwrap_or(0).max(hint)
}

/// What a failed body means. Over the limit, of this endpoint or of a layer around it, it is a
/// 413. All else, a connection that was reset or a timeout of another layer, tells nothing about
/// the content of the request: it may be sent again as it is.
fn code(error: &(dyn StdError + 'static)) -> ErrorCode {
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    if causes.any(|error| error.is::<LengthLimitError>()) {
        return ErrorCode::BodyTooLarge;
    }
    trace::debug!(error, "the body of a request could not be read");
    ErrorCode::BodyIncomplete
}
