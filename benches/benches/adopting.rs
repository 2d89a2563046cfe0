//! What it costs to build a program that uses the crates, beside programs that do the same with a
//! peer. Each is a package of its own in the folder `adopting`, with its own lock file, and each build
//! is a cold one, of what was downloaded before. With names of needs on the command line, only those
//! are measured, and no table is kept.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use nix::{
    sys::resource::{UsageWho, getrusage},
    sys::time::TimeVal,
};
use tempfile::TempDir;
use tower_bearer_benches::{effort::Effort, report::Report};

/// Profiles, in the rows' names.
const DEBUG: &str = "debug";
const RELEASE: &str = "release";

/// What somebody may want of the crates.
struct Need {
    /// The folder of the program with this crate; the folders of the peers' begin with it.
    name: &'static str,
    peers: &'static [Peer],
    /// Whether it is built for release too, with the peers that goals are about.
    release: bool,
}

struct Peer {
    name: &'static str,
    /// Whether the program with this crate should cost no more.
    goal: bool,
}

const NEEDS: [Need; 4] = [
    Need {
        name: "verify",
        peers: &[
            Peer::to_match("jwt_authorizer"),
            Peer::beside("jsonwebtoken"),
        ],
        release: true,
    },
    Need {
        name: "sqlite",
        peers: &[Peer::to_match("axum_login"), Peer::beside("axess")],
        release: true,
    },
    Need {
        name: "postgres",
        peers: &[Peer::beside("axum_login"), Peer::beside("session_guard")],
        release: false,
    },
    Need {
        name: "client",
        peers: &[],
        release: false,
    },
];

impl Peer {
    const fn to_match(name: &'static str) -> Self {
        Self { name, goal: true }
    }

    const fn beside(name: &'static str) -> Self {
        Self { name, goal: false }
    }
}

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("adopting", effort);
    match effort {
        Effort::Quick => tell(&mut report, "client", &measure("client", false)?),
        Effort::Full => {
            let needs = asked_for();
            if needs.len() < NEEDS.len() {
                report.is_partial();
            }
            for need in needs {
                compare(&mut report, need)?;
            }
        }
    }
    report.finish()
}

/// What the command line names, or all.
fn asked_for() -> Vec<&'static Need> {
    let named = |need: &&Need| std::env::args().any(|argument| argument == need.name);
    let some: Vec<_> = NEEDS.iter().filter(named).collect();
    if some.is_empty() {
        return NEEDS.iter().collect();
    }
    some
}

fn compare(report: &mut Report, need: &Need) -> io::Result<()> {
    let own = measure(need.name, need.release)?;
    tell(report, need.name, &own);
    for peer in need.peers {
        let folder = format!("{}_{}", need.name, peer.name);
        let theirs = match measure(&folder, need.release && peer.goal) {
            Ok(theirs) => theirs,
            Err(error) => {
                eprintln!("{folder} is left out: {error}");
                continue;
            }
        };
        tell(report, &format!("{}/{}", need.name, peer.name), &theirs);
        for (what, value) in &theirs {
            let Some((_, own)) = own.iter().find(|(name, _)| name == what) else {
                continue;
            };
            let name = format!("{}/{what}/of_{}", need.name, peer.name);
            match peer.goal {
                true => report.at_most(name, own / value, 1.0),
                false => report.row(name, own / value),
            }
        }
    }
    Ok(())
}

fn tell(report: &mut Report, of: &str, costs: &[(String, f64)]) {
    for (what, value) in costs {
        report.row(format!("{of}/{what}"), *value);
    }
}

/// The costs of a program, by name.
fn measure(folder: &str, release: bool) -> io::Result<Vec<(String, f64)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("adopting")
        .join(folder);
    fetch(&folder)?;
    let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
    // Without the program itself.
    let packages = lock.matches("[[package]]").count() - 1;
    let build = Build::cold(&folder, DEBUG)?;
    let mut costs = vec![
        ("crates".to_owned(), build.crates as f64),
        ("lock_packages".to_owned(), packages as f64),
    ];
    costs.extend(build.times(DEBUG));
    if release {
        let build = Build::cold(&folder, RELEASE)?;
        costs.extend(build.times(RELEASE));
        costs.push(("binary_bytes".to_owned(), build.binary_bytes as f64));
    }
    Ok(costs)
}

/// So that no build waits for the network.
fn fetch(folder: &Path) -> io::Result<()> {
    let status = cargo(folder, "fetch").status()?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| io::Error::other(format!("{} cannot be fetched", folder.display())))
}

struct Build {
    /// Packages that were compiled, the program without.
    crates: usize,
    wall: Duration,
    /// Of all processors together, which other work on the machine changes less.
    processors: Duration,
    binary_bytes: u64,
}

impl Build {
    fn cold(folder: &Path, profile: &str) -> io::Result<Self> {
        let target = TempDir::new()?;
        let mut command = cargo(folder, "build");
        command.args(["--offline", "--message-format", "json", "--target-dir"]);
        command.arg(target.path());
        if profile == RELEASE {
            command.arg("--release");
        }
        let (began, used) = (Instant::now(), of_children()?);
        let output = command.output()?;
        let (wall, processors) = (began.elapsed(), of_children()?.saturating_sub(used));
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("{}: {why}", folder.display())));
        }
        let (packages, binary) = built(&output.stdout)?;
        Ok(Self {
            crates: packages.len() - 1,
            wall,
            processors,
            binary_bytes: fs::metadata(binary)?.len(),
        })
    }

    fn times(&self, profile: &str) -> [(String, f64); 2] {
        [
            (format!("{profile}_s"), self.wall.as_secs_f64()),
            (
                format!("{profile}_processor_s"),
                self.processors.as_secs_f64(),
            ),
        ]
    }
}

/// Dependencies by path would be compiled incrementally, which an adopter's are not.
fn cargo(folder: &Path, what: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args([what, "--locked", "--quiet"])
        .current_dir(folder)
        .env("CARGO_INCREMENTAL", "0")
        .env_remove("CARGO_TARGET_DIR");
    command
}

/// One line of what cargo prints.
#[derive(serde::Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    executable: Option<PathBuf>,
}

/// The packages that were compiled, and the program.
fn built(messages: &[u8]) -> io::Result<(BTreeSet<String>, PathBuf)> {
    let (mut packages, mut binary) = (BTreeSet::new(), None);
    for message in serde_json::Deserializer::from_slice(messages).into_iter::<Message>() {
        let message = message?;
        if message.reason == "compiler-artifact" {
            packages.extend(message.package_id);
            binary = message.executable.or(binary);
        }
    }
    let binary = binary.ok_or_else(|| io::Error::other("there is no program"))?;
    Ok((packages, binary))
}

/// What all processes have used that this one has waited for.
fn of_children() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros =
        |time: TimeVal| time.tv_sec().unsigned_abs() * 1_000_000 + time.tv_usec().unsigned_abs();
    Ok(Duration::from_micros(
        micros(usage.user_time()) + micros(usage.system_time()),
    ))
}
