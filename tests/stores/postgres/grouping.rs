//! Swaps that go together: in one statement, and no one of them at the cost of another.

use tokio::task::JoinHandle;

use super::*;

pub(super) type Swapping = JoinHandle<Result<Swap, StoreError>>;

/// A store that swaps over one of its connections, so that what comes while that one is held up
/// goes together.
pub(super) async fn one_lane(server: &Postgres, prepared: bool) -> PostgresStore {
    let options = patient().max_connections(2).prepared_statements(prepared);
    open_with(&server.url(), options).await
}

pub(super) fn begin(store: &PostgresStore, next: &Record) -> Swapping {
    let (store, next) = (store.clone(), next.clone());
    tokio::spawn(async move {
        store
            .swap(next.session.id, next.state.version - 1, &next.state)
            .await
    })
}

async fn outcome(swapping: Swapping) -> Result<Swap, StoreError> {
    let told = tokio::time::timeout(Duration::from_secs(60), swapping).await;
    told.expect("it comes to its end").expect("no panic")
}

pub(super) async fn won(swapping: Swapping) -> bool {
    outcome(swapping).await.expect("it swaps") == Swap::Swapped
}

/// Begins swaps that the store writes together.
pub(super) async fn together(
    server: &Postgres,
    store: &PostgresStore,
    nexts: &[Record],
) -> Vec<Swapping> {
    let number = Uuid::now_v7().as_u128();
    let before = kept(store, number, "whoever holds them up").await;
    let mut locker = server.connection().await;
    run(
        &mut locker,
        "BEGIN; LOCK TABLE tower_bearer_sessions IN SHARE MODE",
    )
    .await;
    let first = begin(store, &rotated(&before));
    blocked(server, 1).await;
    let swaps = nexts.iter().map(|next| begin(store, next)).collect();
    // Each comes to where it waits.
    tokio::task::yield_now().await;
    run(&mut locker, "ROLLBACK").await;
    assert!(won(first).await);
    swaps
}

fn lock(number: u128) -> String {
    let id = Uuid::from_u128(number);
    format!("BEGIN; SELECT FROM tower_bearer_sessions WHERE id = '{id}' FOR UPDATE")
}

/// Sessions of these numbers, and what a rotation makes of them.
async fn rotations<const N: usize>(store: &PostgresStore, numbers: [u128; N]) -> Vec<Record> {
    let mut nexts = Vec::new();
    for number in numbers {
        nexts.push(rotated(
            &kept(store, number, &format!("user {number}")).await,
        ));
    }
    nexts
}

/// A rotation stops halfway where this lock is held.
const STOP: &str = "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared(1);
        RETURN NEW;
    END $$;
    CREATE TRIGGER stop BEFORE UPDATE ON tower_bearer_sessions
        FOR EACH ROW WHEN (NEW.ended_at IS NULL AND NEW.subject = 'user 3')
        EXECUTE FUNCTION stop()";
const STOP_NOW: &str = "SELECT pg_advisory_lock(1)";
const GO_ON: &str = "SELECT pg_advisory_unlock(1)";

#[tokio::test]
async fn they_are_one_statement_and_as_durable_as_one() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    server
        .run("ALTER ROLE bearer SET synchronous_commit = off")
        .await;
    let store = one_lane(&server, true).await;
    server
        .run(
            "CREATE TABLE seen (how text);
            CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO public.seen VALUES (current_setting('synchronous_commit'));
                RETURN NULL;
            END $$;
            CREATE TRIGGER see AFTER UPDATE ON tower_bearer_sessions
                FOR EACH ROW WHEN (NEW.subject LIKE 'user %') EXECUTE FUNCTION see()",
        )
        .await;
    for prepared in [true, false] {
        let store = match prepared {
            true => store.clone(),
            false => one_lane(&server, false).await,
        };
        let base = 10 * u128::from(prepared);
        let mut nexts = rotations(&store, [base + 1, base + 2, base + 3, base + 4]).await;
        nexts[1].state.version += 1;
        nexts[2].state.rotated_at = None;
        nexts[2].state.late = u32::MAX;
        let swaps = together(&server, &store, &nexts).await;
        for (place, swap) in swaps.into_iter().enumerate() {
            assert_eq!(won(swap).await, place != 1, "the second expects too much");
        }
        nexts.remove(1);
        for next in &nexts {
            let loaded = store.load(next.session.id).await.expect("it loads");
            assert!(loaded.record.as_ref() == Some(next));
        }
        let transactions = "SELECT count(DISTINCT xmin::text) FROM tower_bearer_sessions
            WHERE generation = 1 AND convert_from(subject, 'UTF8') LIKE 'user %'";
        assert_eq!(told::<i64>(&server, transactions).await, 1, "{prepared}");
        server
            .run("DELETE FROM tower_bearer_sessions WHERE generation = 1")
            .await;
    }
    let seen: Vec<String> = told(&server, "SELECT array_agg(how) FROM seen").await;
    assert_eq!(seen, ["on"; 6]);
}

