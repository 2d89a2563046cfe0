#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod repeatable;

use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::timeout,
};
use uuid::Uuid;

use super::*;
use crate::pending_swap::PendingSwap;
use tower_bearer::{
    clock::Timestamp,
    store::{EndReason, Ended, SessionState, Swap},
};

/// A writer whose writes are seen by the test when they begin, and end when the test lets them.
struct Gate {
    began: mpsc::UnboundedSender<Vec<SessionId>>,
    let_go: Semaphore,
    alone: Mutex<Vec<SessionId>>,
}

/// Runs all tasks until each of them waits.
pub(super) async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

struct Scene {
    group: Arc<Grouping<Gate>>,
    batches: mpsc::UnboundedReceiver<Vec<SessionId>>,
}

fn scene(lanes: usize) -> Scene {
    let (began, batches) = mpsc::unbounded_channel();
    let gate = Gate {
        began,
        let_go: Semaphore::new(0),
        alone: Mutex::default(),
    };
    Scene {
        group: Grouping::new(gate, lanes),
        batches,
    }
}

fn id(number: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(number))
}

/// A swap that expects this version succeeds.
const FITS: u64 = 0;
/// A swap that expects this version fails, and with it all swaps of the same write.
const BROKEN: u64 = 13;
/// The store panics at this version.
const CURSED: u64 = 666;
/// A swap that expects this version has to be written alone, and is then lost.
const LEFT: u64 = 7;

impl Worker for Gate {
    type Call = PendingSwap;
    type Answer = Swap;

    fn apart(swap: &PendingSwap) -> Option<SessionId> {
        Some(swap.id)
    }

    fn is_urgent(swap: &PendingSwap) -> bool {
        swap.next.ended.is_some()
    }

    async fn together(&self, swaps: &[PendingSwap]) -> Result<Vec<Outcome<Swap>>, StoreError> {
        let ids = swaps.iter().map(|swap| swap.id);
        self.began.send(ids.collect()).unwrap();
        self.let_go.acquire().await.unwrap().forget();
        if swaps.iter().any(|swap| swap.expected == BROKEN) {
            return Err(StoreErrorKind::Busy.into());
        }
        assert!(swaps.iter().all(|swap| swap.expected != CURSED));
        let outcome = |swap: &PendingSwap| match swap.expected {
            FITS => Outcome::Done(Ok(Swap::Swapped)),
            LEFT => Outcome::Alone,
            _ => Outcome::Done(Ok(Swap::Lost)),
        };
        Ok(swaps.iter().map(outcome).collect())
    }

    async fn alone(&self, swap: &PendingSwap) -> Result<Swap, StoreError> {
        self.alone.lock().unwrap().push(swap.id);
        match swap.expected {
            FITS => Ok(Swap::Swapped),
            _ => Ok(Swap::Lost),
        }
    }
}

fn pending(number: u128, expected: u64) -> PendingSwap {
    PendingSwap {
        id: id(number),
        expected,
        next: SessionState::new(Timestamp::from_secs(0)),
    }
}

impl Scene {
    fn swap(&self, number: u128, expected: u64) -> JoinHandle<Result<Swap, StoreError>> {
        self.begin(pending(number, expected))
    }

    fn begin(&self, swap: PendingSwap) -> JoinHandle<Result<Swap, StoreError>> {
        let group = Arc::clone(&self.group);
        tokio::spawn(async move { group.call(swap).await })
    }

    /// The numbers of the sessions in the next write that begins.
    async fn batch(&mut self) -> Vec<u128> {
        let batch = timeout(Duration::from_secs(60), self.batches.recv());
        let batch = batch.await.expect("a write begins").unwrap();
        batch.iter().map(|id| id.as_uuid().as_u128()).collect()
    }

    fn let_go(&self, writes: usize) {
        self.group.worker.let_go.add_permits(writes);
    }

