use std::fmt;

use mongodb::Database;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, OpenError, Record, SessionState,
        SessionStore, StoreError, Swap,
    },
};

use crate::{MongoOptions, calls::Calls, document, open, statements};

/// How many confirmations go in one command.
const BATCH: usize = 256;

/// Keeps sessions and key rings in MongoDB 4.4 or later: in one collection each, one document a session or a ring.
///
/// Any number of servers may share the store. Their clock is that of the deployment's primary, or of its
/// routers (`mongos`), so keep the clocks of its machines synchronized (NTP).
///
/// ```no_run
/// use tower_bearer_mongodb::MongoStore;
///
/// # async fn example() -> Result<(), tower_bearer::store::OpenError> {
/// let address = "mongodb://app:secret@a.example,b.example,c.example/shop?replicaSet=rs&tls=true";
/// let store = MongoStore::connect(address).await?;
/// # Ok(())
/// # }
/// ```
///
/// # What was tried, and what was not
///
/// No package registry has a `mongod`, so **this store has not been run on MongoDB itself.** It is tested on
/// nx-27017 0.8.1, which speaks MongoDB's protocol and keeps its data in SQLite files, and by the list
/// of the commands that each call sends to a server which says that it is a replica set's.
///
/// | what | tried |
/// | --- | --- |
/// | 35 of the 52 cases of the contract | pass on nx-27017, with its faster way of updates switched off, and without `_id` in the indexes, where it cannot have it |
/// | the 16 cases that move the server's clock, the random histories among them | not tried, as nx-27017 then tells some of its callers another time |
/// | the case with a NUL in a subject | fails on nx-27017, which does not find such a text where a filter has a range too |
/// | a server that is killed, cut off before its answers, slow, silent, or put back to an older copy, under load | on nx-27017 |
/// | filters, updates, indexes, collation, read and write concerns | as they are sent; that MongoDB does with them what its manual says was not tried |
/// | which error of a server is of which kind, a write that no majority has, a write that the driver sends again | with answers made up by the tests |
/// | `$$NOW`, TTL deletion, partial indexes and what they cost, a real replica set, failover, rollback, sharding, users and rights, TLS, a full disk, power cuts | not tried |
///
/// Whoever has a MongoDB can run the conformance suite on it: set `MONGODB_URL` to the address of a database for
/// tests, and run `cargo nextest run -p tests-mongodb -E 'test(server_of_the_environment)'`. The collections stay in that
/// database. Some cases move the server's clock, for which `mongod` has to run under libfaketime and `MONGODB_CLOCK` has
/// to name the file of its time. With `MONGODB_CLOCK_STAYS=1` they may be left out.
///
/// # What is kept after a failure
///
/// Each write waits until a majority of the replica set has it in its journals (`w: "majority"`, `j: true`),
/// whatever the address says. By MongoDB's manual this follows:
///
/// | what happens | sessions |
/// | --- | --- |
/// | an application server or a `mongod` is killed, or its power is cut | everything that was acknowledged is kept |
/// | a failover to another member of the replica set | everything that was acknowledged is kept |
/// | most members of the replica set lose their data, or a backup is restored | what came after is lost |
///
/// A lost rotation does no harm: the client goes on, and an event tells of it (row 11 of the [protocol]). After a
/// lost login, the user has to log in again. **A lost logout is undone**, so end the sessions of a backup
/// that was put back.
///
/// While no majority can be reached, no write is acknowledged. The call fails as `Timeout`, and the write may yet
/// be kept or undone; the session is as safe as after any answer that was lost.
///
/// # What a load sees
///
/// Loads read from the primary, and from what a majority has (the read concern `majority`). Every write that was
/// acknowledged is such, so a load sees it; what a failover could take back, no load sees. An address
/// that asks for secondaries changes nothing, as the store says for itself where it reads.
///
/// There is one gap. A primary that was cut off from the others takes itself for the primary until it notices, by default 10
/// seconds at most, while another may have been elected. A server of the application that still reaches
/// the old one loads what the new one has changed. No decision on it can be written, because the old
/// primary reaches no majority: rotations and logouts fail as `Timeout`. But for those seconds a
/// live check admits a session that was ended elsewhere, and the logout of a session that was started elsewhere finds
/// nothing to end. If that is too much, ask for [`linearizable_loads`](MongoOptions::linearizable_loads), which
/// covers all but `end_all` and lists.
///
/// An address with `directConnection=true` is for a server that stands alone. Of a member of a replica set, the driver
/// would read also when it is no primary any more, so the store is not opened with it.
///
/// A server that stands alone, without a replica set, knows no majority: loads read what it has, and writes wait
/// for its own journal.
///
/// # How a session changes
///
/// A rotation is one update, whose filter names the version that it replaces. An end reads the session first and
/// then ends that version. If other writers were faster four times in a row, it ends the session whatever its version,
/// and brings its deletion forward by a second update: if that one fails, the ended session stays until
/// its `ends_at` of before. All sessions of a subject are ended one by one, eight at a time.
///
/// If a connection is lost or a primary steps down, the driver sends an update or insert once more, unless the address says
/// `retryWrites=false`. On a replica set and behind `mongos` the write has a number by which the
/// servers know it, so that it happens once and the answer is that of the first time: a
/// rotation that was written is not taken for one that was lost. A server that stands
/// alone knows no such numbers, and the driver sends it each write once.
///
/// # Sizes
///
/// A session with a device label and an address as its metadata is a document of about 0.7 KiB, 0.55 once it is ended, which MongoDB
/// compresses on its disk, and has entries in three indexes, those of its identifier, of the live sessions of
/// its subject, and of the times at which sessions are over. As it ends, it loses its claims and metadata, leaves the
/// index of live sessions and enters that of ended ones. So however many ended sessions
/// a subject has, its logins, lists and logouts do not read them. The texts of a session may take 1 MiB in all, far more than the
/// [contract](SessionStore#promises) asks for.
///
/// MongoDB deletes a session by itself, an hour after its `ends_at` (a TTL index).
/// [`delete_expired`](SessionStore::delete_expired) does it at once, but nobody has to call it.
///
/// # Rights
///
/// The store's user needs `find`, `insert`, `update`, `remove` and `createIndex` on the collection: the role
/// `readWrite` has them all. The collection is to be one without a validator of the application's. To keep key rings, the
/// user needs `find`, `insert` and `update` on the collection of that name with `_rings` at its end, which the first
/// ring makes.
///
/// `secret` is not enough to make a token, but keep it secret all the same: a server whose profiler or log notes
/// commands notes it at each login.
///
/// # Connections
///
/// A store that is given an address has a pool of up to 10 connections to each server, if the address has no
/// `maxPoolSize`. Use TLS if the servers are on other machines: `tls=true`. For addresses that begin with
/// `mongodb+srv:`, enable the feature `dns-resolver` of the crate `mongodb` in the application's own `Cargo.toml`.
///
/// # Errors of the operations
///
/// | [kind](tower_bearer::store::StoreErrorKind) | where |
/// | --- | --- |
/// | `Unavailable` | no primary can be reached, it steps down, its disk is full, or it refuses the user |
/// | `Timeout` | no answer came in time, no connection became free, or too few members have a write |
/// | `Busy` | other writers hold a lock |
/// | `Corrupt` | a document is not as this store writes it |
/// | `Duplicate` | a session with the identifier of a new one exists |
/// | `Unstorable` | the texts of a new session take more than 1 MiB, its version is above 2<sup>63</sup> - 1, or a validator refuses it |
///
/// An error names the server's code and never shows its words, which may have a document in them. After a
/// `Timeout` or a lost connection it is unknown whether a write happened. The client's next
/// request is served in either case.
///
/// [protocol]: https://docs.rs/tower-bearer/latest/tower_bearer/manual/protocol/index.html
#[derive(Clone)]
pub struct MongoStore {
    pub(crate) calls: Calls,
}

