//! Every order in which swaps begin and are cancelled, and in which writes succeed or fail.
use std::{
    collections::{BTreeMap, HashMap},
    panic::resume_unwind,
    slice,
};

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{
    super::*, End, Path, Told, every_schedule, nobody_is_held_up, nobody_is_left, settle, wait,
};
use crate::pending_swap::PendingSwap;
use tower_bearer::{
    clock::Timestamp,
    store::{SessionState, Swap},
};

/// The session of each call. Two calls want to swap the same version of the same session.
const CALLS: [u128; 4] = [1, 2, 2, 3];

/// The ways in which a write can end. All but the first are failures, of which a schedule has one
/// at most.
const ENDS: [End; 4] = [End::Well, End::Failed, End::Left, End::Stopped];

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin(usize),
    GoAway(usize),
    Finish(usize, End),
    /// The writes that are under way take long.
    Wait,
}

/// A store whose writes end when the test says so.
#[derive(Default)]
struct Model {
    versions: Mutex<HashMap<SessionId, u64>>,
    writes: Mutex<BTreeMap<usize, Write>>,
    /// The calls that were in a write which failed.
    harmed: Mutex<HashSet<u64>>,
}

struct Write {
    calls: Vec<u64>,
    is_alone: bool,
    end: oneshot::Sender<End>,
}

impl Model {
    async fn end(&self, swaps: &[PendingSwap], is_alone: bool) -> End {
        let (end, ended) = oneshot::channel();
        let calls = swaps.iter().map(|swap| swap.next.version).collect();
        let write = Write {
            calls,
            is_alone,
            end,
        };
        self.add(write);
        ended.await.unwrap()
    }

    fn add(&self, write: Write) {
        let mut writes = self.writes.lock().unwrap();
        let number = writes.last_key_value().map_or(0, |(last, _)| last + 1);
        writes.insert(number, write);
    }

    fn apply(&self, swap: &PendingSwap) -> Swap {
        let mut versions = self.versions.lock().unwrap();
        let kept = versions.entry(swap.id).or_default();
        if *kept != swap.expected {
            return Swap::Lost;
        }
        *kept = swap.next.version;
        Swap::Swapped
    }
}

impl Worker for Model {
    type Call = PendingSwap;
    type Answer = Swap;

    fn apart(swap: &PendingSwap) -> Option<SessionId> {
        Some(swap.id)
    }

    async fn together(&self, swaps: &[PendingSwap]) -> Result<Vec<Outcome<Swap>>, StoreError> {
        let sessions: HashSet<_> = swaps.iter().map(|swap| swap.id).collect();
        assert_eq!(sessions.len(), swaps.len(), "a session is in it twice");
        match self.end(swaps, false).await {
            End::Well => Ok(swaps
                .iter()
                .map(|swap| Outcome::Done(Ok(self.apply(swap))))
                .collect()),
            End::Left => Ok(swaps.iter().map(|_| Outcome::Alone).collect()),
            End::Failed => Err(StoreErrorKind::Busy.into()),
            End::Stopped => resume_unwind(Box::new(())),
        }
    }

    async fn alone(&self, swap: &PendingSwap) -> Result<Swap, StoreError> {
        self.end(slice::from_ref(swap), true).await;
        Ok(self.apply(swap))
    }
}

type Calling = JoinHandle<Result<Swap, StoreError>>;

struct Play {
    group: Arc<Grouping<Model>>,
    calls: Vec<Calling>,
    /// The calls that were cancelled, and whether they were still waiting for their write.
    gone: HashMap<usize, bool>,
    is_bad: bool,
    has_waited: bool,
    steps: Vec<Step>,
}

