//! [`Ending`]: the process that ends sessions, idle or busy.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tower_bearer::{
    SessionId,
    session::{Grant, Sessions},
};
use tower_bearer_benches::{crowd::Client, effort::Effort, refreshing::Refreshing, report::Report};

use crate::{
    engine,
    follower::{Follower, now},
};

/// How often a follower reads, by default.
const INTERVAL: Duration = Duration::from_millis(500);
const FOLLOWERS: usize = 2;
const CLIENTS: u32 = 64;
const REFRESHES_A_SECOND: u32 = 2_000;

pub(crate) struct Ending {
    sessions: Sessions,
    engine: &'static str,
    address: String,
}

impl Ending {
    pub(crate) async fn new(engine: &'static str, address: &str) -> Self {
        Self {
            sessions: engine::sessions(engine, address).await,
            engine,
            address: address.to_owned(),
        }
    }

    pub(crate) async fn measure(&self, effort: Effort, report: &mut Report) {
        let mut followers = Vec::new();
        for _ in 0..FOLLOWERS {
            followers.push(Follower::start(self.engine, &self.address).await);
        }
        let taken = self.end_some(effort, &mut followers).await;
        self.report(report, "idle", taken);
        let load = self.load().await;
        let taken = self.end_some(effort, &mut followers).await;
        drop(load);
        self.report(report, "busy", taken);
    }

    /// From the acknowledgement of each logout until each follower knows it.
    async fn end_some(&self, effort: Effort, followers: &mut [Follower]) -> Vec<Duration> {
        let mut taken = Vec::new();
        for number in 0..effort.pick(100, 2) {
            let session = self.log_in().await;
            for follower in &mut *followers {
                follower.wait_for(session).await;
            }
            // At any point of their intervals.
            sleep(INTERVAL.mul_f64(f64::from(number * 37 % 100) / 100.0)).await;
            let ended = self.sessions.end(session, "anna").await;
            assert!(ended.expect("it is ended"));
            let acknowledged = now();
            for follower in &mut *followers {
                let learned = follower.learned_at().await;
                taken.push(learned.saturating_sub(acknowledged));
            }
        }
        taken.sort_unstable();
        taken
    }

    async fn log_in(&self) -> SessionId {
        self.sessions
            .start(Grant::new("anna"))
            .await
            .expect("a session");
        let listed = self.sessions.list("anna").await.expect("a list");
        listed.sessions.first().expect("a session").sid
    }

    /// Clients that refresh, all together so often a second, until it is dropped.
    async fn load(&self) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let mut client = Refreshing::new(self.sessions.clone()).await;
            clients.spawn(async move {
                let mut turns = interval(Duration::from_secs(1) * CLIENTS / REFRESHES_A_SECOND);
                turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    turns.tick().await;
                    client.once().await;
                }
            });
        }
        clients
    }

    fn report(&self, report: &mut Report, when: &str, taken: Vec<Duration>) {
        let engine = self.engine;
        for percent in [50, 99] {
            let waited = taken.get(taken.len() * percent / 100).expect("some");
            let row = format!("{engine}/{when}/p{percent}");
            report.row(format!("{row}_ms"), waited.as_secs_f64() * 1e3);
            let share = waited.div_duration_f64(INTERVAL);
            let goal = if percent == 50 { 0.75 } else { 1.5 };
            report.at_most(format!("{row}/of_interval"), share, goal);
        }
    }
}
