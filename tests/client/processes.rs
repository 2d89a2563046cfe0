//! Several processes with one file, one session and a real server.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tower_bearer_client::{ClientSession, FileTokenStore, TokenStore, TokenStoreErrorKind};

use crate::real::{Identity, hyper_client};

const PROCESSES: usize = 6;
const ROUNDS: usize = 4;

/// What a process that [`start`] has started does; without the environment it is nothing.
#[tokio::test]
async fn child() {
    let Some(file) = env::var_os("TOWER_BEARER_TOKEN_FILE").map(PathBuf::from) else {
        return;
    };
    match env::var("TOWER_BEARER_TOKEN_SERVER") {
        Ok(server) => refresh(&file, &server).await,
        Err(_) => hold(&file).await,
    }
}

/// As a program that is started for each call, and whose token is refused.
async fn refresh(file: &Path, server: &str) {
    for _ in 0..ROUNDS {
        let session = ClientSession::builder(format!("{server}/token"), hyper_client());
        let session = session.store(FileTokenStore::new(file)).build().unwrap();
        let token = session.access_token().await.unwrap();
        session.access_token_after(&token).await.unwrap();
    }
}

/// Takes the lock and hangs, until it is killed or nobody reads what it says any more.
async fn hold(file: &Path) {
    let _held = FileTokenStore::new(file).lock().await.unwrap();
    println!("held");
    let mut rest = String::new();
    std::io::stdin().read_to_string(&mut rest).unwrap();
}

/// Killed with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This very program as another process, of which only [`child`] is run.
fn start(file: &Path, server: Option<&str>) -> Process {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["processes::child", "--exact", "--nocapture"])
        .env("TOWER_BEARER_TOKEN_FILE", file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(server) = server {
        command.env("TOWER_BEARER_TOKEN_SERVER", server);
    }
    Process(command.spawn().unwrap())
}

/// The server has no patience: a refresh token that comes twice ends the session. Six processes
/// want new tokens at once, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_share_a_session_without_burning_its_token() {
    let identity = Identity::strict();
    let server = identity.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let store = FileTokenStore::new(&file);
    let session = ClientSession::builder(format!("{server}/token"), hyper_client());
    let session = session.store(store).build().unwrap();
    session.sign_in(identity.login().await).await.unwrap();

    let children: Vec<_> = (0..PROCESSES)
        .map(|_| start(&file, Some(&server)))
        .collect();
    for mut child in children {
        let ended = tokio::task::spawn_blocking(move || child.0.wait()).await;
        assert!(
            ended.unwrap().unwrap().success(),
            "a process was signed out"
        );
    }
    // Each round of a process takes over what another one has made, or makes new ones.
    let refreshes = identity.asked();
    assert!(
        (ROUNDS..=PROCESSES * ROUNDS).contains(&refreshes),
        "{refreshes}"
    );
    session.access_token().await.unwrap();
}

/// A process that dies holds nobody up.
#[tokio::test]
async fn the_lock_of_a_killed_process_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let mut holder = start(&file, None);
    let mut said = BufReader::new(holder.0.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("held")));

    let store = FileTokenStore::new(&file);
    let impatient = store.clone().lock_timeout(Duration::from_millis(200));
    let error = impatient.lock().await.unwrap_err();
    assert_eq!(error.kind(), TokenStoreErrorKind::Busy);
    let waiting = tokio::spawn(async move { store.lock().await });
    drop(holder);
    waiting.await.unwrap().unwrap();
}
