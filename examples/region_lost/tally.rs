//! What came of a simulation.

use crate::world::{AFTERMATH, Millis, SECOND, World};

/// Requests and answers by the second, as many as there are sampled clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Second {
    pub(crate) arrivals: u32,
    /// Refused with 503, or not answered by a server that is there.
    pub(crate) refused: u32,
    pub(crate) served: u32,
}

/// Users of sessions that were in use all the time, and those who have missed a token.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Users {
    pub(crate) all: u32,
    pub(crate) noticed: u32,
}

impl Users {
    pub(crate) fn add(&mut self, has_noticed: bool) {
        self.all += 1;
        self.noticed += u32::from(has_noticed);
    }

    pub(crate) fn share(&self) -> f64 {
        f64::from(self.noticed) / f64::from(self.all.max(1))
    }
}

pub(crate) struct Tally {
    world: World,
    pub(crate) seconds: Vec<Second>,
    /// Of the region where something is lost, and of the others.
    pub(crate) lost: Users,
    pub(crate) others: Users,
    /// For how long those of a lost region had no token once they had gone elsewhere.
    pub(crate) returns: Vec<Millis>,
}

impl Tally {
    pub(crate) fn new(world: &World) -> Self {
        let seconds = usize::try_from(world.end() / SECOND).unwrap_or_default();
        Self {
            world: *world,
            seconds: vec![Second::default(); seconds],
            lost: Users::default(),
            others: Users::default(),
            returns: Vec::new(),
        }
    }

    pub(crate) fn at(&mut self, now: Millis) -> Option<&mut Second> {
        self.seconds.get_mut(index(now))
    }

    fn after(&self) -> impl Iterator<Item = &Second> {
        self.seconds.iter().skip(index(self.world.restored_at()))
    }

    /// The most requests in a second once what was lost is replaced.
    pub(crate) fn most_a_second(&self) -> f64 {
        let most = self.after().map(|second| second.arrivals).max();
        f64::from(most.unwrap_or_default()) * self.world.sample
    }

    /// How many requests were refused from then on.
    pub(crate) fn refused(&self) -> f64 {
        self.after()
            .map(|second| f64::from(second.refused))
            .sum::<f64>()
            * self.world.sample
    }

    /// How many seconds after that the last one was refused; nothing where they still were at the end.
    pub(crate) fn steady_after(&self) -> Option<Millis> {
        let steady = self.after().collect::<Vec<_>>();
        let last = steady.iter().rposition(|second| second.refused > 0);
        let after = last.map_or(0, |last| last + 1);
        let is_steady = after + QUIET < steady.len();
        Millis::try_from(after).ok().filter(|_| is_steady)
    }

    /// After how many seconds 95 of 100 users of a lost region have a token again; nothing where that is
    /// after the end.
    pub(crate) fn back_after(&self) -> Option<Millis> {
        let mut returns = self.returns.clone();
        returns.sort_unstable();
        let last = returns.get(returns.len() * 95 / 100).copied();
        let seconds = last.unwrap_or_default() / SECOND;
        (seconds < AFTERMATH / SECOND - 1).then_some(seconds)
    }

    /// Requests a second on average, over spans of so many seconds.
    pub(crate) fn arrivals(&self, span: usize) -> impl Iterator<Item = f64> {
        self.seconds.chunks(span.max(1)).map(|chunk| {
            let sum: u32 = chunk.iter().map(|second| second.arrivals).sum();
            f64::from(sum) * self.world.sample / chunk.len().max(1) as f64
        })
    }
}

/// So many seconds without a refusal are to follow.
const QUIET: usize = 60;

fn index(now: Millis) -> usize {
    usize::try_from(now / SECOND).unwrap_or_default()
}
