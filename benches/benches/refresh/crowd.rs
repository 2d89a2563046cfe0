//! [`Crowd`]: clients at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, task::JoinSet};
use tower_bearer_benches::{alternation::Alternation, figures::Figures, report::Report};

/// Somebody who does one thing after the other.
pub(crate) trait Client: Send + 'static {
    fn once(&mut self) -> impl Future<Output = ()> + Send;
}

/// Clients, each in a task of its own.
pub(crate) struct Crowd<'a, C> {
    runtime: &'a Runtime,
    clients: Vec<C>,
}

impl<'a, C: Client> Crowd<'a, C> {
    pub(crate) fn new(runtime: &'a Runtime, clients: Vec<C>) -> Self {
        Self { runtime, clients }
    }

    /// Measures the crowd in turns with others. What is timed is one thing of each client.
    pub(crate) fn join(mut self, turns: &mut Alternation<'a>, name: String) {
        turns.add_timed(name, move |times| self.run(times));
    }

    /// Does so many things for each client. Who is faster does more: nobody waits at the end.
    fn run(&mut self, times: u64) -> Duration {
        let left = Arc::new(AtomicU64::new(times * self.clients.len() as u64));
        let clients = std::mem::take(&mut self.clients);
        let start = Instant::now();
        self.clients = self.runtime.block_on(async {
            let mut running = JoinSet::new();
            for mut client in clients {
                let left = Arc::clone(&left);
                running.spawn(async move {
                    while left
                        .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                        .is_ok()
                    {
                        client.once().await;
                    }
                    client
                });
            }
            running.join_all().await
        });
        start.elapsed()
    }
}

/// How many things a crowd of `clients` did a second.
pub(crate) fn rate(report: &mut Report, figures: &Figures, name: &str, clients: usize) {
    let rate = clients as f64 * 1e9 / figures.median(name);
    report.row(format!("{name}_per_s"), rate);
}
