//! MariaDB, from the binaries on this machine.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tokio::time::sleep;

use super::{Home, Process, ServerClock, free_port, program};
use crate::skipped;

/// A running server with an empty database. Only this machine reaches it. It writes a binary log.
pub struct MariaDb {
    process: Process,
    port: u16,
    pub(super) install: Install,
}

/// All that stays when the server is not running.
pub(super) struct Install {
    server: PathBuf,
    pub(super) home: Home,
    settings: Vec<String>,
    pub(super) clock: Option<Arc<ServerClock>>,
    /// Where the server finds programs of the test's.
    pub(super) programs: Option<PathBuf>,
}

/// What a server's data were when it was made.
pub struct Copy(&'static str);

/// Who runs it where root runs the tests.
const USERS: [&str; 2] = ["mysql", "nobody"];

/// Small and quick. A write that was acknowledged outlives the server's process, since the operating system
/// has it, but not the machine.
const SETTINGS: [&str; 8] = [
    "--bind-address=127.0.0.1",
    "--socket=",
    "--skip-name-resolve",
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=2",
    "--max-connections=200",
    "--log-bin=bin",
];

/// What the store's user needs. It may not write to a server that is read-only.
pub(super) const SET_UP: &str = "CREATE DATABASE app; CREATE USER app; GRANT ALL ON app.* TO app";

impl MariaDb {
    /// A server, where MariaDB is installed.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// A server that syncs each commit to the disk.
    pub async fn durable() -> Option<Self> {
        Self::start_with(&["--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"]).await
    }

    /// A server with these settings too.
    pub async fn start_with(settings: &[&str]) -> Option<Self> {
        Self::make(settings, &[]).await
    }

    /// A server whose pages have this size.
    pub async fn with_pages(size: &str) -> Option<Self> {
        let size = format!("--innodb-page-size={size}");
        Self::make(&[&size], &[&size]).await
    }

    /// A server that syncs each commit to the disk, and keeps all tables in one file of this size.
    pub async fn of_size(size: &str) -> Option<Self> {
        let file = format!("--innodb-data-file-path=ibdata1:{size}");
        let settings = [&file, "--innodb-file-per-table=0", "--sync-binlog=1"];
        Self::make(&settings, &[&file]).await
    }

    /// Takes all the room that there is.
    pub async fn fill(&self) {
        self.run("CREATE TABLE app.filler (piece LONGBLOB NOT NULL)")
            .await;
        let mut connection = self.connection().await;
        for bytes in [1 << 20, 64 << 10, 4 << 10] {
            let piece = format!("INSERT INTO app.filler VALUES (REPEAT('x', {bytes}))");
            let mut fits = true;
            while fits {
                let insert = sqlx::raw_sql(AssertSqlSafe(piece.clone()));
                fits = insert.execute(&mut connection).await.is_ok();
            }
        }
    }

    /// Gives a server that is full another file. (It has no room left to drop a table.)
    pub async fn make_room(&mut self) {
        self.stop();
        let settings = &mut self.install.settings;
        for file in settings.iter_mut().filter(|one| one.contains("ibdata1")) {
            file.push_str(";ibdata2:8M:autoextend");
        }
        self.restart().await;
    }

    async fn make(settings: &[&str], of_files: &[&str]) -> Option<Self> {
        let install = Install::make(settings, of_files)?;
        let server = Self::serve(install).await;
        server.run(SET_UP).await;
        Some(server)
    }

    /// A server that follows this one. It takes no writes.
    pub async fn replica(&self) -> Self {
        self.pause();
        let install = self.install.copied(&["--server-id=2".to_owned()]);
        self.resume();
        let replica = Self::serve(install).await;
        let port = self.port;
        replica
            .run(&format!(
                "SET GLOBAL read_only = 1;
                SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos;
                CHANGE MASTER TO master_host = '127.0.0.1', master_port = {port},
                    master_user = 'root', master_use_gtid = slave_pos, master_connect_retry = 1;
                START SLAVE"
            ))
            .await;
        replica
    }

    /// Makes a replica the primary, once it has applied what it has received.
    pub async fn promote(&self) {
        self.run(
            "STOP SLAVE IO_THREAD;
            SELECT MASTER_GTID_WAIT(@@gtid_slave_pos, 10);
            STOP SLAVE; RESET SLAVE ALL;
            SET GLOBAL read_only = 0",
        )
        .await;
    }

    pub(super) async fn serve(install: Install) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let mut process = Process::start(&mut install.command(port));
            if install.is_ready(&mut process, port).await {
                return Self {
                    process,
                    port,
                    install,
                };
            }
        }
        panic!("MariaDB does not start:\n{}", install.log());
    }

    /// Where the server is, and its database, for a user that owns the database.
    pub fn url(&self) -> String {
        format!("mysql://app@127.0.0.1:{}/app", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection of the superuser's.
    pub async fn connection(&self) -> MySqlConnection {
        let connection = MySqlConnection::connect(&root(self.port)).await;
        connection.expect("it connects")
    }

    /// Runs statements as the superuser.
    pub async fn run(&self, sql: &str) {
        let mut connection = self.connection().await;
        let run = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        run.execute(&mut connection).await.expect("it runs");
    }

    /// A hand on the server's clock, where libfaketime is installed.
    pub fn clock(&self) -> Option<&ServerClock> {
        if self.install.clock.is_none() {
            skipped("libfaketime is not installed");
        }
        self.install.clock.as_deref()
    }

    pub fn kill9(&mut self) {
        self.process.kill();
    }

    /// Answers nobody until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.process.signal("STOP");
    }

    pub fn resume(&self) {
        self.process.signal("CONT");
    }

    /// Stops as an administrator would.
    pub fn stop(&mut self) {
        self.process.signal("TERM");
        self.process.wait();
    }

    /// Starts again, on the same port, after [`kill9`](Self::kill9) or [`stop`](Self::stop).
    pub async fn restart(&mut self) {
        self.process = Process::start(&mut self.install.command(self.port));
        self.wait().await;
    }

    /// Waits until the server serves.
    pub(super) async fn wait(&mut self) {
        let ready = self.install.is_ready(&mut self.process, self.port).await;
        assert!(
            ready,
            "MariaDB does not start again:\n{}",
            self.install.log()
        );
    }

    /// Makes a copy of the data while the server runs: of one moment, as a power cut would leave it.
    pub fn back_up(&self, name: &'static str) -> Copy {
        self.pause();
        self.install.copy("data", Path::new(name));
        self.resume();
        Copy(name)
    }

    /// Puts a copy in the place of the data, of a server that has ended.
    pub fn restore(&mut self, copy: &Copy) {
        let data = self.install.home.path().join("data");
        fs::remove_dir_all(data).expect("removable");
        self.install.copy(copy.0, Path::new("data"));
    }
}

