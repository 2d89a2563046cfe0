//! What the end of a session leaves behind, and what it does not.

use super::*;

const DAY: Duration = Record::KEPT_AFTER_END;
const ENDED: &str = "tower_bearer:ended";

/// A session with claims and metadata that goes on for half a year.
async fn insert_long(store: &RedisStore, number: u128) -> Record {
    let mut record = record(number, now(store).await);
    record.session.ends_at = record.session.created_at + 180 * DAY;
    record.state.expires_at = record.session.created_at + HOUR;
    record.session.claims = PrivateClaims::from_json(r#"{"tenant":"acme"}"#).unwrap();
    let note = ("device".to_owned(), "ü".repeat(300));
    record.session.metadata = [note].into();
    store.insert(&record).await.unwrap();
    record
}

/// Ends a session by a swap.
async fn reuse(store: &RedisStore, before: &Record) -> Swap {
    let mut next = rotated(before);
    next.state.ended = Some(Ended::new(now(store).await, EndReason::Reuse));
    swap(store, before.state.version, &next).await
}

/// The entry of a session in the index of its subject, as it was at login.
fn entry(record: &Record) -> Vec<u8> {
    let until = (record.session.ends_at + HOUR).as_millis();
    let id = record.session.id;
    [id.as_uuid().as_bytes(), format!("{until:015}").as_bytes()].concat()
}

fn note(id: SessionId, at: Timestamp) -> Vec<u8> {
    let at = format!("{:015}", at.as_millis());
    [at.as_bytes(), id.as_uuid().as_bytes()].concat()
}

async fn add(server: &Redis, key: &str, entry: &[u8]) {
    let mut connection = server.connection().await;
    let mut add = redis::cmd("ZADD");
    add.arg(key).arg(0).arg(entry);
    add.query_async::<()>(&mut connection).await.unwrap();
}

async fn size(server: &Redis, key: &str) -> u64 {
    server.run(&format!("ZCARD {key}")).await
}

#[tokio::test]
async fn an_ended_session_is_what_the_contract_makes_of_it() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    for (number, expires_in) in (0..).step_by(3).zip([HOUR, 30 * DAY, 180 * DAY, 200 * DAY]) {
        let mut sessions = Vec::new();
        for number in number..number + 3 {
            let mut record = insert_long(&store, number).await;
            record.state.expires_at = record.session.created_at + expires_in;
            record.state.version = 1;
            assert_eq!(swap(&store, 0, &record).await, Swap::Swapped);
            sessions.push(record);
        }
        assert!(end(&store, number).await);
        assert_eq!(reuse(&store, &sessions[1]).await, Swap::Swapped);
        assert_eq!(end_all(&store).await.unwrap(), [id(number + 2)]);
        for (number, before) in (number..).zip(sessions) {
            let after = load(&store, number).await;
            let mut expected = before.clone();
            if after.state.generation > before.state.generation {
                expected.replace_state(after.state.clone());
            } else {
                expected.end(after.state.ended.unwrap());
            }
            assert!(after == expected, "{after:?}");
            assert!(after.session.metadata.is_empty());
            let goes: i64 = server.run(&format!("PEXPIRETIME {}", key(number))).await;
            assert_eq!(goes, after.session.ends_at.as_millis() - 1);
            let bytes: u64 = server.run(&format!("STRLEN {}", key(number))).await;
            assert!(bytes < 250, "{bytes} bytes of an ended session");
        }
    }
}

#[tokio::test]
async fn times_are_exact_to_64_bits() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let times = [i64::MAX, i64::MAX - 1, (1 << 53) + 1, 1 << 53, 1 << 32];
    let now = now(&store).await;
    for (number, (ends_at, expires_at)) in times
        .into_iter()
        .flat_map(|ends_at| times.map(|expires_at| (ends_at, expires_at)))
        .filter(|(ends_at, _)| *ends_at > now.as_millis())
        .enumerate()
    {
        let mut record = record(number as u128, now);
        record.session.ends_at = Timestamp::from_millis(ends_at);
        record.state.expires_at = Timestamp::from_millis(expires_at);
        record.state.version = (1 << 32) - 1;
        store.insert(&record).await.unwrap();
        assert!(end(&store, number as u128).await);
        let after = load(&store, number as u128).await;
        record.end(after.state.ended.unwrap());
        assert!(after == record, "{after:?}");
    }
}

