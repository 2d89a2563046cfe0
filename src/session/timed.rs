//! The store as sessions call it: each operation is timed.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    claims::SessionId,
    clock::Timestamp,
    metrics::{Histogram, Metric, Stopwatch, Unit},
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
        StoreError, StoreErrorKind, Swap,
    },
};

static DURATION: Metric = Metric {
    name: "tower_bearer.store.operation.duration",
    unit: Unit::Seconds,
    help: "What operations of the session store take, failed ones too",
};

/// The client has hung up before the answer was there.
const ABANDONED: &str = "abandoned";

pub(super) struct Timed<St> {
    pub(super) store: St,
    now: Meter,
    insert: Meter,
    load: Meter,
    swap: Meter,
    confirm: Meter,
    end: Meter,
    end_all: Meter,
    list: Meter,
    list_all: Meter,
    ended_since: Meter,
    delete_expired: Meter,
}

impl<St> Timed<St> {
    /// An operation that nobody waits for any more after `timeout` has taken too long.
    pub(super) fn new(store: St, timeout: Duration) -> Self {
        let new = |operation| Meter::new(operation, timeout);
        Self {
            store,
            now: new("now"),
            insert: new("insert"),
            load: new("load"),
            swap: new("swap"),
            confirm: new("confirm"),
            end: new("end"),
            end_all: new("end_all"),
            list: new("list"),
            list_all: new("list_all"),
            ended_since: new("ended_since"),
            delete_expired: new("delete_expired"),
        }
    }
}

/// Measures one operation.
struct Meter {
    operation: &'static str,
    timeout: Duration,
    done: Histogram,
}

impl Meter {
    fn new(operation: &'static str, timeout: Duration) -> Self {
        Self {
            operation,
            timeout,
            done: Histogram::new(&DURATION, &[("operation", operation)]),
        }
    }

    async fn time<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut running = Running {
            meter: self,
            since: Stopwatch::start(),
            begun: Instant::now(),
            error_type: ABANDONED,
        };
        let outcome = work.await;
        running.error_type = outcome
            .as_ref()
            .err()
            .map_or("", |error| name(error.kind()));
        outcome
    }
}

/// An operation that is under way. Whoever gives up waiting for it drops it.
struct Running<'a> {
    meter: &'a Meter,
    since: Stopwatch,
    /// By the timer that gives up waiting.
    begun: Instant,
    error_type: &'static str,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        if self.error_type.is_empty() {
            return self.meter.done.record(took);
        }
        let is_late = self.begun.elapsed() >= self.meter.timeout;
        let error_type = match self.error_type {
            ABANDONED if is_late => name(StoreErrorKind::Timeout),
            other => other,
        };
        let labels = [
            ("operation", self.meter.operation),
            ("error.type", error_type),
        ];
        Histogram::described(&DURATION, &labels).record(took);
    }
}

fn name(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Unavailable => "unavailable",
        StoreErrorKind::Timeout => "timeout",
        StoreErrorKind::Busy => "busy",
        StoreErrorKind::Duplicate => "duplicate",
        StoreErrorKind::Corrupt => "corrupt",
        StoreErrorKind::Unstorable => "unstorable",
        StoreErrorKind::Cursor => "cursor",
    }
}

impl<St: SessionStore> SessionStore for Timed<St> {
    fn now(&self) -> impl Future<Output = Result<Timestamp, StoreError>> + Send {
        self.now.time(self.store.now())
    }

    fn insert(&self, record: &Record) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.insert.time(self.store.insert(record))
    }

    fn load(&self, id: SessionId) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        self.load.time(self.store.load(id))
    }

    fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send {
        self.swap.time(self.store.swap(id, expected, next))
    }

    fn confirm(
        &self,
        pairs: &[(SessionId, u32)],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.confirm.time(self.store.confirm(pairs))
    }

    fn end(
        &self,
        id: SessionId,
        reason: EndReason,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.end.time(self.store.end(id, reason))
    }

    fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> impl Future<Output = Result<Vec<SessionId>, StoreError>> + Send {
        self.end_all
            .time(self.store.end_all(issuer, subject, keep, reason))
    }

    fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> impl Future<Output = Result<Listed, StoreError>> + Send {
        self.list
            .time(self.store.list(issuer, subject, before, limit))
    }

    fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> impl Future<Output = Result<ListedAll, StoreError>> + Send {
        self.list_all
            .time(self.store.list_all(issuer, after, limit))
    }

    fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(SessionId, Timestamp)>, StoreError>> + Send {
        self.ended_since
            .time(self.store.ended_since(since, after, limit))
    }

    fn delete_expired(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send {
        self.delete_expired.time(self.store.delete_expired(limit))
    }
}
