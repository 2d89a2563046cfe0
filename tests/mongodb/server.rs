//! nx-27017, a server of PyPI that speaks MongoDB's protocol: no `mongod` is to be had from a
//! package registry. It has one process, no rights, no replica set and no transactions.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use mongodb::{
    Client, Database,
    bson::{Bson, Document, doc},
    options::ClientOptions,
};
use tests_shared::{
    program,
    servers::{Home, Process, free_port},
    skipped,
};
use tokio::time::sleep;

/// The name of the tests' database.
const DATABASE: &str = "tests";

/// A running server without any data. Only this machine reaches it.
pub(crate) struct Nx27017 {
    setup: Setup,
    port: u16,
    process: Process,
}

/// All that stays when the server is not running.
struct Setup {
    python: PathBuf,
    home: Home,
}

/// What a server's data were when it was made.
pub(crate) struct Copy(&'static str);

impl Nx27017 {
    /// A server that goes by the machine's clock, where it is installed.
    pub(crate) async fn start() -> Option<Self> {
        let Some(python) = python() else {
            skipped("nx-27017 is not installed");
            return None;
        };
        let home = Home::new(&["root"]);
        let setup = Setup { python, home };
        setup.make_directory();
        for _ in 0..5 {
            let port = free_port();
            let mut process = Process::start(&mut setup.server(port));
            if is_ready(&mut process, port).await {
                return Some(Self {
                    setup,
                    port,
                    process,
                });
            }
        }
        panic!("nx-27017 does not start:\n{}", setup.log());
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The tests' database, over connections of its own.
    pub(crate) async fn database(&self) -> Database {
        let client = Client::with_uri_str(self.url()).await.expect("an address");
        client.database(DATABASE)
    }

    /// Runs a command.
    pub(crate) async fn run(&self, command: Document) -> Document {
        let answer = self.database().await.run_command(command).await;
        answer.expect("it runs")
    }

    /// Stops the server where it is: connections stay, nothing is answered.
    pub(crate) fn pause(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub(crate) fn resume(&self) {
        self.process.signal("CONT");
    }

    pub(crate) fn kill9(&mut self) {
        self.process.kill();
    }

    /// Starts again, on the same port, after [`kill9`](Self::kill9).
    pub(crate) async fn restart(&mut self) {
        self.process = Process::start(&mut self.setup.server(self.port));
        if !is_ready(&mut self.process, self.port).await {
            panic!("nx-27017 does not start again:\n{}", self.setup.log());
        }
    }

    /// Copies the data while the server stands still, as a power cut would leave them.
    pub(crate) fn copy(&self, name: &'static str) -> Copy {
        self.pause();
        self.setup.copy("data", name);
        self.resume();
        Copy(name)
    }

    /// Kills the server and starts it with an older copy of its data.
    pub(crate) async fn restart_with(&mut self, copy: &Copy) {
        self.kill9();
        fs::remove_dir_all(self.setup.home.path().join("data")).expect("removable");
        self.setup.copy(copy.0, "data");
        self.restart().await;
    }
}

impl Setup {
    fn make_directory(&self) {
        let data = self.home.path().join("data");
        fs::create_dir(&data).expect("writable");
        self.home.give(&data);
    }

    fn copy(&self, from: &str, to: &str) {
        let mut copy = self.home.command(Path::new("cp"));
        let copied = copy.args(["-R", from, to]).status().expect("cp runs");
        assert!(copied.success(), "{from} is not copied to {to}");
    }

    fn server(&self, port: u16) -> Command {
        let script = self.home.path().join("server.py");
        fs::write(&script, include_str!("nx_27017.py")).expect("writable");
        let mut command = self.home.command(&self.python);
        command.arg("server.py").args(["--data-dir", "data"]);
        command.args(["--port", &port.to_string()]);
        command.args(["--log-file", "server.log", "--pid-file", "pid"]);
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.home.path().join("log"));
        let log = log.expect("writable");
        command.stderr(log.try_clone().expect("writable"));
        command.stdout(log).stdin(Stdio::null());
        command
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

/// The Python that has it.
fn python() -> Option<PathBuf> {
    let folder = env::var_os("TOWER_BEARER_MONGODB").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| program::root().join("target/mongodb"));
    let python = folder.join("bin/python");
    let has_it = folder.join("bin/nx-27017").is_file() && python.is_file();
    // Not where a link of it leads, which is a Python without the packages.
    has_it.then(|| std::path::absolute(&python).expect("a path"))
}

/// Waits until the server serves, 60 s at most. It does not where it has ended.
async fn is_ready(process: &mut Process, port: u16) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while process.ended().is_none() && Instant::now() < deadline {
        if is_serving(process.id(), port).await {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

/// Whether it is this process that has the port.
async fn is_serving(process: u32, port: u16) -> bool {
    if std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        return false;
    }
    let mut options = ClientOptions::parse(url(port)).await.expect("an address");
    options.server_selection_timeout = Some(Duration::from_secs(5));
    let client = Client::with_options(options).expect("options");
    let admin = client.database("admin");
    let told = admin.run_command(doc! { "buildInfo": 1 }).await;
    let told = told.unwrap_or_default();
    told.get("pid").and_then(Bson::as_i32) == i32::try_from(process).ok()
}

fn url(port: u16) -> String {
    format!("mongodb://127.0.0.1:{port}/{DATABASE}")
}
