//! Turns a store into a Tower service, and such a service back into a store, so that Tower layers
//! can be put around a store: timeouts, retries, limits, load shedding, balancing, buffers.
//!
//! 1. [`StoreService`] turns any store into a service of [`StoreRequest`]s.
//! 2. [`ServiceStore`] turns any such service into a [`SessionStore`](super::SessionStore).
//! 3. A [`StoreError`](super::StoreError) passes through the layers with its kind unchanged. The
//!    kind of an error that a layer makes itself is told by the application's
//!    [`classify_errors`](ServiceStore::classify_errors), and is `Unavailable` without it. All of
//!    these errors are a 503 with `Retry-After` to the client, which keeps its session.
//! 4. A layer may drop, refuse or delay a call. It must not answer a call itself, and must not
//!    repeat a call that is not [idempotent](StoreRequest::is_idempotent).
//!
//! # Example
//!
//! This store runs at most 32 calls at a time, each for at most 1 second. Further calls are
//! refused at once instead of waiting in a queue.
//!
//! ```
//! use std::{error::Error, time::Duration};
//!
//! use tower::ServiceBuilder;
//! use tower_bearer::store::{
//!     MemoryStore, SessionStore, StoreErrorKind,
//!     service::{ServiceStore, StoreService},
//! };
//!
//! fn kind_of(error: &(dyn Error + 'static)) -> StoreErrorKind {
//!     if error.is::<tower::timeout::error::Elapsed>() {
//!         StoreErrorKind::Timeout
//!     } else if error.is::<tower::load_shed::error::Overloaded>() {
//!         StoreErrorKind::Busy
//!     } else {
//!         StoreErrorKind::Unavailable
//!     }
//! }
//!
//! # async fn example() -> Result<(), tower_bearer::store::StoreError> {
//! let service = ServiceBuilder::new()
//!     .load_shed()
//!     .concurrency_limit(32)
//!     .timeout(Duration::from_secs(1))
//!     .service(StoreService::new(MemoryStore::new()));
//! let store = ServiceStore::new(service).classify_errors(kind_of);
//! store.now().await?;
//! # Ok(())
//! # }
//! ```

mod future;
mod request;
mod response;
mod service_store;
mod store_service;

pub use future::ResponseFuture;
pub use request::StoreRequest;
pub use response::StoreResponse;
pub use service_store::ServiceStore;
pub use store_service::StoreService;
