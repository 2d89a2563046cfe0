use std::fmt;

use redis::{Cmd, Value, aio::ConnectionManager, cmd};

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Listed, Loaded, OpenError, Record, RevokeReason, SessionState, SessionStore, StoreError,
        StoreErrorKind, Swap,
    },
};

use crate::{
    RedisOptions, answer,
    connection::{Answer, Connection},
    error::{failed, unexpected},
    keys,
    keys::Keys,
    open::{self, Connections},
    row, scripts,
};

/// How many confirmations go in one batch.
const BATCH: usize = 256;

/// How many sessions of a subject are read, or ended, in one batch.
const PAGE: usize = 100;

/// Keeps sessions in Redis 7 or later.
///
/// Any number of servers may share it, and their one clock is that of Redis. A session is one
/// key, which Redis deletes by itself once the session's end has come:
/// [`delete_expired`](SessionStore::delete_expired) has nothing to do. One more key a subject
/// lists the subject's sessions. Where every user has one session, with a user agent and an
/// address as its notes, the two take about 800 bytes.
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
/// # How Redis has to be set up
///
/// | setting | why |
/// | --- | --- |
/// | `maxmemory-policy noeviction` | any other may throw away a session, which logs its user out, or an index, which keeps sessions from being ended with the others of their subject. When the store is opened it warns of another policy |
/// | `appendonly yes`, with `appendfsync everysec` or `always` | without, a restart takes all sessions back to the last snapshot, or away |
/// | `min-replicas-to-write 1`, where there are replicas | a primary that has been cut off for `min-replicas-max-lag` (10 seconds) then refuses to serve sessions, instead of deciding on what the new primary has moved past |
/// | the machines' clocks in step (NTP) | after a failover the replica's clock counts |
///
/// # What may be lost
///
/// Redis acknowledges a write before its disk or a replica has it. With `everysec` a crash takes
/// about the last second of writes, or two where the disk is slow, and then even a crash of
/// Redis alone; with `always` none. A failover takes what the new primary had not received. Of
/// these,
/// - a lost rotation costs nothing: the client's token is ahead of the store then, and the
///   session goes on from it, with an event (row 11 of the [protocol]);
/// - a lost session logs its user out;
/// - a lost revocation is a logout that did not happen. Against that, revocations can
///   [wait for replicas](RedisOptions::wait_for_replicas) or for
///   [their disks](RedisOptions::wait_for_disks) before they are acknowledged. It makes a loss
///   unlikely and not impossible: a failover may choose a replica that was not among them.
///
/// An older snapshot that is put back brings back the sessions that were ended since.
///
/// # Rights
///
/// A user of its own needs the keys `~tower_bearer:*` (or the prefix that you give) and the
/// commands `EVALSHA`, `SCRIPT LOAD`, `TIME`, `GET`, `SET`, `GETRANGE`, `SETRANGE`, `BITFIELD`,
/// `ZADD`, `ZRANGE`, `ZRANDMEMBER`, `ZREM`, `PEXPIREAT`, `PEXPIRETIME`, `INFO`, `ROLE`, `QUIT`
/// and `PING`, and `WAIT` or `WAITAOF` where revocations wait.
///
/// # Errors of the operations
///
/// | [kind](StoreErrorKind) | where |
/// | --- | --- |
/// | `Unavailable` | the server cannot be reached, is loading its data, has no memory for a new session, is a replica or lost its own, refuses the user |
/// | `Timeout` | no answer came in time, or too few replicas have a revocation that waits for them |
/// | `Busy` | a script of somebody else's keeps the server busy |
/// | `Corrupt` | a key holds something else than what this store writes |
///
/// After a `Timeout` or a lost connection nobody knows whether the write happened. Nothing is
/// sent twice for that: the write would meet itself and seem to have lost. A client that
/// presents its token again is served, whichever it was; a logout that is repeated finds the
/// session ended. Reads are sent once more where the connection was lost. Where the memory is
/// full, nobody can log in, but sessions go on: a rotation, a confirmation and a revocation take
/// none.
///
/// # Replicas and clusters
///
/// Everything is read from the primary. A replica refuses even to load a session, and a
/// connection whose server says that it has become one is closed and made again, to find the
/// new primary at the same address: give one that follows it, such as the name that a hosted
/// Redis has for its primary, or a proxy's where Sentinel is used.
///
/// A connection leads to one server, so that a Redis Cluster cannot be used as such. The keys
/// are made for it: each script and command has one, and what belongs to a session has the
/// session's identifier as its hash tag.
///
/// [protocol]: https://docs.rs/tower-bearer/latest/tower_bearer/manual/protocol/index.html
#[derive(Clone)]
pub struct RedisStore {
    main: Connection,
    revoking: Connection,
    keys: Keys,
}

