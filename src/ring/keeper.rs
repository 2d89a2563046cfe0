//! Reads a ring, brings it up to date, writes it, and tells the key sets.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, task::spawn_blocking};

use super::{
    KeyEncryptionKey, KeyPurpose, KeyRingError, KeyRingErrorKind,
    clock::{Begin, StoreClock},
    document::{Document, LINEAGE, Policies},
    fading::{self, Fading},
    log,
    meter::Meter,
    schedule::Policy,
    series::Series,
};
use crate::{
    clock::Timestamp,
    issuer::fresh_jti,
    jws::{Algorithm, KeyError, KeyErrorKind, KeySet, PlanLifetimes, Shift},
    session::patience::within,
    store::{AnyRingStore, LoadedRing, RingStore, SealedRing, Swap},
};

/// How often a change is tried that others have overtaken.
const TRIES: u32 = 16;
/// How often readers of a key set ask at most whether an unknown key is in it.
const BETWEEN_READS: Duration = Duration::from_secs(30);

/// A change of a ring, beside what its time brings.
#[derive(Clone, Copy)]
pub(super) enum Change<'a> {
    None,
    RollOver,
    RollOverRefresh,
    Retire(&'a str),
    ReplaceAll(KeyPurpose),
}

/// What a keeper goes by.
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) key: KeyEncryptionKey,
    pub(super) policies: Policies,
    pub(super) access_lifetime: Duration,
    pub(super) refresh_lifetime: Duration,
    pub(super) lease: Duration,
    pub(super) every: Duration,
    pub(super) store_timeout: Duration,
}

pub(super) struct Keeper {
    store: AnyRingStore,
    pub(super) settings: Settings,
    pub(super) clock: Arc<StoreClock>,
    pub(super) access: KeySet,
    pub(super) refresh: KeySet,
    known: Mutex<Known>,
    fading: Mutex<Fading>,
    /// One read at a time.
    reading: tokio::sync::Mutex<()>,
    pub(super) hurry: Notify,
    meter: Meter,
}

/// What this process knows of the ring.
#[derive(Clone, Default)]
struct Known {
    /// What the key sets go by.
    document: Document,
    /// The highest version that was seen.
    version: u64,
    /// What was read or written last.
    stored: Stored,
}

/// What the store has.
#[derive(Clone, Default)]
struct Stored {
    ring: Option<SealedRing>,
    document: Document,
    /// Whether it is sealed under the secret that it would be sealed under now.
    is_newest: bool,
}

impl Keeper {
    pub(super) fn new(store: AnyRingStore, settings: Settings) -> Self {
        let clock = Arc::new(StoreClock::new(settings.lease, settings.every));
        let policies = &settings.policies;
        let set = |algorithm, longest, policy: &Policy| {
            let public_for = policy.publish_for.saturating_sub(settings.lease);
            // Who publishes a key for seconds has no readers that would need those.
            let longest_kept = match public_for > 2 * BETWEEN_READS {
                true => public_for - BETWEEN_READS,
                false => public_for,
            };
            let lifetimes = PlanLifetimes {
                longest,
                ahead: fading::wait(settings.lease),
                longest_kept,
            };
            KeySet::planned(Arc::clone(&clock) as _, algorithm, lifetimes)
        };
        Self {
            store,
            access: set(
                policies.algorithm,
                settings.access_lifetime,
                &policies.access,
            ),
            refresh: set(
                Algorithm::HS256,
                settings.refresh_lifetime,
                &policies.refresh,
            ),
            fading: Mutex::new(Fading::new(settings.lease)),
            settings,
            clock,
            known: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            hurry: Notify::new(),
            meter: Meter::new(),
        }
    }

    /// Whether anybody else has one of the key sets.
    pub(super) fn is_in_use(&self) -> bool {
        self.access.is_shared() || self.refresh.is_shared()
    }

    /// What this process knows of the ring.
    pub(super) fn document(&self) -> Document {
        self.known().document.clone()
    }

    /// Reads the ring, makes this change and those that are due, and writes it if something has changed. Tells whether
    /// the change was one.
    pub(super) async fn turn(&self, change: Change<'_>) -> Result<bool, KeyRingError> {
        let _one = self.reading.lock().await;
        for _ in 0..TRIES {
            let begin = Begin::now();
            let loaded = self.load().await?;
            let now = loaded.now;
            let known = self.known().clone();
            let mut stored = self.read(loaded, &known.stored)?;
            let mut next = self.united(&stored, &known, now);
            let mut before = next.clone();
            let has_changed = self.apply(&mut next, change, now);
            match self.brought_up(&stored, known.version, next, now).await {
                Ok(Some(newer)) => stored = newer,
                Ok(None) => continue,
                Err(error) => {
                    // What is in the store counts. What is not there verifies, must not sign for long, and has to be
                    // united with the store again.
                    let counts = before.is_within(&stored.document);
                    if !counts {
                        before.go_on_from(&known.document);
                    }
                    self.follow(before, stored, now);
                    if counts {
                        self.clock.set(begin, now);
                    }
                    return Err(error);
                }
            }
            self.follow(stored.document.clone(), stored, now);
            // After the key sets are told: by a clock that counts again, keys that they lack would not be good.
            self.clock.set(begin, now);
            self.meter.has_read();
            return Ok(has_changed);
        }
        Err(KeyRingError::new(KeyRingErrorKind::Contended))
    }