impl MongoStore {
    /// Connects to the deployment at an address, `mongodb://user:password@host:27017/database`, and
    /// makes the indexes if they are missing. An address without a database means the
    /// database `tower_bearer`.
    ///
    /// # Errors
    ///
    /// If the address is malformed, no primary can be reached, it refuses the user, is older than
    /// MongoDB 4.4 or takes no writes, or the documents are of another version of this crate.
    pub async fn connect(address: &str) -> Result<Self, OpenError> {
        Self::connect_with(address, MongoOptions::new()).await
    }

    /// Like [`connect`](Self::connect), with another collection or timeout, or with loads that a
    /// majority confirms.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect), and if the name of the collection cannot be used.
    pub async fn connect_with(address: &str, options: MongoOptions) -> Result<Self, OpenError> {
        let calls = open::open(address, &options).await?;
        Ok(Self { calls })
    }

    /// Uses a database of the application's, over its client.
    ///
    /// The client waits 30 seconds for a primary by default. The store's
    /// [timeout](MongoOptions::timeout) ends each call before that.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect).
    pub async fn new(database: Database) -> Result<Self, OpenError> {
        Self::new_with(database, MongoOptions::new()).await
    }

    /// Like [`new`](Self::new), with other options.
    ///
    /// # Errors
    ///
    /// The same as for [`connect_with`](Self::connect_with).
    pub async fn new_with(database: Database, options: MongoOptions) -> Result<Self, OpenError> {
        let calls = open::over(database, &options).await?;
        Ok(Self { calls })
    }
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore")
            .field("collection", &self.calls.sessions.name())
            .finish_non_exhaustive()
    }
}

impl SessionStore for MongoStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.calls.now().await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let insert = self.calls.sessions.insert_one(document::new(record)?);
        self.calls.in_time(insert).await.map(drop)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let find = self.calls.loads.find_one(statements::by_id(id));
        let find = find
            .projection(statements::whole())
            .max_time(self.calls.timeout);
        let found = self.calls.in_time(find).await?;
        let now = self.calls.time_of(found.as_ref()).await?;
        let record = found.as_ref().map(document::read).transpose()?;
        Ok(Loaded::new(record, now))
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        // No document has a version above 2^63 - 1.
        let (Ok(expected), Ok(_)) = (document::version(expected), document::version(next.version))
        else {
            return Ok(Swap::Lost);
        };
        let of = statements::at_version(id, expected);
        match self.calls.update(of, statements::swap(next)?).await? {
            true => Ok(Swap::Swapped),
            false => Ok(Swap::Lost),
        }
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for batch in pairs.chunks(BATCH) {
            let updates = batch.iter();
            let updates = updates.map(|(id, generation)| statements::confirm(*id, *generation));
            self.calls.update_all(updates.collect()).await?;
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.end_one(id, reason).await
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
        self.walk(issuer, after, limit.max(1)).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        self.those_ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        self.delete_those_over(limit).await
    }

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        self.has_any().await.map(Some)
    }
}
