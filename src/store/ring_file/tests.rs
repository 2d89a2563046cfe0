use std::{
    fs::{self, File},
    path::Path,
};

use tempfile::TempDir;

use super::*;
use crate::clock::{ManualClock, Timestamp};

const SHORT: Duration = Duration::from_millis(50);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn open(folder: &Path) -> FileRingStore {
    FileRingStore::open(folder.join("keys.ring")).await.unwrap()
}

fn ring(version: u64) -> SealedRing {
    SealedRing::new(version, version.to_be_bytes()).unwrap()
}

async fn swap(rings: &FileRingStore, version: u64) -> Result<Swap, StoreError> {
    let expected = version.checked_sub(1).filter(|expected| *expected > 0);
    rings.swap_ring("access", expected, &ring(version)).await
}

async fn version(rings: &FileRingStore) -> Option<u64> {
    let loaded = rings.load_ring("access").await.unwrap();
    loaded.ring.map(|ring| ring.version())
}

/// The reason of an error, which no reader sees in its message.
fn why(error: &StoreError) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

async fn refused(path: impl Into<PathBuf>) -> (OpenErrorKind, String) {
    let error = FileRingStore::open(path).await.unwrap_err();
    let told = error.to_string();
    let why =
        told.strip_prefix("the store cannot be opened: the file of key rings cannot be used: ");
    (error.kind(), why.unwrap().to_owned())
}

#[tokio::test]
async fn what_was_written_is_there_for_the_next_process() {
    let folder = folder();
    let first = open(folder.path()).await;
    assert_eq!(version(&first).await, None);
    assert_eq!(swap(&first, 1).await.unwrap(), Swap::Swapped);
    let second = open(folder.path()).await;
    assert_eq!(version(&second).await, Some(1));
    assert_eq!(swap(&second, 2).await.unwrap(), Swap::Swapped);
    assert_eq!(swap(&first, 2).await.unwrap(), Swap::Lost);
    assert_eq!(version(&first).await, Some(2));
}

#[tokio::test]
async fn the_time_is_that_of_the_clock() {
    let folder = folder();
    let clock = ManualClock::new(Timestamp::from_secs(1_000));
    let rings = open(folder.path()).await.with_clock(clock.clone());
    clock.advance(Duration::from_secs(5));
    let loaded = rings.load_ring("access").await.unwrap();
    assert_eq!(loaded.now, Timestamp::from_secs(1_005));
}

