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
    error::{ClientError, ClientErrorKind, RequestError},
    flight::{Acquired, TokenFuture},
    grpc,
    held::Access,
    response_body::{ResponseBody, Watch},
    rules::Rules,
};

pin_project! {
    /// The response future of [`Refresh`](crate::Refresh).
    ///
    /// Dropping it cancels the request, but not the refresh that it may be waiting for.
    pub struct ResponseFuture<F, S, B> {
        #[pin]
        state: State<F, S, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, B> {
        // Whatever comes is returned.
        Last { #[pin] future: F },
        // If the token is refused, the request may be sent once more.
        Sent { #[pin] future: F, sent: Option<Sent<S, B>> },
        Waiting { token: TokenFuture, parked: Option<Parked<S, B>> },
        Readying { parked: Option<(Parked<S, B>, Arc<Access>)> },
        // As in all of these, `None` once it has been taken.
        Failed { error: Option<ClientError> },
    }
}

/// What comes after a state, for the service `S`.
type Next<S, B> = State<<S as Service<Request<B>>>::Future, S, B>;

/// What is left of a request that has been sent.
pub(crate) struct Sent<S, B> {
    pub(crate) rules: Arc<Rules>,
    pub(crate) access: Arc<Access>,
    /// A copy of the request, and the service that it is for.
    pub(crate) spare: Option<(S, Request<B>)>,
}

/// A request that waits for a token, and the service that it is for.
pub(crate) struct Parked<S, B> {
    pub(crate) service: S,
    pub(crate) request: Request<B>,
    /// What a retry will need. `None` if this is the retry.
    pub(crate) first: Option<(Arc<Rules>, Option<Request<B>>)>,
}

impl<S, B> Parked<S, B> {
    fn send(mut self, access: Arc<Access>) -> Next<S, B>
    where
        S: Service<Request<B>>,
    {
        access.attach(self.request.headers_mut());
        let future = self.service.call(self.request);
        let Some((rules, spare)) = self.first else {
            return State::Last { future };
        };
        let sent = Sent {
            rules,
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
    /// The answer, of which only the trailers may still refuse the token.
    fn pass<ResB>(self, response: Response<ResB>) -> Response<ResponseBody<ResB>> {
        if !grpc::is_grpc(response.headers()) {
            return response.map(ResponseBody::unwatched);
        }
        let watch = Watch {
            rules: self.rules,
            access: self.access,
        };
        response.map(|body| ResponseBody::watched(body, watch))
    }

    /// What is to be done about a refused token. `None` if the caller gets the answer.
    fn mend<F>(self) -> Result<Option<State<F, S, B>>, ClientError> {
        // Even if there is no copy to send, so that the next request finds a new token.
        let acquired = self.rules.session.acquire(Some(&self.access.token));
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
    pub(crate) fn last(future: F) -> Self {
        Self {
            state: State::Last { future },
        }
    }

    pub(crate) fn sent(future: F, sent: Sent<S, B>) -> Self {
        let sent = Some(sent);
        Self {
            state: State::Sent { future, sent },
        }
    }

    pub(crate) fn waiting(token: TokenFuture, parked: Parked<S, B>) -> Self {
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

impl<S, B, ResB> Future for ResponseFuture<S::Future, S, B>
where
    S: Service<Request<B>, Response = Response<ResB>>,
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
                    if !sent.rules.refuses(&response) {
                        return Poll::Ready(Ok(sent.pass(response)));
                    }
                    match sent.mend()? {
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
                    ready!(send_when_ready(parked, cx)).map_err(RequestError::Inner)?
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

fn send_when_ready<S, B>(
    parked: &mut Option<(Parked<S, B>, Arc<Access>)>,
    cx: &mut Context<'_>,
) -> Poll<Result<Next<S, B>, S::Error>>
where
    S: Service<Request<B>>,
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

impl<F, S, B> fmt::Debug for ResponseFuture<F, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
