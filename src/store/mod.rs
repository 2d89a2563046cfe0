//! Where sessions are kept: the [`SessionStore`] contract, and [`MemoryStore`].
//!
//! A store makes no decisions. It loads a session, and it replaces the session's state only if
//! nobody has changed it since (compare and swap). What makes sessions safe is decided in
//! [`crate::session`], which relies on the promises of [`SessionStore`].
//!
//! [`ShardedStore`] spreads sessions over several stores. A [`RingStore`] keeps the keys of an issuer, sealed, for
//! all its servers.
//!
//! The crate [tower-bearer-sqlx](https://docs.rs/tower-bearer-sqlx) has stores for SQLite,
//! PostgreSQL, MySQL and MariaDB, the crate [tower-bearer-redis](https://docs.rs/tower-bearer-redis) has one
//! for Redis, [tower-bearer-mongodb](https://docs.rs/tower-bearer-mongodb) has one for MongoDB, and
//! [tower-bearer-conformance](https://docs.rs/tower-bearer-conformance) tests a store of your own.

mod any;
mod any_ring;
mod cursor;
mod error;
mod memory;
mod record;
mod ring;
mod ring_file;
pub mod service;
mod sharded;
mod shared;

use std::future::Future;

pub use any::AnyStore;
pub use any_ring::AnyRingStore;
pub use cursor::Cursor;
pub use error::{OpenError, OpenErrorKind, StoreError, StoreErrorKind};
pub use memory::MemoryStore;
#[cfg(feature = "session")]
pub(crate) use record::Methods;
pub use record::{EndReason, Ended, Extra, Metadata, Record, Session, SessionSecret, SessionState};
pub use ring::{LoadedRing, RingStore, SealedRing};
pub use ring_file::FileRingStore;
pub use sharded::{ShardedStore, ShardedStoreBuilder};

pub use crate::claims::{KeyThumbprint, PrivateClaims};
use crate::{claims::SessionId, clock::Timestamp};

