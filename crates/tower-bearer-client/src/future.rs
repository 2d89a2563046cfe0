use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    attempt::{Attempt, Pending},
    challenge::Blame,
    dpop::Flaw,
    error::{ClientError, ClientErrorKind, RequestError},
    flight::{Acquired, TokenFuture},
    grpc,
    held::Access,
    replay::Replay,
    response_body::{ResponseBody, Watch},
};

pin_project! {
    /// The response future of [`Refresh`](crate::Refresh).
    ///
    /// Dropping it cancels the request, but not the refresh that it may be waiting for.
    pub struct ResponseFuture<F, S, B, R> {
        #[pin]
        state: State<F, S, B, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, B, R> {
        // Whatever comes is returned.
        Last { #[pin] future: F },
        // If the token or the proof is refused, the request may be sent again.
        Sent { #[pin] future: F, sent: Option<Sent<S, B, R>> },
        Waiting { token: TokenFuture, parked: Option<Parked<S, B, R>> },
        Readying { parked: Option<Ready<S, B, R>> },
        // As in all of these, `None` once it has been taken.
        Failed { error: Option<ClientError> },
    }
}

/// What comes after a state, for the service `S`.
type Next<S, B, R> = State<<S as Service<Request<B>>>::Future, S, B, R>;

/// It is not sent if it cannot be proven.
type Sending<S, B, R> = Result<Next<S, B, R>, ClientError>;

/// What is left of a request that has been sent, and the service that it may be sent to again.
pub(crate) struct Sent<S, B, R> {
    pub(crate) attempt: Attempt<B, R>,
    pub(crate) service: Option<S>,
}

/// A request that waits for a token, and the service that it is for.
pub(crate) struct Parked<S, B, R> {
    pub(crate) pending: Pending<B, R>,
    pub(crate) service: S,
}

/// It goes on with this token once the service is ready.
type Ready<S, B, R> = (Parked<S, B, R>, Arc<Access>);

impl<S, B, R: Replay<B>> Parked<S, B, R> {
    fn send(mut self, access: Arc<Access>) -> Sending<S, B, R>
    where
        S: Service<Request<B>>,
    {
        let (request, attempt) = self.pending.begin(access)?;
        let future = self.service.call(request);
        let service = Some(self.service);
        let sent = Some(Sent { attempt, service });
        Ok(State::Sent { future, sent })
    }
}

impl<S, B, R> Sent<S, B, R> {
    /// The answer, of which only the trailers may still refuse the token.
    fn pass<ResB>(self, response: Response<ResB>) -> Response<ResponseBody<ResB>> {
        let attempt = self.attempt;
        if !attempt.chances.token || !grpc::is_grpc(response.headers()) {
            return response.map(ResponseBody::unwatched);
        }
        let watch = Watch {
            rules: attempt.rules,
            access: attempt.access,
            proof: attempt.proof,
        };
        response.map(|body| ResponseBody::watched(body, watch))
    }

    /// What is to be done about a refusal. `None` if the caller gets the answer.
    fn mend<F, ResB>(
        self,
        blame: Blame,
        response: &Response<ResB>,
    ) -> Result<Option<State<F, S, B, R>>, ClientError> {
        match blame {
            Blame::Token => self.mend_token(),
            Blame::Proof(flaw) => Ok(self.mend_proof(flaw, response)),
        }
    }

    fn mend_token<F>(mut self) -> Result<Option<State<F, S, B, R>>, ClientError> {
        if !std::mem::take(&mut self.attempt.chances.token) {
            return Ok(None);
        }
        // Even if there is no copy to send, so that the next request finds a new token.
        let session = &self.attempt.rules.session;
        let acquired = session.acquire(Some(&self.attempt.access.token));
        let Some((parked, _)) = self.park() else {
            return Ok(None);
        };
        match acquired {
            Acquired::Now(access) => Ok(Some(State::Readying {
                parked: Some((parked, access)),
            })),
            Acquired::Later(token) => Ok(Some(State::Waiting {
                token,
                parked: Some(parked),
            })),
            Acquired::Never(error) if error.kind() == ClientErrorKind::RefusedAgain => Ok(None),
            Acquired::Never(error) => Err(error),
        }
    }

    /// The token may be as good as it was, so it is sent again with another proof.
    fn mend_proof<F, ResB>(
        mut self,
        flaw: Flaw,
        response: &Response<ResB>,
    ) -> Option<State<F, S, B, R>> {
        let can_mend = self.attempt.can_mend(flaw, response.headers());
        if !can_mend || !self.attempt.chances.proof.take(flaw) {
            return None;
        }
        let parked = self.park()?;
        let parked = Some(parked);
        Some(State::Readying { parked })
    }

    fn park(self) -> Option<Ready<S, B, R>> {
        let service = self.service?;
        let (pending, access) = self.attempt.again()?;
        Some((Parked { pending, service }, access))
    }
}

impl<F, S, B, R> ResponseFuture<F, S, B, R> {
    pub(crate) fn last(future: F) -> Self {
        Self {
            state: State::Last { future },
        }
    }

    pub(crate) fn sent(future: F, sent: Sent<S, B, R>) -> Self {
        let sent = Some(sent);
        Self {
            state: State::Sent { future, sent },
        }
    }

    pub(crate) fn waiting(token: TokenFuture, parked: Parked<S, B, R>) -> Self {
        let parked = Some(parked);
        Self {
            state: State::Waiting { token, parked },
        }
    }

    pub(crate) fn failed(error: ClientError) -> Self {
        let error = Some(error);
        Self {
            state: State::Failed { error },
        }
    }
}

impl<S, B, R, ResB> Future for ResponseFuture<S::Future, S, B, R>
where
    S: Service<Request<B>, Response = Response<ResB>>,
    R: Replay<B>,
{
    type Output = Result<Response<ResponseBody<ResB>>, RequestError<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Last { future } => {
                    let response = ready!(future.poll(cx)).map_err(RequestError::Inner)?;
                    return Poll::Ready(Ok(response.map(ResponseBody::unwatched)));
                }
                StateProj::Sent { future, sent } => {
                    let response = ready!(future.poll(cx)).map_err(RequestError::Inner)?;
                    let Some(sent) = sent.take() else {
                        return Poll::Pending;
                    };
                    let Some(blame) = sent.attempt.hear(&response) else {
                        return Poll::Ready(Ok(sent.pass(response)));
                    };
                    match sent.mend(blame, &response)? {
                        Some(next) => next,
                        None => return Poll::Ready(Ok(response.map(ResponseBody::unwatched))),
                    }
                }
                StateProj::Waiting { token, parked } => {
                    let access = ready!(token.as_mut().poll(cx))?;
                    let parked = parked.take().map(|parked| (parked, access));
                    State::Readying { parked }
                }
                StateProj::Readying { parked } => {
                    ready!(send_when_ready(parked, cx)).map_err(RequestError::Inner)??
                }
                StateProj::Failed { error } => {
                    return match error.take() {
                        Some(error) => Poll::Ready(Err(error.into())),
                        None => Poll::Pending,
                    };
                }
            };
            state.set(next);
        }
    }
}

fn send_when_ready<S, B, R>(
    parked: &mut Option<Ready<S, B, R>>,
    cx: &mut Context<'_>,
) -> Poll<Result<Sending<S, B, R>, S::Error>>
where
    S: Service<Request<B>>,
    R: Replay<B>,
{
    let Some((waiting, _)) = parked else {
        return Poll::Pending;
    };
    ready!(waiting.service.poll_ready(cx))?;
    match parked.take() {
        Some((parked, access)) => Poll::Ready(Ok(parked.send(access))),
        None => Poll::Pending,
    }
}

impl<F, S, B, R> fmt::Debug for ResponseFuture<F, S, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
