//! The same work on one thread or several.

use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use http::HeaderValue;

use crate::{stacks::Stack, tokens::bearer};

/// A stack that runs on several threads at once.
pub trait Spread {
    /// So many requests on each thread. How long it took from the first to the last.
    fn spread(&self, threads: usize, times: u64, tokens: &[String]) -> Duration;
}

impl<T: Stack + Clone + Send> Spread for T {
    fn spread(&self, threads: usize, times: u64, tokens: &[String]) -> Duration {
        let barrier = Barrier::new(threads);
        let (barrier, stack) = (&barrier, self);
        let spans: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|thread| (stack.clone(), own(tokens, thread * tokens.len() / threads)))
                .map(|(stack, tokens)| scope.spawn(move || send(stack, times, &tokens, barrier)))
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
