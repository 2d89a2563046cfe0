//! The file that tokens are kept in.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, timeout};
use tower_bearer_client::{FileTokenStore, SavedTokens, TokenStore, TokenStoreErrorKind};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/tokens.json");
    (folder, path)
}

fn tokens(refresh: &str) -> SavedTokens {
    let access = json!({ "token": "a", "lifetime_ms": 1000, "obtained_at_ms": 1000 });
    let tokens = json!({ "refresh_token": refresh, "access": access, "scope": "read" });
    serde_json::from_value(tokens).unwrap()
}

async fn save(store: &FileTokenStore, refresh: &str) {
    let mut lock = store.lock().await.unwrap();
    store.save(&mut lock, &tokens(refresh)).await.unwrap();
}

async fn kept(store: &FileTokenStore) -> Option<String> {
    let tokens = serde_json::to_value(store.load().await.unwrap()?).unwrap();
    Some(tokens["refresh_token"].as_str().unwrap().to_owned())
}

async fn fails(path: &Path, kind: TokenStoreErrorKind) -> String {
    let error = FileTokenStore::new(path).load().await.unwrap_err();
    assert_eq!(error.kind(), kind);
    format!("{error} {error:?}")
}

#[tokio::test]
async fn what_is_saved_is_loaded() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    assert_eq!(kept(&store).await, None);
    for refresh in ["one", "two"] {
        save(&store, refresh).await;
        assert_eq!(
            kept(&FileTokenStore::new(&path)).await.as_deref(),
            Some(refresh)
        );
    }
    store.clear().await.unwrap();
    assert_eq!(kept(&store).await, None);
    store.clear().await.unwrap();
}

/// What a program shows that returns the error from `main`.
#[cfg(unix)]
#[tokio::test]
async fn an_error_tells_which_file_and_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    save(&FileTokenStore::new(&path), "one").await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let shown = fails(&path, TokenStoreErrorKind::Exposed).await;
    assert!(shown.contains("chmod 600"), "{shown}");
    assert!(shown.contains(path.to_str().unwrap()), "{shown}");
}

/// Whoever gives up a save half way, its work goes on, and nobody else has the lock until it is done.
#[tokio::test]
async fn a_save_that_is_not_waited_for_keeps_the_lock() {
    let (_folder, path) = folder();
    for number in 0..20 {
        let refresh = number.to_string();
        let store = FileTokenStore::new(&path);
        let mut lock = store.lock().await.unwrap();
        let tokens = tokens(&refresh);
        // It is polled once.
        let _ = timeout(Duration::ZERO, store.save(&mut lock, &tokens)).await;
        drop(lock);
        let other = FileTokenStore::new(&path);
        let _lock = other.lock().await.unwrap();
        assert_eq!(kept(&other).await, Some(refresh));
    }
}

/// By a program that removes temporary files, for example.
#[tokio::test]
async fn what_was_prepared_is_saved_even_if_it_is_gone() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    save(&store, "one").await;
    let mut lock = store.lock().await.unwrap();
    store.prepare(&mut lock, 10_000).await.unwrap();
    fs::remove_file(path.with_file_name("tokens.json.tmp")).unwrap();
    // It would change if the file were written in place, without the temporary file.
    let before = fs::File::open(&path).unwrap();
    store.save(&mut lock, &tokens("two")).await.unwrap();
    assert_eq!(kept(&store).await.as_deref(), Some("two"));
    let before = std::io::read_to_string(before).unwrap();
    assert!(before.contains("one"), "{before}");
}

/// As a crash leaves them.
#[tokio::test]
async fn a_logout_leaves_no_tokens_in_the_temporary_file() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    let temporary = path.with_file_name("tokens.json.tmp");
    for is_signed_in in [true, false] {
        save(&store, "one").await;
        fs::copy(&path, &temporary).unwrap();
        if !is_signed_in {
            fs::remove_file(&path).unwrap();
        }
        store.clear().await.unwrap();
        assert!(!temporary.exists());
        assert_eq!(kept(&store).await, None);
    }
}

