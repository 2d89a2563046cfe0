//! Asks several shards at the same time.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use crate::store::{StoreError, StoreErrorKind};

/// The answers of all, in the order of the calls.
pub(super) async fn all<F: Future>(calls: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut calls: Vec<_> = calls
        .into_iter()
        .map(|call| Asked::Call(Box::pin(call)))
        .collect();
    poll_fn(|context| {
        let mut is_pending = false;
        for asked in &mut calls {
            if let Asked::Call(call) = asked {
                match call.as_mut().poll(context) {
                    Poll::Ready(answer) => *asked = Asked::Answer(answer),
                    Poll::Pending => is_pending = true,
                }
            }
        }
        match is_pending {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    })
    .await;
    calls.into_iter().filter_map(Asked::answer).collect()
}

enum Asked<F: Future> {
    Call(Pin<Box<F>>),
    Answer(F::Output),
}

impl<F: Future> Asked<F> {
    fn answer(self) -> Option<F::Output> {
        match self {
            Self::Call(_) => None,
            Self::Answer(answer) => Some(answer),
        }
    }
}

/// The answer of the first that has one, or an error if all fail.
pub(super) async fn first<T>(
    calls: impl IntoIterator<Item = impl Future<Output = Result<T, StoreError>>>,
) -> Result<T, StoreError> {
    let mut calls: Vec<_> = calls.into_iter().map(Box::pin).collect();
    let mut failure = StoreError::new(StoreErrorKind::Unavailable);
    poll_fn(|context| {
        let mut answer = None;
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(given)) => {
                answer = Some(given);
                false
            }
            Poll::Ready(Err(error)) => {
                failure = error;
                false
            }
        });
        match answer {
            Some(answer) => Poll::Ready(Ok(answer)),
            None if calls.is_empty() => Poll::Ready(Err(failure.clone())),
            None => Poll::Pending,
        }
    })
    .await
}
