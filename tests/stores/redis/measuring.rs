//! How much a session takes, and how fast sessions are refreshed. By hand:
//! `cargo test --release --all-features --test stores measuring -- --ignored --nocapture`

use super::*;

/// A session as a web application has it.
fn typical(number: u128, now: Timestamp) -> Record {
    let mut record = record(Uuid::now_v7().as_u128(), now);
    record.session.subject = Uuid::from_u128(number).to_string();
    record.session.scope = "read write".parse().unwrap();
    record.session.client_id = Some("web".to_owned());
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let notes = [("user_agent", agent), ("address", "203.0.113.77")];
    record.session.metadata = notes
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    record
}

async fn used_memory(server: &Redis) -> u64 {
    let memory = server.info("memory").await;
    let used = memory
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    used.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn bytes_of_a_session() {
    const COUNT: u128 = 100_000;
    let server = Redis::start_to_measure().await.expect("Redis is installed");
    let store = open(&server).await;
    let start = now(&store).await;
    let before = used_memory(&server).await;
    let mut logins = JoinSet::new();
    for number in 0..COUNT {
        if logins.len() == 64 {
            logins.join_next().await.unwrap().unwrap();
        }
        let store = store.clone();
        logins.spawn(async move { store.insert(&typical(number, start)).await.unwrap() });
    }
    logins.join_all().await;
    let each = (used_memory(&server).await - before) / COUNT as u64;
    let subject = Uuid::from_u128(7).to_string();
    let listed = store.list(ISSUER, &subject, None, 1).await.unwrap();
    let id = listed.records[0].session.id;
    let key = format!("tower_bearer:session:{{{id}}}");
    let of_key: u64 = server.run(&format!("MEMORY USAGE {key}")).await;
    let of_index: u64 = server
        .run(&format!("MEMORY USAGE {}", index(&subject)))
        .await;
    let value: u64 = server.run(&format!("STRLEN {key}")).await;
    println!("{COUNT} sessions of as many subjects: {each} bytes each;");
    println!("a session's key {of_key} (its value {value}), an index {of_index}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn what_a_hundred_thousand_dead_sessions_cost() {
    const DEAD: u128 = 100_000;
    let server = Redis::start_to_measure().await.expect("Redis is installed");
    let store = open(&server).await;
    let start = now(&store).await;
    let before = used_memory(&server).await;
    let mut logins = JoinSet::new();
    for _ in 0..DEAD {
        if logins.len() == 64 {
            logins.join_next().await.unwrap().unwrap();
        }
        let store = store.clone();
        logins.spawn(async move {
            let mut record = typical(7, start);
            record.session.ends_at = start + 180 * 24 * HOUR;
            store.insert(&record).await.unwrap();
            let ended = store.end(record.session.id, EndReason::Logout).await;
            assert!(ended.unwrap());
        });
    }
    logins.join_all().await;
    let each = (used_memory(&server).await - before) / DEAD as u64;
    let notes: u64 = server
        .run("MEMORY USAGE tower_bearer:ended SAMPLES 0")
        .await;
    let of_note = notes / DEAD as u64;
    println!("{DEAD} dead sessions: {each} bytes each, {of_note} of them for a day only");
    for (whose, number) in [("with them", 7), ("a new subject's", 8)].repeat(3) {
        let subject = Uuid::from_u128(number).to_string();
        let (list, login, end_all) = times_of(&store, number, &subject).await;
        println!("{whose}: list {list:?}, login of at most 5 {login:?}, end_all {end_all:?}");
    }
}

/// How long a list, a login where five sessions are allowed, and an end of the five take, in the
/// mean.
async fn times_of(
    store: &RedisStore,
    number: u128,
    subject: &str,
) -> (Duration, Duration, Duration) {
    const TIMES: u32 = 100;
    let (mut list, mut login, mut end_all) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for _ in 0..TIMES {
        for _ in 0..6 {
            let start = now(store).await;
            let begin = Instant::now();
            let listed = store.list(ISSUER, subject, None, 2_000).await.unwrap();
            for surplus in listed.records.iter().skip(4) {
                let ended = store.end(surplus.session.id, EndReason::Evicted).await;
                assert!(ended.unwrap());
            }
            store.insert(&typical(number, start)).await.unwrap();
            login += begin.elapsed() / 6;
        }
        let begin = Instant::now();
        let listed = store.list(ISSUER, subject, None, 1_000).await.unwrap();
        list += begin.elapsed();
        assert_eq!(listed.records.len(), 5);
        let begin = Instant::now();
        let reason = EndReason::Logout;
        let ended = store.end_all(ISSUER, subject, None, reason).await.unwrap();
        end_all += begin.elapsed();
        assert_eq!(ended.len(), 5);
    }
    (list / TIMES, login / TIMES, end_all / TIMES)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn refreshes_a_second() {
    const FOR: Duration = Duration::from_secs(5);
    let server = Redis::start_to_measure().await.expect("Redis is installed");
    let store = open(&server).await;
    for tasks in [1, 64] {
        let start = now(&store).await;
        let begin = Instant::now();
        let mut refreshing = JoinSet::new();
        for number in 0..tasks {
            let store = store.clone();
            refreshing.spawn(async move {
                let mut kept = typical(number, start);
                store.insert(&kept).await.unwrap();
                let mut count = 0;
                while begin.elapsed() < FOR {
                    kept = store.load(kept.session.id).await.unwrap().record.unwrap();
                    let next = rotated(&kept);
                    assert_eq!(
                        store
                            .swap(next.session.id, kept.state.version, &next.state)
                            .await
                            .unwrap(),
                        Swap::Swapped
                    );
                    count += 1;
                }
                count
            });
        }
        let count: u64 = refreshing.join_all().await.into_iter().sum();
        let rate = count as f64 / begin.elapsed().as_secs_f64();
        println!("{tasks} tasks: {rate:.0} refreshes a second, each a load and a swap");
    }
}