/// The token file is broken, as a crash leaves it, and the temporary file may hold the only tokens.
#[cfg(unix)]
#[tokio::test]
async fn what_cannot_be_read_now_is_not_thrown_away() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    save(&store, "one").await;
    fs::write(&path, "#").unwrap();
    let temporary = path.with_file_name("tokens.json.tmp");
    std::os::unix::fs::symlink(&temporary, &temporary).unwrap();
    let mut lock = store.lock().await.unwrap();
    for _ in 0..2 {
        assert!(store.prepare(&mut lock, 100).await.is_err());
        assert!(store.save(&mut lock, &tokens("two")).await.is_err());
        assert!(fs::symlink_metadata(&temporary).is_ok());
    }
}

/// Before anybody has signed in too.
#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_found_before_the_save() {
    let (_folder, path) = folder();
    fs::create_dir_all(&path).unwrap();
    let store = FileTokenStore::new(&path);
    let mut lock = store.lock().await.unwrap();
    let error = store.prepare(&mut lock, 100).await.unwrap_err();
    assert_eq!(error.kind(), TokenStoreErrorKind::Unavailable);
}

/// Nothing but the file and its lock is left, whatever lay in the way.
#[tokio::test]
async fn no_temporary_file_is_left() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    save(&store, "one").await;
    fs::write(path.with_file_name("tokens.json.tmp"), "of a crash").unwrap();
    save(&store, "two").await;
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["tokens.json", "tokens.json.lock"]);
}

#[tokio::test]
async fn what_is_no_tokens_is_corrupt_and_not_quoted() {
    let (_folder, path) = folder();
    save(&FileTokenStore::new(&path), "one").await;
    for text in [
        "",
        "{",
        r#"{"refresh_token":["s3cret"]}"#,
        r#"{"refresh_token":"r","access":"s3cret"}"#,
        r#"{"access":{"token":"s3cret","lifetime_ms":1,"obtained_at_ms":1}}"#,
        &" ".repeat(300 * 1024),
    ] {
        fs::write(&path, text).unwrap();
        let shown = fails(&path, TokenStoreErrorKind::Corrupt).await;
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[tokio::test]
async fn one_holds_the_lock() {
    let (_folder, path) = folder();
    let store = move || FileTokenStore::new(&path).lock_timeout(Duration::from_millis(300));
    let held = store().lock().await.unwrap();
    let start = Instant::now();
    let error = store().lock().await.unwrap_err();
    assert_eq!(error.kind(), TokenStoreErrorKind::Busy);
    assert!(start.elapsed() >= Duration::from_millis(300));
    let waiting = tokio::spawn(async move { store().lock().await });
    drop(held);
    waiting.await.unwrap().unwrap();
}

/// A slow disk is no other process.
#[tokio::test]
async fn a_free_lock_is_taken_without_any_patience() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path).lock_timeout(Duration::ZERO);
    for _ in 0..20 {
        let held = store.lock().await.unwrap();
        let error = store.lock().await.unwrap_err();
        assert_eq!(error.kind(), TokenStoreErrorKind::Busy);
        drop(held);
    }
}

/// Whoever gives up leaves no thread behind that takes the lock one day.
#[tokio::test]
async fn a_lock_that_was_given_up_is_not_taken() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    let held = store.lock().await.unwrap();
    let given_up = timeout(Duration::from_millis(50), store.lock()).await;
    assert!(given_up.is_err());
    drop(held);
    let other = FileTokenStore::new(&path).lock_timeout(Duration::from_secs(60));
    other.lock().await.unwrap();
}

