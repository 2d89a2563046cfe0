use std::fmt;

use redis::{Value, aio::ConnectionManager, cmd};

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, OpenError, Record, SessionState,
        SessionStore, StoreError, StoreErrorKind, Swap,
    },
};

use crate::{
    RedisOptions, answer,
    connection::Connection,
    error::{failed, unexpected},
    keys,
    keys::Keys,
    open::{self, Connections},
    row, scripts,
    server::Answer,
};

/// How many confirmations are written in one batch.
const BATCH: usize = 256;

/// Keeps sessions in Redis 7 or later, or in Valkey: in one server, in a [cluster](#redis-cluster),
/// or in the server that [Sentinel](#sentinel) names.
///
/// Any number of servers may share the store. Their clock is that of the Redis server.
///
/// A session is one key, which Redis itself deletes when the session expires, so
/// [`delete_expired`](SessionStore::delete_expired) does nothing. Each subject has one more key,
/// an index of the subject's sessions that are not ended. One key for all, a sorted set, notes which
/// sessions were ended in the last 25 hours; in a cluster these are 16 keys. The store keeps
/// [key rings](#impl-RingStore-for-RedisStore) too, each in one key.
///
/// # Sizes
///
/// If every user has one session, with a user agent and an address as its metadata, the session and
/// its index take about 850 bytes together. An ended session takes about 500 bytes, as its claims
/// and its metadata are gone, and 140 bytes more for 25 hours. A session may take up to 1 MiB in
/// all, far more than the [contract](SessionStore#promises) asks for.
///
/// The ended sessions of a subject cost its lists, logins and log-outs nothing, however many they
/// are, because they leave its index.
///
/// ```no_run
/// use std::time::Duration;
/// use tower_bearer_redis::{RedisOptions, RedisStore};
///
/// # async fn example() -> Result<(), tower_bearer::store::OpenError> {
/// let options = RedisOptions::new().wait_for_replicas(1, Duration::from_millis(500));
/// let store = RedisStore::connect_with("redis://app:secret@10.0.0.5/0", options).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Settings of the Redis server
///
/// | setting | why |
/// | --- | --- |
/// | `maxmemory-policy noeviction` | with another policy Redis may evict a session, so that the user has to log in again, an index, so that the subject's sessions can no longer be ended together, or the notes of the sessions that were ended. The store logs a warning if it is opened with another policy |
/// | `appendonly yes`, with `appendfsync everysec` or `always` | otherwise a restart loses all sessions, or goes back to the last snapshot |
/// | `min-replicas-to-write 1`, if there are replicas | a primary that has been cut off for `min-replicas-max-lag` (10 seconds) then refuses to serve sessions, instead of deciding on data that the new primary has changed |
/// | the clocks of the machines synchronized (NTP) | after a failover the replica's clock counts |
///
/// # What may be lost
///
/// Redis acknowledges a write before its disk or a replica has it. With `appendfsync everysec`, a
/// crash loses the writes of about the last second, or of two if the disk is slow; in the latter
/// case even a crash of Redis alone does. With `always`, a crash loses nothing. A failover loses
/// what the new primary had not received. The consequences are these:
/// - A lost rotation does no harm: the client's token is then ahead of the store, the session goes
///   on from this token, and an event tells of it (row 11 of the [protocol]).
/// - After the loss of a session, the user has to log in again.
/// - If the end of a session is lost, a logout is undone. To prevent that, calls that end sessions
///   can [wait for replicas](RedisOptions::wait_for_replicas) or for
///   [their disks](RedisOptions::wait_for_disks) before they are acknowledged. This makes the loss
///   unlikely but not impossible: a failover may choose another replica.
///
/// If an older snapshot is restored, the sessions that were ended since are usable again.
///
/// # How a session ends
///
/// First the session is looked at, to know the time. Then one batch of two commands notes its end for
/// [`ended_since`](SessionStore::ended_since) and ends it, which drops its claims and metadata. At
/// last it is removed from its subject's index. That makes three round trips; only the second one
/// waits for replicas, if calls that end sessions do. Each write concerns one key, so that a crash
/// may come between them. No ended session is usable after that:
/// - The note is there and the session was not ended: `ended_since` looks at the session and does
///   not tell of it.
/// - The session was ended and the note was refused, because another program uses its key: the call
///   fails as `Corrupt`, and the note is written when the call is repeated.
/// - The session was ended and is still in the index: `list` does not give it, and the next `list`
///   or `end_all` of the subject removes it there.
///
/// # The list of all sessions
///
/// [`list_all`](SessionStore::list_all) reads the names of all keys of the server, a part at a time (`SCAN`), and loads what
/// they name. It knows no order and may give a session twice, if the server makes room for more keys meanwhile. A
/// database that has many keys of other programs makes it slower, and most of its pages empty.
///
/// Where a part begins means something only to the run of the server that has told it. After a restart or a failover, and
/// in a cluster after slots have got another server, a cursor is refused, and the list begins anew. While a slot is
/// being moved, a session that goes to a server that was read before is left out.
///
/// # Rights
///
/// The Redis user of the store needs the keys `~tower_bearer:*` (or the prefix that you give) and
/// the commands `EVALSHA`, `SCRIPT LOAD`, `TIME`, `GET`, `SET`, `GETRANGE`, `SETRANGE`,
/// `BITFIELD`, `ZADD`, `ZRANGE`, `ZRANDMEMBER`, `ZREM`, `PEXPIREAT`, `PEXPIRETIME`, `INFO`, `SCAN`,
/// `ROLE`, `QUIT` and `PING`. It also needs `WAIT` or `WAITAOF` if calls that end sessions wait, and
/// `CLUSTER SLOTS` and `ASKING` in a cluster. (As `+cluster|slots` in its rules, for instance.)
///
/// # Errors of the operations
///
/// | [kind](StoreErrorKind) | where |
/// | --- | --- |
/// | `Unavailable` | the server cannot be reached, is loading its data, has no memory for a new session, is a replica, has too few replicas, or refuses the user |
/// | `Timeout` | no answer came in time, or too few replicas have the end of a session or the ring that waits for them |
/// | `Busy` | another program's script keeps the server busy |
/// | `Corrupt` | a key has a value that this store does not write |
/// | `Duplicate` | a session with the identifier of a new one exists |
/// | `Unstorable` | a new session takes more than 1 MiB, so it can never be kept |
///
/// After a `Timeout` or a lost connection it is unknown whether a write happened. The store does
/// not send it again: if it had happened, the second one would be lost as a swap of an old version.
/// A client that presents its token again is served in either case, and a logout that is repeated
/// finds the session ended. If a connection is lost, reads are sent once more.
///
/// If the memory is full, nobody can log in, but sessions go on. Rotations and confirmations take no
/// memory, unless they add to a session's `extra`. The end of a session is never refused for want of memory: it takes 140 bytes for its
/// note, even above `maxmemory`, and frees what the claims, the metadata and the entry in the index
/// took.
///
#[doc = include_str!("several.md")]
///
/// [protocol]: https://docs.rs/tower-bearer/latest/tower_bearer/manual/protocol/index.html
#[derive(Clone)]
pub struct RedisStore {
    pub(super) main: Connection,
    pub(super) revoking: Connection,
    pub(super) keys: Keys,
}

