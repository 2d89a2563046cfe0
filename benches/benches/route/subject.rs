//! [`Subject`]: somebody whose refreshes are measured.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use tower_bearer_benches::{
    alternation::Alternation,
    crowd::{Client, Crowd},
    effort::Effort,
    figures::Figures,
    over_http::{OverHttp, Route},
    report::Report,
    schedule::Threads,
};

/// A server with clients, or the library with as many.
pub(crate) struct Subject<'a> {
    name: &'static str,
    run: Box<dyn FnMut(u64) + 'a>,
    /// Those that do the work, without their clients.
    threads: Threads,
}

impl<'a> Subject<'a> {
    /// Clients that run where the work is done.
    pub(crate) fn new(
        name: &'static str,
        mut crowd: Crowd<'a, impl Client>,
        threads: Threads,
    ) -> Self {
        let run = move |times| _ = crowd.run(times);
        Self {
            name,
            run: Box::new(run),
            threads,
        }
    }

    /// A connection for each of the tokens. The clients run on the thread that asks.
    pub(crate) fn over_http(
        name: &'static str,
        load: &'a Runtime,
        route: &Route,
        tokens: &[String],
        threads: Threads,
    ) -> io::Result<Self> {
        let clients = tokens.iter();
        let clients = clients.map(|token| load.block_on(OverHttp::connect(route, token)));
        let crowd = Crowd::new(load, clients.collect::<io::Result<_>>()?);
        Ok(Self::new(name, crowd, threads))
    }

    /// For how long the threads were busy.
    fn busy(&mut self, times: u64) -> Duration {
        let running = || self.threads.running().expect("the system tells");
        let before = running();
        (self.run)(times);
        running() - before
    }
}

/// What the subjects took for a refresh of each client.
pub(crate) struct Taken {
    pub(crate) clients: usize,
    /// Of time.
    pub(crate) wall: Figures,
    /// Of the processors' time.
    pub(crate) busy: Figures,
}

impl Taken {
    /// Measures the subjects in turns.
    pub(crate) fn by(subjects: &mut [Subject<'_>], effort: Effort, clients: usize) -> Self {
        let wall = in_turns(subjects, effort, |subject, times| {
            let start = Instant::now();
            (subject.run)(times);
            start.elapsed()
        });
        let busy = in_turns(subjects, effort, Subject::busy);
        Self {
            clients,
            wall,
            busy,
        }
    }

    /// Refreshes a second.
    pub(crate) fn rate(&self, report: &mut Report, row: &str, name: &str) {
        let rate = self.clients as f64 * 1e9 / self.wall.median(name);
        report.row(format!("{row}_per_s"), rate);
    }

    /// How many times as many as a peer does.
    pub(crate) fn beside(&self, report: &mut Report, ours: &str, peer: &str) {
        self.rate(report, &format!("route/{peer}"), peer);
        let ratio = self.wall.ratio(peer, ours);
        report.at_least(format!("route/of_{peer}"), ratio, 1.0);
        let ratio = self.busy.ratio(peer, ours);
        report.row(format!("route/per_core/of_{peer}"), ratio);
    }
}

fn in_turns<'a>(
    subjects: &mut [Subject<'a>],
    effort: Effort,
    run: impl Fn(&mut Subject<'a>, u64) -> Duration,
) -> Figures {
    let turn = effort.pick(Duration::from_millis(250), Duration::from_millis(5));
    let mut turns = Alternation::new(effort).turn(turn);
    let run = &run;
    for subject in subjects {
        turns.add_timed(subject.name, move |times| run(subject, times));
    }
    turns.run()
}
