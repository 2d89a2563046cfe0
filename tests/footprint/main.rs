//! How much memory a session takes in the memory store, and an ended one in each process that knows of it, all
//! included, and that none stays.

#![allow(clippy::unwrap_used)]

use std::{alloc::System, time::Duration};

use serde_json::{Map, Value};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests_shared as _;
use tower_bearer::{
    Algorithm, Issuer, KeySet, SessionId, SigningKey,
    clock::{ManualClock, Timestamp},
    session::{RefreshKey, Sessions},
    store::{EndReason, MemoryStore, PrivateClaims, Record, Session, SessionSecret, SessionStore},
};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const SESSIONS: u32 = 100_000;
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// As at a login a hundred milliseconds after the one before.
fn bare(number: u32) -> Record {
    let created = START + Duration::from_millis(100) * number;
    let time = u128::try_from(created.as_millis()).unwrap() << 80;
    let random = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> 66;
    let id = Uuid::from_u128(time | 0x7 << 76 | 0x2 << 62 | random);
    let mut session = Session::new(
        SessionId::from_uuid(id),
        "https://id.example",
        format!("user-{number:08}"),
        SessionSecret::from_bytes([7; 32]),
        created,
    );
    session.scope = "read write".parse().unwrap();
    session.ends_at = created + LIFE;
    Record::new(session)
}

fn with_a_device(number: u32) -> Record {
    let mut record = bare(number);
    let notes = [("device", "Ada's phone"), ("address", "203.0.113.7")];
    record.session.metadata = notes.map(|(name, note)| (name.into(), note.into())).into();
    record
}

/// With 60 kB of notes and some claims.
fn laden(number: u32) -> Record {
    let mut record = bare(number);
    let notes = [("page", "x".repeat(60_000))];
    record.session.metadata = notes.map(|(name, note)| (name.into(), note)).into();
    record.session.claims = PrivateClaims::from_json(r#"{"role":"editor"}"#).unwrap();
    record
}

fn bytes_in_use(region: &Region<'_, System>) -> isize {
    let change = region.change();
    isize::try_from(change.bytes_allocated).unwrap()
        - isize::try_from(change.bytes_deallocated).unwrap()
}

/// Bytes a session.
async fn measure(record: fn(u32) -> Record) -> isize {
    let clock = ManualClock::new(START);
    let store = MemoryStore::with_clock(clock.clone());
    let region = Region::new(ALLOCATOR);
    for number in 0..SESSIONS {
        store.insert(&record(number)).await.unwrap();
    }
    let each = bytes_in_use(&region) / isize::try_from(SESSIONS).unwrap();

    clock.advance(LIFE + Duration::from_millis(100) * SESSIONS);
    let deleted = store.delete_expired(usize::MAX).await.unwrap();
    assert_eq!(deleted, usize::try_from(SESSIONS).unwrap());
    // An empty tree keeps its last node.
    let left = bytes_in_use(&region);
    assert!(left < 32 * 1024, "{left} bytes are left");
    each
}

/// Bytes a session before and after its end.
async fn measure_ended(record: fn(u32) -> Record) -> [isize; 2] {
    const ENDED: u32 = 2_000;
    let clock = ManualClock::new(START);
    let store = MemoryStore::with_clock(clock.clone());
    let region = Region::new(ALLOCATOR);
    let each = || bytes_in_use(&region) / isize::try_from(ENDED).unwrap();
    for number in 0..ENDED {
        store.insert(&record(number)).await.unwrap();
    }
    let live = each();
    for number in 0..ENDED {
        let id = record(number).session.id;
        assert!(store.end(id, EndReason::Logout).await.unwrap());
    }
    let ended = each();

    clock.advance(LIFE + Duration::from_millis(100) * ENDED);
    assert_eq!(store.delete_expired(usize::MAX).await.unwrap(), 2_000);
    let left = bytes_in_use(&region);
    assert!(left < 32 * 1024, "{left} bytes are left");
    [live, ended]
}

/// Bytes of each of a million ended sessions that a process knows of.
fn measure_known() -> f64 {
    const KNOWN: u32 = 1_000_000;
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    let issuer = Issuer::new("https://id.example", "api", KeySet::new(key)).unwrap();
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = Sessions::builder(issuer, refresh_key, MemoryStore::new());
    let sessions = sessions.build().unwrap();
    let region = Region::new(ALLOCATOR);
    for number in 0..KNOWN {
        sessions.note_ended(bare(number).session.id);
    }
    bytes_in_use(&region) as f64 / f64::from(KNOWN)
}

/// One test, since the allocator counts for the whole process.
#[tokio::test]
async fn a_session_takes_few_bytes_fewer_once_it_is_ended_and_leaves_none() {
    let (bare, with_a_device) = (measure(bare).await, measure(with_a_device).await);
    println!("{bare} bytes a session, {with_a_device} with two notes");
    assert!((200..=400).contains(&bare), "{bare} bytes");
    // Where another crate turns on serde_json's `preserve_order`, the claims beside the notes are larger, also if
    // they are empty.
    let plain = 3 * size_of::<usize>();
    let larger = size_of::<Map<String, Value>>() - plain;
    assert!(
        (bare..=600 + isize::try_from(larger).unwrap()).contains(&with_a_device),
        "{with_a_device} bytes"
    );

    let [live, ended] = measure_ended(laden).await;
    println!("{live} bytes a session with long notes, {ended} once it is ended");
    assert!(live > 60_000, "{live} bytes");
    assert!((200..=450).contains(&ended), "{ended} bytes");

    let known = measure_known();
    println!("{known:.1} bytes an ended session that a process knows of");
    assert!((20.0..=32.0).contains(&known), "{known} bytes");
}