impl RedisStore {
    /// Connects to a server by its URL: `redis://[user][:password@]host[:port][/database]`, or
    /// `redis+unix:///path/to/socket`. For `rediss://` and TLS, enable a TLS feature of the crate
    /// `redis`.
    ///
    /// # Errors
    ///
    /// Where the URL is malformed, the server cannot be reached or refuses the user, or is older
    /// than Redis 7.
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        Self::connect_with(url, RedisOptions::new()).await
    }

    /// As [`connect`](Self::connect), with another prefix or timeout, or with revocations that
    /// wait. Those have a connection of their own, so that they hold up nothing else.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), and where the server does not know how to wait.
    pub async fn connect_with(url: &str, options: RedisOptions) -> Result<Self, OpenError> {
        Ok(Self::over(open::open(url, &options).await?, &options))
    }

    /// Uses the application's own connection.
    ///
    /// Give it `set_tcp_settings` with `set_nodelay(true)` and, on Linux, `set_user_timeout`:
    /// without the latter it stays with a server that has vanished for many minutes.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn new(manager: ConnectionManager) -> Result<Self, OpenError> {
        Self::new_with(manager, RedisOptions::new()).await
    }

    /// As [`new`](Self::new), with other options. Revocations that wait hold up everything else
    /// on the connection meanwhile, and need its response timeout to be longer than the wait.
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with).
    pub async fn new_with(
        manager: ConnectionManager,
        options: RedisOptions,
    ) -> Result<Self, OpenError> {
        Ok(Self::over(open::over(manager, &options).await?, &options))
    }

    fn over(connections: Connections, options: &RedisOptions) -> Self {
        Self {
            main: connections.main,
            revoking: connections.revoking,
            keys: Keys::new(&options.prefix),
        }
    }

    /// A page of the subject's index: the time, and identifiers, lowest first. One may come
    /// twice, or be another subject's, or gone.
    async fn page(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
    ) -> Result<(Timestamp, Vec<SessionId>), StoreError> {
        let key = self.keys.subject(issuer, subject);
        let (from, count) = (keys::listed_after(after), PAGE.to_string());
        let page = scripts::PAGE.on(&key, &[&from, count.as_bytes()]);
        let (now, mut ids) = answer::page(self.main.read_one(page).await?)?;
        ids.dedup();
        Ok((now, ids))
    }

    /// The sessions of these that are there.
    async fn load_all(&self, ids: &[SessionId]) -> Result<Vec<Record>, StoreError> {
        let loads = ids
            .iter()
            .map(|id| scripts::LOAD.on(&self.keys.session(*id), &[]));
        let answers = self.main.read(&loads.collect::<Vec<_>>()).await?;
        let mut records = Vec::with_capacity(ids.len());
        for (id, answer) in ids.iter().zip(answers) {
            let (_, row) = answer::loaded(answer.map_err(failed)?)?;
            records.extend(row.map(|row| row::read(*id, &row)).transpose()?);
        }
        Ok(records)
    }

    fn end_command(&self, id: SessionId, reason: RevokeReason, owner: &[u8]) -> Cmd {
        let reason = reason.code().to_string();
        let key = self.keys.session(id);
        scripts::END.on(&key, &[&row::format(), reason.as_bytes(), owner])
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

    // Listed first: see the top.
    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let session = &record.session;
        let index = self.keys.subject(&session.issuer, &session.subject);
        let until = keys::listed_until(session);
        let (id, until) = (session.id.as_uuid(), until.as_bytes());
        let enlist = scripts::ENLIST.on(&index, &[id.as_bytes(), until]);
        let mut set = cmd("SET");
        set.arg(self.keys.session(session.id)).arg(row::new(record));
        set.arg("NX").arg("PXAT").arg(keys::last_seen_at(session));
        // Over one connection: else the one could go to a primary that is lost and the other to
        // its successor. Nobody has the token of a session whose entry has failed.
        let mut answers = self.main.write(&[enlist, set]).await?.into_iter();
        let (enlisted, kept) = (answers.next(), answers.next());
        enlisted.ok_or_else(unexpected)?.map_err(failed)?;
        match kept.ok_or_else(unexpected)?.map_err(failed)? {
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
        let connection = match next.revoked {
            Some(_) => &self.revoking,
            None => &self.main,
        };
        let (start, head) = (row::at_version(expected), row::head(next));
        let swap = scripts::SWAP.on(&self.keys.session(id), &[&start, &head]);
        match answer::is_done(connection.write_one(swap).await?)? {
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
            let answers = self.main.write(&confirms.collect::<Vec<_>>()).await?;
            answers.into_iter().try_for_each(confirmed)?;
        }
        Ok(())
    }

    async fn end(&self, id: SessionId, reason: RevokeReason) -> Result<bool, StoreError> {
        let end = self.end_command(id, reason, &[]);
        answer::is_done(self.revoking.write_one(end).await?)
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        reason: RevokeReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let owner = row::owner(issuer, subject);
        let (mut ended, mut failure) = (Vec::new(), None);
        let (_, mut page) = self.page(issuer, subject, None).await?;
        while let Some(&last) = page.last() {
            let ends = page.iter().map(|id| self.end_command(*id, reason, &owner));
            let answers = self.revoking.write(&ends.collect::<Vec<_>>()).await?;
            for (id, answer) in page.into_iter().zip(answers) {
                match answer.map_err(failed).and_then(answer::is_done) {
                    Ok(true) => ended.push(id),
                    Ok(false) => {}
                    // The others are not to be spared for the sake of one that is damaged.
                    Err(error) => failure = Some(error),
                }
            }
            (_, page) = self.page(issuer, subject, Some(last)).await?;
        }
        failure.map_or(Ok(ended), Err)
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let (now, mut page) = self.page(issuer, subject, after).await?;
        let mut records = Vec::new();
        while let Some(&last) = page.last()
            && records.len() < limit
        {
            let kept = self.load_all(&page).await?.into_iter();
            let listed = kept.filter(|record| {
                let session = &record.session;
                session.issuer == issuer && session.subject == subject && record.is_live(now)
            });
            records.extend(listed.take(limit - records.len()));
            (_, page) = self.page(issuer, subject, Some(last)).await?;
        }
        Ok(Listed::new(records, now))
    }

    // The server does.
    async fn delete_expired(&self, _limit: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// A row that cannot be read waits for no confirmation, and must not hold up the others for ever.
fn confirmed(answer: Answer) -> Result<(), StoreError> {
    match answer.map_err(failed) {
        Err(error) if error.kind() != StoreErrorKind::Corrupt => Err(error),
        _ => Ok(()),
    }
}
