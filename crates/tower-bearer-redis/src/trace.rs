//! The macros of `tracing`, or macros that do nothing if `tracing` is not compiled in. So callers
//! need no `cfg`.

#[cfg(feature = "tracing")]
pub(crate) use tracing::warn;

/// Takes the place of a macro of `tracing`, and expands to nothing.
#[cfg(not(feature = "tracing"))]
macro_rules! nothing {
    ($($ignored:tt)*) => {{}};
}

#[cfg(not(feature = "tracing"))]
pub(crate) use nothing as warn;
