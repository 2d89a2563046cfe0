use std::{collections::HashMap, sync::Mutex, time::Duration};

use super::StoreCall;
use crate::store::StoreErrorKind;

/// What goes wrong with a [`FailingStore`](super::FailingStore), with which calls, and how often. By itself
/// it happens to every call, until the store is [healed](super::FailingStore::heal).
///
/// ```
/// use tower_bearer::{
///     store::StoreErrorKind,
///     testing::{Fault, StoreCall},
/// };
///
/// // The second swap from now on is written, and its answer is lost.
/// let fault = Fault::lost_answer(StoreErrorKind::Timeout)
///     .on([StoreCall::Swap])
///     .after(1)
///     .times(1);
/// # let _ = fault;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until a store is given it"]
pub struct Fault {
    pub(super) effect: Effect,
    calls: Vec<StoreCall>,
    after: u64,
    times: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    Error(StoreErrorKind),
    LostAnswer(StoreErrorKind),
    Delay(Duration),
    Hang,
    LostSwap,
    Panic,
}

impl Fault {
    fn of(effect: Effect) -> Self {
        Self {
            effect,
            calls: StoreCall::ALL.to_vec(),
            after: 0,
            times: None,
        }
    }

    /// The call fails, and nothing has happened: the store was not reached.
    pub fn error(kind: StoreErrorKind) -> Self {
        Self::of(Effect::Error(kind))
    }

    /// The call does what it should, but its answer is lost, and the caller gets this error.
    pub fn lost_answer(kind: StoreErrorKind) -> Self {
        Self::of(Effect::LostAnswer(kind))
    }

    /// The call waits for so long first, by tokio's time, which a test can pause.
    pub fn delay(by: Duration) -> Self {
        Self::of(Effect::Delay(by))
    }

    /// The call is never answered, and nothing happens.
    pub fn hang() -> Self {
        Self::of(Effect::Hang)
    }

    /// Another server is quicker: a swap is [lost](crate::store::Swap::Lost), and nothing is written. Other
    /// calls are not affected, and do not count, whatever [`on`](Self::on) says.
    pub fn lost_swap() -> Self {
        Self::of(Effect::LostSwap)
    }

    /// The store panics.
    pub fn panic() -> Self {
        Self::of(Effect::Panic)
    }

    /// Only with these calls. The default is all.
    pub fn on(self, calls: impl IntoIterator<Item = StoreCall>) -> Self {
        let calls = calls.into_iter().collect();
        Self { calls, ..self }
    }

    /// Only after so many of these calls have passed. The default is 0.
    pub fn after(self, calls: u64) -> Self {
        Self {
            after: calls,
            ..self
        }
    }

    /// So many times, and then no more. The default is for ever.
    pub fn times(self, times: u64) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    fn is_over(&self) -> bool {
        self.times == Some(0)
    }

    /// Whether it may happen to this call at all.
    fn fits(&self, call: StoreCall) -> bool {
        let is_possible = !matches!(self.effect, Effect::LostSwap) || call == StoreCall::Swap;
        is_possible && self.calls.contains(&call)
    }

    /// Whether it happens to this call.
    fn strikes(&mut self, call: StoreCall) -> bool {
        if self.is_over() || !self.fits(call) {
            return false;
        }
        match self.after.checked_sub(1) {
            Some(left) => {
                self.after = left;
                false
            }
            None => {
                self.times = self.times.map(|left| left.saturating_sub(1));
                true
            }
        }
    }
}

/// The faults that a store was given, and how often it was called.
#[derive(Debug, Default)]
pub(super) struct Faults {
    given: Mutex<Vec<Fault>>,
    calls: Mutex<HashMap<StoreCall, usize>>,
}

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.given.lock().unwrap().push(fault);
    }

    pub(super) fn clear(&self) {
        self.given.lock().unwrap().clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.given.lock().unwrap().iter().all(Fault::is_over)
    }

    /// Notes a call, and says what goes wrong with it.
    pub(super) fn next(&self, call: StoreCall) -> Option<Effect> {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
        let mut given = self.given.lock().unwrap();
        let striking = given
            .iter_mut()
            .find_map(|fault| fault.strikes(call).then_some(fault.effect));
        given.retain(|fault| !fault.is_over());
        striking
    }

    pub(super) fn count(&self, of: &[StoreCall]) -> usize {
        let calls = self.calls.lock().unwrap();
        of.iter().filter_map(|call| calls.get(call)).sum()
    }
}