impl Play {
    /// The steps that are possible next. Calls begin in their order, and one may be cancelled.
    fn possible(&self) -> Vec<Step> {
        let mut possible = Vec::new();
        if self.calls.len() < CALLS.len() {
            possible.push(Step::Begin(self.calls.len()));
        }
        if self.gone.is_empty() {
            let unfinished = |call: &usize| !self.calls[*call].is_finished();
            let unfinished = (0..self.calls.len()).filter(unfinished);
            possible.extend(unfinished.map(Step::GoAway));
        }
        let mut writes = self.group.worker.writes.lock().unwrap();
        // A write that a caller had begun alone is cancelled with the caller.
        writes.retain(|_, write| !write.end.is_closed());
        if !self.has_waited && !writes.is_empty() {
            possible.push(Step::Wait);
        }
        for (number, write) in &*writes {
            let ends = ENDS.iter().filter(|end| {
                let is_bad = **end != End::Well;
                !is_bad || !(self.is_bad || write.is_alone)
            });
            possible.extend(ends.map(|end| Step::Finish(*number, *end)));
        }
        possible
    }

    async fn take(&mut self, step: Step) {
        self.steps.push(step);
        match step {
            Step::Begin(call) => self.begin(call),
            Step::GoAway(call) => {
                let waits = |waiting: &Waiting<Model>| waiting.call.next.version == version(call);
                let was_waiting = self.group.lock().waiting.iter().any(waits);
                self.gone.insert(call, was_waiting);
                self.calls[call].abort();
            }
            Step::Finish(number, end) => {
                let model = &self.group.worker;
                let write = model.writes.lock().unwrap().remove(&number).unwrap();
                if matches!(end, End::Failed | End::Stopped) {
                    model.harmed.lock().unwrap().extend(write.calls);
                }
                self.is_bad |= end != End::Well;
                write.end.send(end).unwrap();
            }
            Step::Wait => {
                self.has_waited = true;
                wait().await;
            }
        }
        settle().await;
        let writes = self.group.worker.writes.lock().unwrap();
        let together = writes.values().filter(|write| !write.is_alone).count();
        let lanes = self.group.lock().lanes.len();
        assert!(together <= lanes, "too many at once");
        nobody_is_held_up(&self.group);
    }

    fn begin(&mut self, call: usize) {
        let id = SessionId::from_uuid(Uuid::from_u128(CALLS[call]));
        let mut next = SessionState::new(Timestamp::from_secs(0));
        next.version = version(call);
        let group = Arc::clone(&self.group);
        let swap = PendingSwap {
            id,
            expected: 0,
            next,
        };
        self.calls
            .push(tokio::spawn(async move { group.call(swap).await }));
    }

    /// Checks that every call that was not cancelled has an answer, and that the answer is right.
    async fn check(self) {
        nobody_is_left(&self.group);
        let model = &self.group.worker;
        let kept = model.versions.lock().unwrap().clone();
        let harmed = model.harmed.lock().unwrap().clone();
        for (call, calling) in self.calls.into_iter().enumerate() {
            let id = SessionId::from_uuid(Uuid::from_u128(CALLS[call]));
            let is_kept = kept.get(&id) == Some(&version(call));
            if let Some(was_waiting) = self.gone.get(&call) {
                assert!(!(is_kept && *was_waiting), "call {call} was not stopped");
                continue;
            }
            assert!(calling.is_finished(), "call {call} has no answer");
            match calling.await.unwrap() {
                Ok(Swap::Swapped) => assert!(is_kept, "call {call} is not kept"),
                Ok(Swap::Lost) => {
                    assert!(!is_kept, "call {call} is kept");
                    assert!(kept.contains_key(&id), "call {call} lost to nobody");
                }
                Err(error) => assert!(harmed.contains(&version(call)), "call {call}: {error:?}"),
            }
        }
    }
}

/// The version that a call swaps in. It also tells the calls apart.
fn version(call: usize) -> u64 {
    call as u64 + 1
}

async fn play(path: &mut Path, lanes: usize) {
    let mut play = Play {
        group: Grouping::new(Model::default(), lanes),
        calls: Vec::new(),
        gone: HashMap::new(),
        is_bad: false,
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
fn every_order_of_swaps() {
    every_schedule("swaps", play);
}
