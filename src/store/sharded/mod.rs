//! [`ShardedStore`]: sessions spread over several databases.
//!
//! - `layout` and `rendezvous` say to which shard a session belongs, before and after a change.
//! - `seal` and `moving` bring a session from one shard to another.
//! - `subject` does what concerns all shards, by `together`, and `walk` lists all sessions.
//! - `builder` and `marks` make sure that all servers mean the same shards.

mod builder;
mod layout;
mod marks;
mod moving;
mod rendezvous;
mod seal;
mod subject;
#[cfg(test)]
mod tests;
mod together;
mod walk;

use std::{fmt, sync::Arc};

pub use self::builder::ShardedStoreBuilder;
use self::{
    layout::{Home, Layout, Step},
    moving::Move,
};
use super::{
    AnyStore, Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
    StoreError, StoreErrorKind, Swap,
};
use crate::{claims::SessionId, clock::Timestamp};

/// Spreads sessions over several stores, so that no single database has to carry them all.
///
/// To which shard a session belongs is decided by a hash of its identifier and of the shards' names
/// (rendezvous hashing). A refresh concerns one shard. What concerns a user, such as the list of devices
/// and "log out everywhere", is asked of all shards at the same time.
///
/// ```
/// use tower_bearer::store::{MemoryStore, OpenError, ShardedStore};
///
/// # async fn example() -> Result<(), OpenError> {
/// # let (first, second) = (MemoryStore::new(), MemoryStore::new());
/// // Only for databases that have no sessions yet.
/// let store = ShardedStore::builder()
///     .shard("one", first) // a PostgresStore, for instance
///     .shard("two", second)
///     .open()
///     .await?;
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
///
/// Each shard is a store with a database of its own, of any kind. Two shards in one database need tables or
/// prefixes of their own. The shard's name is written into it at the first start. From then on a server
/// that is given other shards, the same ones by other names, or an empty database instead of one of them,
/// does not start.
///
/// **If a database has sessions already**, the others must [join](#more-shards-or-fewer) it: just named beside
/// it, they would be asked for sessions that they do not have, and users would be logged out. The first start of such
/// shards is refused, if the store of the old database [can tell](SessionStore::has_sessions) that it has sessions.
///
/// # More shards, or fewer
///
/// Shards are added and removed while the service runs, and nobody is logged out. A session moves when it is
/// next used, so that those that are in use have moved within one lifetime of an access token, and those that
/// are not cost nothing. The servers are restarted three times, one after the other as for any release. Each
/// time, wait until all have been restarted before the next step:
///
/// 1. **Announce.** Add the new shard by [`joining`](ShardedStoreBuilder::joining), or name the old one by
///    [`leaving`](ShardedStoreBuilder::leaving) instead of [`shard`](ShardedStoreBuilder::shard). The servers
///    then look for sessions at both places, and leave them where they are.
/// 2. **Move.** Add [`move_sessions`](ShardedStoreBuilder::move_sessions). New sessions now go to their new
///    shard, and each live one moves when it is loaded.
/// 3. **Settle**, when every session has been used or has expired: after the longest
///    [`idle_lifetime`](crate::session::SessionsBuilder::idle_lifetime) that any login was given, 30 days by
///    default, counted from the restart of the last server in step 2. Name all remaining shards by
///    [`shard`](ShardedStoreBuilder::shard), without `move_sessions`. Sessions that were not used until
///    then are not found any more. Switch the old database off when all servers run this.
///
/// ```
/// use tower_bearer::store::{MemoryStore, OpenError, ShardedStore};
///
/// # async fn example() -> Result<(), OpenError> {
/// # let (first, second) = (MemoryStore::new(), MemoryStore::new());
/// let announced = ShardedStore::builder()
///     .shard("one", first) // the database that has the sessions
///     .joining("two", second);
/// // At the next restart, once all servers run this:
/// // let moving = announced.move_sessions(true);
/// let store = announced.open().await?;
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
///
/// Several shards may join and leave in one change. A store that was not sharded before becomes the first
/// shard in the same way. From step 2 on, no server, no job and no rollback may use a database without its
/// `ShardedStore`: it would take the sessions that have moved for ended ones, and those on their way for
/// its own. After step 3 that is true no longer of a database [to which all have
/// moved](https://docs.rs/tower-bearer/latest/tower_bearer/manual/stores/index.html#from-one-store-to-another).
///
/// - Step 1 can be undone by the configuration of before, step 2 cannot: finish it, and then let the new
///   shard leave. A shard that was announced and did not join is empty; give it a new database the next time.
/// - Run [`clean_up`](crate::session::Sessions::clean_up). After step 3, wait a day and for a clean-up after
///   it before the next change: until then, rows that were left behind keep sessions from moving back.
/// - A change costs two writes at the old shard for each session in use, within about an access lifetime of step
///   2. Where the old shard has little to spare, restart the servers slowly. The new shard needs room: while
///   it is full or down, what is on its way there gets a 503.
///
/// During a change a session is live in one place at any moment: its row is sealed where it was, by a compare
/// and swap, before it is inserted where it will be, and whoever meets a sealed row finishes the move. A
/// server that is killed in between does no harm. While a session can be at two places, a load or a swap
/// makes up to three calls. The load that moves a session makes six, three of them writes.
///
/// # What fails together
///
/// | if a shard is down … | then … |
/// | --- | --- |
/// | refreshes, log-outs and live checks | of its own sessions are answered with 503, and those of the others go on |
/// | the same during a change | of the sessions that have it as their old or their new shard |
/// | logins | those whose new session belongs to it get a 503; the next attempt has another identifier. With a [maximum of sessions](crate::session::SessionsBuilder::max_sessions) all of them get it, as the user's sessions cannot be counted |
/// | a list of a user's sessions | fails, rather than leave some out |
/// | a list of all sessions | fails where it comes to that shard |
/// | "log out everywhere" | ends the sessions at the other shards, and fails all the same. Do it again when the shard is back. Other servers learn of what was ended; this one may, too, only by the feed |
/// | [`ended_since`](SessionStore::ended_since), and so the [feed](crate::session::Sessions::follow) | fails until the shard is back. What other servers end is then learned late, so let it [ask the store](crate::session::WhenBehind::AskStore): that is a call to the session's own shard |
/// | a server that starts | does not start: the shards are checked first |
///
/// What is kept after a failure is what the store of each shard keeps. A session that has moved is lost if its
/// new shard loses the write of its arrival: where that shard may lose acknowledged writes, as Redis may in a
/// failover, so may it lose what has moved there in the last moments, and the user logs in again.
///
/// # Clocks
///
/// A session goes by the clock of its shard, so keep the clocks of the databases synchronized (NTP), as those
/// of a primary and its standbys are. [`now`](SessionStore::now) is the time at the shard that answers
/// first.
///
/// # Key rings
///
/// A `ShardedStore` keeps no [key ring](super::RingStore). A ring is one document that every server needs, so it belongs
/// to one database, and no shard is that one for ever. Choose a database that stays, such as the shard whose store
/// promises most, and give the ring a clone of that store. Before that shard leaves, [copy the
/// ring](https://docs.rs/tower-bearer/latest/tower_bearer/manual/stores/index.html#from-one-store-to-another) to another one.
///
/// ```
/// use tower_bearer::store::{MemoryStore, OpenError, RingStore, ShardedStore};
///
/// # async fn example() -> Result<(), OpenError> {
/// # let (first, second) = (MemoryStore::new(), MemoryStore::new());
/// let ring = first.clone();
/// let store = ShardedStore::builder()
///     .shard("one", first)
///     .shard("two", second)
///     .open()
///     .await?;
/// # fn keep(_: impl RingStore) {}
/// # keep(ring);
/// # let _ = store;
/// # Ok(())
/// # }
/// ```
///
/// While that database is down, no key is made or retired. The sessions of the other shards go on for as long as the
/// [lease](https://docs.rs/tower-bearer/latest/tower_bearer/ring/struct.KeyRingBuilder.html#method.lease), an hour by
/// default; after that nothing is signed, on any shard, until it is back.
///
/// # Differences from one store
///
/// [`delete_expired`](SessionStore::delete_expired) deletes the sessions with the earliest end of each shard,
/// not of all shards together. A session with a version from 2⁶² to 2⁶² + 2⁵³ is
/// [`Unstorable`](StoreErrorKind::Unstorable), as these are the versions of sealed rows; versions of
/// [`next_version`](SessionState::next_version) never come near. During a change a session may be
/// [`Busy`](StoreErrorKind::Busy), if others change it all the time, and
/// [`ended_since`](SessionStore::ended_since) may tell of an end twice. So may [`list_all`](SessionStore::list_all) of a
/// session that moves. Its cursors hold as long as the shards are the same and none has begun to join or to leave.
#[derive(Clone)]
pub struct ShardedStore(Arc<Layout>);

