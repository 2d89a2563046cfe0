//! The one place that knows whether `tracing` is compiled in: no `cfg` sits at a call site.

#[cfg(feature = "tracing")]
pub(crate) use tracing::warn;

/// Stands in for each macro of `tracing`, and expands to nothing.
#[cfg(not(feature = "tracing"))]
macro_rules! nothing {
    ($($ignored:tt)*) => {{}};
}

#[cfg(not(feature = "tracing"))]
pub(crate) use nothing as warn;
