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

use super::{
    ClientError, ClientErrorKind, RequestError,
    core::{Acquired, TokenFuture},
    held::Access,
    layer::Policy,
};

pin_project! {
    /// The answer of [`RefreshService`](super::RefreshService).
    ///
    /// Dropping it cancels the request, but not a refresh that it waits for.
    pub struct ResponseFuture<F, S, B> {
        #[pin]
        state: State<F, S, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, B> {
        // Whatever comes is the answer.
        Last { #[pin] future: F },
        // A 401 may be mended.
        Sent { #[pin] future: F, sent: Option<Sent<S, B>> },
        Waiting { token: TokenFuture, parked: Option<Parked<S, B>> },
        Readying { parked: Option<(Parked<S, B>, Arc<Access>)> },
        // `None` once it has been given away, as in all of these.
        Failed { error: Option<ClientError> },
    }
}

/// What is left of a request that has been sent.
pub(super) struct Sent<S, B> {
    pub(super) policy: Arc<Policy>,
    pub(super) access: Arc<Access>,
    /// A copy of the request, and the service that it is for.
    pub(super) spare: Option<(S, Request<B>)>,
}

/// A request that waits for a token, and the service that it is for.
pub(super) struct Parked<S, B> {
    pub(super) service: S,
    pub(super) request: Request<B>,
    /// What a retry will need; nothing where this is one.
    pub(super) first: Option<(Arc<Policy>, Option<Request<B>>)>,
}

impl<S, B> Parked<S, B> {
    fn send(mut self, access: Arc<Access>) -> State<S::Future, S, B>
    where
        S: Service<Request<B>>,
    {
        access.attach(self.request.headers_mut());
        let future = self.service.call(self.request);
        let Some((policy, spare)) = self.first else {
            return State::Last { future };
        };
        let sent = Sent {
            policy,
            access,
            spare: spare.map(|spare| (self.service, spare)),
        };
        State::Sent {
            future,
            sent: Some(sent),
        }
    }
}

impl<S, B> Sent<S, B> {
    /// What is to be done about a 401: nothing where it has to come through.
    fn mend<F>(self) -> Result<Option<State<F, S, B>>, ClientError> {
        // Without a copy too: the next request is to find a new token.
        let acquired = self.policy.session.acquire(Some(&self.access.token));
        let Some((service, request)) = self.spare else {
            return Ok(None);
        };
        let parked = Parked {
            service,
            request,
            first: None,
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
}

impl<F, S, B> ResponseFuture<F, S, B> {
    pub(super) fn last(future: F) -> Self {
        Self {
            state: State::Last { future },
        }
    }

    pub(super) fn sent(future: F, sent: Sent<S, B>) -> Self {
        let sent = Some(sent);
        Self {
            state: State::Sent { future, sent },
        }
    }

    pub(super) fn waiting(token: TokenFuture, parked: Parked<S, B>) -> Self {
        let parked = Some(parked);
        Self {
            state: State::Waiting { token, parked },
        }
    }

    pub(super) fn failed(error: ClientError) -> Self {
        let error = Some(error);
        Self {
            state: State::Failed { error },
        }
    }
}

impl<S, B, ResB> Future for ResponseFuture<S::Future, S, B>
where
    S: Service<Request<B>, Response = Response<ResB>>,
{
    type Output = Result<Response<ResB>, RequestError<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Last { future } => {
                    return future.poll(cx).map_err(RequestError::Inner);
                }
                StateProj::Sent { future, sent } => {
                    let response = ready!(future.poll(cx)).map_err(RequestError::Inner)?;
                    let sent = sent.take().filter(|sent| sent.policy.refuses(&response));
                    match sent.map(Sent::mend).transpose()?.flatten() {
                        Some(next) => next,
                        None => return Poll::Ready(Ok(response)),
                    }
                }
                StateProj::Waiting { token, parked } => {
                    let access = ready!(token.as_mut().poll(cx))?;
                    let parked = parked.take().map(|parked| (parked, access));
                    State::Readying { parked }
                }
                StateProj::Readying { parked } => {
                    let Some((waiting, _)) = parked else {
                        return Poll::Pending;
                    };
                    ready!(waiting.service.poll_ready(cx)).map_err(RequestError::Inner)?;
                    match parked.take() {
                        Some((parked, access)) => parked.send(access),
                        None => return Poll::Pending,
                    }
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

impl<F, S, B> fmt::Debug for ResponseFuture<F, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
