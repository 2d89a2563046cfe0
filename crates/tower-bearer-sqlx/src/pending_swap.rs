use tower_bearer::{claims::SessionId, store::SessionState};

/// A swap that is to be written.
#[derive(Clone)]
pub(crate) struct PendingSwap {
    pub(crate) id: SessionId,
    pub(crate) expected: u64,
    pub(crate) next: SessionState,
}
