//! One session for 30 days: a client with tabs that share what they hold, a network that loses
//! answers, a server that decides, and perhaps a thief.

use std::{cmp::Reverse, collections::BinaryHeap};

use tower_bearer::session::PresentedToken;

use crate::{policies::Rules, random::Random, server::Server};

// Times are in milliseconds.
const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// For how long a session is watched.
const LENGTH: i64 = 30 * DAY;
/// How long an access token lives.
const ACCESS: i64 = 600 * SECOND;
/// How much of a day the client is in use.
const ACTIVE: i64 = 10 * HOUR;
/// How often several tabs want a new access token at once.
const BURSTS: f64 = 0.4;
/// How often the application refreshes again within seconds.
const FORCED: f64 = 0.01;
/// Well within the window of every policy that has one.
const CLOSE: i64 = 1500;

/// How often answers are lost, and how many of the retries come hours later: the device slept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) lost: f64,
    pub(crate) late: f64,
}

/// Who else holds the refresh token, from the login on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Thief {
    /// Presents each token of the victim's so many milliseconds after the victim has.
    Follower(i64),
    /// Presents each token before the victim does, as soon as the victim holds it, and uses
    /// no access token. It is told when that is, which no real thief is. Where the victim is
    /// first all the same it is so close behind that it cannot be told from another tab.
    FrontRunner,
    /// The same, but it uses the access token in the moment in which the victim presents, who
    /// is then taken for an overtaken tab.
    PunctualFrontRunner,
    /// The same as the front-runner, but it lets the victim be first three times in four.
    CloseFrontRunner,
}

/// What came of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Whether the session was ended.
    pub(crate) ended: bool,
    /// How often it was rotated.
    pub(crate) rotations: u32,
}

/// What happens next, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The access token that came with this answer of the client's has expired: tabs want
    /// another.
    Needed(u64),
    /// A tab refreshes, unless there has been another answer since this one.
    Refresh(u64),
    /// The application refreshes for its own reasons.
    Forced,
    Request {
        slot: usize,
    },
    Answer {
        slot: usize,
    },
    Confirmed {
        generation: u32,
    },
    Theft,
    ThiefPresents,
}

/// A token on its way, to the server or back.
#[derive(Clone, Copy)]
struct Sent {
    token: PresentedToken,
    /// How many answers the client had when it sent it.
    answers: u64,
}

struct World<'a> {
    server: Server<'a>,
    network: Network,
    thief: Option<Thief>,
    random: Random,
    events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    scheduled: u64,
    sent: Vec<Sent>,
    now: i64,
    /// The token that the tabs share.
    held: PresentedToken,
    /// How many answers the client has had.
    answers: u64,
    stolen: Option<PresentedToken>,
    thief_waits: bool,
    /// Whether the thief means to be first with the token that it holds.
    thief_leads: bool,
}

/// Runs a session. The same numbers give the same session, whatever the rules.
pub(crate) fn run(
    rules: &Rules,
    network: Network,
    thief: Option<Thief>,
    (seed, stream): (u64, u64),
) -> Outcome {
    let mut world = World::new(rules, network, thief, Random::new(seed, stream));
    while let Some(Reverse((at, _, event))) = world.events.pop() {
        if at >= LENGTH || world.server.is_revoked() {
            break;
        }
        world.now = at;
        world.happens(event);
    }
    Outcome {
        ended: world.server.is_revoked(),
        rotations: world.server.generation(),
    }
}

impl<'a> World<'a> {
    fn new(rules: &'a Rules, network: Network, thief: Option<Thief>, mut random: Random) -> Self {
        let server = Server::new(rules, 6 * LENGTH);
        let held = server.live();
        // Not so late that its first refresh falls together with the victim's.
        let theft = random.within(0..ACCESS / 4);
        let mut world = Self {
            server,
            network,
            thief,
            random,
            events: BinaryHeap::new(),
            scheduled: 0,
            sent: Vec::new(),
            now: 0,
            held,
            answers: 0,
            stolen: None,
            thief_waits: false,
            thief_leads: false,
        };
        world.after(ACCESS, Event::Needed(0));
        if thief.is_some() {
            world.after(theft, Event::Theft);
        }
        world
    }

