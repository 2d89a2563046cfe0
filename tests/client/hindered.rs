//! Token files that cannot be written as others can: in processes of their own, for which the file
//! is a mount point, the disk is full, or the C library fails.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use tempfile::TempDir;
use tests_shared::skipped;
use tower_bearer::clock::{Clock, ManualClock, SystemClock};
use tower_bearer_client::{ClientSession, FileTokenStore, SavedTokens, TokenStore};

use crate::{
    real::{Identity, hyper_client},
    support::LIFETIME,
};

const EBUSY: i32 = 16;
const EXDEV: i32 = 18;
const ENOLCK: i32 = 37;
const EOPNOTSUPP: i32 = 95;

/// More changes to files than a save makes.
const MOST_CHANGES: i32 = 100;

/// What a process that is hindered does; without the environment it is nothing.
#[tokio::test]
async fn child() {
    let Some(file) = env::var_os("TOWER_BEARER_HINDERED").map(PathBuf::from) else {
        return;
    };
    let mut store = FileTokenStore::new(file);
    if env::var_os("TOWER_BEARER_WITHOUT_LOCKS").is_some() {
        store = store.danger_accept_missing_locks();
    }
    match env::var("TOWER_BEARER_SERVER") {
        Ok(server) => refresh(store, &server).await,
        Err(_) => save(&store, "new").await,
    }
}

/// Four refreshes one after the other, as a program makes them that runs for long.
async fn refresh(store: FileTokenStore, server: &str) {
    let clock = ManualClock::new(SystemClock.now());
    let session = ClientSession::builder(format!("{server}/token"), hyper_client());
    let session = session.store(store).clock(clock.clone()).build().unwrap();
    for _ in 0..4 {
        clock.advance(LIFETIME);
        match session.access_token().await {
            Ok(_) => println!("RESULT ok"),
            Err(error) => println!("RESULT {:?}", error.kind()),
        }
    }
    if session.status().unsaved.is_some() {
        println!("RESULT unsaved");
    }
    if env::var_os("TOWER_BEARER_LOGOUT").is_some() {
        println!("RESULT {:?}", session.logout().await);
    }
}

fn tokens(refresh: &str) -> SavedTokens {
    // Of several pages.
    let access = json!({ "token": refresh.repeat(5000), "lifetime_ms": 1, "obtained_at_ms": 1 });
    serde_json::from_value(json!({ "refresh_token": refresh, "access": access })).unwrap()
}

async fn save(store: &FileTokenStore, refresh: &str) {
    let mut lock = store.lock().await.unwrap();
    store.prepare(&mut lock, 65536).await.unwrap();
    store.save(&mut lock, &tokens(refresh)).await.unwrap();
}

/// The refresh token in the file, whose access token is of the same save.
async fn kept(file: &Path) -> String {
    let kept = FileTokenStore::new(file).load().await.unwrap().unwrap();
    let kept = serde_json::to_value(kept).unwrap();
    let refresh = kept["refresh_token"].as_str().unwrap().to_owned();
    assert!(kept["access"]["token"] == refresh.repeat(5000), "a mixture");
    refresh
}

/// A user who is signed in, and the file that says so.
struct World {
    identity: Identity,
    server: String,
    file: PathBuf,
    folder: TempDir,
}

impl World {
    /// The server takes the second use of a refresh token for a theft.
    async fn strict() -> Self {
        Self::with(Identity::strict()).await
    }

    async fn with(identity: Identity) -> Self {
        let server = identity.serve().await;
        let folder = tempfile::tempdir().unwrap();
        let world = Self {
            server,
            file: folder.path().join("tokens.json"),
            folder,
            identity,
        };
        let session = world.session();
        session.sign_in(world.identity.login().await).await.unwrap();
        world
    }

    fn session(&self) -> ClientSession {
        let session = ClientSession::builder(format!("{}/token", self.server), hyper_client());
        let clock = ManualClock::new(SystemClock.now() + LIFETIME * 9);
        let session = session.store(FileTokenStore::new(&self.file)).clock(clock);
        session.build().unwrap()
    }