impl RedisStore {
    /// Connects by a URL:
    ///
    /// | to | URL |
    /// | --- | --- |
    /// | a server | `redis://[user][:password@]host[:port][/database]` |
    /// | a socket of this machine | `redis+unix:///path/to/socket` |
    /// | a [cluster](#redis-cluster) | `redis+cluster://[user][:password@]host[:port],host[:port],…` |
    /// | the server that [sentinels](#sentinel) name | `redis+sentinel://[user][:password@]host[:port],…/name[/database]` |
    ///
    /// To use TLS (`rediss://`, `rediss+cluster://`, `rediss+sentinel://`), enable a TLS feature of
    /// the crate `redis`.
    ///
    /// # Errors
    ///
    /// If the URL is malformed, asks for TLS without such a feature or names a database of a cluster by a number
    /// other than 0, or the server cannot be reached, refuses the user or is older than
    /// Redis 7. If the server is one of a cluster and the URL does not say so, or the servers of the
    /// URL are no cluster or no sentinels. A cluster opens if one of its primaries can be reached.
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        Self::connect_with(url, RedisOptions::new()).await
    }

    /// Like [`connect`](Self::connect), with another prefix or timeout, or with calls that end
    /// sessions and wait for replicas. Such calls use a connection of their own, so that they do
    /// not delay others.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect), and if the server does not support the wait.
    pub async fn connect_with(url: &str, options: RedisOptions) -> Result<Self, OpenError> {
        Ok(Self::over(open::open(url, &options).await?, &options))
    }

    /// Uses a connection of the application.
    ///
    /// Configure it by `set_tcp_settings` with `set_nodelay(true)` and, on Linux,
    /// `set_user_timeout`. Without the latter it may take many minutes until the loss of a server
    /// is noticed.
    ///
    /// A manager that was refused a new connection, as with a wrong password, does not try again: open the store
    /// anew then. A store that is given a URL tries again, every half second at most.
    ///
    /// # Errors
    ///
    /// The same as for [`connect`](Self::connect).
    pub async fn new(manager: ConnectionManager) -> Result<Self, OpenError> {
        Self::new_with(manager, RedisOptions::new()).await
    }

    /// Like [`new`](Self::new), with other options. While a call that ends sessions waits for
    /// replicas, it blocks all other commands on the connection. The connection's response timeout
    /// must be longer than the wait.
    ///
    /// # Errors
    ///
    /// The same as for [`connect_with`](Self::connect_with).
    pub async fn new_with(
        manager: ConnectionManager,
        options: RedisOptions,
    ) -> Result<Self, OpenError> {
        Ok(Self::over(open::over(manager, &options).await?, &options))
    }

    fn over(connections: Connections, options: &RedisOptions) -> Self {
        Self {
            keys: Keys::new(&options.prefix, connections.main.is_cluster()),
            main: connections.main,
            revoking: connections.revoking,
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.keys.prefix())
            .finish_non_exhaustive()
    }
}

