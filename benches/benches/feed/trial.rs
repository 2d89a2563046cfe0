//! [`Trial`]: how soon ends are known in two other processes, of one engine, whatever happens to it.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tower_bearer_benches::{effort::Effort, figures::median, report::Report};

use crate::{
    ending::{Ended, Ending, Live},
    follower::Follower,
    following::now,
    servers::{Relays, Servers},
};

/// How often a follower reads, by default.
const INTERVAL: Duration = Duration::from_millis(500);
const FOLLOWERS: usize = 2;
/// How long followers are cut off or halted at least. They are behind after 5 seconds, and a read that
/// hangs has failed then.
const CUT: Duration = Duration::from_secs(6);
/// By how much longer each time, so that it ends at another point of their intervals.
const LONGER: Duration = Duration::from_millis(370);

pub(crate) struct Trial<'a> {
    engine: &'static str,
    effort: Effort,
    report: &'a mut Report,
    ending: Ending,
    relays: Relays,
    followers: Vec<Follower>,
    /// How many requests with a token of an ended session were let through that should not have been.
    served: u32,
}

impl<'a> Trial<'a> {
    pub(crate) async fn of(
        engine: &'static str,
        (address, ports): (&str, &[u16]),
        effort: Effort,
        report: &'a mut Report,
    ) -> Self {
        let ending = Ending::at(engine, address).await;
        let relays = Relays::before(address, ports).await;
        let mut followers = Vec::new();
        for _ in 0..FOLLOWERS {
            followers.push(Follower::start(engine, relays.address()).await.0);
        }
        Self {
            engine,
            effort,
            report,
            ending,
            relays,
            followers,
            served: 0,
        }
    }

    pub(crate) async fn idle(&mut self) {
        let taken = self.end_some().await;
        self.tell("idle", taken, Some(0.75), 1.5);
    }

    pub(crate) async fn busy(&mut self) {
        let load = self.ending.load().await;
        let taken = self.end_some().await;
        drop(load);
        self.tell("busy", taken, Some(0.75), 1.5);
    }

    /// From the acknowledgement of each logout, at any point of the followers' intervals.
    async fn end_some(&mut self) -> Vec<Duration> {
        let mut ended = Vec::new();
        for session in self.log_in(self.effort.pick(100, 2)).await {
            sleep(Duration::from_millis(37)).await;
            ended.push(self.ending.end(&session).await);
        }
        self.learned(&ended).await
    }

    /// From the moment at which the followers reach the servers again, or go on where there is nothing
    /// to cut, until they refuse the tokens of sessions that were ended meanwhile.
    pub(crate) async fn after_cut(&mut self) {
        let is_cut = self.relays.are_there();
        let mut taken = Vec::new();
        for round in 0..self.rounds() {
            let sessions = self.log_in(self.effort.pick(40, 2)).await;
            let over = Instant::now() + CUT + LONGER * round;
            self.interrupt(is_cut).await;
            let mut ended = Vec::new();
            for session in &sessions {
                sleep(Duration::from_millis(100)).await;
                ended.push(self.ending.end(session).await);
            }
            sleep_until(over).await;
            if is_cut {
                // They are behind, and refuse what they do not know.
                self.count_served().await;
            }
            let healed = self.heal(is_cut).await;
            taken.extend(self.learned(&not_before(healed, ended)).await);
            self.count_served().await;
        }
        let when = if is_cut { "after_cut" } else { "after_halt" };
        self.tell(when, taken, None, 3.0);
    }

    async fn interrupt(&self, is_cut: bool) {
        if is_cut {
            return self.relays.cut();
        }
        for follower in &self.followers {
            follower.signal("STOP").await;
        }
    }

    async fn heal(&self, is_cut: bool) -> Duration {
        let healed = now();
        if is_cut {
            self.relays.heal();
            return healed;
        }
        for follower in &self.followers {
            follower.signal("CONT").await;
        }
        healed
    }

    /// From the moment at which the servers serve again, or an end is acknowledged after that. Half of the
    /// sessions are ended right before the servers are killed.
    pub(crate) async fn after_restart(&mut self, servers: &mut impl Servers) {
        let mut taken = Vec::new();
        for _ in 0..self.rounds() {
            let sessions = self.log_in(self.effort.pick(40, 2)).await;
            let (before, after) = sessions.split_at(sessions.len() / 2);
            let mut ended = self.end(before).await;
            servers.kill();
            servers.restart().await;
            let back = now();
            ended.extend(self.end(after).await);
            taken.extend(self.learned(&not_before(back, ended)).await);
            self.count_served().await;
        }
        self.tell("after_restart", taken, None, 3.0);
    }

    /// Whether a process that has just started refuses the tokens of sessions that were ended before.
    pub(crate) async fn new_servers(&mut self) {
        let mut taken = Vec::new();
        for _ in 0..self.rounds() {
            let sessions = self.log_in(self.effort.pick(40, 2)).await;
            self.end(&sessions).await;
            let (mut new, after) = Follower::start(self.engine, self.relays.address()).await;
            taken.push(after.as_secs_f64() * 1e3);
            for session in &sessions {
                new.wait_for(session.id).await;
            }
            self.served += new.served().await;
        }
        let row = format!("{}/new_server/caught_up_ms", self.engine);
        self.report.row(row, median(taken));
    }

    pub(crate) fn finish(self) {
        let row = format!("{}/wrongly_served", self.engine);
        self.report.at_most(row, f64::from(self.served), 0.0);
    }

    fn rounds(&self) -> u32 {
        self.effort.pick(3, 1)
    }

    /// Sessions whose end the followers wait for.
    async fn log_in(&mut self, count: usize) -> Vec<Live> {
        let mut sessions = Vec::new();
        for _ in 0..count {
            let session = self.ending.log_in().await;
            for follower in &mut self.followers {
                follower.wait_for(session.id).await;
            }
            sessions.push(session);
        }
        sessions
    }

    async fn end(&self, sessions: &[Live]) -> Vec<Ended> {
        let mut ended = Vec::new();
        for session in sessions {
            ended.push(self.ending.end(session).await);
        }
        ended
    }

    /// How long each follower took to learn of each.
    async fn learned(&mut self, ended: &[Ended]) -> Vec<Duration> {
        let mut taken = Vec::new();
        for session in ended {
            for follower in &mut self.followers {
                let learned = follower.learned_at(session.id).await;
                taken.push(learned.saturating_sub(session.since));
            }
        }
        taken
    }

    async fn count_served(&mut self) {
        for follower in &mut self.followers {
            self.served += follower.served().await;
        }
    }

    fn tell(&mut self, when: &str, mut taken: Vec<Duration>, half: Option<f64>, most: f64) {
        taken.sort_unstable();
        for (percent, goal) in [(50, half), (99, Some(most))] {
            let waited = taken.get(taken.len() * percent / 100).expect("some");
            let row = format!("{}/{when}/p{percent}", self.engine);
            self.report
                .row(format!("{row}_ms"), waited.as_secs_f64() * 1e3);
            let (row, share) = (
                format!("{row}/of_interval"),
                waited.div_duration_f64(INTERVAL),
            );
            match goal {
                Some(goal) => self.report.at_most(row, share, goal),
                None => self.report.row(row, share),
            }
        }
    }
}

/// Nobody could know of them before.
fn not_before(moment: Duration, ended: Vec<Ended>) -> Vec<Ended> {
    let later = |end: Ended| Ended {
        since: end.since.max(moment),
        ..end
    };
    ended.into_iter().map(later).collect()
}
