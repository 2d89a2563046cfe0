//! [`Crowd`]: clients at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, task::JoinSet};

use crate::{alternation::Alternation, figures::Figures, report::Report};

/// Somebody who does one thing after the other.
pub trait Client: Send + 'static {
    /// Does one thing.
    fn once(&mut self) -> impl Future<Output = ()> + Send;
}

/// Clients, each in a task of its own.
pub struct Crowd<'a, C> {
    runtime: &'a Runtime,
    clients: Vec<C>,
}

impl<'a, C: Client> Crowd<'a, C> {
    /// Clients whose tasks are this runtime's.
    pub fn new(runtime: &'a Runtime, clients: Vec<C>) -> Self {
        Self { runtime, clients }
    }

    /// Measures the crowd in turns with others. What is timed is one thing of each client.
    pub fn join(mut self, turns: &mut Alternation<'a>, name: impl Into<String>) {
        turns.add_timed(name, move |times| self.run(times));
    }

    /// Does so many things for each client. Who is faster does more: nobody waits at the end.
    pub fn run(&mut self, times: u64) -> Duration {
        let left = AtomicU64::new(times * self.clients.len() as u64);
        let take = move || {
            left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                .is_ok()
        };
        let start = Instant::now();
        self.while_there_is(take);
        start.elapsed()
    }

    /// Does things for so long, and tells how many.
    pub fn run_for(&mut self, time: Duration) -> u64 {
        let end = Instant::now() + time;
        self.while_there_is(move || Instant::now() < end)
    }

    /// The clients, who are doing nothing.
    pub fn clients(&mut self) -> &mut [C] {
        &mut self.clients
    }

    /// Each client does things until there is nothing more to do. How many were done.
    fn while_there_is(&mut self, more: impl Fn() -> bool + Send + Sync + 'static) -> u64 {
        let more = Arc::new(more);
        let clients = std::mem::take(&mut self.clients);
        let ended = self.runtime.block_on(async {
            let mut running = JoinSet::new();
            for mut client in clients {
                let more = Arc::clone(&more);
                running.spawn(async move {
                    let mut done = 0;
                    while more() {
                        client.once().await;
                        done += 1;
                    }
                    (client, done)
                });
            }
            running.join_all().await
        });
        let done = ended.iter().map(|(_, done)| done).sum();
        self.clients = ended.into_iter().map(|(client, _)| client).collect();
        done
    }
}

/// A client who notes how many nanoseconds each thing has taken.
pub struct Timed<C> {
    client: C,
    taken: Vec<f64>,
}

impl<C> Timed<C> {
    /// Nothing is noted yet.
    pub fn new(client: C) -> Self {
        Self {
            client,
            taken: Vec::new(),
        }
    }

    /// What has been noted since this was called last.
    pub fn take(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.taken)
    }
}

impl<C: Client> Client for Timed<C> {
    async fn once(&mut self) {
        let start = Instant::now();
        self.client.once().await;
        self.taken.push(start.elapsed().as_nanos() as f64);
    }
}

/// How many things a crowd of `clients` did a second.
pub fn rate(report: &mut Report, figures: &Figures, name: &str, clients: usize) {
    let rate = clients as f64 * 1e9 / figures.median(name);
    report.row(format!("{name}_per_s"), rate);
}