    /// Retires a key in this process, before the store knows of it. Tells whether it was there.
    pub(super) fn retire_here(&self, kid: &str) -> bool {
        let (before, after, was_there) = {
            let mut known = self.known();
            let before = known.document.clone();
            let now = self.clock.estimate();
            let was_there = known.document.retire(kid, now, &self.settings.policies);
            self.tell_key_sets(&known.document);
            (before, known.document.clone(), was_there)
        };
        log::changes(&self.settings.name, &before, &after);
        was_there
    }

    async fn load(&self) -> Result<LoadedRing, KeyRingError> {
        let loading = self.store.load_ring(&self.settings.name);
        Ok(within(self.settings.store_timeout, loading).await?)
    }

    /// What a document holds. It is opened only if it is not the one that was seen last.
    fn read(&self, loaded: LoadedRing, last: &Stored) -> Result<Stored, KeyRingError> {
        let Some(ring) = loaded.ring else {
            return Ok(Stored::default());
        };
        if last.ring.as_ref() == Some(&ring) {
            return Ok(last.clone());
        }
        let (text, is_newest) = self.settings.key.open(&self.settings.name, &ring)?;
        let document = Document::read(
            &text,
            &self.known().document,
            self.settings.policies.provider,
        )?;
        Ok(Stored {
            ring: Some(ring),
            document,
            is_newest,
        })
    }

    /// What the store has, with what this process alone knows. Usually that is nothing, but a key that could not be
    /// retired in the store yet, or all that a store has lost.
    fn united(&self, stored: &Stored, known: &Known, now: Timestamp) -> Document {
        let mut document = stored.document.clone();
        let version = stored.ring.as_ref().map_or(0, SealedRing::version);
        let is_much_newer = version >= known.version.saturating_add(LINEAGE as u64);
        if document.comes_from(&known.document) || is_much_newer {
            document.retire_as(&known.document, now, &self.settings.policies);
        } else {
            document.merge(&known.document, now);
        }
        document
    }

    fn apply(&self, document: &mut Document, change: Change<'_>, now: Timestamp) -> bool {
        let policies = &self.settings.policies;
        match change {
            Change::None => false,
            Change::RollOver => document.access.roll_over(now, &policies.access),
            Change::RollOverRefresh => document.refresh.roll_over(now, &policies.refresh),
            Change::Retire(kid) => document.retire(kid, now, policies),
            Change::ReplaceAll(purpose) => document.remove_all(purpose, now),
        }
    }

    /// Makes what is due, and writes the document if it is not what the store has. `None` if others were faster.
    async fn brought_up(
        &self,
        stored: &Stored,
        seen: u64,
        mut document: Document,
        now: Timestamp,
    ) -> Result<Option<Stored>, KeyRingError> {
        let policies = self.settings.policies.clone();
        let gone = self.fading().gone(document.expired(now, &policies));
        if policies.algorithm.is_rsa() && document.lacks_key(now, &policies) {
            // It takes some hundred milliseconds.
            let made = move || document.keep_up(now, &policies, &gone).map(|()| document);
            document = spawn_blocking(made).await.map_err(|_| not_made())??;
        } else {
            document.keep_up(now, &policies, &gone)?;
        }
        if stored.is_newest && document.equals(&stored.document) {
            return Ok(Some(stored.clone()));
        }
        document.name_version(&fresh_jti().map_err(|_| not_made())?);
        let expected = stored.ring.as_ref().map(SealedRing::version);
        let version = expected.unwrap_or(0).max(seen).saturating_add(1);
        let Settings { name, key, .. } = &self.settings;
        let ring = key.seal(name, version, document.written()?)?;
        let writing = self.store.swap_ring(name, expected, &ring);
        let swap = within(self.settings.store_timeout, writing).await?;
        let written = Stored {
            ring: Some(ring),
            document,
            is_newest: true,
        };
        Ok((swap == Swap::Swapped).then_some(written))
    }

    /// Goes by this document from now on, without what was retired here while it was read and written.
    fn follow(&self, mut document: Document, stored: Stored, now: Timestamp) {
        let before = {
            let mut known = self.known();
            document.retire_as(&known.document, now, &self.settings.policies);
            self.tell_key_sets(&document);
            let version = stored.ring.as_ref().map_or(0, SealedRing::version);
            let next = Known {
                document: document.clone(),
                version: version.max(known.version),
                stored,
            };
            std::mem::replace(&mut *known, next).document
        };
        log::changes(&self.settings.name, &before, &document);
    }

    fn tell_key_sets(&self, document: &Document) {
        self.access.follow_plan(shifts(&document.access));
        self.refresh.follow_plan(shifts(&document.refresh));
    }

    fn fading(&self) -> MutexGuard<'_, Fading> {
        self.fading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What is in it is replaced whole, so a panic leaves nothing half-done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shifts(series: &Series) -> Vec<Shift> {
    let keys = series.keys().iter();
    keys.map(|key| Shift {
        from: key.times.signs_from,
        key: key.key.clone(),
    })
    .collect()
}

fn not_made() -> KeyError {
    KeyError::new(KeyErrorKind::Generate, "the making of a key was stopped")
}
