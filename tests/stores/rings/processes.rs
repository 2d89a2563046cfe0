//! A file of rings, and several processes that share it, some of which are killed.

use std::{
    env,
    io::{BufRead as _, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use tower_bearer::store::{FileRingStore, RingStore, SealedRing, Swap};

const NAME: &str = "ring";
const FILE: &str = "TOWER_BEARER_RING_FILE";
const UNTIL: &str = "TOWER_BEARER_RING_UNTIL";
/// The version after which a process ends by itself, unless it is to be killed.
const LAST: u64 = 300;

/// A ring whose bytes follow from its version.
fn ring(version: u64) -> SealedRing {
    let length = 1 + version as usize * 997 % 30_000;
    SealedRing::new(version, vec![version as u8; length]).expect("it is short enough")
}

async fn open(file: impl AsRef<Path>) -> FileRingStore {
    let rings = FileRingStore::open(file.as_ref()).await.expect("it opens");
    rings.with_timeout(Duration::from_secs(60))
}

async fn load(rings: &FileRingStore) -> Option<SealedRing> {
    rings.load_ring(NAME).await.expect("it loads").ring
}

/// What the tests start as a process. It swaps, and says what was acknowledged.
#[tokio::test]
async fn a_process_that_swaps() {
    let Some(file) = env::var_os(FILE) else {
        return;
    };
    let until = env::var(UNTIL).expect("it is told until when");
    let until: u64 = until.parse().expect("a version");
    let rings = open(Path::new(&file)).await;
    loop {
        let expected = load(&rings).await.map(|ring| ring.version());
        let version = expected.unwrap_or(0) + 1;
        if version > until {
            return;
        }
        let swap = rings.swap_ring(NAME, expected, &ring(version)).await;
        if swap.expect("it swaps") == Swap::Swapped {
            println!("\nswapped {version}");
        }
    }
}

/// A process that swaps until this version or until it is killed, and the lines that it says.
fn start(file: &Path, until: u64) -> (Child, Lines<BufReader<ChildStdout>>) {
    let test = concat!(module_path!(), "::a_process_that_swaps");
    let test = test
        .strip_prefix("stores::")
        .expect("the name of this suite");
    let mut child = Command::new(env::current_exe().expect("a path"))
        .args(["--exact", test, "--nocapture"])
        .env(FILE, file)
        .env(UNTIL, until.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    (child, lines)
}

/// The versions that a process says were acknowledged.
fn swapped(lines: &mut Lines<BufReader<ChildStdout>>) -> impl Iterator<Item = u64> {
    lines.map_while(Result::ok).filter_map(|line| {
        let version = line.strip_prefix("swapped ")?;
        version.parse().ok()
    })
}

#[tokio::test]
async fn what_was_acknowledged_outlives_kill_9() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.ring");
    let mut last = 0;
    for round in 0..15 {
        let (mut child, mut lines) = start(&file, u64::MAX);
        let until = last + 1 + round % 5;
        last = swapped(&mut lines)
            .find(|version| *version >= until)
            .expect("it swaps until it is killed");
        std::thread::sleep(Duration::from_micros(200 * round));
        child.kill().expect("it is killed");
        child.wait().expect("it is gone");
        last = swapped(&mut lines).last().unwrap_or(last);
        let rings = open(&file).await;
        let kept = load(&rings).await.expect("a ring");
        // One more may have been written, and not told.
        assert!(
            (last..=last + 1).contains(&kept.version()),
            "{last}: {kept:?}"
        );
        assert!(kept == ring(kept.version()), "half of a ring: {kept:?}");
        // Nobody has to free the lock.
        last = kept.version() + 1;
        let swap = rings.swap_ring(NAME, Some(last - 1), &ring(last)).await;
        assert_eq!(swap.expect("it swaps"), Swap::Swapped);
    }
}

#[tokio::test]
async fn of_several_processes_each_version_has_one_author() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.ring");
    let processes: Vec<_> = (0..4).map(|_| start(&file, LAST)).collect();
    let mut all = Vec::new();
    for (mut child, mut lines) in processes {
        all.extend(swapped(&mut lines));
        assert!(child.wait().expect("it ends").success());
    }
    all.sort_unstable();
    assert_eq!(all, (1..=LAST).collect::<Vec<_>>());
    assert_eq!(load(&open(&file).await).await, Some(ring(LAST)));
}
