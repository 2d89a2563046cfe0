//! A fixture under trial, with a short method for each call of its store.

use std::{
    error::Error,
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use uuid::Uuid;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        EndReason, Ended, Extra, KeyThumbprint, Metadata, PrivateClaims, Record, Session,
        SessionSecret, SessionState, SessionStore, StoreError, Swap,
    },
};

use crate::Fixture;

pub(super) const ISSUER: &str = "https://id.example";
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);
/// How many bytes the `extra` of a state has at most, as JSON.
pub(super) const MOST_EXTRA: usize = 8 * 1024;
const MILLENNIUM: Duration = Duration::from_secs(1_000 * 365 * 86_400);

/// How many sessions are written at once where many are needed.
const WRITERS: usize = 8;

pub(super) struct Trial<F> {
    pub(super) fixture: Arc<F>,
    /// Whether it uses the peer of the store.
    is_peer: bool,
    /// When the trial began, by the store's clock.
    pub(super) start: Timestamp,
}

impl<F> Clone for Trial<F> {
    fn clone(&self) -> Self {
        Self {
            fixture: self.fixture.clone(),
            is_peer: self.is_peer,
            start: self.start,
        }
    }
}

impl<F: Fixture> Trial<F> {
    pub(super) async fn new(fixture: F) -> Self {
        let start = done("now", fixture.store().now().await);
        Self {
            fixture: Arc::new(fixture),
            is_peer: false,
            start,
        }
    }

    pub(super) fn store(&self) -> &F::Store {
        match self.is_peer {
            true => self.fixture.peer(),
            false => self.fixture.store(),
        }
    }

    /// A number of repetitions, or as many of them as the fixture is worth.
    pub(super) fn times(&self, all: u32) -> u32 {
        (all / self.fixture.repetitions_divided_by().max(1)).max(1)
    }

    /// The same trial, on the peer of the store if `turn` is odd.
    pub(super) fn by_turns(&self, turn: u32) -> Self {
        Self {
            is_peer: turn % 2 == 1,
            ..self.clone()
        }
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.fixture.advance(by).await;
    }

    pub(super) async fn now(&self) -> Timestamp {
        done("now", self.store().now().await)
    }

    pub(super) async fn find(&self, id: SessionId) -> Option<Record> {
        done("load", self.store().load(id).await).record
    }

    pub(super) async fn load(&self, id: SessionId) -> Record {
        self.find(id).await.expect("a session that is kept is gone")
    }

    pub(super) async fn insert(&self, record: &Record) {
        done("insert", self.store().insert(record).await);
    }

    pub(super) async fn insert_all(&self, records: impl IntoIterator<Item = Record>) {
        let mut writers = JoinSet::new();
        for record in records {
            if writers.len() == WRITERS {
                writers.join_next().await.unwrap().unwrap();
            }
            let trial = self.clone();
            writers.spawn(async move { trial.insert(&record).await });
        }
        writers.join_all().await;
    }

    /// Swaps in the state of `next`.
    pub(super) async fn swap(&self, expected: u64, next: &Record) -> Swap {
        let Record { session, state } = next;
        done("swap", self.store().swap(session.id, expected, state).await)
    }

    pub(super) async fn confirm(&self, pairs: &[(SessionId, u32)]) {
        done("confirm", self.store().confirm(pairs).await);
    }

    pub(super) async fn end(&self, id: SessionId, reason: EndReason) -> bool {
        done("end", self.store().end(id, reason).await)
    }

    /// Ends all sessions of `subject` and returns their identifiers in order.
    pub(super) async fn end_all(&self, subject: &str, reason: EndReason) -> Vec<SessionId> {
        self.end_others(subject, None, reason).await
    }

