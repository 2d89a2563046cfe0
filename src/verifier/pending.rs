//! A verification that may have to wait.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use crate::{claims::VerifiedToken, clock::Clock, error::TokenError, profile::TokenProfile};

/// A token that was verified at once, or one whose verification waits for another server.
pub(crate) enum Verification {
    Done(VerifiedToken),
    Pending(PendingToken),
}

pub(crate) type PendingToken =
    Pin<Box<dyn Future<Output = Result<VerifiedToken, TokenError>> + Send>>;

impl Verification {
    /// What is known without waiting.
    pub(super) fn now(self) -> Result<VerifiedToken, TokenError> {
        match self {
            Self::Done(verified) => Ok(verified),
            Self::Pending(_) => Err(TokenError::Unavailable),
        }
    }
}

/// Another server that knows tokens which say nothing by themselves.
#[cfg_attr(not(feature = "remote"), allow(dead_code))] // only an introspection is one
pub(crate) trait Opaque: Send + Sync + fmt::Debug {
    /// The token, if the server has been asked about it before and the answer still counts.
    fn recall(&self, token: &str, timing: &Timing) -> Option<VerifiedToken>;

    /// Asks the server about the token.
    fn ask(self: Arc<Self>, token: Zeroizing<String>, timing: &Timing) -> PendingToken;

    /// The same server, whose answers are read in another way. Nothing of what is known is taken over.
    fn with_profile(&self, profile: TokenProfile) -> Arc<dyn Opaque>;
}

/// By what the times of a token are judged.
#[derive(Clone)]
#[cfg_attr(not(feature = "remote"), allow(dead_code))] // only an introspection reads it
pub(crate) struct Timing {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) leeway: Duration,
}
