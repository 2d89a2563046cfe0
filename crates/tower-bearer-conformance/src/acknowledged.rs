//! Cases that load after a write was acknowledged, and must see it on every server.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use tokio::task::JoinSet;

use tower_bearer::store::{EndReason, SessionStore, Swap};

use crate::{Fixture, trial::*};

const WRITERS: usize = 4;
const READERS: usize = 4;
const WRITES: u32 = 200;

pub(super) async fn a_load_sees_what_was_acknowledged<F: Fixture>(trial: Trial<F>) {
    trial.insert(&trial.record(1, "ada")).await;
    let acknowledged = Arc::new(AtomicU32::new(0));
    let doors = [trial.fixture.store(), trial.fixture.peer()];
    let mut tasks = JoinSet::new();
    for door in doors.iter().cycle().take(WRITERS) {
        tasks.spawn(write((*door).clone(), acknowledged.clone()));
    }
    for door in doors.iter().cycle().take(READERS) {
        tasks.spawn(read((*door).clone(), acknowledged.clone()));
    }
    tasks.join_all().await;

    assert!(trial.end(id(1), EndReason::Logout).await);
    for door in doors.iter().cycle().take(20) {
        let kept = done("load", door.load(id(1)).await).record;
        let kept = kept.expect("a session that is kept is gone");
        assert!(
            kept.state.ended.is_some(),
            "an acknowledged end is not seen"
        );
    }
}

/// Rotates the session, and notes the generation of each write that was acknowledged.
async fn write<St: SessionStore>(door: St, acknowledged: Arc<AtomicU32>) {
    let mut patience = Patience::default();
    while acknowledged.load(SeqCst) < WRITES {
        let loaded = done("load", door.load(id(1)).await);
        let kept = loaded.record.expect("a session that is kept is gone");
        let next = rotated(&kept, loaded.now);
        let swap = done(
            "swap",
            door.swap(id(1), kept.state.version, &next.state).await,
        );
        if swap == Swap::Swapped {
            acknowledged.fetch_max(next.state.generation, SeqCst);
        }
        patience.wait_for("a swap to be seen").await;
    }
}

async fn read<St: SessionStore>(door: St, acknowledged: Arc<AtomicU32>) {
    loop {
        let least = acknowledged.load(SeqCst);
        let kept = done("load", door.load(id(1)).await).record;
        let seen = kept
            .expect("a session that is kept is gone")
            .state
            .generation;
        assert!(
            seen >= least,
            "generation {seen} is seen, {least} was acknowledged"
        );
        if least >= WRITES {
            return;
        }
        tokio::task::yield_now().await;
    }
}
