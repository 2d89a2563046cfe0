//! One session for 30 days: a client with tabs that share what they hold, or with processes that do
//! not, a network that loses answers, a server that decides, and perhaps a thief.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

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
/// How often a process rests after an answer, and for how long.
const RESTS: f64 = 0.2;
const REST: Range<i64> = 600 * SECOND..6 * HOUR;
/// Well within the window of every policy that has one.
const CLOSE: i64 = 1500;

/// Who holds the session's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Several tabs that share a token: what one gets, all have.
    Tabs,
    /// So many processes that were each given the tokens of the login. Each keeps to itself what it
    /// gets from then on.
    Processes(usize),
}

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
    /// How often a thief got tokens.
    pub(crate) gained: u32,
    /// When the last thing happened in it, in milliseconds since the login.
    pub(crate) lasted: u64,
}

/// What happens next, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The access token that came with this answer of the client's has expired: tabs want
    /// another.
    Needed(Awaited),
    /// A tab refreshes, unless there has been another answer since this one.
    Refresh(Awaited),
    /// The application refreshes for its own reasons.
    Forced {
        process: usize,
    },
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

/// A process, and how many answers it had when this was thought of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Awaited {
    process: usize,
    answers: u64,
}

/// A token on its way, to the server or back.
#[derive(Clone, Copy)]
struct Sent {
    token: PresentedToken,
    of: Awaited,
}

/// What the tabs of one process share.
#[derive(Clone, Copy)]
struct Process {
    held: PresentedToken,
    /// How many answers it has had.
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
    client: Client,
    processes: Vec<Process>,
    gained: u32,
    stolen: Option<PresentedToken>,
    thief_waits: bool,
    /// Whether the thief means to be first with the token that it holds.
    thief_leads: bool,
}

/// Runs a session. The same numbers give the same session, whatever the rules.
pub(crate) fn run(
    rules: &Rules,
    client: Client,
    network: Network,
    thief: Option<Thief>,
    (seed, stream): (u64, u64),
) -> Outcome {
    let mut world = World::new(rules, (client, network, thief), Random::new(seed, stream));
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
        gained: world.gained,
        lasted: world.now.unsigned_abs(),
    }
}

impl<'a> World<'a> {
    fn new(
        rules: &'a Rules,
        (client, network, thief): (Client, Network, Option<Thief>),
        mut random: Random,
    ) -> Self {
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
            client,
            processes: Vec::new(),
            gained: 0,
            stolen: None,
            thief_waits: false,
            thief_leads: false,
        };
        let processes = match client {
            Client::Tabs => 1,
            Client::Processes(processes) => processes,
        };
        for process in 0..processes {
            world.processes.push(Process { held, answers: 0 });
            let of = world.awaited(process);
            let idle = match client {
                Client::Tabs => 0,
                Client::Processes(_) => world.random.within(0..HOUR),
            };
            world.after(ACCESS + idle, Event::Needed(of));
        }
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
            Event::Needed(of) if of == self.awaited(of.process) => self.wakes(of),
            Event::Refresh(of) if of == self.awaited(of.process) => self.send(of.process),
            Event::Needed(_) | Event::Refresh(_) => {}
            Event::Forced { process } => self.send(process),
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

    fn awaited(&self, process: usize) -> Awaited {
        let answers = self.processes.get(process).map_or(0, |it| it.answers);
        Awaited { process, answers }
    }

    /// A process, one tab, or several within a second and a half.
    fn wakes(&mut self, of: Awaited) {
        let tabs = match self.client {
            Client::Processes(_) => 1,
            Client::Tabs if self.random.chance(BURSTS) => self.random.within(2..5),
            Client::Tabs => 1,
        };
        for _ in 0..tabs {
            let wait = self.random.within(0..1500);
            self.after(wait, Event::Refresh(of));
        }
    }

    /// A tab presents the token that all of its process share.
    fn send(&mut self, process: usize) {
        let Some(&Process { held, .. }) = self.processes.get(process) else {
            return;
        };
        let (slot, of) = (self.sent.len(), self.awaited(process));
        self.sent.push(Sent { token: held, of });
        let delay = self.delay();
        self.after(delay, Event::Request { slot });
    }

    fn delay(&mut self) -> i64 {
        self.random.within(20..300)
    }

    /// The victim's request is at the server.
    fn serve(&mut self, slot: usize) {
        let Some(&Sent { token, of }) = self.sent.get(slot) else {
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
            self.after(wait, Event::Refresh(of));
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
        let Some(&Sent { token, of }) = self.sent.get(slot) else {
            return;
        };
        let Some(receiver) = self.processes.get_mut(of.process) else {
            return;
        };
        if token.generation >= receiver.held.generation {
            receiver.held = token;
        }
        receiver.answers += 1;
        let of = self.awaited(of.process);
        let flush = self.random.within(500..1000);
        let generation = token.generation;
        self.after(flush, Event::Confirmed { generation });
        if self.random.chance(FORCED) {
            let wait = self.random.within(SECOND..10 * SECOND);
            self.after(
                wait,
                Event::Forced {
                    process: of.process,
                },
            );
        }
        let idle = match self.client {
            Client::Processes(_) if self.random.chance(RESTS) => self.random.within(REST),
            Client::Processes(_) | Client::Tabs => self.random.within(0..60 * SECOND),
        };
        let needed = self.now + ACCESS + idle;
        let of_day = needed % DAY;
        let asleep = if of_day < ACTIVE { 0 } else { DAY - of_day };
        self.after(needed + asleep - self.now, Event::Needed(of));
        self.thief_plans(self.server.generation());
    }

    fn steal(&mut self) {
        if let Some(held) = self.victims() {
            self.thief_gets(held);
        }
        self.thief_plans(self.server.generation());
    }

    /// The token of the first process, which is the one that is stolen from.
    fn victims(&self) -> Option<PresentedToken> {
        self.processes.first().map(|victim| victim.held)
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
        let victim_has_live = self.victims().is_some_and(|it| it.generation == live);
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
            .and_then(|stolen| self.server.present_stolen(stolen, self.now))
        {
            self.gained += 1;
            self.thief_gets(token);
            self.thief_plans(self.server.generation());
        }
    }
}
