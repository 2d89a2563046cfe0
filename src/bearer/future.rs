use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{body::Body, claims::VerifiedToken, reply::ReplyBody};

use super::{
    challenge::Rejection,
    dpop::NextNonce,
    rules::{Judgement, Rules, Waiting},
};

pin_project! {
    /// The response future of [`Bearer`](super::Bearer): it gives the inner service's response, or
    /// the layer's own.
    ///
    /// Dropping it cancels what it waits for.
    pub struct ResponseFuture<S, ReqB>
    where
        S: Service<Request<ReqB>>,
    {
        #[pin]
        state: State<S, ReqB>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, ReqB>
    where
        S: Service<Request<ReqB>>,
    {
        Inner { #[pin] future: S::Future, next_nonce: NextNonce },
        // `None` after the response was given.
        Rejected { response: Option<Response<ReplyBody>> },
        // Boxed, so that the futures of requests that do not wait stay small. `None` only while it is polled.
        Checking { check: Option<Box<Check<S, ReqB>>> },
    }
}

/// A request that waits, and the ready service that it goes to.
pub(super) struct Check<S, ReqB> {
    pub(super) waiting: Waiting,
    pub(super) inner: S,
    pub(super) request: Request<ReqB>,
    pub(super) rules: Arc<Rules>,
}

impl<S, ReqB> Check<S, ReqB>
where
    S: Service<Request<ReqB>>,
{
    /// The judgement when what is waited for is there, which may be to wait for something else.
    fn poll_judgement(&mut self, cx: &mut Context<'_>) -> Poll<Result<Judgement, Rejection>> {
        match &mut self.waiting {
            Waiting::Token(token, carriage) => {
                let carriage = *carriage;
                let verified = ready!(token.as_mut().poll(cx));
                let judge = |token| self.rules.judge_token(&mut self.request, token, carriage);
                Poll::Ready(verified.map_err(Rejection::from).and_then(judge))
            }
            Waiting::Guard(live, token, next_nonce) => {
                let live = ready!(live.as_mut().poll(cx));
                let judged = self.rules.judge_live(&self.request, token, live);
                let (token, next_nonce) = (token.clone(), mem::take(next_nonce));
                Poll::Ready(judged.map(|()| Judgement::Pass(Some(token), next_nonce)))
            }
        }
    }

    fn pass(mut self, token: Option<VerifiedToken>, next_nonce: NextNonce) -> State<S, ReqB> {
        self.rules.admit(self.request.extensions_mut(), token);
        State::Inner {
            future: self.inner.call(self.request),
            next_nonce,
        }
    }

    fn refuse(self, rejection: Rejection) -> State<S, ReqB> {
        State::Rejected {
            response: Some(self.rules.refuse(rejection, &self.request)),
        }
    }
}

impl<S, ReqB> ResponseFuture<S, ReqB>
where
    S: Service<Request<ReqB>>,
{
    pub(super) fn inner(future: S::Future, next_nonce: NextNonce) -> Self {
        Self {
            state: State::Inner { future, next_nonce },
        }
    }

    pub(super) fn rejected(response: Response<ReplyBody>) -> Self {
        Self {
            state: State::Rejected {
                response: Some(response),
            },
        }
    }

    pub(super) fn checking(check: Check<S, ReqB>) -> Self {
        Self {
            state: State::Checking {
                check: Some(Box::new(check)),
            },
        }
    }
}

impl<S, ReqB, ResB> Future for ResponseFuture<S, ReqB>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
{
    type Output = Result<Response<Body<ResB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Inner { future, next_nonce } => {
                    return future.poll(cx).map_ok(|mut response| {
                        next_nonce.add_to(response.headers_mut());
                        response.map(Body::inner)
                    });
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
                    match taken.poll_judgement(cx) {
                        Poll::Ready(Ok(Judgement::Pass(token, next_nonce))) => {
                            taken.pass(token, next_nonce)
                        }
                        Poll::Ready(Ok(Judgement::Wait(waiting))) => {
                            taken.waiting = waiting;
                            State::Checking { check: Some(taken) }
                        }
                        Poll::Ready(Err(rejection)) => taken.refuse(rejection),
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

impl<S, ReqB> fmt::Debug for ResponseFuture<S, ReqB>
where
    S: Service<Request<ReqB>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