#[tokio::test]
async fn an_ended_session_leaves_the_index() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let stays = insert_long(&store, 9).await;
    for number in 1..=4 {
        insert_long(&store, number).await;
    }
    assert!(end(&store, 1).await);
    assert_eq!(reuse(&store, &load(&store, 2).await).await, Swap::Swapped);
    assert_eq!(size(&server, &index("ada")).await, 3);
    let keep = Some(stays.session.id);
    let ended = store.end_all(ISSUER, "ada", keep, EndReason::Logout).await;
    assert_eq!(ended.unwrap(), [4, 3].map(id));
    assert_eq!(size(&server, &index("ada")).await, 1);
    assert_eq!(live(&store).await, [id(9)]);
    assert!(end(&store, 9).await);
    let is_there: bool = server.run(&format!("EXISTS {}", index("ada"))).await;
    assert!(!is_there);
    // Neither a swap that is lost nor the second end of a session is anybody else's end.
    insert_long(&store, 5).await;
    assert_eq!(reuse(&store, &stays).await, Swap::Lost);
    assert!(!end(&store, 9).await);
    assert_eq!(size(&server, &index("ada")).await, 1);
}

#[tokio::test]
async fn the_dead_cost_their_subject_nothing() {
    const DEAD: u128 = 400;
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    for number in 0..DEAD {
        insert_long(&store, number).await;
        if number % 2 == 0 {
            assert!(end(&store, number).await);
        }
    }
    assert_eq!(end_all(&store).await.unwrap().len(), DEAD as usize / 2);
    let commands = async || -> u64 {
        let stats = server.info("stats").await;
        let count = stats
            .lines()
            .find_map(|line| line.strip_prefix("total_commands_processed:"));
        count.unwrap().parse().unwrap()
    };
    let mut costs = Vec::new();
    for (number, subject) in [(1_000, "ada"), (2_000, "new")] {
        let before = commands().await;
        let mut login = record(number, now(&store).await);
        login.session.subject = subject.to_owned();
        store.insert(&login).await.unwrap();
        let listed = store.list(ISSUER, subject, None, 1_000).await.unwrap();
        assert!(listed.records == [login]);
        let ended = store.end_all(ISSUER, subject, None, EndReason::Logout);
        assert_eq!(ended.await.unwrap(), [id(number)]);
        costs.push(commands().await - before);
    }
    assert_eq!(
        costs[0], costs[1],
        "commands with dead sessions and without"
    );
}

#[tokio::test]
async fn an_entry_that_was_left_is_removed_by_whoever_meets_it() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let mut all = Vec::new();
    for number in 1..=250 {
        all.push(insert_long(&store, number).await);
    }
    assert_eq!(end_all(&store).await.unwrap().len(), 250);
    let leave = async || {
        for record in &all {
            add(&server, &index("ada"), &entry(record)).await;
        }
    };
    leave().await;
    let alive = insert_long(&store, 1_000).await;
    assert_eq!(live(&store).await, [id(1_000)]);
    assert_eq!(size(&server, &index("ada")).await, 1);
    leave().await;
    assert_eq!(end_all(&store).await.unwrap(), [alive.session.id]);
    assert_eq!(size(&server, &index("ada")).await, 0);

    // That of a session that is about to be written stays.
    let later = record(2_000, now(&store).await);
    add(&server, &index("ada"), &entry(&later)).await;
    assert_eq!(live(&store).await, []);
    assert_eq!(end_all(&store).await.unwrap(), []);
    assert_eq!(size(&server, &index("ada")).await, 1);
}