impl SessionStore for RedisStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        answer::time(self.main.read_one(cmd("TIME")).await?)
    }

    // The session is added to the index first; the reason is at the top of `lib.rs`.
    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let session = &record.session;
        let row = row::new(record)?;
        let index = self.keys.subject(&session.issuer, &session.subject);
        let until = keys::listed_until(session.ends_at);
        let (id, until) = (session.id.as_uuid(), until.as_bytes());
        let enlist = scripts::ENLIST.on(&index, &[id.as_bytes(), until]);
        let mut set = cmd("SET");
        set.arg(self.keys.session(session.id)).arg(row);
        set.arg("NX")
            .arg("PXAT")
            .arg(keys::last_seen_at(session.ends_at));
        let kept = match self.main.is_cluster() {
            // Two servers may fail apart. A session whose entry is lost could not be ended with the
            // others, so the entry is as durable as the end of a session.
            true => {
                self.revoking.write_one(enlist).await?;
                self.main.write_one(set).await?
            }
            // In one batch: otherwise one write could go to a primary that is lost, and the other to
            // the new primary. If the entry fails the login fails, and no client gets a token.
            false => {
                let mut answers = self.main.write(&[enlist, set]).await.into_iter();
                let (enlisted, kept) = (answers.next(), answers.next());
                enlisted.ok_or_else(unexpected)?.map_err(failed)?;
                kept.ok_or_else(unexpected)?.map_err(failed)?
            }
        };
        match kept {
            Value::Okay => Ok(()),
            Value::Nil => Err(StoreErrorKind::Duplicate.into()),
            _ => Err(unexpected()),
        }
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        let load = scripts::LOAD.on(&self.keys.session(id), &[]);
        let (now, row) = answer::loaded(self.main.read_one(load).await?)?;
        let record = row.map(|row| row::read(id, &row)).transpose()?;
        Ok(Loaded::new(record, now))
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        let swapped = match next.ended {
            None => {
                let (start, head) = (row::at_version(expected), row::head(next));
                let (key, end) = (self.keys.session(id), row::end(next));
                let swap = scripts::SWAP.on(&key, &[&start, &head, end.as_bytes()]);
                answer::is_done(self.main.write_one(swap).await?)?
            }
            Some(ended) => self.end_by_swap(id, expected, next, ended).await?,
        };
        match swapped {
            true => Ok(Swap::Swapped),
            false => Ok(Swap::Lost),
        }
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for batch in pairs.chunks(BATCH) {
            let confirms = batch.iter().map(|(id, generation)| {
                let expected = row::unconfirmed(*generation);
                scripts::CONFIRM.on(&self.keys.session(*id), &[&expected])
            });
            let answers = self.main.write(&confirms.collect::<Vec<_>>()).await;
            answers.into_iter().try_for_each(confirmed)?;
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
        self.noted_since(since, after, limit).await
    }

    // The server deletes expired keys itself.
    async fn delete_expired(&self, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        self.has_any().await
    }
}

/// Ignores a row that cannot be read: otherwise its confirmation would be tried for ever, and the
/// others with it.
fn confirmed(answer: Answer) -> Result<(), StoreError> {
    match answer.map_err(failed) {
        Err(error) if error.kind() != StoreErrorKind::Corrupt => Err(error),
        _ => Ok(()),
    }
}
