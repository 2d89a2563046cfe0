//! Where sessions are kept: the [`SessionStore`] contract and the stores.
//!
//! A store is dumb on purpose. It loads, it compares and swaps, it never decides. All that
//! makes a session safe is in [`crate::session`]; what that builds on is in the promises below,
//! and each says what it costs when it is broken.

mod any;
mod error;
mod memory;
mod record;
pub mod service;
mod shared;

use std::future::Future;

pub use any::AnyStore;
pub use error::{OpenError, OpenErrorKind, StoreError, StoreErrorKind};
pub use memory::MemoryStore;
pub use record::{
    Extra, KeyThumbprint, Metadata, Record, RevokeReason, Revoked, Session, SessionSecret,
    SessionState,
};

pub use crate::claims::PrivateClaims;
use crate::{claims::SessionId, clock::Timestamp};

/// Keeps sessions.
///
/// A store keeps all of a [`Record`], which tells how to be sure of that.
///
/// All methods may be cancelled at any await point: a write then either happened whole or not
/// at all, and the caller does not know which. That is safe, since a client that saw no answer
/// presents its old token again and is served by the protocol.
///
/// # What each wrong answer costs
///
/// | if a store … | then … |
/// | --- | --- |
/// | swaps although the version is another | two refresh tokens rotate one session: a thief's branch lives beside the victim's, unseen |
/// | swaps or confirms a revoked session | a logged-out session comes back to life |
/// | creates a session in anything but [`insert`](Self::insert) | a deleted or lost session is revived |
/// | reads from a replica that lags | honest clients are seen as thieves and logged out |
/// | gives a clock that differs between servers | reuse windows open too wide or not at all |
/// | loses an acknowledged rotation | honest clients go on, by row 11 of the protocol, with an event |
/// | loses an acknowledged revocation | the logout is lost with it |
/// | deletes a session before its `ends_at` | the client is logged out |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    note = "a store is a type with `impl SessionStore`, one of this crate's, or an `Arc` of either"
)]
pub trait SessionStore: Send + Sync + 'static {
    /// The store's clock. It must be one clock for all servers that share the store: the
    /// database's own, where it has one. Where it has none, the servers' own clocks do if they
    /// are kept in step (NTP): an error of theirs of a second makes a reuse window of 10 s one
    /// of 9 or 11.
    fn now(&self) -> impl Future<Output = Result<Timestamp, StoreError>> + Send;

    /// Keeps a new session, each field of both parts as it is given. That goes for
    /// `state.version` too: the store does not number versions itself, here or in a swap.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Duplicate`] where the identifier is taken; the session that has it is
    /// left as it is.
    fn insert(&self, record: &Record) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The session, revoked ones included, and the time by the store's clock. Reads the
    /// primary: what was acknowledged before the call is seen.
    fn load(&self, id: SessionId) -> impl Future<Output = Result<Loaded, StoreError>> + Send;

    /// Replaces the state of the session `id` by `next` if its version is `expected` and it is
    /// not revoked, in one atomic step. What the login wrote stays. Never creates a session.
    ///
    /// `next.version` is above `expected` and is kept as it is given: a store that numbers
    /// versions itself lets an old swap overwrite a newer row after a failover. A swap that
    /// revokes is written as durably as [`end`](Self::end).
    fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// Notes that the clients hold these generations: for each pair, if the session is of that
    /// generation, not revoked and not confirmed, sets `confirmed_at` to the store's time and adds
    /// 1 to `version`. Pairs that do not fit are dropped.
    fn confirm(
        &self,
        pairs: &[(SessionId, u32)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Revokes a session unless it is revoked or unknown, whatever its version, adds 1 to
    /// `version` and tells whether it did. Written with the strongest durability there is.
    fn end(
        &self,
        id: SessionId,
        reason: RevokeReason,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Revokes all sessions of a subject as [`end`](Self::end) does, and tells which those were.
    fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        reason: RevokeReason,
    ) -> impl Future<Output = Result<Vec<SessionId>, StoreError>> + Send;

    /// The sessions of a subject that are [live](Record::is_live), oldest (lowest identifier)
    /// first, and the time by the store's clock: at most `limit`, those with an identifier
    /// above `after`.
    fn list(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
        limit: usize,
    ) -> impl Future<Output = Result<Listed, StoreError>> + Send;

    /// Deletes at most `limit` sessions whose `ends_at` has come, those first whose came first,
    /// and tells how many it did. Must not hold up other calls for longer than a moment.
    ///
    /// A session whose end has come may also go by itself, at any time. Once it is gone its
    /// identifier is free.
    fn delete_expired(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// What [`SessionStore::load`] found, and when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The session, if there is one.
    pub record: Option<Record>,
    /// The time of the load, by the store's clock.
    pub now: Timestamp,
}

impl Loaded {
    /// A session, or none, and the time of the load.
    pub fn new(record: Option<Record>, now: Timestamp) -> Self {
        Self { record, now }
    }
}

/// What [`SessionStore::list`] found, and when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The live sessions, oldest first.
    pub records: Vec<Record>,
    /// The time of the list, by the store's clock.
    pub now: Timestamp,
}

impl Listed {
    /// Sessions, oldest first, and the time of the list.
    pub fn new(records: Vec<Record>, now: Timestamp) -> Self {
        Self { records, now }
    }
}

/// What became of a [`SessionStore::swap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Swap {
    /// The session's state is now the one that was given.
    Swapped,
    /// The session has another version, is revoked or is gone. Nothing was written.
    Lost,
}
