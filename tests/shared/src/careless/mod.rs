//! A store that breaks one promise of the contract, to see that the tests would notice.

mod ending;
mod store;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, atomic::AtomicUsize},
};

use tower_bearer::{
    SessionId,
    clock::{Clock, ManualClock, Timestamp},
    store::{Record, Session, SessionSecret, SessionState},
};

/// The highest version that a store has to keep.
const HIGHEST: u64 = i64::MAX as u64;

/// Lets every other task of a runtime with one thread take a turn. Twice, as those that have yielded are
/// woken in the opposite order, and the last of one turn would be the first of the next.
pub async fn let_others_run() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

/// What goes wrong. [`Fault::None`] keeps all promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Does not even tell the time.
    Down,

    InsertsOverOthers,
    InsertsAtVersion0,
    InsertsWithoutExtra,
    InsertsWithoutExtraOfTheState,
    InsertsShortNotes,
    InsertsInTwoSteps,
    InsertsInTwoTransactions,
    RefusesLongNames,
    CutsLongNames,

    Lags,
    HidesRevoked,
    LoadsByAnotherClock,

    SwapsAnyVersion,
    SwapsRevoked,
    SwapsAllButTheEnd,
    SwapsInTwoSteps,
    SwapsHalf,
    SwapsAllButTheKey,
    SwapsAllButExtra,
    CountsVersionsItself,
    CreatesBySwap,
    RevivesBySwap,
    LosesSwaps,

    ConfirmsEnded,
    ConfirmsAnyGeneration,
    ConfirmsAgain,
    ConfirmsAndForgetsTheKey,
    ConfirmsBeyondTheHighestVersion,
    ConfirmsAndForgetsExtra,
    ConfirmsByAnotherClock,
    ConfirmsTheFirst500,
    FailsWhereOthersConfirm,
    PanicsAsItConfirms,

    LosesEnds,
    EndsAgain,
    EndsNoneOfTheHighestVersion,
    EndsAndForgetsTheKey,
    EndsByAnotherClock,
    EndsInTwoSteps,
    EndsOfEveryIssuer,
    EndsInAnyCase,
    EndsOnlyWhatIsLive,
    EndsTheFirst1000,
    EndsTheKeptToo,
    EndsNothingForAnUnknownKeep,
    EndsAndKeepsNotes,
    EndsAndKeepsClaims,
    EndsAndKeepsExtra,
    EndsAndKeepsTheRow,
    EndsAndForgetsTheTokens,
    EndsAndKeepsTheRowForADay,
    SwapsToTheEndAndKeepsAll,

    ListsByAnotherClock,
    ListsWhatIsDead,
    ListsTheEndToo,
    ListsOldestFirst,
    ListsTheCursorToo,
    ListsAtMost500,

    ListsAllByAnotherClock,
    ListsAllOfEveryIssuer,
    ListsAllThatIsDead,
    ListsAllButTheFirstOfAPage,
    ListsAllForEver,
    ListsAllUntilAShortPage,
    ListsAllOnOnePage,
    ListsAllFromAnyCursor,

    TellsByIdentifier,
    TellsOnlyLaterEnds,
    TellsTheCursorToo,
    TellsTheCursorAtAnyTime,
    TellsBeyondTheLimit,
    TellsNoEndsBySwap,
    TellsNoEndsByEndAll,
    TellsWhatHasExpired,
    TellsEndsOfAnHour,

    DeletesEarly,
    DeletesWhatIsIdle,
    DeletesWhatIsRevoked,
    DeletesNewestEndFirst,
    DeletesLowestIdentifierFirst,
    DeletesHighestIdentifierFirst,
    DeletesBeyondTheLimit,
    DeletesInTwoSteps,
    DeletesNothing,
    NeverFreesAnIdentifier,
}

pub struct Careless {
    clock: ManualClock,
    fault: Fault,
    /// When the fault begins.
    from: Timestamp,
    /// What another clock shows.
    stopped: Timestamp,
    rows: Mutex<Rows>,
    confirming: AtomicUsize,
}

#[derive(Default)]
struct Rows {
    kept: BTreeMap<SessionId, Record>,
    /// Each as it was before its last change.
    before: BTreeMap<SessionId, Record>,
    deleted: BTreeMap<SessionId, Record>,
    /// Sessions that are in no index of their subject.
    unlisted: BTreeSet<SessionId>,
    /// Sessions whose end is not told of.
    untold: BTreeSet<SessionId>,
}

impl Rows {
    fn change(&mut self, id: SessionId, change: impl FnOnce(&mut Record)) {
        if let Some(kept) = self.kept.get_mut(&id) {
            self.before.insert(id, kept.clone());
            change(kept);
        }
    }

    fn delete(&mut self, id: SessionId) {
        if let Some(deleted) = self.kept.remove(&id) {
            self.deleted.insert(id, deleted);
        }
    }
}

