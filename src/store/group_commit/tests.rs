#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;

use super::*;
use crate::{clock::Timestamp, store::SessionSecret};

/// Writes that begin when they are seen here and end when they are let go.
struct Writer {
    group: GroupCommit,
    began: mpsc::UnboundedSender<Vec<(u64, SessionId)>>,
    batches: mpsc::UnboundedReceiver<Vec<(u64, SessionId)>>,
    let_go: Arc<Semaphore>,
}

fn writer(lanes: usize) -> Writer {
    let (began, batches) = mpsc::unbounded_channel();
    Writer {
        group: GroupCommit::new(lanes),
        began,
        batches,
        let_go: Arc::new(Semaphore::new(0)),
    }
}

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// The store fails what expects this version, and all that goes with it.
const BROKEN: u64 = 13;
/// The store panics at this version.
const CURSED: u64 = 666;

impl Writer {
    /// A swap of session `number`, which fits where `expected` is 0.
    fn swap(&self, number: u128, expected: u64) -> JoinHandle<Result<Swap, StoreError>> {
        let secret = SessionSecret::from_bytes([0; 32]);
        let next = Session::new(id(number), "", "", secret, Timestamp::from_secs(0));
        let (group, began) = (self.group.clone(), self.began.clone());
        let let_go = Arc::clone(&self.let_go);
        tokio::spawn(async move {
            let write = move |batch: Vec<Pending>| {
                let (began, let_go) = (began.clone(), Arc::clone(&let_go));
                async move {
                    let named = batch.iter().map(|swap| (swap.expected, swap.next.id));
                    began.send(named.collect()).unwrap();
                    let_go.acquire().await.unwrap().forget();
                    if batch.iter().any(|swap| swap.expected == BROKEN) {
                        return Err(StoreErrorKind::Busy.into());
                    }
                    assert!(batch.iter().all(|swap| swap.expected != CURSED));
                    let fit = batch.iter().filter(|swap| swap.expected == 0);
                    Ok(fit.map(|swap| swap.next.id).collect())
                }
            };
            group.swap(Pending { expected, next }, write).await
        })
    }

    /// The next write that begins, by the numbers of its sessions.
    async fn batch(&mut self) -> Vec<u128> {
        let batch = timeout(Duration::from_secs(10), self.batches.recv());
        let batch = batch.await.expect("a write begins").unwrap();
        batch.iter().map(|(_, id)| id.as_uuid().as_u128()).collect()
    }

    fn let_go(&self, writes: usize) {
        self.let_go.add_permits(writes);
    }

    async fn until_waiting(&self, calls: usize) {
        while lock(&self.group.state).waiting.len() < calls {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn one_that_finds_nothing_under_way_is_written_at_once() {
    let mut writer = writer(1);
    for number in 1..4 {
        let swap = writer.swap(number, 0);
        assert_eq!(writer.batch().await, [number]);
        writer.let_go(1);
        assert_eq!(swap.await.unwrap().unwrap(), Swap::Swapped);
    }
}

#[tokio::test]
async fn those_that_come_meanwhile_go_together() {
    let mut writer = writer(1);
    let first = writer.swap(1, 0);
    assert_eq!(writer.batch().await, [1]);
    let second = writer.swap(2, 0);
    writer.until_waiting(1).await;
    let lost = writer.swap(3, 1);
    writer.until_waiting(2).await;
    writer.let_go(1);
    assert_eq!(writer.batch().await, [2, 3]);
    writer.let_go(1);
    assert_eq!(first.await.unwrap().unwrap(), Swap::Swapped);
    assert_eq!(second.await.unwrap().unwrap(), Swap::Swapped);
    assert_eq!(lost.await.unwrap().unwrap(), Swap::Lost);
}

#[tokio::test]
async fn no_write_has_a_session_twice() {
    let mut writer = writer(1);
    let _first = writer.swap(1, 0);
    assert_eq!(writer.batch().await, [1]);
    for (waiting, number) in [2, 2, 3, 2].into_iter().enumerate() {
        drop(writer.swap(number, 0));
        writer.until_waiting(waiting + 1).await;
    }
    writer.let_go(4);
    assert_eq!(writer.batch().await, [2, 3]);
    assert_eq!(writer.batch().await, [2]);
    assert_eq!(writer.batch().await, [2]);
}

#[tokio::test]
async fn a_write_takes_no_more_than_it_may() {
    let mut writer = writer(1);
    let _first = writer.swap(0, 0);
    assert_eq!(writer.batch().await, [0]);
    for number in 0..LARGEST + 1 {
        drop(writer.swap(number as u128 + 1, 0));
    }
    writer.until_waiting(LARGEST + 1).await;
    writer.let_go(3);
    assert_eq!(writer.batch().await.len(), LARGEST);
    assert_eq!(writer.batch().await.len(), 1);
}

#[tokio::test]
async fn a_failed_write_fails_those_that_were_in_it() {
    let mut writer = writer(1);
    let before = writer.swap(1, 0);
    assert_eq!(writer.batch().await, [1]);
    let broken = writer.swap(2, BROKEN);
    writer.until_waiting(1).await;
    let beside = writer.swap(3, 0);
    writer.until_waiting(2).await;
    writer.let_go(1);
    assert_eq!(writer.batch().await, [2, 3]);
    let after = writer.swap(4, 0);
    writer.until_waiting(1).await;
    writer.let_go(2);
    for failed in [broken, beside] {
        let error = failed.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Busy);
    }
    for well in [before, after] {
        assert_eq!(well.await.unwrap().unwrap(), Swap::Swapped);
    }
}

#[tokio::test]
async fn who_goes_away_stops_nobody() {
    let mut writer = writer(1);
    let first = writer.swap(1, 0);
    assert_eq!(writer.batch().await, [1]);
    let second = writer.swap(2, 0);
    writer.until_waiting(1).await;
    let third = writer.swap(3, 0);
    writer.until_waiting(2).await;
    for gone in [first, second] {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    writer.let_go(2);
    assert_eq!(writer.batch().await, [2, 3]);
    assert_eq!(third.await.unwrap().unwrap(), Swap::Swapped);
}

#[tokio::test]
async fn a_write_that_panics_is_an_error_and_not_the_end() {
    let mut writer = writer(1);
    let cursed = writer.swap(1, CURSED);
    assert_eq!(writer.batch().await, [1]);
    let waiting = writer.swap(2, 0);
    writer.until_waiting(1).await;
    writer.let_go(1);
    for failed in [cursed, waiting] {
        let error = failed.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
    let next = writer.swap(3, 0);
    assert_eq!(writer.batch().await, [3]);
    writer.let_go(1);
    assert_eq!(next.await.unwrap().unwrap(), Swap::Swapped);
}

#[tokio::test]
async fn as_many_write_at_once_as_there_are_lanes() {
    let mut writer = writer(2);
    let first = writer.swap(1, 0);
    assert_eq!(writer.batch().await, [1]);
    let second = writer.swap(2, 0);
    assert_eq!(writer.batch().await, [2]);
    let third = writer.swap(3, 0);
    writer.until_waiting(1).await;
    writer.let_go(3);
    assert_eq!(writer.batch().await, [3]);
    for swap in [first, second, third] {
        assert_eq!(swap.await.unwrap().unwrap(), Swap::Swapped);
    }
}
