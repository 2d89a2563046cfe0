//! A Tower service as a store, and a store as a Tower service.
//!
//! What Tower has for services then composes around token storage: timeouts, retries, limits,
//! load shedding, balancing, buffers.
//!
//! 1. [`StoreService`] makes any store a service of [`StoreRequest`]s.
//! 2. [`ServiceStore`] makes any such service a [`SessionStore`](super::SessionStore).
//! 3. A failure stays what it was: a [`StoreError`](super::StoreError) comes out as it went in,
//!    and what a layer adds of its own is [classified](ServiceStore::classify_errors) by the
//!    application, or `Unavailable`. On the wire all of them are a 503 with `Retry-After`, which
//!    costs no session.
//! 4. A layer may drop a call, refuse it or be late with it. It must not answer one itself, nor
//!    repeat one that is not [idempotent](StoreRequest::is_idempotent).
//!
//! # Example
//!
//! At most 32 calls at a time, each for at most a second, and no queue: when all are taken the
//! next is refused at once instead of making everyone wait.
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