impl Careless {
    pub fn new(clock: ManualClock, fault: Fault, from: Timestamp) -> Self {
        Self {
            stopped: clock.now(),
            clock,
            fault,
            from,
            rows: Mutex::default(),
            confirming: AtomicUsize::default(),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault && self.clock.now() >= self.from
    }

    fn at_most(&self, most: usize, fault: Fault) -> usize {
        match self.is(fault) {
            true => most,
            false => usize::MAX,
        }
    }

    /// The time, by another clock where that is the fault.
    fn now_unless(&self, fault: Fault) -> Timestamp {
        match self.is(fault) {
            true => self.stopped,
            false => self.clock.now(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    /// Looks and writes as one step or, where that is the fault, as two.
    async fn one_step<T, R>(
        &self,
        unless: Fault,
        look: impl FnOnce(&mut Rows) -> Option<T>,
        write: impl FnOnce(&mut Rows, T) -> R,
    ) -> Option<R> {
        if !self.is(unless) {
            let mut rows = self.rows();
            let seen = look(&mut rows)?;
            return Some(write(&mut rows, seen));
        }
        let seen = look(&mut self.rows())?;
        let_others_run().await;
        Some(write(&mut self.rows(), seen))
    }

    fn is_free(&self, rows: &Rows, id: SessionId) -> bool {
        let was_taken = rows.deleted.contains_key(&id) && self.is(Fault::NeverFreesAnIdentifier);
        let is_taken = rows.kept.contains_key(&id) && !self.is(Fault::InsertsOverOthers);
        !is_taken && !was_taken
    }

    fn may_swap(&self, rows: &mut Rows, id: SessionId, expected: u64) -> bool {
        if self.is(Fault::RevivesBySwap)
            && let Some(deleted) = rows.deleted.remove(&id)
        {
            rows.kept.insert(id, deleted);
        }
        match rows.kept.get(&id) {
            None => self.is(Fault::CreatesBySwap),
            Some(kept) if kept.state.ended.is_some() => self.is(Fault::SwapsRevoked),
            Some(kept) => kept.state.version == expected || self.is(Fault::SwapsAnyVersion),
        }
    }

    fn write(&self, rows: &mut Rows, id: SessionId, expected: u64, next: &SessionState) {
        if self.is(Fault::LosesSwaps) {
            return;
        }
        if self.is(Fault::CreatesBySwap) {
            rows.kept.entry(id).or_insert_with(|| made_up(id, next));
        }
        let Some(before) = rows.kept.get(&id).map(|kept| kept.state.clone()) else {
            return;
        };
        let mut next = next.clone();
        if self.is(Fault::SwapsAllButTheEnd) {
            next.ended = before.ended;
        }
        if self.is(Fault::SwapsAllButTheKey) {
            next.bound_to = before.bound_to;
        }
        if self.is(Fault::SwapsAllButExtra) {
            next.extra = before.extra;
        }
        if self.is(Fault::CountsVersionsItself) {
            next.version = expected.saturating_add(1);
        }
        self.put(rows, id, next);
    }

    fn may_confirm(&self, rows: &Rows, id: SessionId, generation: u32) -> bool {
        rows.kept.get(&id).is_some_and(|kept| {
            (kept.state.generation == generation || self.is(Fault::ConfirmsAnyGeneration))
                && (kept.state.confirmed_at.is_none() || self.is(Fault::ConfirmsAgain))
                && (kept.state.ended.is_none() || self.is(Fault::ConfirmsEnded))
        })
    }

    fn is_below(&self, id: SessionId, cursor: SessionId) -> bool {
        id < cursor || (id == cursor && self.is(Fault::ListsTheCursorToo))
    }

    fn may_list(&self, record: &Record, now: Timestamp) -> bool {
        let instant = std::time::Duration::from_millis(1);
        match self.fault {
            Fault::ListsWhatIsDead => true,
            Fault::ListsTheEndToo => record.is_live(now - instant),
            _ => record.is_live(now),
        }
    }

    fn may_delete(&self, record: &Record) -> bool {
        let now = self.clock.now();
        (record.session.ends_at <= now && !self.is(Fault::DeletesNothing))
            || self.is(Fault::DeletesEarly)
            || (self.is(Fault::DeletesWhatIsIdle) && record.state.expires_at <= now)
            || (self.is(Fault::DeletesWhatIsRevoked) && record.state.ended.is_some())
    }
}

/// A session of which only the state is known.
fn made_up(id: SessionId, state: &SessionState) -> Record {
    let secret = SessionSecret::from_bytes([0; 32]);
    let mut session = Session::new(id, "https://id.example", "ada", secret, state.expires_at);
    session.ends_at = state.expires_at;
    Record {
        session,
        state: state.clone(),
    }
}