#[cfg(unix)]
#[tokio::test]
async fn its_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder();
    let rings = open(folder.path()).await;
    assert_eq!(swap(&rings, 1).await.unwrap(), Swap::Swapped);
    let files = fs::read_dir(folder.path()).unwrap().map(|file| {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        (file.file_name().into_string().unwrap(), mode)
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    let both = ["keys.ring", "keys.ring.lock"].map(|name| (name.to_owned(), 0o600));
    assert_eq!(files, both);
}

#[tokio::test]
async fn what_a_killed_process_has_left_is_in_nobodys_way() {
    let folder = folder();
    let next = folder.path().join("keys.ring.new");
    let rings = open(folder.path()).await;
    assert_eq!(swap(&rings, 1).await.unwrap(), Swap::Swapped);
    fs::write(&next, "half").unwrap();
    assert_eq!(version(&rings).await, Some(1));
    assert_eq!(swap(&rings, 2).await.unwrap(), Swap::Swapped);
    assert!(!next.exists());
    fs::write(&next, "half").unwrap();
    assert_eq!(version(&open(folder.path()).await).await, Some(2));
    assert!(!next.exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_one_error_and_stays_as_it_is() {
    let folder = folder();
    let file = folder.path().join("keys.ring");
    let rings = open(folder.path()).await;
    assert_eq!(swap(&rings, 1).await.unwrap(), Swap::Swapped);
    let good = fs::read(&file).unwrap();
    let mut newer = good.clone();
    newer[23] += 1;
    let damaged = "it is damaged or not whole: put a copy of it back";
    let large = vec![b'x'; format::LARGEST + 1];
    for (bytes, told) in [
        (good[..good.len() - 1].to_vec(), damaged),
        (Vec::new(), damaged),
        (newer, "it was written by a newer version of this crate"),
        (b"-----BEGIN".to_vec(), "it is no file of key rings"),
        (large, "it is no file of key rings"),
    ] {
        fs::write(&file, &bytes).unwrap();
        let load = rings.load_ring("access").await.unwrap_err();
        assert_eq!(
            (load.kind(), why(&load).as_str()),
            (StoreErrorKind::Corrupt, told)
        );
        for version in [1, 2] {
            let swap = swap(&rings, version).await.unwrap_err();
            assert_eq!(
                (swap.kind(), why(&swap).as_str()),
                (StoreErrorKind::Corrupt, told)
            );
        }
        assert_eq!(
            refused(&file).await,
            (OpenErrorKind::Unsuitable, told.to_owned())
        );
        assert!(fs::read(&file).unwrap() == bytes);
    }
    fs::write(&file, &good).unwrap();
    assert_eq!(version(&rings).await, Some(1));
}

#[tokio::test]
async fn what_is_no_plain_file_is_refused() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("file"), "").unwrap();
    let address = |why: &str| (OpenErrorKind::Address, why.to_owned());
    let missing = || address("its folder is missing");
    let a_folder = || address("it is a folder, and not a file");
    assert_eq!(refused(at("folder")).await, a_folder());
    assert_eq!(refused("/").await, a_folder());
    assert_eq!(refused(at("none/keys.ring")).await, missing());
    assert_eq!(refused(at("file/keys.ring")).await, missing());
    assert_eq!(refused("").await, address("it is no path of a file"));
    assert_eq!(refused(at("a\0b")).await, address("it cannot be read"));
    assert!(!at("none").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_pipes_are_refused() {
    use std::os::unix::{fs::symlink, net::UnixListener};

    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let rings = open(folder.path()).await;
    assert_eq!(swap(&rings, 1).await.unwrap(), Swap::Swapped);
    symlink(at("keys.ring"), at("link")).unwrap();
    symlink(at("nowhere"), at("broken")).unwrap();
    symlink(at("elsewhere"), at("locked.lock")).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let link = "it or its lock is a symbolic link: name the file that it leads to";
    for name in ["link", "broken", "locked"] {
        assert_eq!(
            refused(at(name)).await,
            (OpenErrorKind::Address, link.to_owned())
        );
    }
    let special = "it or its lock is no plain file".to_owned();
    assert_eq!(
        refused(at("socket")).await,
        (OpenErrorKind::Address, special)
    );
    assert!(!at("elsewhere").exists());

    // Also when it becomes one later.
    fs::rename(at("keys.ring"), at("moved")).unwrap();
    symlink(at("moved"), at("keys.ring")).unwrap();
    let error = swap(&rings, 2).await.unwrap_err();
    assert_eq!(
        (error.kind(), why(&error).as_str()),
        (StoreErrorKind::Unavailable, link)
    );
    assert!(at("keys.ring").is_symlink());
}

#[tokio::test]
async fn a_folder_that_is_gone_is_no_empty_one() {
    let folder = folder();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let rings = open(&inner).await;
    assert_eq!(swap(&rings, 1).await.unwrap(), Swap::Swapped);
    fs::rename(&inner, folder.path().join("moved")).unwrap();
    for error in [
        rings.load_ring("access").await.map(drop).unwrap_err(),
        swap(&rings, 1).await.map(drop).unwrap_err(),
    ] {
        let told = (error.kind(), why(&error));
        assert_eq!(
            told,
            (
                StoreErrorKind::Unavailable,
                "its folder is missing".to_owned()
            )
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_missing_right_is_told() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder();
    let rings = open(folder.path()).await;
    assert_eq!(swap(&rings, 1).await.unwrap(), Swap::Swapped);
    let file = folder.path().join("keys.ring");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    // Nothing is forbidden to root.
    if File::open(&file).is_ok() {
        return;
    }
    let told = (OpenErrorKind::Refused, "it cannot be read".to_owned());
    assert_eq!(refused(&file).await, told);
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for_but_not_for_ever() {
    let folder = folder();
    let rings = open(folder.path()).await;
    assert_eq!(swap(&rings, 1).await.unwrap(), Swap::Swapped);
    let lock = File::open(folder.path().join("keys.ring.lock")).unwrap();
    lock.lock().unwrap();
    let impatient = rings.clone().with_timeout(SHORT);
    let error = swap(&impatient, 2).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    // A load waits for nobody.
    assert_eq!(version(&rings).await, Some(1));

    let waiting = tokio::spawn({
        let rings = rings.clone();
        async move { swap(&rings, 2).await }
    });
    let error = swap(&impatient, 2).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    drop(lock);
    assert_eq!(waiting.await.unwrap().unwrap(), Swap::Swapped);
    assert_eq!(version(&rings).await, Some(2));
}

#[cfg(unix)]
#[tokio::test]
async fn a_lock_that_somebody_has_removed_is_none() {
    let folder = folder();
    let rings = open(folder.path()).await;
    let path = folder.path().join("keys.ring.lock");
    let removed = File::open(&path).unwrap();
    removed.lock().unwrap();
    let waiting = tokio::spawn({
        let rings = rings.clone();
        async move { swap(&rings, 1).await }
    });
    fs::remove_file(&path).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), Swap::Swapped);
    // And this is the one that others see.
    assert!(path.exists());
}

#[tokio::test]
async fn names_and_files_have_a_longest() {
    let folder = folder();
    let rings = open(folder.path()).await;
    for name in ["", &"n".repeat(SealedRing::LONGEST_NAME + 1)] {
        let error = rings.swap_ring(name, None, &ring(1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unstorable);
        assert!(rings.load_ring(name).await.unwrap().ring.is_none());
    }
    let large = SealedRing::new(1, vec![1; SealedRing::LONGEST]).unwrap();
    let mut kept = 0;
    let error = loop {
        match rings.swap_ring(&kept.to_string(), None, &large).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), kept), (StoreErrorKind::Unstorable, 15));
    let last = rings.load_ring("14").await.unwrap().ring;
    assert_eq!(last, Some(large));
}
