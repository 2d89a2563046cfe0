//! What those share that answer at paths of their own: a document that may be cached, and the future of
//! a layer that answers some requests itself.

pub(crate) mod document;
mod layered;

pub use layered::LayeredFuture;