    /// Ends all sessions of `subject` but `keep`, and returns their identifiers in order.
    pub(super) async fn end_others(
        &self,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Vec<SessionId> {
        let ended = self.store().end_all(ISSUER, subject, keep, reason).await;
        let mut ended = done("end_all", ended);
        ended.sort();
        ended
    }

    /// Ends the first session by `end`, the second by `end_all`, and the third by a swap. All are
    /// of one subject, which has no others. Returns what must be kept of each.
    pub(super) async fn end_in_each_way(&self, mut records: [Record; 3]) -> [Record; 3] {
        let [one, all, swapped] = &mut records;
        assert!(self.end(one.session.id, EndReason::Logout).await);

        let now = self.now().await;
        let mut next = swapped.state.clone();
        next.version = next.next_version(now);
        next.ended = Some(Ended::new(now, EndReason::Reuse));
        let (id, version) = (swapped.session.id, swapped.state.version);
        let swap = self.store().swap(id, version, &next).await;
        assert_eq!(done("swap", swap), Swap::Swapped);
        swapped.replace_state(next);

        let Session {
            issuer, subject, ..
        } = &all.session;
        let ended = self
            .store()
            .end_all(issuer, subject, None, EndReason::Logout);
        assert_eq!(done("end_all", ended.await), [all.session.id]);
        for record in [one, all] {
            let kept = self.load(record.session.id).await;
            record.end(kept.state.ended.expect("it is ended"));
        }
        records
    }

    /// The identifiers of the live sessions of `subject`, newest first.
    pub(super) async fn live(&self, subject: &str) -> Vec<SessionId> {
        self.page(subject, None, usize::MAX).await
    }

    pub(super) async fn page(
        &self,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Vec<SessionId> {
        let listed = self.store().list(ISSUER, subject, before, limit).await;
        let records = done("list", listed).records;
        records.iter().map(|record| record.session.id).collect()
    }

    /// The sessions that were ended since then, and when.
    pub(super) async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Vec<(SessionId, Timestamp)> {
        let ended = self.store().ended_since(since, after, limit).await;
        done("ended_since", ended)
    }

    /// Deletes at most `limit` sessions, when `dead` sessions have ended.
    pub(super) async fn clean_up(&self, limit: usize, dead: usize) {
        let deleted = done("delete_expired", self.store().delete_expired(limit).await);
        let most = limit.min(dead);
        if self.fixture.deletes_by_itself() {
            assert!(deleted <= most, "{deleted} were deleted, not {most}");
        } else {
            assert_eq!(deleted, most, "so many were deleted, of {dead} that ended");
        }
    }

    /// A session that expires after one hour and ends after two, without optional fields.
    pub(super) fn record(&self, number: u128, subject: &str) -> Record {
        let secret = SessionSecret::from_bytes([0xa5; 32]);
        let mut session = Session::new(id(number), ISSUER, subject, secret, self.start);
        session.ends_at = self.start + 2 * HOUR;
        let state = SessionState::new(self.start + HOUR);
        Record { session, state }
    }

    /// A session with a different value in every field that a live session can have.
    pub(super) fn full_record(&self, number: u128) -> Record {
        let ends_at = self.start + MILLENNIUM;
        Record {
            session: Session {
                id: id(number),
                issuer: "https://id.example/Ünï%20code?a=b".to_owned(),
                subject: "ädä 🦀 \"'; DROP TABLE x; --\n\0 end".to_owned(),
                secret: SessionSecret::from_bytes(std::array::from_fn(|i| (i * 9) as u8)),
                created_at: self.start - MINUTE,
                auth_time: Timestamp::from_millis(-1),
                ends_at,
                scope: "profile write read".parse().expect("a scope"),
                client_id: Some(String::new()),
                claims: claims(),
                metadata: metadata(),
                idle_lifetime: Some(MILLENNIUM + Duration::from_millis(457)),
                extra: extra(),
            },
            state: self.full_state(ends_at - Duration::from_millis(1)),
        }
    }

    fn full_state(&self, expires_at: Timestamp) -> SessionState {
        let milliseconds = |after| Some(self.start + Duration::from_millis(after));
        SessionState {
            // Far below the time, so that the version that a swap gives is not the next number.
            version: self.start.as_millis().unsigned_abs() / 2,
            generation: u32::MAX,
            rotated_at: milliseconds(1),
            delivered_at: milliseconds(2),
            confirmed_at: milliseconds(3),
            late: u32::MAX,
            expires_at,
            last_refreshed_at: milliseconds(4),
            ended: None,
            bound_to: Some(key(7)),
            extra: state_extra(),
        }
    }
}

/// A thumbprint that belongs to no key.
pub(super) fn key(first: u8) -> KeyThumbprint {
    KeyThumbprint::from_bytes(std::array::from_fn(|i| first.wrapping_mul(i as u8 + 1)))
}

fn extra() -> Extra {
    Extra::from_json(r#"{"sub":"a name of its own","later":{"deep":[1,"é\u0000"]}}"#)
        .expect("an object")
}

fn state_extra() -> Extra {
    Extra::from_json(r#"{"seen":{"by":"é\u0000"},"later":[0.5,null]}"#).expect("an object")
}

fn claims() -> PrivateClaims {
    PrivateClaims::from_json(
        r#"{"role":"édîteur","n":-9007199254740993,"big":18446744073709551615,"x":0.25,
            "deep":{"a":[null,true,{"b":""}]},"nul":"\u0000"}"#,
    )
    .expect("claims")
}

/// Metadata of more than 32 KiB.
fn metadata() -> Metadata {
    let long = "ü".repeat(16 * 1024);
    [("device", "Ada's ☎"), ("", "\0\u{7f}\\\""), ("note", &long)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

pub(super) fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// The session after a rotation at `now`.
pub(super) fn rotated(record: &Record, now: Timestamp) -> Record {
    let Record { session, state } = record;
    Record {
        session: session.clone(),
        state: SessionState {
            version: state.next_version(now),
            generation: state.generation + 1,
            rotated_at: Some(now),
            delivered_at: Some(now),
            confirmed_at: None,
            late: state.late << 1,
            expires_at: (now + HOUR).min(session.ends_at),
            last_refreshed_at: Some(now),
            ended: state.ended,
            bound_to: state.bound_to.clone(),
            extra: state.extra.clone(),
        },
    }
}

/// Fails a loop that never ends because of a faulty store, and lets other tasks run meanwhile.
pub(super) struct Patience {
    tries: u32,
    since: Instant,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 0,
            since: Instant::now(),
        }
    }
}

impl Patience {
    /// Waits for one more try. The loop fails only after many tries and some seconds, because many
    /// tries take little time while another task is slow.
    pub(super) async fn wait_for(&mut self, what: &str) {
        self.tries += 1;
        let is_over = self.tries > 20_000 && self.since.elapsed() > Duration::from_secs(10);
        assert!(!is_over, "waited in vain for {what}");
        tokio::task::yield_now().await;
    }
}

/// The value of a call that must not fail.
#[track_caller]
pub(super) fn done<T>(call: &str, result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            why.push_str(&format!(": {error}"));
            source = error.source();
        }
        panic!("`{call}` failed: {why}")
    })
}

