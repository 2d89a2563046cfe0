use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{claims::VerifiedToken, reply::ReplyBody};

use super::{
    Body,
    guard::{LiveFuture, Unavailable},
    policy::Policy,
};

pin_project! {
    /// The answer of [`Bearer`](super::Bearer): the inner service's, or the layer's own.
    ///
    /// Dropping it cancels whatever it waits for.
    pub struct ResponseFuture<F, EF, S, Req> {
        #[pin]
        state: State<F, EF, S, Req>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, EF, S, Req> {
        Inner { #[pin] future: F },
        Served { #[pin] future: EF },
        // `None` once it has been given away.
        Rejected { response: Option<Response<ReplyBody>> },
        // In a box, so that futures without a live check stay small. `None` never lasts.
        Checking { check: Option<Box<Check<S, Req>>> },
    }
}

/// A request that waits for the guard, and the ready service that it is for.
pub(super) struct Check<S, Req> {
    pub(super) live: LiveFuture,
    pub(super) inner: S,
    pub(super) request: Req,
    pub(super) token: VerifiedToken,
    pub(super) policy: Arc<Policy>,
}

impl<S, ReqB> Check<S, Request<ReqB>> {
    fn finish<EF>(
        mut self,
        live: Result<bool, Unavailable>,
    ) -> State<S::Future, EF, S, Request<ReqB>>
    where
        S: Service<Request<ReqB>>,
    {
        match self.policy.judge_live(&self.token, live) {
            Ok(()) => {
                self.policy
                    .admit(self.request.extensions_mut(), Some(self.token));
                State::Inner {
                    future: self.inner.call(self.request),
                }
            }
            Err(rejection) => {
                let response = self.policy.refuse(rejection, &self.request);
                State::Rejected {
                    response: Some(response),
                }
            }
        }
    }
}

impl<F, EF, S, Req> ResponseFuture<F, EF, S, Req> {
    pub(super) fn inner(future: F) -> Self {
        Self {
            state: State::Inner { future },
        }
    }

    pub(super) fn served(future: EF) -> Self {
        Self {
            state: State::Served { future },
        }
    }

    pub(super) fn rejected(response: Response<ReplyBody>) -> Self {
        Self {
            state: State::Rejected {
                response: Some(response),
            },
        }
    }

    pub(super) fn checking(check: Check<S, Req>) -> Self {
        Self {
            state: State::Checking {
                check: Some(Box::new(check)),
            },
        }
    }
}

impl<EF, S, ReqB, ResB> Future for ResponseFuture<S::Future, EF, S, Request<ReqB>>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    EF: Future<Output = Response<ReplyBody>>,
{
    type Output = Result<Response<Body<ResB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Inner { future } => {
                    return future.poll(cx).map_ok(|response| response.map(Body::inner));
                }
                StateProj::Served { future } => {
                    return future
                        .poll(cx)
                        .map(|response| Ok(response.map(Body::reply)));
                }
                StateProj::Rejected { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response.map(Body::reply))),
                        None => Poll::Pending,
                    };
                }
                StateProj::Checking { check } => {
                    let Some(mut taken) = check.take() else {
                        return Poll::Pending;
                    };
                    match taken.live.as_mut().poll(cx) {
                        Poll::Ready(live) => taken.finish(live),
                        Poll::Pending => {
                            *check = Some(taken);
                            return Poll::Pending;
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<F, EF, S, Req> fmt::Debug for ResponseFuture<F, EF, S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