impl ShardedStore {
    /// Names the shards.
    pub fn builder() -> ShardedStoreBuilder {
        ShardedStoreBuilder::default()
    }

    fn place(&self, id: SessionId) -> Result<Place<'_>, StoreError> {
        let home = self.0.home(id).ok_or(StoreErrorKind::Unavailable)?;
        Ok(match home {
            Home::Settled(shard) => Place::Settled(&shard.store),
            Home::Changing { source, target } => Place::Changing(Move {
                source: source.store.clone(),
                target: target.store.clone(),
                begins: self.0.step == Step::Moving,
            }),
        })
    }
}

/// Where calls of a session go.
enum Place<'a> {
    Settled(&'a AnyStore),
    Changing(Move),
}

impl fmt::Debug for ShardedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardedStore")
            .field("shards", &self.0.shards())
            .field("step", &self.0.step)
            .finish()
    }
}

impl SessionStore for ShardedStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        let shards = self.0.shards().iter();
        together::first(shards.map(|shard| shard.store.now())).await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        if seal::is_sealed(&record.state) {
            return Err(StoreErrorKind::Unstorable.into());
        }
        match self.place(record.session.id)? {
            Place::Settled(store) => store.insert(record).await,
            Place::Changing(session) => session.insert(record).await,
        }
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        match self.place(id)? {
            Place::Settled(store) => moving::load_settled(store, id).await,
            Place::Changing(session) => session.load(id).await,
        }
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        match self.place(id)? {
            Place::Settled(store) => store.swap(id, expected, next).await,
            Place::Changing(session) => session.swap(id, expected, next).await,
        }
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        self.confirm_everywhere(pairs).await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        match self.place(id)? {
            Place::Settled(store) => store.end(id, reason).await,
            Place::Changing(session) => session.end(id, reason).await,
        }
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.end_subject(issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        self.list_live(issuer, subject, before, limit).await
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        self.walk(issuer, after, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        self.all_ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        self.delete_everywhere(limit).await
    }
}
