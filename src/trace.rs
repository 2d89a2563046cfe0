//! The macros of `tracing`, or empty ones without that feature, so that callers need no `cfg`.
#![allow(
    unused_imports,
    unused_macros,
    reason = "which of them are used depends on features"
)]

#[cfg(feature = "tracing")]
pub(crate) use tracing::{debug, error, warn};

/// Stands in for each macro of `tracing`, and expands to nothing.
#[cfg(not(feature = "tracing"))]
macro_rules! nothing {
    ($($ignored:tt)*) => {{}};
}

#[cfg(not(feature = "tracing"))]
pub(crate) use {nothing as debug, nothing as error, nothing as warn};
