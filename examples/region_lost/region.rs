//! The servers of a region: so many refreshes a second, and a queue with a deadline.

use std::collections::VecDeque;

use crate::{
    calendar::TICK,
    load::Load,
    policy::RetryAfter,
    random::Random,
    world::{CAPACITY, DEADLINE, Millis, PROCESSES, SECOND, World},
};

pub(crate) struct Region {
    /// What can be done in a tick, in refreshes, and what is left of it.
    work: f64,
    left: f64,
    admission: f64,
    waiting: VecDeque<(usize, Millis)>,
    retry_after: RetryAfter,
    /// What each process counts, and how many refusals of it one that is simulated stands for.
    load: Load,
    weight: f64,
    /// The part of one that is not counted yet.
    uncounted: f64,
}

/// What became of requests in a tick.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) served: Vec<usize>,
    pub(crate) refused: Vec<usize>,
    pub(crate) unanswered: Vec<usize>,
}

impl Region {
    pub(crate) fn new(world: &World, retry_after: RetryAfter) -> Self {
        Self {
            work: CAPACITY / world.sample * TICK as f64 / SECOND as f64,
            left: 0.0,
            admission: world.admission,
            waiting: VecDeque::new(),
            retry_after,
            load: Load::NONE,
            weight: world.sample / PROCESSES,
            uncounted: 0.0,
        }
    }

    /// Reads the requests as they come, as a server does that has no other way to know what they are, and
    /// uses what is left of its time for those that wait. Without a database nothing is left.
    pub(crate) fn tick(&mut self, now: Millis, arrivals: &[usize], has_database: bool) -> Done {
        let mut done = Done::default();
        // What was not used is gone, but for the part of a refresh.
        self.left = (self.left + self.work).min(self.work + 1.0);
        for client in arrivals {
            if self.left < self.admission {
                done.unanswered.push(*client);
                continue;
            }
            self.left -= self.admission;
            self.waiting.push_back((*client, now));
        }
        while let Some((client, _)) = self.next(|since| since + DEADLINE <= now) {
            done.refused.push(client);
        }
        let rest = 1.0 - self.admission;
        while has_database && self.left >= rest {
            let Some((client, _)) = self.next(|_| true) else {
                break;
            };
            self.left -= rest;
            done.served.push(client);
        }
        done
    }

    fn next(&mut self, is_meant: impl Fn(Millis) -> bool) -> Option<(usize, Millis)> {
        let (_, since) = self.waiting.front()?;
        is_meant(*since).then(|| self.waiting.pop_front())?
    }

    /// What is said with a 503.
    pub(crate) fn retry_after(&mut self, now: Millis, random: &mut Random) -> Option<Millis> {
        let mut up_to = |limit: Millis| random.within(1..limit / SECOND + 1) * SECOND;
        match self.retry_after {
            RetryAfter::Nothing => None,
            RetryAfter::Fixed(pause) => Some(pause),
            RetryAfter::Random(limit) => Some(up_to(limit)),
            RetryAfter::ByLoad => Some(up_to(self.limit(now))),
        }
    }

    /// The limit of all its processes, between which the requests are spread evenly.
    fn limit(&mut self, now: Millis) -> Millis {
        let second = u32::try_from(now / SECOND).unwrap_or_default();
        self.uncounted += self.weight;
        while self.uncounted >= 1.0 {
            self.uncounted -= 1.0;
            self.load = self.load.refuse(second);
        }
        Millis::from(self.load.limit) * SECOND
    }
}