#[tokio::test]
async fn a_locked_session_holds_up_no_other() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    for (round, meanwhile) in (1..).zip(["version = version + 5", "ended_at = 1", ""]) {
        let store = one_lane(&server, round == 1).await;
        let numbers = [round * 10 + 1, round * 10 + 2, round * 10 + 3];
        let nexts = rotations(&store, numbers).await;
        let mut locker = server.connection().await;
        run(&mut locker, &lock(numbers[1])).await;
        let [before, locked, after] = swaps(together(&server, &store, &nexts).await);
        assert!(won(before).await && won(after).await);
        assert!(!locked.is_finished());
        blocked(&server, 1).await;
        if !meanwhile.is_empty() {
            let reason = "end_reason = CASE WHEN ended_at IS NOT NULL THEN 'logout' END";
            let change = format!(
                "UPDATE tower_bearer_sessions SET {meanwhile} WHERE id = '{0}';
                UPDATE tower_bearer_sessions SET {reason} WHERE id = '{0}'",
                Uuid::from_u128(numbers[1])
            );
            run(&mut locker, &change).await;
        }
        run(&mut locker, "COMMIT").await;
        assert_eq!(won(locked).await, meanwhile.is_empty());
    }
}

/// However many ask for it, neither those of other sessions wait nor a logout.
#[tokio::test]
async fn many_who_want_a_locked_session_hold_up_no_other() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = open_with(&server.url(), patient()).await;
    let [wanted, other, ended] = &rotations(&store, [1, 2, 3]).await[..] else {
        panic!("three");
    };
    let mut locker = server.connection().await;
    run(&mut locker, &lock(1)).await;
    let waiting: Vec<_> = (0..30).map(|_| begin(&store, wanted)).collect();
    assert!(won(begin(&store, other)).await);
    // They go on alone, over so many connections and no more.
    blocked(&server, 5).await;
    let loaded = store.load(other.session.id).await.expect("it loads");
    assert!(loaded.record.as_ref() == Some(other));
    let logout = store.end(ended.session.id, EndReason::Logout).await;
    assert!(logout.expect("it ends"));
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    run(&mut locker, "ROLLBACK").await;
    let mut winners = 0;
    for swap in waiting {
        winners += usize::from(won(swap).await);
    }
    assert_eq!(winners, 1);
}

fn swaps<const N: usize>(swaps: Vec<Swapping>) -> [Swapping; N] {
    swaps.try_into().expect("so many")
}

#[tokio::test]
async fn the_last_version_has_no_successor() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = open(&server.url()).await;
    kept(&store, 1, "ada").await;
    let last = "UPDATE tower_bearer_sessions SET version = 9223372036854775807";
    server.run(last).await;
    let next = rotated(&load(&store, 1).await);
    for _ in 0..2 {
        assert!(!won(begin(&store, &next)).await);
    }
}

#[tokio::test]
async fn one_that_is_refused_fails_no_other() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = one_lane(&server, true).await;
    server
        .run("ALTER TABLE tower_bearer_sessions ADD CHECK (generation <> 99)")
        .await;
    let mut nexts = rotations(&store, [1, 2, 3]).await;
    nexts[1].state.generation = 99;
    let [before, refused, after] = swaps(together(&server, &store, &nexts).await);
    assert_eq!(kind(outcome(refused).await), StoreErrorKind::Unstorable);
    assert!(won(before).await && won(after).await);
    assert_eq!(load(&store, 2).await.state.version, 0);
}

#[tokio::test]
async fn a_connection_that_breaks_halfway_takes_its_own_along() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = one_lane(&server, true).await;
    server.run(STOP).await;
    let nexts = rotations(&store, [1, 2, 3, 4, 5]).await;
    let mut stopper = server.connection().await;
    run(&mut stopper, STOP_NOW).await;
    let under_way: [_; 3] = swaps(together(&server, &store, &nexts[..3]).await);
    blocked(&server, 1).await;
    let later = [begin(&store, &nexts[3]), begin(&store, &nexts[4])];
    tokio::task::yield_now().await;
    server
        .run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE wait_event_type = 'Lock'",
        )
        .await;
    for swap in under_way {
        assert_eq!(kind(outcome(swap).await), StoreErrorKind::Unavailable);
    }
    for swap in later {
        assert!(won(swap).await);
    }
    run(&mut stopper, GO_ON).await;
    for next in &nexts[..3] {
        // All of them are as they were, and can be swapped.
        assert!(won(begin(&store, next)).await);
    }
}

