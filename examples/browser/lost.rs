//! Loses answers on their way, as networks do: the server has done its part, the browser never
//! hears of it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http_body::Frame;

/// How many of the next refreshes lose their answers.
#[derive(Clone, Default)]
pub(crate) struct Losses(Arc<AtomicU8>);

impl Losses {
    pub(crate) fn set(&self, answers: u8) {
        self.0.store(answers, Ordering::SeqCst);
    }

    /// Whether it is this answer's turn.
    fn take(&self) -> bool {
        let one_less = |left: u8| left.checked_sub(1);
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .is_ok()
    }
}

/// Around the token endpoint: a lost answer is lost once the session has been written.
pub(crate) async fn lose(State(losses): State<Losses>, request: Request, next: Next) -> Response {
    let is_refresh = request.uri().path() == "/auth/token";
    let response = next.run(request).await;
    match is_refresh && response.status().is_success() && losses.take() {
        // Its cookie is lost with it.
        true => Response::new(Body::new(BrokenOff::default())),
        false => response,
    }
}

/// A body whose connection breaks after the first byte. With none at all a browser may send the
/// request once more by itself, and the page would not see what happened.
#[derive(Default)]
struct BrokenOff(Stage);

#[derive(Clone, Copy, Default)]
enum Stage {
    #[default]
    Unsent,
    /// Nothing for once, so that what is there is written.
    Sent,
    Flushed,
}

impl http_body::Body for BrokenOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.0 {
            Stage::Unsent => {
                self.0 = Stage::Sent;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{")))))
            }
            Stage::Sent => {
                self.0 = Stage::Flushed;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Stage::Flushed => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }
}
