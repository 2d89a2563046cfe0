//! A service that keeps a log of itself.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

/// Tells which of its instances was polled ready, which was called, and which one's answer was
/// dropped.
pub struct Tracked {
    id: usize,
    next: Arc<AtomicUsize>,
    log: Arc<Mutex<Vec<(usize, &'static str)>>>,
}

impl Tracked {
    pub fn new() -> Self {
        Self {
            id: 0,
            next: Arc::new(AtomicUsize::new(1)),
            log: Arc::default(),
        }
    }

    /// What the instances went through, each with its number: clones count up from 1.
    pub fn log(&self) -> Vec<(usize, &'static str)> {
        self.log.lock().unwrap().clone()
    }

    fn note(&self, what: &'static str) {
        self.log.lock().unwrap().push((self.id, what));
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        Self {
            id,
            next: Arc::clone(&self.next),
            log: Arc::clone(&self.log),
        }
    }
}

/// Never comes.
pub struct Waiting(Tracked);

impl Future for Waiting {
    type Output = Result<Response<String>, Infallible>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.note("cancelled");
    }
}

impl Service<Request<()>> for Tracked {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Waiting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.note("ready");
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Waiting {
        self.note("called");
        let Self { id, next, log } = self;
        Waiting(Self {
            id: *id,
            next: Arc::clone(next),
            log: Arc::clone(log),
        })
    }
}
