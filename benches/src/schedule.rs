//! [`Schedule`]: what the system does with a thread.

use std::{fs, io, path::PathBuf, time::Duration};

/// What the system does with a thread, as Linux tells it.
#[derive(Clone, Debug)]
pub struct Schedule(PathBuf);

/// Since a thread's start.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// How long it ran.
    pub running: Duration,
    /// How long it could have run, but another did.
    pub waiting: Duration,
}

impl Schedule {
    /// Of the thread that asks.
    ///
    /// # Errors
    ///
    /// Where the system does not tell.
    pub fn here() -> io::Result<Self> {
        let thread = fs::read_link("/proc/thread-self")?;
        Ok(Self(PathBuf::from("/proc").join(thread).join("schedstat")))
    }

    /// What it tells now.
    pub fn spent(&self) -> Spent {
        let text = fs::read_to_string(&self.0).expect("the thread runs");
        let mut nanos = text
            .split(' ')
            .map(|nanos| Duration::from_nanos(nanos.parse().expect("a number")));
        let mut next = || nanos.next().expect("there are three");
        Spent {
            running: next(),
            waiting: next(),
        }
    }
}
