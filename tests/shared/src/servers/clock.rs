use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    time::Duration,
};

/// A hand on the clock of a server's process, by libfaketime: the clock goes on, ahead of the
/// machine's.
pub struct ServerClock {
    library: PathBuf,
    file: PathBuf,
    ahead: Mutex<f64>,
}

impl ServerClock {
    /// A clock whose file lies in `folder`, where libfaketime is installed. `name` is
    /// `libfaketime.so.1`, or `libfaketimeMT.so.1` for a server with threads.
    pub fn new(folder: &Path, name: &str) -> Option<Self> {
        let clock = Self {
            library: Self::library(name)?,
            file: folder.join("clock"),
            ahead: Mutex::new(0.0),
        };
        clock.advance(Duration::ZERO);
        Some(clock)
    }

    /// Makes the server that this starts go by the clock.
    pub fn set_on(&self, command: &mut Command) {
        // An allocator that asks for the time as it starts, as jemalloc does, waits for ever for
        // libfaketime, which needs memory to start: the C library's goes before it.
        let preload = format!("{}:libc.so.6", self.library.display());
        command
            .env("LD_PRELOAD", preload)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }

    /// Moves the clock forward. The server sees it at once.
    pub fn advance(&self, by: Duration) {
        self.turn(by.as_secs_f64());
    }

    /// Moves the clock back.
    pub fn set_back(&self, by: Duration) {
        self.turn(-by.as_secs_f64());
    }

    fn turn(&self, seconds: f64) {
        let mut ahead = self.ahead.lock().expect("unpoisoned");
        *ahead += seconds;
        // In one step, so that the server never reads a part of it.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{:+.6}\n", *ahead)).expect("writable");
        fs::rename(&new, &self.file).expect("writable");
    }

    /// The library itself.
    pub fn library(name: &str) -> Option<PathBuf> {
        let folders = [
            "/usr/lib",
            "/usr/local/lib",
            "/usr/lib64",
            "/opt/homebrew/lib",
        ];
        folders.iter().find_map(|folder| {
            let beside = fs::read_dir(folder)
                .ok()?
                .flatten()
                .map(|entry| entry.path());
            beside
                .chain([PathBuf::from(folder)])
                .map(|folder| folder.join("faketime").join(name))
                .find(|file| file.is_file())
        })
    }
}
