//! Every order in which calls begin and go away and writes end, well or badly.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, HashMap},
    panic::resume_unwind,
    slice,
};

use tokio::{runtime, task::JoinHandle};
use uuid::Uuid;

use super::*;
use tower_bearer::clock::Timestamp;

/// The session of each call. Two of them want the same one, of the same version.
const CALLS: [u128; 4] = [1, 2, 2, 3];

/// How a write ends. Those after the first are bad, and come once in a schedule.
const ENDS: [End; 4] = [End::Well, End::Failed, End::Left, End::Stopped];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    Failed,
    Left,
    Stopped,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin(usize),
    GoAway(usize),
    Finish(usize, End),
}

/// A store whose writes end when they are told to.
#[derive(Default)]
struct Model {
    versions: Mutex<HashMap<SessionId, u64>>,
    writes: Mutex<BTreeMap<usize, Write>>,
    /// The calls that have been in a write which was not a good one.
    harmed: Mutex<HashSet<u64>>,
}

struct Write {
    calls: Vec<u64>,
    is_alone: bool,
    end: oneshot::Sender<End>,
}

impl Model {
    async fn end(&self, swaps: &[Pending], is_alone: bool) -> End {
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

    fn apply(&self, swap: &Pending) -> Swap {
        let mut versions = self.versions.lock().unwrap();
        let kept = versions.entry(swap.id).or_default();
        if *kept != swap.expected {
            return Swap::Lost;
        }
        *kept = swap.next.version;
        Swap::Swapped
    }
}

impl Writer for Model {
    async fn write(&self, swaps: &[Pending]) -> Result<Vec<Written>, StoreError> {
        let sessions: HashSet<_> = swaps.iter().map(|swap| swap.id).collect();
        assert_eq!(sessions.len(), swaps.len(), "a session is in it twice");
        match self.end(swaps, false).await {
            End::Well => Ok(swaps
                .iter()
                .map(|swap| Written::Done(self.apply(swap)))
                .collect()),
            End::Left => Ok(vec![Written::Not; swaps.len()]),
            End::Failed => Err(StoreErrorKind::Busy.into()),
            End::Stopped => resume_unwind(Box::new(())),
        }
    }

    async fn write_alone(&self, swap: &Pending) -> Result<Swap, StoreError> {
        self.end(slice::from_ref(swap), true).await;
        Ok(self.apply(swap))
    }
}

/// A path in the tree of all schedules. They are walked depth first.
#[derive(Default)]
struct Path {
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Path {
    fn choose<T: Copy>(&mut self, of: &[T]) -> T {
        if self.at == self.taken.len() {
            self.taken.push((0, of.len()));
        }
        let (taken, count) = self.taken[self.at];
        assert_eq!(count, of.len(), "it cannot be repeated");
        self.at += 1;
        of[taken]
    }

    fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((taken, of)) = self.taken.last_mut() {
            *taken += 1;
            if taken < of {
                return true;
            }
            self.taken.pop();
        }
        false
    }
}

type Calling = JoinHandle<Result<Swap, StoreError>>;

struct Play {
    group: Arc<GroupCommit<Model>>,
    calls: Vec<Calling>,
    /// The calls that have gone away, and whether they were still waiting.
    gone: HashMap<usize, bool>,
    is_bad: bool,
    steps: Vec<Step>,
}

impl Play {
    /// What can happen next. Calls begin in their order, and one of them may go away.
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
        let mut writes = self.group.writer.writes.lock().unwrap();
        // What a caller had begun alone goes with it.
        writes.retain(|_, write| !write.end.is_closed());
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
                let waits = |waiting: &Call| waiting.swap.next.version == version(call);
                let was_waiting = self.group.lock().waiting.iter().any(waits);
                self.gone.insert(call, was_waiting);
                self.calls[call].abort();
            }
            Step::Finish(number, end) => {
                let model = &self.group.writer;
                let write = model.writes.lock().unwrap().remove(&number).unwrap();
                if matches!(end, End::Failed | End::Stopped) {
                    model.harmed.lock().unwrap().extend(write.calls);
                }
                self.is_bad |= end != End::Well;
                write.end.send(end).unwrap();
            }
        }
        // Until everybody waits for the next step.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let writes = self.group.writer.writes.lock().unwrap();
        let together = writes.values().filter(|write| !write.is_alone).count();
        assert!(together <= self.group.lanes, "too many at once");
    }

    fn begin(&mut self, call: usize) {
        let id = SessionId::from_uuid(Uuid::from_u128(CALLS[call]));
        let mut next = SessionState::new(Timestamp::from_secs(0));
        next.version = version(call);
        let group = Arc::clone(&self.group);
        let swap = Pending {
            id,
            expected: 0,
            next,
        };
        self.calls
            .push(tokio::spawn(async move { group.swap(swap).await }));
    }

    fn nobody_is_left(&self) {
        let state = self.group.lock();
        assert!(state.waiting.is_empty() && state.writing == 0);
    }

    /// Everybody who is still there has an answer, and it is true.
    async fn check(self) {
        self.nobody_is_left();
        let model = &self.group.writer;
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

/// Tells the calls apart, too.
fn version(call: usize) -> u64 {
    call as u64 + 1
}

/// Tells the steps of a schedule that fails.
struct Told<'a>(&'a [Step]);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("after {:?}", self.0);
        }
    }
}

async fn play(path: &mut Path, lanes: usize) {
    let mut play = Play {
        group: GroupCommit::new(Model::default(), lanes),
        calls: Vec::new(),
        gone: HashMap::new(),
        is_bad: false,
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
fn every_order() {
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    for lanes in [1, 2] {
        let (mut path, mut schedules) = (Path::default(), 0);
        loop {
            runtime.block_on(tokio::task::unconstrained(play(&mut path, lanes)));
            schedules += 1;
            if !path.next() {
                break;
            }
        }
        println!("{lanes} lanes: {schedules} schedules, each answered in full");
    }
}
