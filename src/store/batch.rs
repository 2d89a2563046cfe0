//! Group commit: what comes while a write is under way goes together in the next one.
//!
//! There is no timer. A call that finds nothing under way is written at once, alone; the busier
//! the store, the larger the batches.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{StoreError, StoreErrorKind};

/// The most that one write takes.
const LARGEST: usize = 64;

/// Calls that wait for their turn, and who writes them.
pub(super) struct Batches<T, R> {
    state: Arc<Mutex<State<T, R>>>,
    /// How many writes may be under way at the same time.
    lanes: usize,
}

struct State<T, R> {
    waiting: VecDeque<Call<T, R>>,
    writing: usize,
}

struct Call<T, R> {
    item: T,
    answer: oneshot::Sender<Result<R, StoreError>>,
}
