//! When, where and of what something was measured.

use std::{env, ffi::OsStr, fs, process::Command, time::SystemTime};

use sqlx::{Connection, SqliteConnection};

/// What is measured, and what it is measured beside.
const CRATES: [&str; 7] = [
    "tower-bearer",
    "aws-lc-rs",
    "axum",
    "jsonwebtoken",
    "jwt-authorizer",
    "tower-http",
    "tokio",
];

/// The lines that a table starts with: `# date`, `# machine`, `# rustc` and one for each crate.
pub fn lines() -> String {
    let mut lines = format!(
        "# date {}\n# machine {}\n# {}\n",
        date(),
        machine(),
        rustc()
    );
    for name in CRATES {
        if let Some(version) = version(name) {
            lines.push_str(&format!("# {name} {version}\n"));
        }
    }
    lines
}

/// A program of this machine, and the version that it tells.
pub fn program(name: &str, path: impl AsRef<OsStr>) -> String {
    let told = told(Command::new(path).arg("--version")).unwrap_or_default();
    let mut words = told
        .split_whitespace()
        .map(|word| word.trim_start_matches("v=").trim_start_matches('v'));
    let version = words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    format!("{name} {}", version.unwrap_or("of an unknown version"))
}

/// The version of SQLite that is built in.
pub async fn sqlite() -> String {
    let connection = SqliteConnection::connect("sqlite::memory:").await;
    let version = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection.expect("it opens"))
        .await;
    let version: String = version.expect("a version");
    format!("SQLite {version}")
}

/// Where the stores keep their files.
pub fn disk() -> String {
    let folder = env::temp_dir();
    let mut df = Command::new("df");
    let told = told(df.args(["--output=fstype,source"]).arg(&folder)).unwrap_or_default();
    let mut words = told.lines().nth(1).unwrap_or_default().split_whitespace();
    match (words.next(), words.next()) {
        (Some("tmpfs" | "ramfs"), _) => format!(
            "disk NONE: {} is in memory, where a sync costs nothing; set TMPDIR to a folder on a disk",
            folder.display()
        ),
        (Some(kind), Some(device)) => format!("disk {kind} on {device}"),
        _ => "disk unknown".to_owned(),
    }
}

fn told(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    String::from_utf8(output.stdout).ok()
}

fn date() -> String {
    let full = httpdate::fmt_http_date(SystemTime::now());
    // `Sun, 06 Nov 1994 08:49:37 GMT`
    full.get(5..16).unwrap_or(&full).to_owned()
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unknown processor", |(_, model)| model.trim());
    format!("{cores} cores of {model}")
}

fn rustc() -> String {
    told(Command::new("rustc").arg("--version"))
        .map_or("rustc unknown".to_owned(), |text| text.trim().to_owned())
}

/// The newest version of a crate in the lock file: the peers bring older ones of some.
fn version(name: &str) -> Option<&'static str> {
    let entry = format!("[[package]]\nname = \"{name}\"\nversion = \"");
    include_str!("../Cargo.lock")
        .split(entry.as_str())
        .skip(1)
        .last()?
        .split('"')
        .next()
}
