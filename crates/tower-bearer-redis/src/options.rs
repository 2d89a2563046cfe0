use std::{io, time::Duration};

use redis::{Cmd, RedisError, RedisResult, Value, cmd};

const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Options for how a [`RedisStore`](super::RedisStore) uses its server.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer_redis::RedisOptions;
///
/// let options = RedisOptions::new()
///     .prefix("shop:sessions:")
///     .timeout(Duration::from_secs(1))
///     .wait_for_replicas(1, Duration::from_millis(500));
/// ```
#[derive(Clone, Debug)]
pub struct RedisOptions {
    pub(super) prefix: String,
    pub(super) timeout: Duration,
    pub(super) wait: Option<Wait>,
}

impl RedisOptions {
    /// The defaults: the prefix `tower_bearer:`, a timeout of 2 seconds, and no waiting for
    /// replicas.
    pub fn new() -> Self {
        Self {
            prefix: "tower_bearer:".to_owned(),
            timeout: Duration::from_secs(2),
            wait: None,
        }
    }

    /// The prefix of the names of all keys. Stores with different prefixes are separate, as long as
    /// no prefix is the beginning of another one.
    ///
    /// Any text will do. The empty one is the beginning of all others, so it is for a database that
    /// holds nothing but this store: its keys are then `ended`, and those that begin with `ended:`, `ring:`,
    /// `session:` or `subject:`. Braces do no harm, but they make a hash tag: if the prefix has a text in
    /// braces, a cluster, or a proxy that spreads the keys over several servers, would put all keys
    /// on the same one. Without braces, only the key of a session has a hash tag, its identifier.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a call waits for each answer of the server, including the time to replace a lost
    /// connection. After that it fails as
    /// [`Timeout`](tower_bearer::store::StoreErrorKind::Timeout). If the application gives the
    /// store its own connection manager with a shorter timeout, that one counts.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST_WAIT);
        self
    }

    /// Acknowledges the end of a session only when this many replicas have it in their memory
    /// (`WAIT`). A failover to one of them then does not make the session usable again. If that
    /// takes longer than `longest`, the call fails as
    /// [`Timeout`](tower_bearer::store::StoreErrorKind::Timeout), although the session is ended on
    /// the primary, or will be.
    ///
    /// A write of a key ring waits in the same way.
    ///
    /// In a cluster a login waits in the same way for the session's entry in the index of its subject,
    /// and the replicas that count are those of the server that was written to.
    ///
    /// While the server waits, it reads no further commands from the connection. If there are too
    /// few replicas, the calls that end sessions are therefore done one after the other, and each
    /// takes `longest`. So keep `longest` short, and watch the replicas.
    #[must_use]
    pub fn wait_for_replicas(mut self, replicas: u32, longest: Duration) -> Self {
        let reach = Reach::Memory;
        self.wait = Some(Wait::new(reach, replicas, longest));
        self
    }

    /// Acknowledges the end of a session only when the primary and this many replicas have synced
    /// it to their append-only files (`WAITAOF`, Redis 7.2). It then survives a crash of these
    /// machines. If that takes longer than `longest`, the call fails as
    /// [`Timeout`](tower_bearer::store::StoreErrorKind::Timeout), although the session is ended on
    /// the primary.
    #[must_use]
    pub fn wait_for_disks(mut self, replicas: u32, longest: Duration) -> Self {
        let reach = Reach::Disk;
        self.wait = Some(Wait::new(reach, replicas, longest));
        self
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// How far the end of a session must have been replicated before it is acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    reach: Reach,
    replicas: u32,
    longest: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Reach {
    Memory,
    Disk,
}

/// Fewer servers than required have the write.
#[derive(Debug, thiserror::Error)]
#[error("the write is done, but too few servers have it in time")]
struct TooFew;

impl Wait {
    /// The wait is at least 1 ms, since the server takes 0 as no limit.
    fn new(reach: Reach, replicas: u32, longest: Duration) -> Self {
        Self {
            reach,
            replicas,
            longest: longest.clamp(Duration::from_millis(1), LONGEST_WAIT),
        }
    }

    /// How long a wait takes at most, if there is one.
    pub(super) fn longest_of(wait: Option<Self>) -> Duration {
        wait.map_or(Duration::ZERO, |wait| wait.longest)
    }

    pub(super) fn command(self) -> Cmd {
        let mut wait = match self.reach {
            Reach::Memory => cmd("WAIT"),
            Reach::Disk => cmd("WAITAOF"),
        };
        if matches!(self.reach, Reach::Disk) {
            wait.arg(1);
        }
        let millis = u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX);
        wait.arg(self.replicas).arg(millis);
        wait
    }

    /// Whether enough servers have the write.
    pub(super) fn check(self, reached: &Value) -> RedisResult<()> {
        let is_enough = match (self.reach, reached) {
            (Reach::Memory, Value::Int(replicas)) => self.is_enough(*replicas),
            (Reach::Disk, Value::Array(servers)) => match servers.as_slice() {
                [Value::Int(primary), Value::Int(replicas)] => {
                    *primary >= 1 && self.is_enough(*replicas)
                }
                _ => false,
            },
            _ => false,
        };
        match is_enough {
            true => Ok(()),
            false => Err(RedisError::from(io::Error::new(
                io::ErrorKind::TimedOut,
                TooFew,
            ))),
        }
    }

    fn is_enough(self, replicas: i64) -> bool {
        replicas >= i64::from(self.replicas)
    }
}
