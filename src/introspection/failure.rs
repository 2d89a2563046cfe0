//! Why there is no answer, and what is logged of that.

use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::StatusCode;
use tokio::time::Instant;

use crate::{error::TokenError, trace, transport::TransportError};

/// A failure of a kind is logged again after this time. Tokens that nobody knows must not fill the log.
const PAUSE: Duration = Duration::from_secs(10);

/// Why there is no answer. It is never the token's fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the authorization server refuses this API's own credentials: {0}")]
    Credentials(StatusCode),
    #[error("the authorization server answered with {0}")]
    Status(StatusCode),
    #[error("the authorization server sent no answer")]
    Transport(#[from] TransportError),
    #[error("the authorization server did not answer in time")]
    TimedOut,
    #[error("the answer is no JSON object without duplicate members")]
    NotJson(#[source] serde_json::Error),
    #[error("the answer does not tell by `active` whether the token is live")]
    NoVerdict,
    #[error("the answer is signed, and there are no keys to verify it")]
    NoKeys,
    #[error("the answer is not signed")]
    NotSigned,
    #[error("the signed answer cannot be verified")]
    Signature(#[source] TokenError),
    #[error("the signed answer is not meant for this question: its {0} is wrong")]
    NotForUs(&'static str),
    #[error("too many tokens are being asked about")]
    Crowded,
    #[error("there is no tokio runtime")]
    NoRuntime,
}

/// When a failure of each kind was last logged.
#[derive(Default)]
pub(super) struct FailureLog(Mutex<HashMap<Discriminant<Failure>, Instant>>);

impl FailureLog {
    pub(super) fn note(&self, failure: &Failure, _endpoint: &str) {
        if !self.is_news(failure) {
            trace::debug!(
                error = failure as &dyn std::error::Error,
                "no introspection"
            );
            return;
        }
        match failure {
            // Nobody gets in until somebody has put it right.
            Failure::Credentials(_) | Failure::NoKeys | Failure::NoRuntime => trace::error!(
                error = failure as &dyn std::error::Error,
                endpoint = %_endpoint,
                "tokens cannot be introspected, and requests with them get a 503"
            ),
            _ => trace::warn!(
                error = failure as &dyn std::error::Error,
                endpoint = %_endpoint,
                "a token could not be introspected, and its request gets a 503"
            ),
        }
    }

    fn is_news(&self, failure: &Failure) -> bool {
        let (kind, now) = (discriminant(failure), Instant::now());
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = logged.get(&kind);
        if last.is_some_and(|last| now.duration_since(*last) < PAUSE) {
            return false;
        }
        logged.insert(kind, now);
        true
    }
}
