//! [`Schedule`]: what the system does with a thread, and [`Threads`], with several.

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
        self.read().expect("the thread runs")
    }

    /// Nothing if the thread has ended.
    fn read(&self) -> Option<Spent> {
        let text = fs::read_to_string(&self.0).ok()?;
        let mut nanos = text
            .split(' ')
            .map(|nanos| Duration::from_nanos(nanos.parse().expect("a number")));
        Some(Spent {
            running: nanos.next()?,
            waiting: nanos.next()?,
        })
    }
}

/// The threads of a process, or those of them that have one name.
#[derive(Clone, Debug)]
pub struct Threads {
    tasks: PathBuf,
    name: Option<&'static str>,
}

impl Threads {
    /// All of a process.
    pub fn of_process(id: u32) -> Self {
        Self {
            tasks: PathBuf::from(format!("/proc/{id}/task")),
            name: None,
        }
    }

    /// Those of this process that have the name, of which the system keeps 15 bytes.
    pub fn named(name: &'static str) -> Self {
        Self {
            tasks: PathBuf::from("/proc/self/task"),
            name: Some(name),
        }
    }

    /// For how long those that there are have run.
    ///
    /// # Errors
    ///
    /// Where the system does not tell.
    pub fn running(&self) -> io::Result<Duration> {
        let mut running = Duration::ZERO;
        for task in fs::read_dir(&self.tasks)? {
            let task = task?.path();
            let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
            if self.name.is_some_and(|wanted| name.trim_end() != wanted) {
                continue;
            }
            let spent = Schedule(task.join("schedstat")).read();
            running += spent.map_or(Duration::ZERO, |spent| spent.running);
        }
        Ok(running)
    }
}
