use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{Listed, ListedAll, Loaded, Swap},
};

/// The answer to a [`StoreRequest`](super::StoreRequest). Each request has one variant here, in
/// the same order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StoreResponse {
    /// The answer to `Now`.
    Now(Timestamp),
    /// The answer to `Insert`.
    Inserted,
    /// The answer to `Load`.
    Loaded(Box<Loaded>),
    /// The answer to `Swap`.
    Swapped(Swap),
    /// The answer to `Confirm`.
    Confirmed,
    /// The answer to `End`: whether this call has ended the session.
    Ended(bool),
    /// The answer to `EndAll`: the sessions that this call has ended.
    EndedAll(Vec<SessionId>),
    /// The answer to `List`.
    Listed(Listed),
    /// The answer to `ListAll`.
    ListedAll(ListedAll),
    /// The answer to `EndedSince`: sessions, and the time at which each was ended.
    EndedSince(Vec<(SessionId, Timestamp)>),
    /// The answer to `DeleteExpired`: the number of deleted sessions.
    Deleted(usize),
}
