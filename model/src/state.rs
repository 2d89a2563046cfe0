//! One moment of one session: the store's row, what is under way, and what each one holds.

use std::fmt;

use tower_bearer::session::Possession;

use crate::{
    bounds::{Binds, Bounds, GENERATIONS},
    row::{Key, Row},
    table_row::TableRow,
    time::{FAR, aged, run_down},
    witness::{Evidence, Witness},
};

/// Who presents a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The user's client.
    Client,
    /// Who has copied a token.
    Thief,
    /// Who has the refresh key and makes tokens of its own.
    Forger,
    /// A copy of the client, or a backup of one, or whoever has the client's key: it proves that.
    Copy,
    /// Who has the tokens of all copies, but not the key.
    Keyless,
}

/// A token that somebody presents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presented {
    pub(crate) who: Who,
    /// The token's generation.
    pub(crate) token: u8,
    /// Whether the token has the `cnf` claim. The key in it is the client's.
    pub(crate) names_key: bool,
}

impl Presented {
    /// A token that names no key.
    pub(crate) const fn plain(who: Who, token: u8) -> Self {
        Self {
            who,
            token,
            names_key: false,
        }
    }

    /// What a server makes of it. Where only the row names the key and nothing is proved, the model
    /// leaves it to the decision to see that.
    pub(crate) fn possession(self, row: &Row) -> Possession {
        let is_clients = row.bound != Some(Key::Others);
        match (row.bound.is_some() || self.names_key, self.who) {
            (true, Who::Copy) if is_clients => Possession::Proven,
            (true, _) if self.names_key => Possession::Unproven,
            _ => Possession::Unbound,
        }
    }
}

/// The tokens of a bound session that were ever given out. A bit for each generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Given {
    /// Those that name no key.
    pub plain: u16,
    /// Those that name the key.
    pub bound: u16,
}

impl Given {
    pub(crate) fn add(&mut self, token: u8, names_key: bool) {
        let tokens = if names_key {
            &mut self.bound
        } else {
            &mut self.plain
        };
        *tokens |= 1 << token;
    }

    pub(crate) fn has(&self, token: u8) -> bool {
        (self.plain | self.bound) >> token & 1 == 1
    }

    /// The generations, and whether the token names the key.
    pub(crate) fn tokens(self) -> impl Iterator<Item = (u8, bool)> {
        let is_in = |tokens: u16| move |token: &u8| tokens >> token & 1 == 1;
        let all = 0..GENERATIONS as u8;
        let plain = all.clone().filter(is_in(self.plain)).map(|it| (it, false));
        plain.chain(all.filter(is_in(self.bound)).map(|it| (it, true)))
    }
}

/// A refresh on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// A request in the network.
    Sent {
        /// The token's generation.
        token: u8,
        /// Ticks.
        age: u8,
    },
    /// Decided by a server, not swapped yet.
    Loaded(Loaded),
    /// An answer in the network.
    Answered {
        /// The generation that it hands out.
        token: u8,
        /// Whether it sets the refresh cookie.
        cookie: bool,
        /// Ticks.
        age: u8,
    },
}

impl Call {
    pub(crate) fn loaded(&mut self) -> Option<&mut Loaded> {
        match self {
            Self::Loaded(loaded) => Some(loaded),
            Self::Sent { .. } | Self::Answered { .. } => None,
        }
    }

    /// Whether it is the client's. Others' requests are loaded at once and answered at once.
    pub(crate) fn is_clients(&self) -> bool {
        match self {
            Self::Loaded(loaded) => loaded.is_clients(),
            Self::Sent { .. } | Self::Answered { .. } => true,
        }
    }
}

/// What a server knows between load and swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Loaded {
    /// Who waits for the answer.
    pub who: Who,
    /// The token's generation.
    pub token: u8,
    /// How many ticks ago the request was sent.
    pub age: u8,
    /// Ticks since the load, by the store's clock.
    pub since_load: i8,
    /// The row of the table.
    pub verdict: TableRow,
    /// The generation that was loaded.
    pub from: u8,
    /// What to write.
    pub next: Row,
    /// The version that was loaded, counted from the one that is stored now; nothing where it
    /// will not be stored again.
    pub version: Option<i8>,
    /// Whether the token names the key that its session is bound to.
    pub names_key: bool,
    /// What the witness saw in the presentation.
    pub evidence: Evidence,
}

impl Loaded {
    /// Whether it makes a generation that was not there. A restored one was, before writes were
    /// lost.
    pub(crate) fn rotates(&self) -> bool {
        self.next.generation > self.from && self.verdict != TableRow::Restore
    }