/// Keeps sessions.
///
/// A session *is ended* by the write that sets its [`state.ended`](SessionState::ended). It
/// *expires* by itself when the store's clock reaches its [`ends_at`](Session::ends_at), or its
/// [`expires_at`](SessionState::expires_at), which each rotation moves on.
///
/// # Promises
///
/// Besides what each method promises, a store promises all of this:
///
/// 1. Every field of a [`Record`] is kept and comes back as it was given, times to the
///    millisecond. Texts may be empty or hold any character, NUL included; the store compares
///    them byte for byte. The docs of [`Record`] show how to be sure that no field is forgotten.
/// 2. An ended session never changes again and never becomes usable again. As a session ends, its
///    notes and claims and the `extra` of its state are dropped and its `ends_at` is brought forward, exactly as
///    [`Record::end`] does it. So dead sessions are small and soon deleted.
/// 3. Only [`insert`](Self::insert) creates a session.
/// 4. Every session, an ended one too, is kept until its `ends_at`, which an end may have brought
///    forward.
/// 5. Only [`list`](Self::list), [`list_all`](Self::list_all) and
///    [`delete_expired`](Self::delete_expired) treat an expired session in their own way. To the other methods it is a session like any other, as long as
///    the store still has it.
/// 6. The change of one session is atomic: it happens whole or not at all. Once a call has
///    returned, every later call sees what it wrote, also a call from another server.
/// 7. However many ended sessions a subject has, they make its other sessions no slower: a
///    [`list`](Self::list) and an [`end_all`](Self::end_all) read the sessions that are not ended,
///    and no others. For that, keep an index of those, which a session leaves as it ends. (A test
///    cannot see how much a store reads, so the suite does not check this promise.)
/// 8. The store accepts every session within the [limits](crate::session::Grant#limits) of a
///    grant, all in bytes of UTF-8: an issuer of at most 512 bytes, a subject and a client of at
///    most 1 KiB each, a scope of at most 8 KiB, claims of at most 64 KiB as JSON, and metadata
///    whose names and values are at most 64 KiB together; and an `extra` of the state of at most
///    8 KiB as JSON. A larger session may be refused, by [`Unstorable`](StoreErrorKind::Unstorable),
///    but never cut.
/// 9. All methods may be cancelled, which means that their future is dropped. A write that was
///    cancelled happens whole or not at all, and the caller does not know which. That is safe: a
///    client that saw no answer presents its old token again and is served by the protocol.
///
/// # What a broken promise costs
///
/// | if a store … | then … |
/// | --- | --- |
/// | swaps although the version is another | two clients rotate the same session: a thief uses it beside the victim, and nobody notices |
/// | swaps or confirms an ended session | the session becomes usable again, after a logout for instance |
/// | creates a session in anything but [`insert`](Self::insert) | a deleted or lost session becomes usable again |
/// | reads from a replica that lags | honest clients are taken for thieves, and their sessions are ended |
/// | gives a clock that differs between servers | reuse windows are too long, too short or never open |
/// | loses an acknowledged rotation | honest clients go on (row 11 of the [protocol](crate::manual::protocol)), and an event tells of it |
/// | loses an acknowledged end of a session | the session becomes usable again, and a logout is undone |
/// | deletes a session before its `ends_at` | the user has to log in again |
/// | leaves sessions out of the list of all | an administrator who looks for them, or ends them all, does not find them |
/// | loses the `extra` of a state | a session that was to go on only after the user has authenticated again goes on without |
/// | keeps what an end drops | what was noted of a user stays for months after the logout |
/// | does not tell of an end | other servers, and each after a restart, admit access tokens of a session that was logged out, until they expire |
/// | tells of an end long after its time | other servers learn of it late: within half a minute where that is more than two store timeouts, and within five minutes where it is more than eleven and a minute |
/// | refuses or cuts long names | that user can never log in, or sees the sessions of another |
/// | walks over the ended sessions of a subject | a user who logs in often can no longer log in when the number is limited, and can no longer log out everywhere |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    note = "a store is a type with `impl SessionStore`, one of this crate's, or an `Arc` of either"
)]
pub trait SessionStore: Send + Sync + 'static {
    /// The time by the store's clock.
    ///
    /// All servers that share the store must see the same clock: the database's own, if it has
    /// one. If it has none, the servers' clocks will do, as long as they are synchronized (NTP).
    /// If two of them differ by 1 second, a reuse window of 10 seconds becomes one of 9 or 11.
    ///
    /// [`load`](Self::load) and [`list`](Self::list) give the time by this clock too, and every
    /// time that the store writes by itself is by this clock.
    fn now(&self) -> impl Future<Output = Result<Timestamp, StoreError>> + Send;

    /// Keeps a new session. Every field of `record.session` and `record.state` is kept as it is
    /// given, `state.version` included: the store does not choose the version.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Duplicate`] if the store has a session with this identifier, be it live,
    /// ended or expired. That session is left as it is.
    ///
    /// [`StoreErrorKind::Unstorable`] if the store can never keep this session, which is above the
    /// limits of promise 8.
    fn insert(&self, record: &Record) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The session with this identifier, if the store has it, and the time by the store's clock.
    /// An ended session is given too.
    ///
    /// Every write that was acknowledged before the call is seen, so a database with replicas is
    /// read at its primary.
    fn load(&self, id: SessionId) -> impl Future<Output = Result<Loaded, StoreError>> + Send;

    /// Replaces the state of the session `id` by `next`, in one atomic step, if the session's
    /// version is `expected` and the session is not ended. Otherwise nothing is written and the
    /// answer is [`Swap::Lost`].
    ///
    /// [`Record::session`], which the login wrote, stays as it is, unless the swap ends the
    /// session. The swap never creates a session. An `expected` that no row of the store can hold
    /// is [`Swap::Lost`] too, and no error.
    ///
    /// All of `next` is kept as it is given. Its version is above `expected`; the caller chooses
    /// it, and the store must not count versions itself: after a failover an old swap could then
    /// overwrite a newer row. A swap whose `next.ended` is set ends the session, at the time that
    /// `next.ended` says: it changes the session as [`Record::replace_state`] does, in the same
    /// atomic step, and is written as durably as [`end`](Self::end).
    fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// Notes, for each pair of a session and a generation, that the client holds the refresh
    /// token of this generation.
    ///
    /// If the session is of this generation, is not ended and has no `confirmed_at`, the store
    /// sets `confirmed_at` to the time by its clock and adds 1 to `version`. Nothing else of the
    /// session changes. At the [highest version](SessionState::version), which cannot rise, the version stays, or the
    /// pair changes nothing. Every other pair changes nothing and is no error, also one of an unknown
    /// session; a pair that comes twice counts once. There may be any number of pairs, or none.
    /// Each pair is written in one atomic step, but the pairs need not be written together.
    fn confirm(
        &self,
        pairs: &[(SessionId, u32)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends a session, whatever its version, by `reason` and at the time by the store's clock: the
    /// session changes as [`Record::end`] changes it, and in nothing else. The answer is `true` if
    /// this call has ended the session, and `false` if the session was ended before or is unknown.
    /// A session of the [highest version](SessionState::version) ends too.
    ///
    /// The write is as durable as the store can make it before the call returns.
    fn end(
        &self,
        id: SessionId,
        reason: EndReason,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends all sessions of a subject that an issuer has started, except for the session `keep`,
    /// each as [`end`](Self::end) does, and gives the identifiers of those that this call has
    /// ended, in any order. An expired session that the store still has is ended too. A `keep`
    /// that is no session of the subject keeps nothing.
    fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> impl Future<Output = Result<Vec<SessionId>, StoreError>> + Send;

    /// The [live](Record::is_live) sessions of a subject that an issuer has started, and the time
    /// by the store's clock. The sessions are sorted by the bytes of their identifiers, highest
    /// first, which means newest first, and last those that were taken over from another program.
    ///
    /// Only sessions whose identifier is below `before` are given, whether or not the store has a
    /// session `before`. If there are more than `limit`, the first `limit` of them are given, and
    /// otherwise all. A `limit` of 0 or of `usize::MAX` is allowed.
    fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> impl Future<Output = Result<Listed, StoreError>> + Send;

    /// A page of the [live](Record::is_live) sessions of all subjects of an issuer, in an order of the store's own,
    /// and the time by the store's clock. It is for administrators, and may be slow.
    ///
    /// Without an `after` it is the first page; with the [`next`](ListedAll::next) of a page it is the page after that
    /// one, and the page without a `next` is the last. A session that is live from the first page to the last is given
    /// on at least one of them; a store says where it may give one twice. Sessions that begin or end meanwhile may be
    /// given or not.
    ///
    /// A page has at most `limit` sessions. A store that can only stop now and then may give a few more where the
    /// `limit` is small. A page may have fewer, or none, although others follow: a call looks at no
    /// more sessions, dead ones included, than it can in a moment. A `limit` of 0 counts as 1, and one of
    /// `usize::MAX` is allowed.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Cursor`] if the store has not given `after`, or can no longer go on from it: its servers are
    /// other ones, for instance. The caller then begins with the first page.
    fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> impl Future<Output = Result<ListedAll, StoreError>> + Send;

    /// The sessions of all issuers that were ended at `since` or later, each with the time in its
    /// [`state.ended`](SessionState::ended), earliest first, and at equal times sorted by the bytes
    /// of the identifier, lowest first. It makes no difference how a session was ended: by
    /// [`end`](Self::end), [`end_all`](Self::end_all) or [`swap`](Self::swap). A server
    /// learns from it which access tokens to refuse, when it starts and then
    /// at short intervals.
    ///
    /// With an `after`, those that were ended at `since` itself are given only if their identifier
    /// is above it, whether or not the store has a session `after`; so the last entry of a page
    /// gives the `since` and the `after` of the next page. If there are more than `limit`, the
    /// first `limit` of them are given, and otherwise all. A `limit` of 0 or of `usize::MAX` is
    /// allowed. Sessions that were ended more than [`KEPT_AFTER_END`](Record::KEPT_AFTER_END) ago,
    /// or whose `ends_at` has come, may be missing.
    fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(SessionId, Timestamp)>, StoreError>> + Send;

    /// Deletes at most `limit` sessions whose `ends_at` the store's clock has reached, the ones
    /// with the earliest `ends_at` first, and gives the number of deleted sessions. Other sessions
    /// stay, also those that are ended and those that are past their `expires_at`, as long as their
    /// `ends_at` has not come. A store over several databases keeps that order in each of them.
    ///
    /// A large `limit`, `usize::MAX` included, must not block other calls for long: delete in
    /// batches.
    ///
    /// A store may also delete a session by itself at any time after its `ends_at`. The identifier
    /// of a deleted session is free again.
    fn delete_expired(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Whether the store has any session, live or dead, of whatever issuer: `None`, the default, if it cannot tell
    /// soon. [`ShardedStore`] asks this once, as it is opened for the first time, so that databases that have sessions
    /// already are not named as new ones. Their users would be logged out.
    fn has_sessions(&self) -> impl Future<Output = Result<Option<bool>, StoreError>> + Send {
        async { Ok(None) }
    }
}

/// What [`SessionStore::load`] found, and when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The session, if the store has it.
    pub record: Option<Record>,
    /// The time of the load, by the store's clock.
    pub now: Timestamp,
}

impl Loaded {
    /// The answer to a load: the session, if the store has it, and the time by the store's clock.
    pub fn new(record: Option<Record>, now: Timestamp) -> Self {
        Self { record, now }
    }
}

/// What [`SessionStore::list`] found, and when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The live sessions, sorted by identifier, highest (newest) first.
    pub records: Vec<Record>,
    /// The time at which the list was made, by the store's clock.
    pub now: Timestamp,
}

impl Listed {
    /// The answer to a list: the sessions, sorted by identifier, highest first, and the time by the
    /// store's clock.
    pub fn new(records: Vec<Record>, now: Timestamp) -> Self {
        Self { records, now }
    }
}

/// What [`SessionStore::list_all`] found, and when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListedAll {
    /// The live sessions, in any order.
    pub records: Vec<Record>,
    /// Where the next page begins. `None` on the last page.
    pub next: Option<Cursor>,
    /// The time at which the page was made, by the store's clock.
    pub now: Timestamp,
}

impl ListedAll {
    /// The answer to a list of all: the sessions of a page, where the next one begins, and the time by the store's
    /// clock.
    pub fn new(records: Vec<Record>, next: Option<Cursor>, now: Timestamp) -> Self {
        Self { records, next, now }
    }
}

/// The outcome of a [`SessionStore::swap`] or a [`RingStore::swap_ring`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Swap {
    /// The session's state, or the ring, is now the one that was given.
    Swapped,
    /// The session or the ring has another version or is unknown, or the session is ended. Nothing was written.
    Lost,
}
