//! What can go wrong, by whose fault it is.
//!
//! [`ConfigError`] is the application's mistake and comes before any request is sent.
//! [`ClientError`] says why there is no access token. [`RequestError`] is what a request through
//! the layer fails with: a `ClientError`, or the error of the HTTP client.

mod client;
mod config;
mod request;

pub(crate) use client::BoxError;
pub use client::{ClientError, ClientErrorKind, EndReason};
pub use config::{ConfigError, ConfigErrorKind};
pub use request::RequestError;
