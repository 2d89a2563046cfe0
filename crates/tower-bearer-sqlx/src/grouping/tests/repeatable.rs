//! Calls that may be done twice.

use super::*;

/// Notes the calls of each group. Where it hangs, only what is done alone is answered.
#[derive(Default)]
struct Counting {
    groups: Mutex<Vec<usize>>,
    hangs: bool,
    alone: Mutex<Vec<SessionId>>,
}

impl Worker for Counting {
    type Call = SessionId;
    type Answer = u128;

    const PATIENCE: Option<Duration> = Some(Duration::from_millis(50));

    async fn together(&self, ids: &[SessionId]) -> Result<Vec<Outcome<u128>>, StoreError> {
        self.groups.lock().unwrap().push(ids.len());
        if self.hangs {
            std::future::pending().await
        }
        let answers = ids.iter().map(|id| id.as_uuid().as_u128());
        Ok(answers.map(|answer| Outcome::Done(Ok(answer))).collect())
    }

    async fn alone(&self, id: &SessionId) -> Result<u128, StoreError> {
        self.alone.lock().unwrap().push(*id);
        Ok(id.as_uuid().as_u128())
    }
}

fn begin(group: &Arc<Grouping<Counting>>, number: u128) -> JoinHandle<Result<u128, StoreError>> {
    let group = Arc::clone(group);
    tokio::spawn(async move { group.call(id(number)).await })
}

/// Every request with a live check loads its session, and a page makes many of them at once.
#[tokio::test(start_paused = true)]
async fn those_of_one_session_go_together() {
    let group = Grouping::new(Counting::default(), 1);
    let numbers = [1, 1, 2, 1];
    let loads = numbers.map(|number| begin(&group, number));
    for (load, number) in loads.into_iter().zip(numbers) {
        assert_eq!(load.await.unwrap().unwrap(), number);
    }
    assert_eq!(*group.worker.groups.lock().unwrap(), [4]);
    assert!(group.worker.alone.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_that_hangs_holds_up_nobody() {
    let worker = Counting {
        hangs: true,
        ..Counting::default()
    };
    let group = Grouping::new(worker, 1);
    for round in 0..3 {
        let loads = [1, 2, 3].map(|number| begin(&group, 10 * round + number));
        for (load, number) in loads.into_iter().zip([1, 2, 3]) {
            assert_eq!(load.await.unwrap().unwrap(), 10 * round + number);
        }
    }
    assert_eq!(*group.worker.groups.lock().unwrap(), [3]);
    assert_eq!(group.worker.alone.lock().unwrap().len(), 9);
    let waiting = group.lock().waiting.len();
    assert!(waiting <= 3, "{waiting} that wait no longer are kept");
}

/// The task of a group runs where the first of its calls was made.
#[tokio::test]
async fn a_runtime_that_is_shut_down_takes_nobody_along() {
    let worker = Counting {
        hangs: true,
        ..Counting::default()
    };
    let group = Grouping::new(worker, 1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let elsewhere = Arc::clone(&group);
    runtime.spawn(async move { elsewhere.call(id(1)).await });
    while group.worker.groups.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let load = begin(&group, 2);
    while group.lock().waiting.is_empty() {
        tokio::task::yield_now().await;
    }
    runtime.shutdown_background();
    assert_eq!(load.await.unwrap().unwrap(), 2);
}
