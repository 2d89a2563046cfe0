//! A store of key rings that breaks one promise of its contract.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tests_shared::careless::let_others_run;
use tower_bearer::{
    clock::{Clock, ManualClock, SystemClock, Timestamp},
    store::{LoadedRing, RingStore, SealedRing, StoreError, StoreErrorKind, Swap},
};

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    Down,
    PanicsAsItLoads,
    /// The first ring takes the place of one that is there.
    InsertsOverOthers,
    /// A swap makes a ring where none is.
    InsertsBySwap,
    SwapsAnyVersion,
    /// Looks at the version, and then writes.
    SwapsInTwoSteps,
    /// Compares the bytes too, and takes the same ones for the same ring.
    TakesTheSameBytesForTheSameRing,
    /// Gives a ring the next version, whatever it was told.
    CountsVersionsItself,
    /// Keeps versions in 32 bits.
    CutsVersions,
    CutsLongRings,
    RefusesLongRings,
    /// As a column of a fixed length does.
    CutsZerosAtTheEnd,
    /// As a column of text does.
    KeepsText,
    LosesTheEndOfAShorterRing,
    FoldsCase,
    TrimsNames,
    EndsNamesAtNul,
    CutsLongNames,
    RefusesLongNames,
    /// Names are patterns.
    TakesStarsForMore,
    /// Writes to all rings of the version.
    WritesToOthers,
    /// Gives what was there before the last write, once.
    Lags,
    WritesInTwoSteps,
    ForgetsAfterAYear,
    TellsAnotherTime,
    TellsTheTimeOfTheWrite,
}

type Rings = BTreeMap<String, Kept>;

struct Kept {
    version: u64,
    bytes: Vec<u8>,
    at: Timestamp,
    before: Option<SealedRing>,
}

pub(crate) struct CarelessRing {
    fault: Fault,
    clock: ManualClock,
    rings: Mutex<Rings>,
    /// How often it was asked.
    calls: AtomicU32,
}

