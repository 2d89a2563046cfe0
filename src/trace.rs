//! The macros of `tracing`, or empty ones without that feature, so that callers need no `cfg`.
#![allow(
    unused_imports,
    unused_macros,
    reason = "which of them are used depends on features"
)]

#[cfg(feature = "tracing")]
pub(crate) use tracing::{debug, error, info, warn};

/// Work that a task of its own does for its caller, whose span it stays in.
#[cfg(feature = "tracing")]
#[cfg_attr(not(feature = "store"), allow(dead_code))]
pub(crate) fn in_current_span<F: Future>(work: F) -> impl Future<Output = F::Output> {
    tracing::Instrument::in_current_span(work)
}

#[cfg(not(feature = "tracing"))]
#[cfg_attr(not(feature = "store"), allow(dead_code))]
pub(crate) fn in_current_span<F: Future>(work: F) -> F {
    work
}

/// How many characters of what a token says are in the log at most.
#[cfg(feature = "tracing")]
const SHOWN: usize = 200;

/// What a verified token says, without control characters and not without end.
#[cfg(feature = "tracing")]
#[cfg_attr(not(feature = "_jws"), allow(dead_code))]
pub(crate) fn shown(said: &impl std::fmt::Debug) -> String {
    format!("{said:?}").chars().take(SHOWN).collect()
}

/// Stands in for each macro of `tracing`, and expands to nothing.
#[cfg(not(feature = "tracing"))]
macro_rules! nothing {
    ($($ignored:tt)*) => {{}};
}

#[cfg(not(feature = "tracing"))]
pub(crate) use {nothing as debug, nothing as error, nothing as info, nothing as warn};
