//! Each fault does what it says, to the calls that it is for.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tower_bearer::{
    SessionId,
    clock::{Clock, SystemClock},
    store::{
        EndReason, MemoryStore, Record, Session, SessionSecret, SessionStore, StoreErrorKind, Swap,
    },
    testing::{FailingStore, Fault, StoreCall},
};

fn record() -> Record {
    let id = "0192d3a0-0000-7000-8000-000000000001".parse().unwrap();
    let secret = SessionSecret::from_bytes([7; 32]);
    let now = SystemClock.now();
    let mut session = Session::new(id, "https://id.example", "anna", secret, now);
    session.ends_at = now + Duration::from_secs(3_600);
    Record::new(session)
}

fn store() -> FailingStore<MemoryStore> {
    FailingStore::new(MemoryStore::new())
}

async fn is_kept(store: &FailingStore<MemoryStore>, id: SessionId) -> bool {
    store.inner().load(id).await.unwrap().record.is_some()
}

#[tokio::test]
async fn an_error_keeps_the_store_as_it_is_and_a_lost_answer_does_not() {
    let (store, record) = (store(), record());
    store.inject(Fault::error(StoreErrorKind::Unavailable).times(1));
    let error = store.insert(&record).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!is_kept(&store, record.session.id).await);

    store.inject(Fault::lost_answer(StoreErrorKind::Timeout).times(1));
    let error = store.insert(&record).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    assert!(is_kept(&store, record.session.id).await);

    store.inject(Fault::lost_answer(StoreErrorKind::Timeout));
    let error = store.insert(&record).await.unwrap_err();
    assert_eq!(
        error.kind(),
        StoreErrorKind::Duplicate,
        "of the store itself"
    );
}

#[tokio::test]
async fn a_fault_is_for_some_calls_after_some_and_so_many_times() {
    let (store, record) = (store(), record());
    let fault = Fault::error(StoreErrorKind::Busy).on(StoreCall::WRITES.iter().copied());
    store.inject(fault.after(1).times(2));
    assert!(!store.is_sound());
    let end = async || store.end(record.session.id, EndReason::Logout).await;
    assert!(end().await.is_ok());
    assert!(store.now().await.is_ok());
    assert!(end().await.is_err());
    assert!(end().await.is_err());
    assert!(store.is_sound());
    assert!(end().await.is_ok());
    assert_eq!(store.count(&[StoreCall::End]), 4);
    assert_eq!(store.count(StoreCall::READS), 1);

    store.inject(Fault::error(StoreErrorKind::Busy));
    assert!(end().await.is_err());
    store.heal();
    assert!(end().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_is_late_or_never_answered() {
    let (store, record) = (store(), record());
    let minute = Duration::from_secs(60);
    store.inject(Fault::delay(minute).times(1));
    let begin = Instant::now();
    store.insert(&record).await.unwrap();
    assert_eq!(begin.elapsed(), minute);

    store.inject(Fault::hang().times(1));
    let end = store.end(record.session.id, EndReason::Logout);
    assert!(timeout(minute, end).await.is_err());
    let kept = store.load(record.session.id).await.unwrap().record.unwrap();
    assert!(kept.state.ended.is_none());
}

#[tokio::test]
async fn a_swap_is_lost_and_other_calls_are_not() {
    let (store, record) = (store(), record());
    let fault = Fault::lost_swap().on([StoreCall::Insert, StoreCall::Swap]);
    store.inject(fault.times(1));
    store.insert(&record).await.unwrap();
    let mut next = record.state.clone();
    next.version = 1;
    let swap = async || store.swap(record.session.id, 0, &next).await.unwrap();
    assert_eq!(swap().await, Swap::Lost);
    assert_eq!(swap().await, Swap::Swapped);
}

#[tokio::test]
#[should_panic = "as it was told to"]
async fn a_store_panics() {
    let store = store();
    store.inject(Fault::panic());
    let _ = store.now().await;
}

/// Every call of the contract meets the fault that is for it, and no other does.
#[tokio::test]
async fn each_call_has_its_name() {
    let (store, record) = (store(), record());
    let id = record.session.id;
    for call in StoreCall::ALL {
        store.inject(Fault::error(StoreErrorKind::Busy).on([*call]));
        let failed = [
            store.now().await.is_err(),
            store
                .insert(&record)
                .await
                .is_err_and(|e| e.kind() == StoreErrorKind::Busy),
            store.load(id).await.is_err(),
            store.swap(id, 9, &record.state).await.is_err(),
            store.confirm(&[]).await.is_err(),
            store.end(id, EndReason::Logout).await.is_err(),
            store
                .end_all("", "", None, EndReason::Logout)
                .await
                .is_err(),
            store.list("", "", None, 1).await.is_err(),
            store.list_all("", None, 1).await.is_err(),
            store.ended_since(SystemClock.now(), None, 1).await.is_err(),
            store.delete_expired(1).await.is_err(),
        ];
        let names: Vec<_> = std::iter::zip(StoreCall::ALL, failed)
            .filter_map(|(call, failed)| failed.then_some(call))
            .collect();
        assert_eq!(names, [call]);
        store.heal();
    }
    let all = [StoreCall::READS, StoreCall::WRITES].concat();
    assert_eq!(all.len(), StoreCall::ALL.len());
    assert!(StoreCall::ALL.iter().all(|call| all.contains(call)));
}
