//! Every order in which loads begin and are cancelled, others write, and queries end.

use std::{collections::HashMap, slice};

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{
    super::*, End, Path, Told, every_schedule, nobody_is_held_up, nobody_is_left, settle, wait,
};
use tower_bearer::{
    clock::Timestamp,
    store::{Loaded, Record, Session, SessionSecret},
};

/// The session of each call.
const CALLS: [u128; 3] = [1, 2, 1];
/// How often somebody writes.
const WRITES: u64 = 1;

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin(usize),
    GoAway(usize),
    /// Somebody writes to all sessions, which is acknowledged at once.
    Write,
    Finish(usize, End),
    /// The queries that are under way take long.
    Wait,
}

/// A store that sees what was written when a query began, and answers when the test says so.
#[derive(Default)]
struct Model {
    state: Mutex<ModelState>,
}

#[derive(Default)]
struct ModelState {
    version: u64,
    began: usize,
    queries: HashMap<usize, oneshot::Sender<End>>,
    has_failed: bool,
    /// The calls that were in a query which failed.
    harmed: HashSet<usize>,
}

impl Model {
    async fn query(&self, calls: &[Asked]) -> (End, Vec<Loaded>) {
        let (end, ended) = oneshot::channel();
        let version = {
            let mut state = self.state.lock().unwrap();
            state.began += 1;
            let began = state.began;
            state.queries.insert(began, end);
            state.version
        };
        let loaded = calls.iter().map(|call| loaded(call.id, version)).collect();
        let end = ended.await.unwrap();
        if end == End::Failed {
            let harmed = calls.iter().map(|call| call.number);
            self.state.lock().unwrap().harmed.extend(harmed);
        }
        (end, loaded)
    }
}

fn loaded(id: SessionId, version: u64) -> Loaded {
    let now = Timestamp::from_secs(0);
    let secret = SessionSecret::from_bytes([0; 32]);
    let mut record = Record::new(Session::new(id, "issuer", "subject", secret, now));
    record.state.version = version;
    Loaded::new(Some(record), now)
}

#[derive(Clone, Copy)]
struct Asked {
    number: usize,
    id: SessionId,
}

impl Worker for Model {
    type Call = Asked;
    type Answer = Loaded;

    /// Longer than the test takes.
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(3_600));

    async fn together(&self, calls: &[Asked]) -> Result<Vec<Outcome<Loaded>>, StoreError> {
        let (end, loaded) = self.query(calls).await;
        match end {
            End::Well => Ok(loaded
                .into_iter()
                .map(|one| Outcome::Done(Ok(one)))
                .collect()),
            End::Left => Ok(calls.iter().map(|_| Outcome::Alone).collect()),
            End::Failed => Err(StoreErrorKind::Busy.into()),
            End::Stopped => std::panic::resume_unwind(Box::new(())),
        }
    }

    async fn alone(&self, call: &Asked) -> Result<Loaded, StoreError> {
        match self.query(slice::from_ref(call)).await {
            (End::Failed, _) => Err(StoreErrorKind::Busy.into()),
            (_, mut loaded) => Ok(loaded.remove(0)),
        }
    }
}

struct Call {
    loading: JoinHandle<Result<Loaded, StoreError>>,
    /// What was written and acknowledged before the call.
    before: u64,
}

struct Play {
    group: Arc<Grouping<Model>>,
    calls: Vec<Call>,
    has_gone: Option<usize>,
    has_waited: bool,
    steps: Vec<Step>,
}

impl Play {
    fn possible(&self) -> Vec<Step> {
        let mut possible = Vec::new();
        if self.calls.len() < CALLS.len() {
            possible.push(Step::Begin(self.calls.len()));
        }
        if self.has_gone.is_none() {
            let unfinished = |call: &usize| !self.calls[*call].loading.is_finished();
            possible.extend((0..self.calls.len()).filter(unfinished).map(Step::GoAway));
        }
        let mut state = self.group.worker.state.lock().unwrap();
        // A write after the last call would show nothing.
        if state.version < WRITES && self.calls.len() < CALLS.len() {
            possible.push(Step::Write);
        }
        // A query that a caller had begun alone is cancelled with the caller.
        state.queries.retain(|_, end| !end.is_closed());
        if !self.has_waited && !state.queries.is_empty() {
            possible.push(Step::Wait);
        }
        let mut numbers: Vec<_> = state.queries.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            possible.push(Step::Finish(number, End::Well));
            if !state.has_failed {
                let failures = [End::Failed, End::Left, End::Stopped];
                possible.extend(failures.map(|end| Step::Finish(number, end)));
            }
        }
        possible
    }

    async fn take(&mut self, step: Step) {
        self.steps.push(step);
        match step {
            Step::Begin(call) => self.begin(call),
            Step::GoAway(call) => {
                self.has_gone = Some(call);
                self.calls[call].loading.abort();
            }
            Step::Write => self.group.worker.state.lock().unwrap().version += 1,
            Step::Finish(number, end) => {
                let mut state = self.group.worker.state.lock().unwrap();
                state.has_failed |= end != End::Well;
                let query = state.queries.remove(&number).unwrap();
                query.send(end).unwrap();
            }
            Step::Wait => {
                self.has_waited = true;
                wait().await;
            }
        }
        settle().await;
        nobody_is_held_up(&self.group);
    }

    fn begin(&mut self, number: usize) {
        let id = SessionId::from_uuid(Uuid::from_u128(CALLS[number]));
        let group = Arc::clone(&self.group);
        self.calls.push(Call {
            before: self.group.worker.state.lock().unwrap().version,
            loading: tokio::spawn(async move { group.call(Asked { number, id }).await }),
        });
    }

    /// Checks that every call that was not cancelled has an answer about its own session, from no
    /// earlier than the call, and that only those have an error that were in a query which failed.
    async fn check(self) {
        nobody_is_left(&self.group);
        let harmed = self.group.worker.state.lock().unwrap().harmed.clone();
        for (number, call) in self.calls.into_iter().enumerate() {
            if self.has_gone == Some(number) {
                continue;
            }
            assert!(call.loading.is_finished(), "call {number} has no answer");
            let id = SessionId::from_uuid(Uuid::from_u128(CALLS[number]));
            match call.loading.await.unwrap() {
                Ok(loaded) => {
                    let record = loaded.record.unwrap();
                    assert_eq!(record.session.id, id);
                    assert!(
                        record.state.version >= call.before,
                        "call {number} is too old"
                    );
                }
                Err(error) => assert!(harmed.contains(&number), "call {number}: {error:?}"),
            }
        }
    }
}

async fn play(path: &mut Path, lanes: usize) {
    let mut play = Play {
        group: Grouping::new(Model::default(), lanes),
        calls: Vec::new(),
        has_gone: None,
        has_waited: false,
        steps: Vec::new(),
    };
    loop {
        let possible = play.possible();
        if possible.is_empty() {
            break;
        }
        let step = path.choose(&possible);
        play.take(step).await;
    }
    let steps = play.steps.clone();
    let _told = Told(&steps);
    play.check().await;
}

#[test]
fn every_order_of_loads() {
    every_schedule("loads", play);
}