impl CarelessRing {
    pub(crate) fn new(clock: ManualClock, fault: Fault) -> Self {
        Self {
            fault,
            clock,
            rings: Mutex::default(),
            calls: AtomicU32::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().expect("unpoisoned")
    }

    /// The name under which a ring is kept.
    fn named(&self, name: &str) -> String {
        match self.fault {
            Fault::FoldsCase => name.to_lowercase(),
            Fault::TrimsNames => name.trim_end_matches(' ').to_owned(),
            Fault::EndsNamesAtNul => name.split('\0').next().unwrap_or_default().to_owned(),
            Fault::CutsLongNames => name.chars().take(255).collect(),
            Fault::TakesStarsForMore if name == "r*ng" => "ring".to_owned(),
            _ => name.to_owned(),
        }
    }

    /// The bytes that are kept.
    fn kept(&self, next: &SealedRing, before: Option<&Kept>) -> Result<Vec<u8>, StoreError> {
        let mut bytes = next.bytes().to_vec();
        match self.fault {
            Fault::CutsLongRings => bytes.truncate(65_535),
            Fault::RefusesLongRings if bytes.len() > 65_536 => {
                return Err(StoreErrorKind::Unstorable.into());
            }
            Fault::CutsZerosAtTheEnd => {
                while bytes.len() > 1 && bytes.last() == Some(&0) {
                    bytes.pop();
                }
            }
            Fault::KeepsText => bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes(),
            Fault::LosesTheEndOfAShorterRing => {
                let rest = before.and_then(|before| before.bytes.get(bytes.len()..));
                bytes.extend_from_slice(rest.unwrap_or_default());
            }
            _ => {}
        }
        Ok(bytes)
    }

    fn version(&self, next: &SealedRing, expected: Option<u64>) -> u64 {
        match self.fault {
            Fault::CountsVersionsItself => expected.map_or(1, |expected| expected + 1),
            Fault::CutsVersions => u64::from(next.version() as u32),
            _ => next.version(),
        }
    }

    /// Whether the ring may be replaced.
    fn is_free(&self, kept: Option<&Kept>, expected: Option<u64>, next: &SealedRing) -> bool {
        match (kept, expected) {
            (None, None) => true,
            (None, Some(_)) => self.fault == Fault::InsertsBySwap,
            (Some(_), None) => self.fault == Fault::InsertsOverOthers,
            (Some(kept), Some(expected)) => match self.fault {
                Fault::SwapsAnyVersion => true,
                Fault::TakesTheSameBytesForTheSameRing if kept.bytes == next.bytes() => true,
                _ => kept.version == expected,
            },
        }
    }

    /// Replaces the ring if it may be.
    fn swap(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        let mut rings = self.lock();
        if !self.is_free(rings.get(name), expected, next) {
            return Ok(Swap::Lost);
        }
        self.write(&mut rings, name, expected, next)?;
        Ok(Swap::Swapped)
    }

    fn write(
        &self,
        rings: &mut Rings,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<(), StoreError> {
        let before = rings.get(name);
        let kept = Kept {
            version: self.version(next, expected),
            bytes: self.kept(next, before)?,
            at: self.clock.now(),
            before: before.and_then(|it| SealedRing::new(it.version, it.bytes.clone()).ok()),
        };
        if self.fault == Fault::WritesToOthers {
            let others = rings.values_mut();
            for other in others.filter(|other| Some(other.version) == expected) {
                other.bytes = kept.bytes.clone();
            }
        }
        rings.insert(name.to_owned(), kept);
        Ok(())
    }

    fn now(&self, kept: Option<&Kept>) -> Timestamp {
        match (self.fault, kept) {
            (Fault::TellsAnotherTime, _) => SystemClock.now(),
            (Fault::TellsTheTimeOfTheWrite, Some(kept)) => kept.at,
            _ => self.clock.now(),
        }
    }
}

impl RingStore for CarelessRing {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        let turn = self.calls.fetch_add(1, Relaxed);
        match self.fault {
            Fault::Down => return Err(StoreErrorKind::Unavailable.into()),
            Fault::PanicsAsItLoads => panic!("no such column"),
            _ => {}
        }
        let mut rings = self.lock();
        let name = self.named(name);
        let now = self.now(rings.get(&name));
        if self.fault == Fault::ForgetsAfterAYear {
            let year = Duration::from_secs(365 * 86_400);
            rings.retain(|_, kept| kept.at + year > now);
        }
        let Some(kept) = rings.get_mut(&name) else {
            return Ok(LoadedRing::new(None, now));
        };
        let ring = SealedRing::new(kept.version, kept.bytes.clone())?;
        let ring = match (self.fault, kept.before.take()) {
            (Fault::Lags, Some(before)) if turn.is_multiple_of(2) => before,
            _ => ring,
        };
        Ok(LoadedRing::new(Some(ring), now))
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        if self.fault == Fault::Down {
            return Err(StoreErrorKind::Unavailable.into());
        }
        if self.fault == Fault::RefusesLongNames && name.len() > 191 {
            return Err(StoreErrorKind::Unstorable.into());
        }
        let name = self.named(name);
        // Without this, the future would come to its end at once, and no other task between two calls.
        tokio::task::yield_now().await;
        match self.fault {
            Fault::SwapsInTwoSteps => {
                if !self.is_free(self.lock().get(&name), expected, next) {
                    return Ok(Swap::Lost);
                }
                let_others_run().await;
                self.write(&mut self.lock(), &name, expected, next)?;
                Ok(Swap::Swapped)
            }
            Fault::WritesInTwoSteps => {
                let half = next.bytes().len().div_ceil(2);
                let half = next.bytes().get(..half).unwrap_or_default();
                let half = SealedRing::new(next.version(), half)?;
                let swap = self.swap(&name, expected, &half)?;
                let_others_run().await;
                if swap == Swap::Swapped {
                    self.write(&mut self.lock(), &name, expected, next)?;
                }
                Ok(swap)
            }
            _ => self.swap(&name, expected, next),
        }
    }
}