#[tokio::test]
async fn a_revocation_has_a_connection_of_its_own() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = one_lane(&server, true).await;
    server.run(STOP).await;
    let nexts = rotations(&store, [1, 2, 3, 4]).await;
    let mut stopper = server.connection().await;
    run(&mut stopper, STOP_NOW).await;
    let stopped = begin(&store, &nexts[2]);
    blocked(&server, 1).await;
    let waiting = begin(&store, &nexts[0]);
    tokio::task::yield_now().await;
    let ended = store.end(nexts[1].session.id, EndReason::Logout).await;
    assert!(ended.expect("it ends"));
    let mut ended = nexts[3].clone();
    ended.state.ended = Some(Ended::new(ended.session.created_at, EndReason::Reuse));
    assert!(won(begin(&store, &ended)).await);
    assert!(!stopped.is_finished() && !waiting.is_finished());
    run(&mut stopper, GO_ON).await;
    assert!(won(stopped).await && won(waiting).await);
}

#[tokio::test]
async fn a_store_that_is_closed_ends_what_is_under_way_and_begins_nothing() {
    let Some(server) = Postgres::start().await else {
        return;
    };
    let store = one_lane(&server, true).await;
    server.run(STOP).await;
    let nexts = rotations(&store, [1, 2, 3]).await;
    let mut stopper = server.connection().await;
    run(&mut stopper, STOP_NOW).await;
    let stopped = begin(&store, &nexts[2]);
    blocked(&server, 1).await;
    let waiting = [begin(&store, &nexts[0]), begin(&store, &nexts[1])];
    tokio::task::yield_now().await;
    let closing = async {
        tokio::task::yield_now().await;
        run(&mut stopper, GO_ON).await;
    };
    tokio::join!(store.close(), closing);
    assert!(won(stopped).await);
    for swap in waiting {
        assert_eq!(kind(outcome(swap).await), StoreErrorKind::Unavailable);
    }
}

/// Two servers' batches of the same sessions, against all that locks rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_race_on_the_same_sessions() {
    const SESSIONS: u128 = 24;
    const TASKS: u128 = 24;
    const ROUNDS: u128 = 60;
    let Some(server) = Postgres::start_with(&[("deadlock_timeout", "10ms")]).await else {
        return;
    };
    let options = patient().max_connections(3);
    let stores = [
        open_with(&server.url(), options.clone()).await,
        open_with(&server.url(), options).await,
    ];
    for number in 0..SESSIONS {
        kept(&stores[0], number, &format!("user {}", number % 12)).await;
    }
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = stores[task as usize % 2].clone();
        tasks.spawn(async move {
            let mut won = Vec::new();
            for round in 0..ROUNDS {
                let number = (task * 7 + round * 5) % SESSIONS;
                let last = load(&store, number).await;
                let swap = store
                    .swap(last.session.id, last.state.version, &rotated(&last).state)
                    .await;
                if swap.expect("nobody is in its way") == Swap::Swapped {
                    won.push((number, last.state.version));
                }
                disturb(&store, task * ROUNDS + round, SESSIONS).await;
            }
            won
        });
    }
    let won: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let versions: HashSet<_> = won.iter().collect();
    assert_eq!(versions.len(), won.len(), "of one version two have won");
    assert!(won.len() > 100, "{} swaps are no load", won.len());
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'";
    assert_eq!(told::<i64>(&server, deadlocks).await, 0);
}

/// Confirmations in both orders, a clean-up, and now and then the end of a subject's sessions.
async fn disturb(store: &PostgresStore, step: u128, sessions: u128) {
    let pair = |number| (id(number), u32::try_from(step % 5).expect("small"));
    let disturbed = match step % 16 {
        1 => {
            store
                .confirm(&(0..sessions).map(pair).collect::<Vec<_>>())
                .await
        }
        2 => {
            let pairs: Vec<_> = (0..sessions).rev().map(pair).collect();
            store.confirm(&pairs).await
        }
        3 => store.delete_expired(9).await.map(drop),
        4 if step.is_multiple_of(9) => {
            let subject = format!("user {}", step % 7);
            let ended = store
                .end_all(ISSUER, &subject, None, EndReason::Logout)
                .await;
            ended.map(drop)
        }
        _ => Ok(()),
    };
    disturbed.expect("nobody is in its way");
}