    fn after(&mut self, millis: i64, event: Event) {
        self.scheduled += 1;
        let at = self.now + millis;
        self.events.push(Reverse((at, self.scheduled, event)));
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Needed(answers) if answers == self.answers => self.tabs_wake(),
            Event::Refresh(answers) if answers == self.answers => self.send(),
            Event::Needed(_) | Event::Refresh(_) => {}
            Event::Forced => self.send(),
            Event::Request { slot } => self.serve(slot),
            Event::Answer { slot } => self.receive(slot),
            Event::Confirmed { generation } => {
                if self.server.generation() == generation {
                    self.server.confirm(self.now);
                }
            }
            Event::Theft => self.steal(),
            Event::ThiefPresents => self.thief_presents(),
        }
    }

    /// One tab, or several within a second and a half.
    fn tabs_wake(&mut self) {
        let tabs = match self.random.chance(BURSTS) {
            true => self.random.within(2..5),
            false => 1,
        };
        for _ in 0..tabs {
            let wait = self.random.within(0..1500);
            self.after(wait, Event::Refresh(self.answers));
        }
    }

    /// A tab presents the token that all share.
    fn send(&mut self) {
        let slot = self.sent.len();
        self.sent.push(Sent {
            token: self.held,
            answers: self.answers,
        });
        let delay = self.delay();
        self.after(delay, Event::Request { slot });
    }

    fn delay(&mut self) -> i64 {
        self.random.within(20..300)
    }

    /// The victim's request is at the server.
    fn serve(&mut self, slot: usize) {
        let Some(&Sent { token, answers }) = self.sent.get(slot) else {
            return;
        };
        let passed = self.server.generation();
        let thief_has_live = self
            .stolen
            .is_some_and(|stolen| stolen.generation == passed);
        if matches!(self.thief, Some(Thief::PunctualFrontRunner)) && thief_has_live {
            self.server.confirm(self.now);
        }
        let Some(answer) = self.server.present(token, self.now) else {
            return;
        };
        self.thief_plans(passed);
        if self.random.chance(self.network.lost) {
            let wait = match self.random.chance(self.network.late) {
                true => self.random.within(HOUR..12 * HOUR),
                false => self.random.within(SECOND..5 * SECOND),
            };
            self.after(wait, Event::Refresh(answers));
            return;
        }
        if let Some(sent) = self.sent.get_mut(slot) {
            sent.token = answer;
        }
        let delay = self.delay();
        self.after(delay, Event::Answer { slot });
    }

    /// An answer is at the client, which uses the access token at once.
    fn receive(&mut self, slot: usize) {
        let Some(&Sent { token, .. }) = self.sent.get(slot) else {
            return;
        };
        if token.generation >= self.held.generation {
            self.held = token;
        }
        self.answers += 1;
        let flush = self.random.within(500..1000);
        let generation = token.generation;
        self.after(flush, Event::Confirmed { generation });
        if self.random.chance(FORCED) {
            let wait = self.random.within(SECOND..10 * SECOND);
            self.after(wait, Event::Forced);
        }
        let needed = self.now + ACCESS + self.random.within(0..60 * SECOND);
        let of_day = needed % DAY;
        let asleep = if of_day < ACTIVE { 0 } else { DAY - of_day };
        self.after(needed + asleep - self.now, Event::Needed(self.answers));
        self.thief_plans(self.server.generation());
    }

    fn steal(&mut self) {
        self.thief_gets(self.held);
        self.thief_plans(self.server.generation());
    }

    fn thief_gets(&mut self, token: PresentedToken) {
        self.stolen = Some(token);
        self.thief_leads = match self.thief {
            Some(Thief::FrontRunner | Thief::PunctualFrontRunner) => true,
            Some(Thief::CloseFrontRunner) => self.random.chance(0.25),
            Some(Thief::Follower(_)) | None => false,
        };
    }

    /// Something has happened to the victim, whose session was at `passed`: the thief may be
    /// next.
    fn thief_plans(&mut self, passed: u32) {
        let (Some(thief), Some(stolen)) = (self.thief, self.stolen) else {
            return;
        };
        let live = self.server.generation();
        let victim_has_live = self.held.generation == live;
        let was_passed = stolen.generation == passed && passed < live;
        let wait = match thief {
            _ if self.thief_waits => return,
            Thief::Follower(behind) if was_passed => behind,
            Thief::FrontRunner | Thief::PunctualFrontRunner | Thief::CloseFrontRunner
                if was_passed =>
            {
                CLOSE
            }
            _ if self.thief_leads && stolen.generation == live && victim_has_live => ACCESS / 2,
            _ => return,
        };
        self.thief_waits = true;
        self.after(wait, Event::ThiefPresents);
    }

    fn thief_presents(&mut self) {
        self.thief_waits = false;
        if let Some(token) = self
            .stolen
            .and_then(|stolen| self.server.present(stolen, self.now))
        {
            self.thief_gets(token);
            self.thief_plans(self.server.generation());
        }
    }
}
