//! Whether the sessions that a subject has ended make its others slower: the same calls for a
//! subject with many ended sessions and, in turns with them, for one that is new.

use std::{
    io,
    time::{Duration, Instant},
};

use tests_shared::{
    servers::{postgres::Postgres, redis::Redis},
    skipped,
};
use tokio::{runtime, task::JoinSet};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SessionId, SigningKey,
    session::{Grant, Overflow, RefreshKey, Sessions, SessionsBuilder},
    store::{EndReason, MemoryStore, Record, Session, SessionSecret, SessionStore},
};
use tower_bearer_benches::{
    effort::Effort,
    figures::{Figures, median},
    origin,
    report::Report,
    tokens::{AUDIENCE, ISSUER, SECRET},
};
use tower_bearer_redis::RedisStore;
use tower_bearer_sqlx::{PostgresStore, SqliteStore};
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How many sessions a subject may have.
const MOST: usize = 5;
/// So many logins at once, before a logout everywhere.
const WRITERS: usize = 50;
const LOGINS: usize = 1_000;

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("dead_sessions", effort);
    // On one thread, so that none has to be woken for each answer.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    report.origin(origin::disk());
    runtime.block_on(async {
        report.origin(origin::sqlite().await);
        measure("memory", MemoryStore::new(), effort, &mut report).await;
        sqlite(effort, &mut report).await;
        redis(effort, &mut report).await;
        postgres(effort, &mut report).await;
    });
    report.finish()
}

async fn sqlite(effort: Effort, report: &mut Report) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("sessions.db");
    let store = SqliteStore::connect(file.to_str().expect("a path in UTF-8")).await;
    measure("sqlite", store.expect("it opens"), effort, report).await;
}

async fn redis(effort: Effort, report: &mut Report) {
    let Some(server) = Redis::start_to_measure().await else {
        return skipped("redis-server is not installed");
    };
    report.origin(origin::program("Redis", "redis-server"));
    let store = RedisStore::connect(&server.url()).await;
    measure("redis", store.expect("it opens"), effort, report).await;
}

async fn postgres(effort: Effort, report: &mut Report) {
    let Some(server) = Postgres::start_to_measure().await else {
        return skipped("PostgreSQL's initdb is not installed");
    };
    report.origin(origin::program(
        "PostgreSQL",
        server.program("postgres").unwrap_or_default(),
    ));
    let store = PostgresStore::connect(&server.url()).await;
    measure("postgres", store.expect("it opens"), effort, report).await;
}

async fn measure<St: SessionStore + Clone>(
    name: &str,
    store: St,
    effort: Effort,
    report: &mut Report,
) {
    let start = Instant::now();
    let dead = effort.pick(100_000, 2_000);
    for _ in 0..dead / LOGINS {
        log_in_and_out(&store, "old").await;
    }
    println!("{name}: {dead} sessions ended in {:?}", start.elapsed());

    let sessions = sessions(store);
    let mut figures = Figures::default();
    let samples = effort.pick(16, 4);
    for round in 0..effort.rounds() {
        let new = format!("new {round}");
        let subjects = ["old", &new];
        push(
            &mut figures,
            "login",
            logins(&sessions, subjects, samples).await,
        );
        push(
            &mut figures,
            "list",
            lists(sessions.store(), subjects, samples).await,
        );
        push(
            &mut figures,
            "end_all",
            ends(sessions.store(), subjects, samples).await,
        );
    }
    for what in ["login", "list", "end_all"] {
        let (old, new) = (format!("{what} of old"), format!("{what} of new"));
        report.row(format!("{name}/{what}/old_ns"), figures.median(&old));
        report.row(format!("{name}/{what}/new_ns"), figures.median(&new));
        let ratio = figures.ratio(&old, &new);
        report.at_most(format!("{name}/{what}/old/of_new"), ratio, 1.5);
    }
}

fn push(figures: &mut Figures, what: &str, [old, new]: [Vec<f64>; 2]) {
    figures.push(&format!("{what} of old"), median(old));
    figures.push(&format!("{what} of new"), median(new));
}

/// Starts sessions of a subject, many at once, and ends all of them.
async fn log_in_and_out<St: SessionStore + Clone>(store: &St, subject: &'static str) {
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            for _ in 0..LOGINS / WRITERS {
                keep(&store, subject).await;
            }
        });
    }
    writers.join_all().await;
    assert_eq!(end_all(store, subject).await, LOGINS);
}

async fn keep(store: &impl SessionStore, subject: &str) {
    let now = store.now().await.expect("the time");
    let id = SessionId::from_uuid(Uuid::now_v7());
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let mut session = Session::new(id, ISSUER, subject, secret, now);
    session.ends_at = now + 180 * DAY;
    session.scope = "read write".parse().expect("a scope");
    session.metadata.insert("device".into(), "a phone".into());
    let mut record = Record::new(session);
    record.state.expires_at = now + 30 * DAY;
    store.insert(&record).await.expect("it is kept");
}

async fn end_all(store: &impl SessionStore, subject: &str) -> usize {
    let ended = store
        .end_all(ISSUER, subject, None, EndReason::Logout)
        .await;
    ended.expect("they are ended").len()
}

fn sessions<St: SessionStore>(store: St) -> Sessions<St> {
    let keys = KeySet::new(SigningKey::from_secret(Algorithm::HS256, SECRET).expect("a key"));
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys).expect("good names");
    let refresh_key = RefreshKey::from_secret([7; 32]).expect("long enough");
    SessionsBuilder::new(issuer, refresh_key, store)
        .max_sessions(MOST, Overflow::EvictOldest)
        .build()
        .expect("good settings")
}

/// Logins, each of which takes the place of an older one.
async fn logins<St: SessionStore>(
    sessions: &Sessions<St>,
    subjects: [&str; 2],
    samples: usize,
) -> [Vec<f64>; 2] {
    let log_in = async |subject: &str| {
        let started = sessions.start(Grant::new(subject)).await;
        started.expect("a session");
    };
    for subject in subjects {
        for _ in 0..MOST {
            log_in(subject).await;
        }
    }
    in_turns(subjects, samples, async |_| (), log_in).await
}

/// Lists of as many sessions as a subject may have.
async fn lists(store: &impl SessionStore, subjects: [&str; 2], samples: usize) -> [Vec<f64>; 2] {
    let list = async |subject: &str| {
        let listed = store.list(ISSUER, subject, None, 100).await;
        assert_eq!(listed.expect("a list").records.len(), MOST);
    };
    in_turns(subjects, samples, async |_| (), list).await
}

/// Logouts everywhere, of one session.
async fn ends(store: &impl SessionStore, subjects: [&str; 2], samples: usize) -> [Vec<f64>; 2] {
    for subject in subjects {
        assert_eq!(end_all(store, subject).await, MOST);
    }
    let log_in = async |subject: &str| keep(store, subject).await;
    let end = async |subject: &str| assert_eq!(end_all(store, subject).await, 1);
    in_turns(subjects, samples, log_in, end).await
}

/// Does it for one subject and the other, each first by turns, and tells how many nanoseconds it
/// took each time.
async fn in_turns(
    subjects: [&str; 2],
    samples: usize,
    prepare: impl AsyncFn(&str),
    once: impl AsyncFn(&str),
) -> [Vec<f64>; 2] {
    let mut taken = [Vec::new(), Vec::new()];
    for sample in 0..samples {
        for turn in [sample % 2, 1 - sample % 2] {
            prepare(subjects[turn]).await;
            let start = Instant::now();
            once(subjects[turn]).await;
            taken[turn].push(start.elapsed().as_nanos() as f64);
        }
    }
    taken
}
