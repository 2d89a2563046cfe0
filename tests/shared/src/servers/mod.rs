//! Real servers, from the programs on this machine: on loopback, on free ports, in temporary
//! directories, and stopped by the test that started them.

mod clock;
pub mod galera;
pub mod mariadb;
pub mod pgbouncer;
pub mod postgres;
mod process;
pub mod proxy;
pub mod redis;
pub mod redis_cluster;
pub mod sentinel;

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

pub use clock::ServerClock;
pub use process::Process;
use tempfile::TempDir;

/// The program of that name: from the `PATH`, or else from one of `folders`.
pub fn program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(folders.iter().cloned())
        // A link from elsewhere: the programs that belong to it are where it leads.
        .filter_map(|folder| folder.join(name).canonicalize().ok())
        .find(|file| file.is_file())
}

/// A port of the loopback interface that was free a moment ago. Whoever takes it has to be ready
/// for somebody else to have been faster.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A temporary directory for a server, and the user who is to run it: another than root.
pub struct Home {
    directory: TempDir,
    user: Option<User>,
}

#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Home {
    /// For the first of `users` that there is, where root runs the tests.
    pub fn new(users: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let owner = directory.path().metadata().expect("its metadata").uid();
        let user = (owner == 0).then(|| User::first(users));
        let home = Self { directory, user };
        home.give(home.path());
        home
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A command that runs in the directory as its user, with nothing of the tests' environment.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env_clear();
        command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes a file or directory the user's.
    pub fn give(&self, path: &Path) {
        if let Some(User { uid, gid }) = self.user {
            chown(path, Some(uid), Some(gid)).expect("root may give it away");
        }
    }
}

impl User {
    fn first(names: &[&str]) -> Self {
        let users = fs::read_to_string("/etc/passwd").expect("the list of users");
        let named = |name: &&str| {
            let mut fields = users
                .lines()
                .map(|line| line.split(':'))
                .find(|fields| fields.clone().next() == Some(name))?;
            let uid = fields.nth(2)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { uid, gid })
        };
        names.iter().find_map(named).expect("a user for the server")
    }
}