impl Install {
    /// Data of a new server, where MariaDB is installed.
    pub(super) fn make(settings: &[&str], of_files: &[&str]) -> Option<Self> {
        let folders = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let programs = program("mariadbd", &folders).zip(program("mariadb-install-db", &folders));
        let Some((server, install)) = programs else {
            skipped("MariaDB's server is not installed");
            return None;
        };
        let made = Self::at(server, settings.iter().map(|&one| one.to_owned()).collect());
        let mut install = made.home.command(&install);
        run(install
            .args([
                "--no-defaults",
                &made.data(),
                &made.temporary(),
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-log-file-size=8M",
                "--innodb-flush-method=nosync",
            ])
            .args(of_files));
        Some(made)
    }

    fn at(server: PathBuf, settings: Vec<String>) -> Self {
        let home = Home::new(&USERS);
        Self {
            clock: ServerClock::new(home.path(), "libfaketimeMT.so.1").map(Arc::new),
            server,
            home,
            settings,
            programs: None,
        }
    }

    /// The same data for another server, with these settings too.
    pub(super) fn copied(&self, settings: &[String]) -> Self {
        let settings = [&self.settings[..], settings].concat();
        let copied = Self::at(self.server.clone(), settings);
        self.copy("data", &copied.home.path().join("data"));
        copied
    }

    /// Copies a folder of this server's.
    fn copy(&self, from: &str, to: &Path) {
        let mut cp = self.home.command(Path::new("cp"));
        run(cp.arg("-R").arg(from).arg(to));
    }

    /// Where the data are, which the server wants to be told from the root.
    fn data(&self) -> String {
        format!("--datadir={}/data", self.home.path().display())
    }

    /// Where its temporary files are, whose names another server may give too.
    fn temporary(&self) -> String {
        format!("--tmpdir={}", self.home.path().display())
    }

    fn command(&self, port: u16) -> Command {
        let mut command = self.home.command(&self.server);
        command
            .args(["--no-defaults", &self.data(), &self.temporary()])
            .args(SETTINGS);
        command.arg(format!("--port={port}")).args(&self.settings);
        if let Some(folder) = &self.programs {
            command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
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

    /// Whether it is this server that listens there, and can be used.
    async fn answers(&self, port: u16) -> sqlx::Result<bool> {
        let mut connection = MySqlConnection::connect(&root(port)).await?;
        let data = sqlx::query_scalar(
            "SELECT @@datadir FROM mysql.db RIGHT JOIN (SELECT 1) AS one ON FALSE",
        )
        .fetch_one(&mut connection);
        let data: String = data.await?;
        Ok(Path::new(&data).parent() == Some(self.home.path()))
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

fn root(port: u16) -> String {
    format!("mysql://root@127.0.0.1:{port}/mysql")
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}
