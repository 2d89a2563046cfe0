//! One session for 30 days: a client with tabs that share what they hold, a network that loses
//! answers, a server that decides, and perhaps a thief.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    session::{PresentedToken, Record, RefreshVerdict, Session, SessionSecret},
};

use crate::{policies::Rules, random::Random};

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
const LENGTH: i64 = 30 * DAY;
const ACCESS: i64 = 600 * SECOND;
/// How much of a day the client is in use.
const ACTIVE: i64 = 10 * HOUR;
const BURSTS: f64 = 0.4;
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
    /// Whether the session was revoked.
    pub(crate) revoked: bool,
    /// How often it was rotated.
    pub(crate) rotations: u32,
}

/// What happens next, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The access token that was current at this serial number has expired: tabs want another.
    Needed(u64),
    /// A tab refreshes, unless another has since.
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

/// A token on its way.
#[derive(Clone, Copy)]
struct Sent {
    token: PresentedToken,
    serial: u64,
}

struct World<'a> {
    rules: &'a Rules,
    network: Network,
    thief: Option<Thief>,
    random: Random,
    events: BinaryHeap<Reverse<(i64, u64, Event)>>,
    scheduled: u64,
    sent: Vec<Sent>,
    now: i64,
    record: Record,
    /// The live token, as the server would mint it again.
    live: PresentedToken,
    /// What the tabs share.
    cell: PresentedToken,
    serial: u64,
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
        if at >= LENGTH || world.record.state.revoked.is_some() {
            break;
        }
        world.now = at;
        world.happens(event);
    }
    Outcome {
        revoked: world.record.state.revoked.is_some(),
        rotations: world.record.state.generation,
    }
}

impl<'a> World<'a> {
    fn new(rules: &'a Rules, network: Network, thief: Option<Thief>, mut random: Random) -> Self {
        let id = SessionId::from_uuid(uuid::Uuid::from_u128(7));
        let secret = SessionSecret::from_bytes([7; 32]);
        let start = Timestamp::from_millis(0);
        let mut record = Record::new(Session::new(
            id,
            "https://id.example",
            "anna",
            secret,
            start,
        ));
        record.session.ends_at = start + Duration::from_millis(6 * LENGTH.unsigned_abs());
        record.state.expires_at = start + rules.policy().idle_lifetime;
        let live = PresentedToken::new(0, record.state.expires_at, true);
        // Not so late that its first refresh falls together with the victim's.
        let theft = random.within(0..ACCESS / 4);
        let mut world = Self {
            rules,
            network,
            thief,
            random,
            events: BinaryHeap::new(),
            scheduled: 0,
            sent: Vec::new(),
            now: 0,
            record,
            live,
            cell: live,
            serial: 0,
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
            Event::Needed(serial) if serial == self.serial => self.tabs_wake(),
            Event::Refresh(serial) if serial == self.serial => self.send(),
            Event::Needed(_) | Event::Refresh(_) => {}
            Event::Forced => self.send(),
            Event::Request { slot } => self.serve(slot),
            Event::Answer { slot } => self.receive(slot),
            Event::Confirmed { generation } => {
                if self.record.state.generation == generation {
                    self.confirm();
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
            self.after(wait, Event::Refresh(self.serial));
        }
    }

    /// A tab presents what it finds in the cell.
    fn send(&mut self) {
        let slot = self.sent.len();
        self.sent.push(Sent {
            token: self.cell,
            serial: self.serial,
        });
        let delay = self.delay();
        self.after(delay, Event::Request { slot });
    }

    fn delay(&mut self) -> i64 {
        self.random.within(20..300)
    }

    /// The victim's request is at the server.
    fn serve(&mut self, slot: usize) {
        let Some(&Sent { token, serial }) = self.sent.get(slot) else {
            return;
        };
        let passed = self.record.state.generation;
        let thief_has_live = self
            .stolen
            .is_some_and(|stolen| stolen.generation == passed);
        if matches!(self.thief, Some(Thief::PunctualFrontRunner)) && thief_has_live {
            self.confirm();
        }
        let Some(answer) = self.present(token) else {
            return;
        };
        self.thief_plans(passed);
        if self.random.chance(self.network.lost) {
            let wait = match self.random.chance(self.network.late) {
                true => self.random.within(HOUR..12 * HOUR),
                false => self.random.within(SECOND..5 * SECOND),
            };
            self.after(wait, Event::Refresh(serial));
            return;
        }
        if let Some(sent) = self.sent.get_mut(slot) {
            sent.token = answer;
        }
        let delay = self.delay();
        self.after(delay, Event::Answer { slot });
    }

    fn confirm(&mut self) {
        let now = Timestamp::from_millis(self.now);
        self.record.state.confirmed_at.get_or_insert(now);
    }

    /// What the server does: the decision, and what it makes of the session.
    fn present(&mut self, token: PresentedToken) -> Option<PresentedToken> {
        let now = Timestamp::from_millis(self.now);
        let verdict = self.rules.decide(&self.record, token, now);
        if let Some(next) = verdict.apply(&self.record, token, now, self.rules.policy()) {
            self.record.state = next;
        }
        if verdict == RefreshVerdict::Rotate {
            let (generation, exp) = (self.record.state.generation, self.record.state.expires_at);
            self.live = PresentedToken::new(generation, exp, true);
        }
        verdict.is_accepted().then_some(self.live)
    }

    /// An answer is at the client, which uses the access token at once.
    fn receive(&mut self, slot: usize) {
        let Some(&Sent { token, .. }) = self.sent.get(slot) else {
            return;
        };
        if token.generation >= self.cell.generation {
            self.cell = token;
        }
        self.serial += 1;
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
        self.after(needed + asleep - self.now, Event::Needed(self.serial));
        self.thief_plans(self.record.state.generation);
    }

    fn steal(&mut self) {
        self.thief_gets(self.cell);
        self.thief_plans(self.record.state.generation);
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
        let live = self.record.state.generation;
        let victim_has_live = self.cell.generation == live;
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
        if let Some(token) = self.stolen.and_then(|stolen| self.present(stolen)) {
            self.thief_gets(token);
            self.thief_plans(self.record.state.generation);
        }
    }
}
