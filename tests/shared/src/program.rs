//! The built example servers, as processes.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::provider;

/// A running example server; killed when dropped.
pub struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub addr: SocketAddr,
}

impl Server {
    /// Starts `example` in `folder` on a free port and waits until it listens.
    #[track_caller]
    pub fn start(example: &str, folder: &Path, env: &[(&str, &str)]) -> Self {
        let mut child = command(example, folder, env)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the example starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("readable");
        let addr = line
            .trim_end()
            .strip_prefix("listening on http://")
            .and_then(|a| a.parse().ok());
        let Some(addr) = addr else {
            panic!("{example} said {line:?} and ended: {:?}", child.wait());
        };
        Self {
            child,
            stdout,
            addr,
        }
    }

    /// What the server prints to try, as it is to be pasted.
    pub fn commands(&mut self) -> String {
        let lines = self
            .stdout
            .by_ref()
            .lines()
            .map(|line| line.expect("UTF-8"));
        let blocks = lines.skip_while(|line| !line.starts_with("  "));
        blocks
            .take_while(|line| line.starts_with("  "))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args(["-s", signal, &self.child.id().to_string()])
            .status();
        assert!(
            sent.expect("kill runs").success(),
            "SIG{signal} could not be sent"
        );
    }

    /// Waits for the process to end, a minute at most.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().expect("waitable") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not stop");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to stop and checks that it stops well.
    #[track_caller]
    pub fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.wait().code(), Some(0));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs an example that is expected to end by itself.
pub fn run(example: &str, folder: &Path, env: &[(&str, &str)]) -> Output {
    command(example, folder, env)
        .output()
        .expect("the example starts")
}

fn command(example: &str, folder: &Path, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary(example));
    command.current_dir(folder).stdin(Stdio::null());
    for name in NAMES {
        command.env_remove(name);
    }
    if let Some(provider) = provider::asked() {
        command.env("CRYPTO_PROVIDER", provider);
    }
    command.env("ADDR", "127.0.0.1:0").envs(env.iter().copied());
    command
}

/// The programs that tests start.
const EXAMPLES: [&str; 10] = [
    "browser",
    "client",
    "hyper",
    "limits",
    "mcp",
    "quickstart",
    "resource_server",
    "store_service",
    "streams",
    "takeover",
];

/// What the programs are made of.
const SOURCES: [&str; 5] = ["rs", "js", "css", "html", "svg"];

/// What the servers read, so that nothing of the caller's own environment gets in.
const NAMES: [&str; 34] = [
    "CRYPTO_PROVIDER",
    "ADDR",
    "STORE",
    "ACCESS_TTL",
    "REFRESH_IDLE_TTL",
    "SESSION_TTL",
    "PUBLIC_ORIGIN",
    "PUBLIC_URL",
    "REUSE_WINDOW",
    "ACCESS_ALG",
    "ACCESS_KEY_FILE",
    "KEY_ENCRYPTION_SECRET",
    "REFRESH_TOKEN_SECRET",
    "DPOP",
    "INSECURE_COOKIES",
    "RUST_LOG",
    "ISSUER",
    "AUDIENCE",
    "PROFILE",
    "JWKS_URL",
    "RSA_ALG",
    "INTROSPECTION_URL",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "INSECURE_HTTP",
    "MONGODB_URL",
    "JWT_SECRET",
    "TAKEOVER_SECRET",
    "TAKEOVER_DAYS",
    "PROXIES",
    "LOGIN_LIMIT",
    "ENDPOINT_LIMIT",
    "SESSION_LIMIT",
    "CALL_LIMIT",
];

/// The built example. `cargo test` builds it; `cargo test --test …` may not, so build it then.
pub fn binary(example: &str) -> PathBuf {
    static FRESH: OnceLock<()> = OnceLock::new();
    let test = env::current_exe().expect("a path");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/<test>");
    let binary = |name: &str| {
        profile
            .join(name)
            .with_extension(env::consts::EXE_EXTENSION)
    };
    FRESH.get_or_init(|| {
        // What the examples are built of.
        let sources = [
            "src",
            "crates/tower-bearer-client",
            "crates/tower-bearer-mongodb",
            "crates/tower-bearer-redis",
            "crates/tower-bearer-sqlx",
            "examples",
        ];
        let sources = sources.map(|folder| newest(&root().join(folder)));
        let newest = sources.into_iter().max().flatten();
        if EXAMPLES.iter().any(|name| modified(&binary(name)) < newest) {
            build(profile);
        }
    });
    binary(example)
}

fn build(profile: &Path) {
    let profile = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root())
        .args([
            "build",
            "--quiet",
            "--package",
            "examples",
            "--all-features",
        ])
        .args(["--profile", profile])
        .args(EXAMPLES.iter().flat_map(|name| ["--bin", name]))
        .status();
    assert!(
        built.expect("cargo runs").success(),
        "the examples do not build"
    );
}

/// The folder of the whole project.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// When the last source below a folder was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let times = entries.map(|path| match path.extension() {
        Some(extension) if SOURCES.iter().any(|source| extension == *source) => modified(&path),
        None => newest(&path),
        Some(_) => None,
    });
    times.max().flatten()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}
