//! The numbers of the model.

/// A time or a span in milliseconds.
pub(crate) type Millis = i64;

pub(crate) const SECOND: Millis = 1000;
pub(crate) const MINUTE: Millis = 60 * SECOND;

/// All sessions, and how many of them are in use at the same time.
pub(crate) const SESSIONS: f64 = 100e6;
pub(crate) const ACTIVE: f64 = 10e6;

/// How many of those in use refresh when a request is refused, and not ahead of the token's end.
pub(crate) const AT_REFUSAL: f64 = 0.2;

/// Sessions that rest are opened twice a day, each time with a token that has expired.
pub(crate) const VISITS_A_SECOND: f64 = (SESSIONS - ACTIVE) * 2.0 / 86_400.0;

/// The default of `access_lifetime`.
pub(crate) const LIFETIME: Millis = 10 * MINUTE;

/// Both clients of this repository refresh after 80 % of the lifetime, less a random tenth of it.
pub(crate) const DUE_FROM: Millis = LIFETIME * 7 / 10;
pub(crate) const DUE_TO: Millis = LIFETIME * 8 / 10;

/// Whoever uses a session makes a request at some moment of each minute.
pub(crate) const BETWEEN_REQUESTS: Millis = MINUTE;

/// For how long a user waits for a token before the request counts as failed.
pub(crate) const USER_WAITS: Millis = 5 * SECOND;

pub(crate) const REGIONS: usize = 3;

/// The region that is lost.
pub(crate) const LOST: usize = 0;

/// The refreshes a second that a region can do. Two of them do what comes at 66 % of that.
pub(crate) const CAPACITY: f64 = 17_500.0;

/// The processes of a region that refresh: of `N` = 100 servers at this size, a third. Each counts what it
/// refuses by itself.
pub(crate) const PROCESSES: f64 = 33.0;

/// What a request costs before its session is loaded, as a share of a refresh: HTTP and the token's
/// signature. In the README's table a refresh over HTTP in memory takes 1 / 25 700 s of a processor, 0.51
/// of it outside the library, which is 20 µs, and one on PostgreSQL 2 / 15 300 s of two, which is 131 µs.
pub(crate) const ADMISSION: f64 = 0.15;

/// The default of `store_timeout`: a request that has waited for so long is answered with 503.
pub(crate) const DEADLINE: Millis = 5 * SECOND;

/// After how long a client gives up on a server that does not answer.
pub(crate) const NO_ANSWER: Millis = 10 * SECOND;

/// When it is lost, and for how long the simulation goes on after the outage.
pub(crate) const LOST_AT: Millis = MINUTE;
pub(crate) const AFTERMATH: Millis = 20 * MINUTE;

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// A whole region. After the outage its clients go to the others, each at a moment of its own within
    /// this time, as caches of DNS expire.
    Region { spread: Millis },
    /// Only the sessions' database of a region, which comes back. The token endpoint answers with 503.
    Database,
}

/// What happens, and to how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) loss: Loss,
    pub(crate) outage: Millis,
    /// One of so many clients is simulated, and the servers are smaller by as much.
    pub(crate) sample: f64,
    pub(crate) admission: f64,
    pub(crate) seed: u64,
}

impl World {
    pub(crate) fn restored_at(&self) -> Millis {
        LOST_AT + self.outage
    }

    pub(crate) fn end(&self) -> Millis {
        self.restored_at() + AFTERMATH
    }

    /// Whether what is lost is away at this time.
    pub(crate) fn is_lost(&self, now: Millis) -> bool {
        (LOST_AT..self.restored_at()).contains(&now)
    }
}
