//! Whoever asks after a write was acknowledged sees it, whichever way the answer comes.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::task::JoinSet;
use tower_bearer::store::{RevokeReason, SessionStore, Swap};

use super::*;

const WRITERS: usize = 4;
const READERS: usize = 4;
const WRITES: u64 = 200;

pub(crate) async fn a_load_sees_what_was_acknowledged<St: SessionStore>(setup: Setup<St>) {
    seen_by_all(std::slice::from_ref(&setup.store)).await;
}

/// All of the stores are doors to the same sessions.
pub(crate) async fn seen_by_all<St: SessionStore>(doors: &[Arc<St>]) {
    let first = session(1, "ada");
    doors[0].insert(&first).await.expect("the store inserts");
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let door = doors[writer % doors.len()].clone();
        tasks.spawn(write(door, acknowledged.clone()));
    }
    for reader in 0..READERS {
        let door = doors[reader % doors.len()].clone();
        tasks.spawn(read(door, acknowledged.clone()));
    }
    tasks.join_all().await;

    let ended = doors[0].end(first.id, RevokeReason::Logout).await;
    assert!(ended.expect("the store ends"));
    for door in doors {
        for _ in 0..20 {
            let loaded = door.load(first.id).await.expect("the store loads");
            assert!(loaded.session.expect("it is there").revoked.is_some());
        }
    }
}

/// Tells the version that each write was acknowledged with.
async fn write<St: SessionStore>(door: Arc<St>, acknowledged: Arc<AtomicU64>) {
    while acknowledged.load(SeqCst) < WRITES {
        let kept = door.load(id(1)).await.expect("the store loads").session;
        let next = rotated(&kept.expect("it is there"), START);
        let swap = door.swap(next.version - 1, &next).await;
        if swap.expect("the store swaps") == Swap::Swapped {
            acknowledged.fetch_max(next.version, SeqCst);
        }
    }
}

async fn read<St: SessionStore>(door: Arc<St>, acknowledged: Arc<AtomicU64>) {
    loop {
        let least = acknowledged.load(SeqCst);
        let kept = door.load(id(1)).await.expect("the store loads").session;
        let version = kept.expect("it is there").version;
        assert!(
            version >= least,
            "{version} is seen, {least} was acknowledged"
        );
        if least >= WRITES {
            return;
        }
        tokio::task::yield_now().await;
    }
}
