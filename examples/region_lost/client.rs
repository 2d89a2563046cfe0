//! One client: when it wants a token, and when its user misses one.

use crate::{
    policy::Failures,
    random::Random,
    world::{
        AT_REFUSAL, BETWEEN_REQUESTS, DUE_FROM, DUE_TO, LIFETIME, LOST, Loss, Millis, REGIONS,
        USER_WAITS, World,
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Refreshes ahead of the token's end.
    Ahead,
    /// Refreshes when a request is refused.
    AtRefusal,
    /// Opens a session that has rested, needs a token at once, and one only.
    Visitor,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) kind: Kind,
    home: usize,
    /// Where it goes when its own region is lost, and when it hears of that.
    refuge: usize,
    moves_at: Millis,
    /// When the user makes the first request that needs the next token.
    pub(crate) needs_at: Millis,
    pub(crate) failures: Failures,
    pub(crate) has_noticed: bool,
}

impl Client {
    fn new(kind: Kind, number: usize, world: &World, random: &mut Random) -> Self {
        let home = number % REGIONS;
        let moves_at = match world.loss {
            Loss::Region { spread } if home == LOST => {
                world.restored_at() + random.within(0..spread.max(1))
            }
            Loss::Region { .. } | Loss::Database => Millis::MAX,
        };
        Self {
            kind,
            home,
            refuge: 1 + number / REGIONS % (REGIONS - 1),
            moves_at,
            needs_at: Millis::MAX,
            failures: Failures::default(),
            has_noticed: false,
        }
    }

    /// A client in the midst of things: it got its token some time ago. Gives the time of its refresh too.
    pub(crate) fn active(number: usize, world: &World, random: &mut Random) -> (Self, Millis) {
        let kind = match random.chance(AT_REFUSAL) {
            true => Kind::AtRefusal,
            false => Kind::Ahead,
        };
        let mut client = Self::new(kind, number, world, random);
        let due = client.got_token(0, random);
        let age = random.within(0..due);
        client.needs_at -= age;
        (client, due - age)
    }

    pub(crate) fn visitor(number: usize, now: Millis, world: &World, random: &mut Random) -> Self {
        let mut client = Self::new(Kind::Visitor, number, world, random);
        client.needs_at = now;
        client
    }

    /// The region that its requests go to.
    pub(crate) fn region(&self, now: Millis) -> usize {
        match now >= self.moves_at {
            true => self.refuge,
            false => self.home,
        }
    }

    pub(crate) fn is_of_lost_region(&self) -> bool {
        self.home == LOST
    }

    /// Notes whether the user has missed the token that comes now.
    pub(crate) fn judge(&mut self, now: Millis) {
        self.has_noticed |= now > self.needs_at.saturating_add(USER_WAITS);
    }

    /// For how long after its move the user of a lost region has had no token, if there was none by then.
    pub(crate) fn missed_after_move(&self, now: Millis) -> Option<Millis> {
        (self.needs_at < self.moves_at && self.moves_at <= now).then(|| now - self.moves_at)
    }

    /// Takes a new token, and gives the time of the next refresh.
    pub(crate) fn got_token(&mut self, now: Millis, random: &mut Random) -> Millis {
        self.failures = Failures::default();
        self.needs_at = now + LIFETIME + random.within(0..BETWEEN_REQUESTS);
        match self.kind {
            Kind::Ahead => now + random.within(DUE_FROM..DUE_TO),
            Kind::AtRefusal | Kind::Visitor => self.needs_at,
        }
    }
}