    /// What the four refreshes of a process came to.
    async fn run(&self, mut process: Command) -> Vec<String> {
        process
            .env("TOWER_BEARER_HINDERED", &self.file)
            .env("TOWER_BEARER_SERVER", &self.server);
        let output = tokio::task::spawn_blocking(move || process.output().unwrap());
        let output = output.await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        let results = said.lines().filter_map(|line| line.split("RESULT ").nth(1));
        results.map(str::to_owned).collect()
    }

    /// Nobody was signed out, and a process that is not hindered goes on.
    async fn is_signed_in(&self) {
        self.session().access_token().await.unwrap();
        let mut names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_str().unwrap().starts_with("tokens"))
            .collect();
        names.sort();
        assert_eq!(names, ["tokens.json", "tokens.json.lock"]);
    }

    fn inode(&self) -> u64 {
        fs::metadata(&self.file).unwrap().ino()
    }
}

const ARGUMENTS: [&str; 3] = ["hindered::child", "--exact", "--nocapture"];

/// This very program as another process, of which only [`child`] is run.
fn process() -> Command {
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(ARGUMENTS);
    process
}

/// The same, started by a shell that does this before, with the file as `$1`.
fn process_after(mut shell: Command, script: &str, file: &Path) -> Command {
    let script = format!(r#"set -e; {script}; shift; exec "$0" "$@""#);
    shell.arg("-c").arg(script);
    shell.arg(env::current_exe().unwrap()).arg(file);
    shell.args(ARGUMENTS);
    shell
}

/// A shell that may mount what nobody else sees, and whose mounts go with it. `None` where that is
/// not permitted, as in most containers.
fn mounting_shell() -> Option<Command> {
    for flags in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
        let shell = || {
            let mut shell = Command::new("unshare");
            shell.args(flags).arg("sh");
            shell
        };
        let tried = shell().args(["-c", "mount -t tmpfs none /tmp"]).output();
        if tried.is_ok_and(|tried| tried.status.success()) {
            return Some(shell());
        }
    }
    eprintln!("nothing may be mounted here; what stands in for it is tested all the same");
    None
}

/// What stands between a process and its C library. `None` without a C compiler.
fn hinder(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("hinder.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/client/hinder.c");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source);
    match compiler.output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => {
            skipped(&format!("no C compiler: {error}"));
            return None;
        }
    }
    Some(library)
}

/// A process whose C library fails like this.
fn hindered(library: &Path, how: &str, errno: i32) -> Command {
    let mut process = process();
    process
        .env("LD_PRELOAD", library)
        .env(how, errno.to_string());
    process
}

/// As a file that is mounted into a container by itself: a rename over it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_replaced_is_written_in_place() {
    for (identity, errno) in [
        (Identity::strict(), EBUSY),
        (Identity::strict(), EXDEV),
        // The patience of this crate's servers is for one lost answer, not for four.
        (Identity::new(), EBUSY),
    ] {
        let world = World::with(identity).await;
        let Some(library) = hinder(world.folder.path()) else {
            return;
        };
        let inode = world.inode();
        for _ in 0..2 {
            let results = world.run(hindered(&library, "HINDER_RENAME", errno)).await;
            assert_eq!(results, ["ok"; 4]);
        }
        assert_eq!(world.inode(), inode);
        let text = fs::read_to_string(&world.file).unwrap();
        assert!(text.ends_with('}'), "no spaces are left: {text:?}");
        world.is_signed_in().await;
        assert_eq!(world.identity.asked(), 9);
    }
}

/// The real thing, where it is permitted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_a_mount_point_keeps_its_session() {
    let world = World::strict().await;
    let inode = world.inode();
    for _ in 0..2 {
        let Some(shell) = mounting_shell() else {
            return;
        };
        let script = r#"mount --bind "$1" "$1""#;
        let results = world.run(process_after(shell, script, &world.file)).await;
        assert_eq!(results, ["ok"; 4]);
    }
    assert_eq!(world.inode(), inode, "it was written in place");
    world.is_signed_in().await;
    assert_eq!(world.identity.asked(), 9);
}