    async fn until_waiting(&self, calls: usize) {
        let is_there = |waiting: &&Waiting<Gate>| !waiting.answer.is_closed();
        while self.group.lock().waiting.iter().filter(is_there).count() < calls {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn one_that_finds_nothing_under_way_is_written_at_once() {
    let mut scene = scene(1);
    for number in 1..4 {
        let swap = scene.swap(number, FITS);
        assert_eq!(scene.batch().await, [number]);
        scene.let_go(1);
        assert_eq!(swap.await.unwrap().unwrap(), Swap::Swapped);
    }
}

#[tokio::test]
async fn those_that_come_meanwhile_go_together() {
    let mut scene = scene(1);
    let first = scene.swap(1, FITS);
    assert_eq!(scene.batch().await, [1]);
    let second = scene.swap(2, FITS);
    scene.until_waiting(1).await;
    let lost = scene.swap(3, 1);
    scene.until_waiting(2).await;
    scene.let_go(1);
    assert_eq!(scene.batch().await, [2, 3]);
    scene.let_go(1);
    assert_eq!(first.await.unwrap().unwrap(), Swap::Swapped);
    assert_eq!(second.await.unwrap().unwrap(), Swap::Swapped);
    assert_eq!(lost.await.unwrap().unwrap(), Swap::Lost);
}

#[tokio::test]
async fn no_write_has_a_session_twice() {
    let mut scene = scene(1);
    let _first = scene.swap(1, FITS);
    assert_eq!(scene.batch().await, [1]);
    for (waiting, number) in [2, 2, 3, 2].into_iter().enumerate() {
        drop(scene.swap(number, FITS));
        scene.until_waiting(waiting + 1).await;
    }
    scene.let_go(4);
    assert_eq!(scene.batch().await, [2, 3]);
    assert_eq!(scene.batch().await, [2]);
    assert_eq!(scene.batch().await, [2]);
}

/// A client can send its token ten thousand times. That must cost the other clients little.
#[test]
fn a_flood_of_one_session_costs_the_others_little() {
    let mut state = State::<Gate> {
        waiting: VecDeque::new(),
        lanes: Box::default(),
    };
    let numbers = [1; 2 * PASSED_OVER + 1].into_iter().chain([2]);
    let _callers: Vec<_> = numbers
        .map(|number| {
            let (answer, caller) = oneshot::channel();
            let call = pending(number, FITS);
            state.waiting.push_back(Waiting { call, answer });
            caller
        })
        .collect();
    let mut take = || -> Vec<_> { state.take().iter().map(|waiting| waiting.call.id).collect() };
    assert_eq!(take(), [id(1)], "it has not looked at all");
    assert_eq!(take(), [id(1), id(2)]);
    for _ in 2..2 * PASSED_OVER + 1 {
        assert_eq!(take(), [id(1)]);
    }
    assert!(take().is_empty());
}

#[tokio::test]
async fn a_write_takes_no_more_than_it_may() {
    let mut scene = scene(1);
    let _first = scene.swap(0, FITS);
    assert_eq!(scene.batch().await, [0]);
    for number in 0..LARGEST + 1 {
        drop(scene.swap(number as u128 + 1, FITS));
    }
    scene.until_waiting(LARGEST + 1).await;
    scene.let_go(3);
    assert_eq!(scene.batch().await.len(), LARGEST);
    assert_eq!(scene.batch().await.len(), 1);
}

#[tokio::test]
async fn a_failed_write_fails_those_that_were_in_it() {
    let mut scene = scene(1);
    let before = scene.swap(1, FITS);
    assert_eq!(scene.batch().await, [1]);
    let broken = scene.swap(2, BROKEN);
    scene.until_waiting(1).await;
    let beside = scene.swap(3, FITS);
    scene.until_waiting(2).await;
    scene.let_go(1);
    assert_eq!(scene.batch().await, [2, 3]);
    let after = scene.swap(4, FITS);
    scene.until_waiting(1).await;
    scene.let_go(2);
    for failed in [broken, beside] {
        let error = failed.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Busy);
    }
    for well in [before, after] {
        assert_eq!(well.await.unwrap().unwrap(), Swap::Swapped);
    }
}

#[tokio::test]
async fn what_is_left_is_written_alone() {
    let mut scene = scene(1);
    let first = scene.swap(1, FITS);
    assert_eq!(scene.batch().await, [1]);
    let left = scene.swap(2, LEFT);
    scene.until_waiting(1).await;
    let beside = scene.swap(3, FITS);
    scene.until_waiting(2).await;
    scene.let_go(2);
    assert_eq!(scene.batch().await, [2, 3]);
    assert_eq!(left.await.unwrap().unwrap(), Swap::Lost);
    for well in [first, beside] {
        assert_eq!(well.await.unwrap().unwrap(), Swap::Swapped);
    }
    assert_eq!(*scene.group.worker.alone.lock().unwrap(), [id(2)]);
}

#[tokio::test]
async fn a_revocation_waits_for_nobody() {
    let mut scene = scene(1);
    let _first = scene.swap(1, FITS);
    assert_eq!(scene.batch().await, [1]);
    let _second = scene.swap(2, FITS);
    scene.until_waiting(1).await;
    let mut ended = pending(3, FITS);
    let at = Timestamp::from_secs(1);
    ended.next.ended = Some(Ended::new(at, EndReason::Logout));
    let revocation = scene.begin(ended);
    assert_eq!(revocation.await.unwrap().unwrap(), Swap::Swapped);
    assert_eq!(*scene.group.worker.alone.lock().unwrap(), [id(3)]);
}

#[tokio::test]
async fn who_goes_away_stops_nobody() {
    let mut scene = scene(1);
    let first = scene.swap(1, FITS);
    assert_eq!(scene.batch().await, [1]);
    let second = scene.swap(2, FITS);
    scene.until_waiting(1).await;
    let third = scene.swap(3, FITS);
    scene.until_waiting(2).await;
    for gone in [first, second] {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    scene.let_go(2);
    assert_eq!(scene.batch().await, [3]);
    assert_eq!(third.await.unwrap().unwrap(), Swap::Swapped);
}

#[tokio::test]
async fn who_goes_away_makes_room_for_another_of_its_session() {
    let mut scene = scene(1);
    let _first = scene.swap(1, FITS);
    assert_eq!(scene.batch().await, [1]);
    let gone = scene.swap(2, FITS);
    scene.until_waiting(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let again = scene.swap(2, FITS);
    scene.until_waiting(1).await;
    scene.let_go(2);
    assert_eq!(scene.batch().await, [2]);
    assert_eq!(again.await.unwrap().unwrap(), Swap::Swapped);
}

#[tokio::test]
async fn a_write_that_panics_is_an_error_and_fails_no_other() {
    let mut scene = scene(1);
    let cursed = scene.swap(1, CURSED);
    assert_eq!(scene.batch().await, [1]);
    let waiting = scene.swap(2, FITS);
    scene.until_waiting(1).await;
    scene.let_go(2);
    assert_eq!(scene.batch().await, [2]);
    let error = cursed.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(waiting.await.unwrap().unwrap(), Swap::Swapped);
}

/// If a runtime is shut down in the middle of a write, the outcome of the write is unknown, and
/// the swaps that wait on another runtime go on there.
#[tokio::test]
async fn a_runtime_that_is_shut_down_takes_only_its_own_along() {
    let mut scene = scene(1);
    let group = Arc::clone(&scene.group);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    runtime.spawn(async move { group.call(pending(1, FITS)).await });
    assert_eq!(scene.batch().await, [1]);
    let others = [2, 3].map(|number| scene.swap(number, FITS));
    scene.until_waiting(2).await;
    runtime.shutdown_background();
    scene.let_go(2);
    for other in others {
        let told = timeout(Duration::from_secs(60), other).await;
        let told = told.expect("it does not wait for ever");
        assert_eq!(told.unwrap().unwrap(), Swap::Swapped);
    }
}

/// Smaller groups would cost the database more.
#[tokio::test(start_paused = true)]
async fn another_lane_is_for_as_many_as_are_under_way() {
    let mut scene = scene(2);
    let first = [1, 2, 3].map(|number| scene.swap(number, FITS));
    assert_eq!(scene.batch().await, [1, 2, 3]);
    let fewer = [4, 5].map(|number| scene.swap(number, FITS));
    scene.until_waiting(2).await;
    settle().await;
    assert!(scene.batches.is_empty(), "they wait");
    let start = Instant::now();
    let enough = scene.swap(6, FITS);
    assert_eq!(scene.batch().await, [4, 5, 6]);
    assert!(
        start.elapsed().is_zero(),
        "they waited for the time to pass"
    );
    scene.let_go(2);
    for swap in first.into_iter().chain(fewer).chain([enough]) {
        assert_eq!(swap.await.unwrap().unwrap(), Swap::Swapped);
    }
}

#[tokio::test(start_paused = true)]
async fn fewer_go_when_those_before_them_are_done() {
    let mut scene = scene(2);
    let first = [1, 2, 3].map(|number| scene.swap(number, FITS));
    assert_eq!(scene.batch().await, [1, 2, 3]);
    let fewer = scene.swap(4, FITS);
    scene.until_waiting(1).await;
    settle().await;
    assert!(scene.batches.is_empty(), "it waits");
    let start = Instant::now();
    scene.let_go(1);
    assert_eq!(scene.batch().await, [4]);
    assert!(start.elapsed().is_zero(), "it waited for the time to pass");
    scene.let_go(1);
    for swap in first.into_iter().chain([fewer]) {
        assert_eq!(swap.await.unwrap().unwrap(), Swap::Swapped);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_group_that_takes_long() {
    let mut scene = scene(3);
    let _first = [1, 2, 3].map(|number| scene.swap(number, FITS));
    assert_eq!(scene.batch().await, [1, 2, 3]);
    let start = Instant::now();
    let waiting = scene.swap(4, FITS);
    assert_eq!(scene.batch().await, [4]);
    let waited = start.elapsed();
    assert!(waited >= OVERDUE && waited <= OVERDUE + Duration::from_millis(1));
    tokio::time::sleep(OVERDUE * 2).await;
    let start = Instant::now();
    let later = scene.swap(5, FITS);
    assert_eq!(scene.batch().await, [5]);
    assert!(start.elapsed().is_zero(), "both are known to take long");
    scene.let_go(3);
    for swap in [waiting, later] {
        assert_eq!(swap.await.unwrap().unwrap(), Swap::Swapped);
    }
}

#[tokio::test]
async fn as_many_write_at_once_as_there_are_lanes() {
    let mut scene = scene(2);
    let first = scene.swap(1, FITS);
    assert_eq!(scene.batch().await, [1]);
    let second = scene.swap(2, FITS);
    assert_eq!(scene.batch().await, [2]);
    let third = scene.swap(3, FITS);
    scene.until_waiting(1).await;
    scene.let_go(3);
    assert_eq!(scene.batch().await, [3]);
    for swap in [first, second, third] {
        assert_eq!(swap.await.unwrap().unwrap(), Swap::Swapped);
    }
}
