//! The run: tick by tick, who asks, what the servers make of it, and when each asks again.

use crate::{
    calendar::{Calendar, TICK},
    client::{Client, Kind},
    policy::Policy,
    random::Random,
    region::Region,
    tally::{Second, Tally},
    world::{
        ACTIVE, LOST, LOST_AT, Loss, Millis, NO_ANSWER, REGIONS, SECOND, VISITS_A_SECOND, World,
    },
};

struct Simulation<'a> {
    world: &'a World,
    policy: &'a Policy,
    random: Random,
    clients: Vec<Client>,
    calendar: Calendar,
    regions: Vec<Region>,
    tally: Tally,
    /// Visits that are due, in parts of one.
    visits: f64,
}

/// Runs a policy through what happens.
pub(crate) fn simulate(world: &World, policy: &Policy) -> Tally {
    let mut simulation = Simulation::new(world, policy);
    let mut now = 0;
    while now < world.end() {
        simulation.tick(now);
        now += TICK;
    }
    simulation.finish()
}

impl<'a> Simulation<'a> {
    fn new(world: &'a World, policy: &'a Policy) -> Self {
        let mut random = Random::new(world.seed, 0);
        let mut calendar = Calendar::new(world.end());
        let count = (ACTIVE / world.sample) as usize;
        let clients = (0..count).map(|number| {
            let (client, due) = Client::active(number, world, &mut random);
            calendar.add(due, number);
            client
        });
        Self {
            clients: clients.collect(),
            world,
            policy,
            random,
            calendar,
            regions: (0..REGIONS)
                .map(|_| Region::new(world, policy.server))
                .collect(),
            tally: Tally::new(world),
            visits: 0.0,
        }
    }

    fn tick(&mut self, now: Millis) {
        let mut asking = self.calendar.take(now);
        asking.extend(self.visitors(now));
        let mut arrivals = vec![Vec::new(); REGIONS];
        for number in asking {
            self.route(number, now, &mut arrivals);
        }
        for (region, arrivals) in arrivals.iter().enumerate() {
            self.serve(region, arrivals, now);
        }
    }

    fn visitors(&mut self, now: Millis) -> Vec<usize> {
        self.visits += VISITS_A_SECOND / self.world.sample * TICK as f64 / SECOND as f64;
        let mut visitors = Vec::new();
        while self.visits >= 1.0 {
            self.visits -= 1.0;
            let number = self.clients.len();
            let visitor = Client::visitor(number, now, self.world, &mut self.random);
            self.clients.push(visitor);
            visitors.push(number);
        }
        visitors
    }

    fn route(&mut self, number: usize, now: Millis, arrivals: &mut [Vec<usize>]) {
        let Some(client) = self.clients.get(number) else {
            return;
        };
        let region = client.region(now);
        let is_gone = region == LOST && now >= LOST_AT && self.world.loss != Loss::Database;
        if is_gone {
            self.fail(number, now + NO_ANSWER, None);
        } else if let Some(arrivals) = arrivals.get_mut(region) {
            arrivals.push(number);
        }
    }

    fn serve(&mut self, region: usize, arrivals: &[usize], now: Millis) {
        let is_cut = region == LOST && self.world.loss == Loss::Database && self.world.is_lost(now);
        let Some(servers) = self.regions.get_mut(region) else {
            return;
        };
        let done = servers.tick(now, arrivals, !is_cut);
        let refusals: Vec<_> = done
            .refused
            .iter()
            .map(|number| (*number, servers.retry_after(now, &mut self.random)))
            .collect();
        if let Some(Second {
            arrivals: asked,
            refused,
            served,
        }) = self.tally.at(now)
        {
            *asked += arrivals.len() as u32;
            *refused += (done.refused.len() + done.unanswered.len()) as u32;
            *served += done.served.len() as u32;
        }
        for (number, said) in refusals {
            self.fail(number, now, said);
        }
        for number in done.unanswered {
            self.fail(number, now + NO_ANSWER, None);
        }
        for number in done.served {
            self.succeed(number, now);
        }
    }

    fn fail(&mut self, number: usize, at: Millis, said: Option<Millis>) {
        let Some(client) = self.clients.get_mut(number) else {
            return;
        };
        let manner = self.policy.client;
        let pause = manner.pause(&mut client.failures, said, &mut self.random);
        self.calendar.add(at + pause.max(TICK), number);
    }

    fn succeed(&mut self, number: usize, now: Millis) {
        let Some(client) = self.clients.get_mut(number) else {
            return;
        };
        client.judge(now);
        let missed = client.missed_after_move(now);
        self.tally.returns.extend(missed);
        let due = client.got_token(now, &mut self.random);
        if client.kind == Kind::Visitor {
            client.needs_at = Millis::MAX;
        } else {
            self.calendar.add(due, number);
        }
    }

    fn finish(mut self) -> Tally {
        for mut client in self.clients {
            client.judge(self.world.end());
            let missed = client.missed_after_move(self.world.end());
            self.tally.returns.extend(missed);
            let users = match client.is_of_lost_region() {
                true => &mut self.tally.lost,
                false => &mut self.tally.others,
            };
            if client.kind != Kind::Visitor {
                users.add(client.has_noticed);
            }
        }
        self.tally
    }
}
