//! The same work on one thread or several.

use std::{
    hint::black_box,
    io,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::{stacks::Stack, tokens::bearer};
use http::HeaderValue;

#[cfg(target_os = "linux")]
mod affinity {
    use std::{io, sync::LazyLock};

    use nix::{
        sched::{CpuSet, sched_getaffinity, sched_setaffinity},
        unistd::Pid,
    };

    /// The calling thread.
    const HERE: Pid = Pid::from_raw(0);

    /// The processors that the process may use, before any thread is kept on one: a thread starts
    /// where the one that made it may run.
    pub(super) static PROCESSORS: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let allowed = sched_getaffinity(HERE).expect("the system tells");
        let all = 0..CpuSet::count();
        all.filter(|processor| allowed.is_set(*processor) == Ok(true))
            .collect()
    });

    pub(super) fn keep_on(processor: usize) -> io::Result<()> {
        let mut one = CpuSet::new();
        one.set(processor)?;
        Ok(sched_setaffinity(HERE, &one)?)
    }
}

/// Whether two threads can run at the same time.
pub fn are_two_processors() -> bool {
    #[cfg(target_os = "linux")]
    return affinity::PROCESSORS.len() > 1;
    #[cfg(not(target_os = "linux"))]
    thread::available_parallelism().is_ok_and(|processors| processors.get() > 1)
}

/// Keeps the calling thread on one of the processors that the process may use, of which the first
/// is 0. Left alone, two busy threads may share one for many milliseconds while another is idle.
/// Where there are not so many, or the system is not Linux, it is left alone.
///
/// # Errors
///
/// Where the system refuses.
pub fn keep_on(processor: usize) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(processor) = affinity::PROCESSORS.get(processor) {
        return affinity::keep_on(*processor);
    }
    let _ = processor;
    Ok(())
}

/// A stack that runs on several threads at once.
pub trait Spread {
    /// So many requests on each thread, each on a processor of its own. How long it took from the
    /// first to the last.
    fn spread(&self, threads: usize, times: u64, tokens: &[String]) -> Duration;
}

impl<T: Stack + Clone + Send> Spread for T {
    fn spread(&self, threads: usize, times: u64, tokens: &[String]) -> Duration {
        let barrier = Barrier::new(threads);
        let (barrier, stack) = (&barrier, self);
        let spans: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|thread| {
                    let tokens = own(tokens, thread * tokens.len() / threads);
                    let stack = stack.clone();
                    scope.spawn(move || {
                        keep_on(thread).expect("the system lets it");
                        send(stack, times, &tokens, barrier)
                    })
                })
                .collect();
            let ended = running.into_iter().map(|thread| thread.join());
            ended.map(|span| span.expect("it does not panic")).collect()
        });
        let first = spans.iter().map(|(start, _)| *start).min();
        let last = spans.iter().map(|(_, end)| *end).max();
        last.zip(first)
            .map_or(Duration::ZERO, |(last, first)| last - first)
    }
}

fn send(
    mut stack: impl Stack,
    times: u64,
    tokens: &[HeaderValue],
    barrier: &Barrier,
) -> (Instant, Instant) {
    barrier.wait();
    let start = Instant::now();
    let mut next = 0;
    for _ in 0..times {
        next = if next + 1 < tokens.len() { next + 1 } else { 0 };
        black_box(stack(Some(&tokens[next])));
    }
    (start, Instant::now())
}

/// Headers of the thread's own, as those of requests are: clones of one share a count. Each
/// thread starts at another.
fn own(tokens: &[String], first: usize) -> Vec<HeaderValue> {
    let (before, after) = tokens.split_at(first);
    after
        .iter()
        .chain(before)
        .map(|token| bearer(token))
        .collect()
}
