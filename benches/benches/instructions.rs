//! One request through the `tower::Service`, called directly: instructions, counted by
//! callgrind. The same on each run, whatever else the machine does.
//!
//! The program starts itself again under valgrind. That child goes through the scenes; callgrind
//! counts inside of [`counted`] only, and starts a new file after each.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tower_bearer_benches::{
    effort::Effort,
    figures::Figures,
    report::{self, Report},
    scenes,
    tokens::Tokens,
    verdict::{self, INSTRUCTIONS},
};

/// Says that this is the child.
const CHILD: &str = "--under-callgrind";
/// How often each scene is played; what is reported is for one time.
const TIMES: u32 = 200;

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let folder = report::folder().join("callgrind");
    let prepared = folder.join("tokens.json");
    if env::args().any(|argument| argument == CHILD) {
        play(&Tokens::load(&prepared)?);
        return Ok(());
    }
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    Tokens::save(&Tokens::for_scenes(effort), &prepared)?;
    let names = run_child(&folder)?;
    let mut figures = Figures::default();
    for (index, name) in names.lines().enumerate() {
        let total = total(&folder.join(format!("out.{}", index + 1)))?;
        figures.push(name, total / f64::from(TIMES));
    }
    let mut report = Report::new("instructions", effort);
    verdict::judge(&mut report, &figures, INSTRUCTIONS);
    for scene in scenes::refreshes() {
        let counted = figures.median(&scene.name);
        report.row(format!("{}_instructions", scene.name), counted);
    }
    report.finish()
}

/// Plays the scenes and tells their names, in order.
fn play(prepared: &[Tokens]) {
    for mut scene in scenes::all(prepared).into_iter().chain(scenes::refreshes()) {
        (scene.once)();
        counted(&mut scene.once);
        println!("{}", scene.name);
    }
}

/// What callgrind counts. It goes by the name.
#[inline(never)]
fn counted(once: &mut dyn FnMut()) {
    for _ in 0..TIMES {
        once();
    }
}

fn run_child(folder: &Path) -> io::Result<String> {
    let function = concat!(env!("CARGO_CRATE_NAME"), "::counted");
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={function}"))
        .arg(format!("--dump-after={function}"))
        .arg(format!("--callgrind-out-file={}/out", folder.display()))
        .arg(env::current_exe()?)
        .arg(CHILD)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("valgrind: {error}")))?;
    if !output.status.success() {
        return Err(io::Error::other(format!("valgrind: {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

/// All instructions of one of callgrind's files.
fn total(file: &PathBuf) -> io::Result<f64> {
    let text = fs::read_to_string(file)?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.ok_or_else(|| io::Error::other(format!("{} has no total", file.display())))
}