    pub(crate) fn is_clients(&self) -> bool {
        self.who == Who::Client
    }
}

/// An earlier row, which the store may fall back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replica {
    /// The row.
    pub row: Row,
    /// How many writes it is behind.
    pub behind: i8,
    /// Whether the first of them added 1 to the version, as a confirmation does. A swap gives
    /// the time, or more.
    pub counted: bool,
}

/// The generations of the tokens that a thief has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Loot {
    /// The one that it copied.
    pub copied: u8,
    /// The newest that it has.
    pub newest: u8,
}

/// One moment of one session.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the store holds.
    pub row: Option<Row>,
    /// What a replica has.
    pub replica: Option<Replica>,
    /// The store has failed over, or its clock has jumped back: neither happens twice.
    pub store_failed: bool,
    /// Refreshes under way.
    pub calls: Vec<Call>,
    /// The token that the client's tabs share.
    pub held: u8,
    /// The newest generation that the client has had an access token of.
    pub used: u8,
    /// The tokens that were given out, where the session is bound to a key.
    pub given: Given,
    /// What the thief has, once it has copied something.
    pub thief: Option<Loot>,
    /// Ticks until each generation's token expires.
    pub token_expires: [u8; GENERATIONS],
    /// What only the claims know.
    pub witness: Witness,
}

impl State {
    /// The user has just logged in.
    pub(crate) fn first(bounds: &Bounds) -> Self {
        let is_bound = bounds.binds == Some(Binds::AtLogin);
        let row = Row::new(bounds.lifetimes, is_bound.then_some(Key::Clients));
        let mut given = Given::default();
        if bounds.binds.is_some() {
            given.add(0, is_bound);
        }
        let mut token_expires = [FAR; GENERATIONS];
        token_expires[0] = row.expires;
        Self {
            row: Some(row),
            replica: None,
            store_failed: false,
            calls: Vec::new(),
            held: 0,
            used: 0,
            given,
            thief: None,
            token_expires,
            witness: Witness::new(is_bound),
        }
    }

    /// The live generation; 0 where the store has no row.
    pub(crate) fn live(&self) -> u8 {
        self.row.map_or(0, |row| row.generation)
    }

    /// Lets time go by on the store's clock, which may jump back.
    pub(crate) fn age_by(&mut self, ticks: i8) {
        let witness = &mut self.witness;
        let since_confirmation = witness.since_confirmation.as_mut();
        for age in [&mut witness.since_delivery]
            .into_iter()
            .chain(since_confirmation)
        {
            *age = aged(*age, ticks);
        }
        if ticks > 0 {
            self.token_expires.iter_mut().for_each(run_down);
        }
        let replica = self.replica.as_mut().map(|replica| &mut replica.row);
        for row in self.row.iter_mut().chain(replica) {
            row.age_by(ticks);
        }
        for loaded in self.calls.iter_mut().filter_map(Call::loaded) {
            loaded.next.age_by(ticks);
            loaded.since_load += ticks;
        }
    }
}

impl fmt::Debug for State {
    /// Short, since a history is many of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (held, witness) = (self.held, &self.witness);
        let thief = self.thief.map(|loot| (loot.copied, loot.newest));
        match self.row {
            None => write!(f, "no row")?,
            Some(row) => write!(
                f,
                "gen {} rotated {:?} delivered {:?} confirmed {:?} late {:b} ended {:?} expires {} ends {} \
                 bound {:?}",
                row.generation,
                row.rotated,
                row.delivered,
                row.confirmed,
                row.late,
                row.ended,
                row.expires,
                row.ends,
                row.bound
            )?,
        }
        write!(f, " | given {:b} {:b}", self.given.plain, self.given.bound)?;
        write!(
            f,
            " | held {held} thief {thief:?} | needed late {:b} overlooked {:b} |",
            witness.needed_late, witness.overlooked
        )?;
        for call in &self.calls {
            match call {
                Call::Sent { token, age, .. } => write!(f, " sent {token} ({age})")?,
                Call::Loaded(call) => write!(
                    f,
                    " {:?} {} {:?} at version {:?}",
                    call.who, call.token, call.verdict, call.version
                )?,
                Call::Answered { token, cookie, age } => {
                    write!(
                        f,
                        " answer {token} ({age}){}",
                        if *cookie { " cookie" } else { "" }
                    )?;
                }
            }
        }
        Ok(())
    }
}