#[track_caller]
pub(super) fn assert_same(kept: &Record, expected: &Record) {
    if let Some(difference) = difference(kept, expected) {
        panic!("the session has {difference}");
    }
}

/// Names the fields that differ, with all values but the secret.
pub(super) fn difference(kept: &Record, expected: &Record) -> Option<String> {
    let mut wrong = Vec::new();
    macro_rules! compare {
        ($type:ident, $part:ident { $($field:ident)+ } $($beside:ident)?) => {
            // Without `..`, so that a new field is an error here too.
            let $type { $($field,)+ $($beside: _)? } = &kept.$part;
            $(if *$field != expected.$part.$field {
                wrong.push(differs(stringify!($field), $field, &expected.$part.$field));
            })+
        };
    }
    compare!(Session, session {
        id issuer subject secret created_at auth_time ends_at client_id claims metadata
        idle_lifetime extra
    } scope);
    compare!(SessionState, state {
        version generation rotated_at delivered_at confirmed_at late expires_at last_refreshed_at
        ended bound_to extra
    });
    // Scopes are equal in any order, but a store must keep the text.
    let (kept, expected) = (&kept.session.scope, &expected.session.scope);
    if kept.as_str() != expected.as_str() {
        wrong.push(differs("scope", kept, expected));
    }
    (!wrong.is_empty()).then(|| wrong.join(", and "))
}

fn differs(field: &str, kept: &impl Debug, expected: &impl Debug) -> String {
    let short = |value: &dyn Debug| format!("{value:?}").chars().take(80).collect::<String>();
    let (kept, expected) = (short(kept), short(expected));
    format!("{field} {kept}, which should be {expected}")
}