#[tokio::test]
async fn those_that_ended_of_late_are_told_in_order() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let Some(clock) = server.clock() else { return };
    let store = open(&server).await;
    let start = now(&store).await;
    for number in 1..=700 {
        insert_long(&store, number).await;
    }
    assert!(end(&store, 650).await);
    clock.advance(HOUR);
    assert_eq!(reuse(&store, &load(&store, 3).await).await, Swap::Swapped);
    assert_eq!(end_all(&store).await.unwrap().len(), 698);

    let all = ended_since(&store, start).await;
    assert_eq!(all.len(), 700);
    assert!(all.is_sorted_by_key(|(id, at)| (*at, *id)));
    assert_eq!((all[0].0, all[1].0), (id(650), id(3)));
    for (id, at) in &all {
        let kept = store.load(*id).await.unwrap().record.unwrap();
        assert_eq!(kept.state.ended.unwrap().at, *at);
    }
    let (mut since, mut after, mut paged) = (start, None, Vec::new());
    loop {
        let page = store.ended_since(since, after, 7).await.unwrap();
        let Some(&(id, at)) = page.last() else { break };
        (since, after) = (at, Some(id));
        paged.extend(page);
        assert!(paged.len() <= 700, "it goes in circles");
    }
    assert!(paged == all);
    assert_eq!(ended_since(&store, start + HOUR).await, all[1..]);
    assert_eq!(ended_since(&store, all[699].1 + HOUR).await, []);
    assert_eq!(store.ended_since(start, None, 0).await.unwrap(), []);
}

#[tokio::test]
async fn a_note_alone_does_not_make_a_session_ended() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let start = now(&store).await;
    insert_long(&store, 1).await;
    insert_long(&store, 2).await;
    assert!(end(&store, 2).await);
    let ended = load(&store, 2).await.state.ended.unwrap().at;
    // A server stopped before the end of 1, two ends of 2 met, and 3 is gone.
    add(&server, ENDED, &note(id(1), start)).await;
    add(&server, ENDED, &note(id(2), ended + HOUR)).await;
    add(&server, ENDED, &note(id(3), start)).await;
    assert_eq!(ended_since(&store, start).await, [(id(2), ended)]);
    let limited = store.ended_since(start, None, 1).await.unwrap();
    assert_eq!(limited, [(id(2), ended)]);
    assert_eq!(live(&store).await, [id(1)]);
}

#[tokio::test]
async fn an_end_without_its_note_fails_until_it_has_one() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = open(&server).await;
    let start = now(&store).await;
    for number in 1..=3 {
        insert_long(&store, number).await;
    }
    let corrupt = StoreErrorKind::Corrupt;
    let () = server.run(&format!("SET {ENDED} x")).await;
    assert_eq!(kind(store.end(id(1), EndReason::Logout).await), corrupt);
    assert_eq!(kind(store.ended_since(start, None, 9).await), corrupt);
    assert_eq!(kind(end_all(&store).await), corrupt);
    // They are ended all the same, and noted once that is possible.
    let () = server.run(&format!("DEL {ENDED}")).await;
    assert_eq!(ended_since(&store, start).await, []);
    assert!(!end(&store, 1).await);
    assert_eq!(end_all(&store).await.unwrap(), []);
    let noted = ended_since(&store, start).await;
    let mut noted: Vec<_> = noted.iter().map(|(id, _)| *id).collect();
    noted.sort();
    assert_eq!(noted, [1, 2, 3].map(id));
    assert_eq!(size(&server, &index("ada")).await, 0);
}

#[tokio::test]
async fn notes_are_kept_for_a_day_and_not_for_ever() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let Some(clock) = server.clock() else { return };
    let store = open(&server).await;
    let start = now(&store).await;
    let end_some = async |numbers: std::ops::Range<u128>| {
        for number in numbers {
            let mut record = record(number, now(&store).await);
            record.session.ends_at = record.session.created_at + 180 * DAY;
            record.state.expires_at = record.session.ends_at;
            store.insert(&record).await.unwrap();
            assert!(end(&store, number).await);
        }
    };
    end_some(0..100).await;
    clock.advance(DAY);
    assert_eq!(ended_since(&store, start).await.len(), 100);
    clock.advance(HOUR / 2);
    // A few at a time, but sooner than new ones come.
    end_some(100..101).await;
    assert_eq!(ended_since(&store, start).await.len(), 101);
    clock.advance(HOUR);
    end_some(101..102).await;
    assert!(size(&server, ENDED).await > 80);
    end_some(102..120).await;
    assert_eq!(size(&server, ENDED).await, 20);
    clock.advance(DAY + HOUR);
    let is_there: bool = server.run(&format!("EXISTS {ENDED}")).await;
    assert!(!is_there);
    assert!(load(&store, 0).await.state.ended.is_some());
}
