use std::{
    convert::Infallible,
    future::{Future, pending},
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};

/// What a [`FakeIssuer`](super::FakeIssuer) answers at a path.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The status, the content type and the body.
    Text(u16, &'static str, String),
    /// A redirect (302) to this address.
    Redirect(String),
    /// A body of so many bytes, all of them spaces.
    Huge {
        /// The length.
        bytes: usize,
        /// Whether it is told before, as `content-length`.
        told: bool,
    },
    /// A body that never ends, of one byte a second.
    Trickle,
    /// The connection stays open, and nothing comes.
    Never,
    /// The connection is closed instead of an answer.
    Cut,
}

pub(super) type AnyBody = UnsyncBoxBody<Bytes, Infallible>;

impl Answer {
    /// A 200 with this JSON text.
    pub fn json(body: impl ToString) -> Self {
        Self::Text(200, "application/json", body.to_string())
    }

    /// A 200 with a page of HTML, as a portal in between gives it.
    pub fn html() -> Self {
        let page = "<!doctype html><title>Sign in</title>";
        Self::Text(200, "text/html", page.to_owned())
    }

    /// A short text with this status.
    pub fn status(status: u16) -> Self {
        Self::Text(status, "text/plain", "no".to_owned())
    }

    /// A mistake in what a test says is to be told to the test, and not to the server's task.
    #[track_caller]
    pub(super) fn check(&self) {
        match self {
            Self::Text(status, content_type, _) => {
                let is_status = StatusCode::from_u16(*status).is_ok_and(|it| it.as_u16() >= 200);
                assert!(
                    is_status,
                    "{status} is no status of HTTP that ends a request"
                );
                let is_value = HeaderValue::from_str(content_type).is_ok();
                assert!(is_value, "{content_type:?} is no value of a header");
            }
            Self::Redirect(to) => {
                let is_value = HeaderValue::from_str(to).is_ok();
                assert!(is_value, "{to:?} is no value of a header");
            }
            _ => {}
        }
    }

    pub(super) async fn given(self) -> io::Result<Response<AnyBody>> {
        let mut answer = Response::new(Empty::new().boxed_unsync());
        let headers = answer.headers_mut();
        match self {
            Self::Text(status, content_type, text) => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
                *answer.status_mut() = StatusCode::from_u16(status).expect("a status of HTTP");
                *answer.body_mut() = Full::new(Bytes::from(text)).boxed_unsync();
            }
            Self::Redirect(to) => {
                headers.insert(header::LOCATION, to.parse().expect("a header's value"));
                *answer.status_mut() = StatusCode::FOUND;
            }
            Self::Huge { bytes, told } => {
                if told {
                    headers.insert(header::CONTENT_LENGTH, bytes.into());
                }
                *answer.body_mut() = Long { left: bytes }.boxed_unsync();
            }
            Self::Trickle => *answer.body_mut() = Slow::default().boxed_unsync(),
            Self::Never => pending().await,
            Self::Cut => return Err(io::ErrorKind::ConnectionReset.into()),
        }
        Ok(answer)
    }
}

/// Spaces, which JSON may have as many of as it likes.
struct Long {
    left: usize,
}

impl Body for Long {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static SPACES: [u8; 64 * 1024] = [b' '; 64 * 1024];
        let next = self.left.min(SPACES.len());
        self.left -= next;
        let frame = Bytes::from_static(&SPACES).slice(..next);
        Poll::Ready((next > 0).then_some(Ok(Frame::data(frame))))
    }
}

#[derive(Default)]
struct Slow(Option<Pin<Box<tokio::time::Sleep>>>);

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let second = || Box::pin(tokio::time::sleep(Duration::from_secs(1)));
        let sleep = self.0.get_or_insert_with(second);
        ready!(sleep.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
    }
}