#[tokio::test]
async fn a_place_that_cannot_be_written_says_so() {
    let (_folder, path) = folder();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let below_a_file = path.with_file_name("file").join("tokens.json");
    fs::write(path.with_file_name("file"), "").unwrap();
    let store = FileTokenStore::new(below_a_file);
    let error = store.lock().await.unwrap_err();
    assert_eq!(error.kind(), TokenStoreErrorKind::Unavailable);
    assert!(std::error::Error::source(&error).is_some());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn all_is_the_owners_only() {
        let (_folder, path) = folder();
        save(&FileTokenStore::new(&path), "one").await;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&path.with_file_name("tokens.json.lock")), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[tokio::test]
    async fn a_file_that_others_can_use_is_not_used() {
        let (_folder, path) = folder();
        save(&FileTokenStore::new(&path), "one").await;
        for open in [0o644, 0o640, 0o604, 0o620, 0o602, 0o601, 0o666] {
            set_mode(&path, open);
            fails(&path, TokenStoreErrorKind::Exposed).await;
            let store = FileTokenStore::new(&path).danger_accept_exposed_file();
            assert_eq!(kept(&store).await.as_deref(), Some("one"));
        }
        // The next save mends it.
        save(&FileTokenStore::new(&path), "two").await;
        assert_eq!(mode(&path), 0o600);
    }

    /// Each save is another file: a reader that has the old one open sees it whole.
    #[tokio::test]
    async fn a_save_replaces_the_file() {
        let (_folder, path) = folder();
        let store = FileTokenStore::new(&path);
        save(&store, "one").await;
        let before = fs::metadata(&path).unwrap().ino();
        save(&store, "two").await;
        assert_ne!(fs::metadata(&path).unwrap().ino(), before);
    }

    /// A pipe is not waited for, and a lock is not made elsewhere.
    #[tokio::test]
    async fn what_is_no_plain_file_is_not_opened() {
        let (_folder, path) = folder();
        let store = FileTokenStore::new(&path);
        save(&store, "one").await;
        let lock = path.with_file_name("tokens.json.lock");
        let elsewhere = path.with_file_name("elsewhere");
        for path in [&path, &lock] {
            fs::remove_file(path).unwrap();
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
            // So that no thread is left waiting where the pipe is opened all the same.
            let mut both_ends = fs::OpenOptions::new();
            let other_end = both_ends.read(true).write(true).open(path).unwrap();
            set_mode(path, 0o600);
            let patience = Duration::from_secs(60);
            let error = match path == &lock {
                true => timeout(patience, store.lock()).await.map(Result::err),
                false => timeout(patience, store.load()).await.map(Result::err),
            };
            drop(other_end);
            let error = error.expect("an end").expect("an error");
            assert_eq!(error.kind(), TokenStoreErrorKind::Unavailable);
        }
        fs::remove_file(&lock).unwrap();
        symlink(&elsewhere, &lock).unwrap();
        assert!(store.lock().await.is_err());
        assert!(!elsewhere.exists());
    }

    /// What somebody has put in the place of the temporary file is not written to.
    #[tokio::test]
    async fn a_link_in_the_way_is_not_followed() {
        let (_folder, path) = folder();
        let store = FileTokenStore::new(&path);
        save(&store, "one").await;
        let victim = path.with_file_name("victim");
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, path.with_file_name("tokens.json.tmp")).unwrap();
        save(&store, "two").await;
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert_eq!(kept(&store).await.as_deref(), Some("two"));
    }

    /// Two names, one file, one lock: a session that one refreshes, the other finds refreshed.
    #[tokio::test]
    async fn a_link_and_what_it_leads_to_are_one_session() {
        let (folder, path) = folder();
        let store = FileTokenStore::new(&path);
        save(&store, "one").await;
        let link = folder.path().join("link.json");
        symlink("deep/er/tokens.json", &link).unwrap();
        symlink("link.json", folder.path().join("again.json")).unwrap();
        symlink("deep", folder.path().join("shallow")).unwrap();
        for (number, name) in [
            "link.json",
            "again.json",
            "shallow/er/tokens.json",
            "shallow/../link.json",
        ]
        .into_iter()
        .enumerate()
        {
            let other = FileTokenStore::new(folder.path().join(name));
            let other = other.lock_timeout(Duration::from_millis(100));
            let held = store.lock().await.unwrap();
            let error = other.lock().await.unwrap_err();
            assert_eq!(error.kind(), TokenStoreErrorKind::Busy, "{name}");
            drop(held);
            save(&other, &number.to_string()).await;
            assert_eq!(kept(&store).await, Some(number.to_string()), "{name}");
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
        let linked = FileTokenStore::new(&link);
        linked.clear().await.unwrap();
        assert_eq!(kept(&store).await, None);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    /// Where a link leads to may be made later, and a session stays where it has begun.
    #[tokio::test]
    async fn a_link_is_followed_once() {
        let (folder, path) = folder();
        let link = folder.path().join("link.json");
        symlink(&path, &link).unwrap();
        let store = FileTokenStore::new(&link);
        assert_eq!(kept(&store).await, None);
        save(&store, "one").await;
        assert_eq!(
            kept(&FileTokenStore::new(&path)).await.as_deref(),
            Some("one")
        );
        fs::remove_file(&link).unwrap();
        symlink(folder.path().join("other.json"), &link).unwrap();
        save(&store, "two").await;
        assert_eq!(
            kept(&FileTokenStore::new(&path)).await.as_deref(),
            Some("two")
        );
        assert!(!folder.path().join("other.json").exists());
    }

    #[tokio::test]
    async fn a_circle_of_links_is_an_error() {
        let (folder, _) = folder();
        for (from, to) in [("a", "b"), ("b", "a")] {
            symlink(folder.path().join(to), folder.path().join(from)).unwrap();
        }
        let store = FileTokenStore::new(folder.path().join("a"));
        for error in [store.load().await.err(), store.lock().await.err()] {
            assert_eq!(error.unwrap().kind(), TokenStoreErrorKind::Unavailable);
        }
    }

    /// It would take the permissions off by which the exposed file is known.
    #[tokio::test]
    async fn a_file_that_others_can_use_is_not_made_private_before_a_save() {
        let (_folder, path) = folder();
        let store = FileTokenStore::new(&path).danger_accept_exposed_file();
        save(&store, "one").await;
        set_mode(&path, 0o644);
        let mut lock = store.lock().await.unwrap();
        store.prepare(&mut lock, 100).await.unwrap();
        drop(lock);
        assert_eq!(mode(&path), 0o644);
        fails(&path, TokenStoreErrorKind::Exposed).await;
    }
}

/// Neither what is there nor what is not.
#[tokio::test]
async fn what_was_prepared_and_not_saved_leaves_nothing() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    let mut lock = store.lock().await.unwrap();
    store.prepare(&mut lock, 10_000).await.unwrap();
    assert_eq!(kept(&store).await, None);
    drop(lock);
    assert_eq!(kept(&store).await, None);
    save(&store, "one").await;
    let before = fs::read(&path).unwrap();
    let mut lock = store.lock().await.unwrap();
    store.prepare(&mut lock, 10_000).await.unwrap();
    store.prepare(&mut lock, 20_000).await.unwrap();
    assert_eq!(kept(&store).await.as_deref(), Some("one"));
    drop(lock);
    assert_eq!(fs::read(&path).unwrap(), before);
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["tokens.json", "tokens.json.lock"]);
}

/// What could not be read again is not written.
#[tokio::test]
async fn there_is_no_room_for_what_is_too_large_to_be_read() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    save(&store, "one").await;
    let mut lock = store.lock().await.unwrap();
    let large = 4 * 1024 * 1024;
    assert!(store.prepare(&mut lock, large + 1).await.is_err());
    let too_large = tokens(&"r".repeat(large));
    assert!(store.save(&mut lock, &too_large).await.is_err());
    assert_eq!(kept(&store).await.as_deref(), Some("one"));
}

/// What was written where the file cannot be removed.
#[tokio::test]
async fn null_is_that_there_are_no_tokens() {
    let (_folder, path) = folder();
    let store = FileTokenStore::new(&path);
    save(&store, "one").await;
    fs::write(&path, "null").unwrap();
    assert_eq!(kept(&store).await, None);
    save(&store, "two").await;
    assert_eq!(kept(&store).await.as_deref(), Some("two"));
}