/// The next save goes on where the crash has cut off the last one, and a reader sees one or the
/// other.
#[tokio::test]
async fn a_crash_at_any_point_of_a_save_leaves_the_old_tokens_or_the_new_ones() {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = hinder(folder.path()) else {
        return;
    };
    for errno in [0, EBUSY] {
        let (mut at, mut seen) = (0, Vec::new());
        loop {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("tokens.json");
            save(&FileTokenStore::new(&file), "old").await;
            at += 1;
            assert!(at < MOST_CHANGES, "it comes to an end");
            let mut process = hindered(&library, "HINDER_RENAME", errno);
            process.env("HINDER_CRASH_AT", at.to_string());
            let process = process.env("TOWER_BEARER_HINDERED", &file).output();
            let status = process.unwrap().status;
            let found = kept(&file).await;
            if status.success() {
                assert_eq!(found, "new");
                break;
            }
            assert_eq!(status.code(), Some(99));
            seen.push(found);
            save(&FileTokenStore::new(&file), "newer").await;
            assert_eq!(kept(&file).await, "newer");
        }
        assert!(seen.is_sorted_by_key(|found| found == "new"), "{seen:?}");
        assert!(seen.contains(&"old".to_owned()) && seen.contains(&"new".to_owned()));
    }
}

/// A mount point cannot be removed either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_leaves_no_token_in_a_file_that_cannot_be_removed() {
    let world = World::strict().await;
    let Some(library) = hinder(world.folder.path()) else {
        return;
    };
    let mut stuck = hindered(&library, "HINDER_UNLINK", EBUSY);
    stuck.env("TOWER_BEARER_LOGOUT", "1");
    assert_eq!(world.run(stuck).await.last().unwrap(), "Ok(())");
    assert_eq!(fs::read_to_string(&world.file).unwrap(), "null");
    let status = world.session().load().await.unwrap();
    assert!(!status.is_signed_in());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_presented_where_the_new_tokens_have_no_room() {
    let world = World::strict().await;
    // Eight blocks: the tokens that are there fit in, and not what may come.
    let script = "ulimit -f 8; trap '' XFSZ";
    let limited = process_after(Command::new("sh"), script, &world.file);
    assert_eq!(world.run(limited).await, ["Store"; 4]);
    assert_eq!(world.identity.asked(), 0);
    world.is_signed_in().await;
}

/// As on a memory card, or on some folders that a virtual machine shares with its host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_written_where_every_file_is_everyones() {
    let world = World::strict().await;
    let Some(library) = hinder(world.folder.path()) else {
        return;
    };
    let results = world.run(hindered(&library, "HINDER_MODE", 0o644)).await;
    assert_eq!(results, ["Store"; 4]);
    assert_eq!(world.identity.asked(), 0);
    world.is_signed_in().await;
}

/// The real thing, where it is permitted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_presented_while_the_disk_is_full() {
    let world = World::strict().await;
    let Some(shell) = mounting_shell() else {
        return;
    };
    let script = r#"
        folder=$(dirname "$1"); text=$(cat "$1")
        mount -t tmpfs -o size=128k,mode=700 none "$folder"
        (umask 077; printf %s "$text" > "$1")
        dd if=/dev/zero of="$folder/rest" bs=4k 2>/dev/null || true"#;
    let full = process_after(shell, script, &world.file);
    assert_eq!(world.run(full).await, ["Store"; 4]);
    assert_eq!(world.identity.asked(), 0);
    world.is_signed_in().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_file_system_has_no_locks_nothing_is_presented_unless_that_is_accepted() {
    for errno in [ENOLCK, EOPNOTSUPP] {
        let world = World::strict().await;
        let Some(library) = hinder(world.folder.path()) else {
            return;
        };
        let results = world.run(hindered(&library, "HINDER_FLOCK", errno)).await;
        assert_eq!(results, ["Store"; 4]);
        assert_eq!(world.identity.asked(), 0);
        let mut accepting = hindered(&library, "HINDER_FLOCK", errno);
        accepting.env("TOWER_BEARER_WITHOUT_LOCKS", "1");
        assert_eq!(world.run(accepting).await, ["ok"; 4]);
        world.is_signed_in().await;
    }
}
