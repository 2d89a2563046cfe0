//! When, where and of what something was measured.

use std::{fs, process::Command, time::SystemTime};

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
    Command::new("rustc")
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
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
