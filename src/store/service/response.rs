use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{Listed, Loaded, Swap},
};

/// What a [`StoreRequest`](super::StoreRequest) is answered with, in the same order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreResponse {
    /// To `Now`.
    Now(Timestamp),
    /// To `Insert`.
    Inserted,
    /// To `Load`.
    Loaded(Box<Loaded>),
    /// To `Swap`.
    Swapped(Swap),
    /// To `Confirm`.
    Confirmed,
    /// To `End`: whether it was this call that ended the session.
    Ended(bool),
    /// To `EndAll`: which it has ended.
    EndedAll(Vec<SessionId>),
    /// To `List`.
    Listed(Listed),
    /// To `DeleteExpired`: how many.
    Deleted(usize),
}
