//! Who keeps a set of keys, and so what it means that a key is not in it.

#[cfg(feature = "session")]
use std::{sync::Arc, time::Duration};

#[cfg(feature = "session")]
use super::PlanClock;
use crate::error::TokenError;

pub(super) enum Origin {
    /// Whoever has made the set, or fetches it.
    Others,
    /// A [`KeySet`](super::KeySet), which signs with one of the keys.
    KeySet,
    /// A key ring, as a `KeySet` does.
    #[cfg(feature = "session")]
    Ring {
        clock: Arc<dyn PlanClock>,
        /// The longest that anybody may keep the published set.
        longest_kept: Duration,
    },
}

impl Origin {
    pub(super) fn is_key_set(&self) -> bool {
        !matches!(self, Self::Others)
    }

    #[cfg(feature = "session")]
    pub(super) fn is_ring(&self) -> bool {
        matches!(self, Self::Ring { .. })
    }

    /// The longest that anybody may keep the published set as it is now. That of a process which may have missed a key is
    /// to be fetched again, from another one if there is one.
    #[cfg(feature = "session")]
    pub(super) fn longest_kept(&self) -> Option<Duration> {
        match self {
            Self::Ring {
                clock,
                longest_kept,
            } => Some(match clock.now() {
                Some(_) => *longest_kept,
                None => Duration::ZERO,
            }),
            _ => None,
        }
    }

    /// The verdict on a token whose key is not in the set. A process that has not read its ring for some seconds cannot
    /// tell: others may have made the key meanwhile, and sign with it. Asked before the set is looked at, which may be read
    /// meanwhile.
    pub(super) fn missing(&self) -> TokenError {
        match self {
            #[cfg(feature = "session")]
            Self::Ring { clock, .. } if !clock.is_fresh() => TokenError::Unavailable,
            _ => TokenError::UnknownKey,
        }
    }
}
