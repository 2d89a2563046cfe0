use std::fmt;

use crate::row::{Row, TableRow, aged, run_down};

pub(crate) const GENERATIONS: usize = 9;

/// Who presents a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The user's client.
    Client,
    /// Who has copied a token.
    Thief,
    /// Who has the refresh key and makes tokens of its own.
    Forger,
}

/// A refresh on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// A request in the network.
    Sent {
        /// The token's generation.
        token: u8,
        /// The newest generation that the client knew when it sent this.
        knew: u8,
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

/// What a server knows between load and swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Loaded {
    /// Who waits for the answer.
    pub who: Who,
    /// The token's generation.
    pub token: u8,
    /// What the client knew when it sent the request, and how many ticks ago that was.
    pub sent: (u8, u8),
    /// Ticks since the load, by the store's clock.
    pub since: i8,
    /// The row of the table.
    pub case: TableRow,
    /// The generation that was loaded.
    pub from: u8,
    /// What to write.
    pub next: Row,
    /// The version that was loaded, counted from the one that is stored now.
    pub version: i8,
    /// What the ghosts thought of the presentation.
    pub crossing: Crossing,
}

/// Whether somebody presents what somebody else has moved past, outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Crossing {
    /// No.
    No,
    /// Yes, but the budget lets it pass.
    Unnoticed,
    /// Yes, and it has to end the session.
    MustBeSeen,
}

/// A bit for each claim that a history has broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Broken {
    Fork,
    FalseLogout,
    HonestRefusal,
    TheftUnseen,
    Revived,
    LifetimeGrew,
    ExpiredActs,
    ForgedActs,
    Cost,
}

/// One moment of one session.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the store holds.
    pub row: Option<Row>,
    /// An earlier state, which a replica has; its version counted from the stored one.
    pub replica: Option<(Row, i8)>,
    /// The failover has happened, or the clock has jumped.
    pub happened: bool,
    /// Refreshes under way.
    pub calls: Vec<Call>,
    /// The token that the client's tabs share.
    pub cell: u8,
    /// The newest generation that the client has had an access token of.
    pub used: u8,
    /// What the thief copied, and the newest that it has.
    pub thief: Option<(u8, u8)>,
    /// Ticks until each generation's token expires.
    pub exp: [u8; GENERATIONS],
    /// What only the properties know.
    pub ghost: Ghost,
}

/// What happened, kept apart from the row so that a wrong row cannot hide it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// Bit i: the thief made generation i.
    pub made_by_thief: u16,
    /// Bit i: somebody crossed at generation i and got tokens.
    pub crossed: u16,
    /// Bit i: the client needed generation i late.
    pub needed: u16,
    /// Ticks since the live generation was made, or handed out late.
    pub age: i8,
    /// Somebody has shown to hold the live generation.
    pub confirmed: bool,
    /// The session was revoked or deleted.
    pub ended: bool,
    /// Writes in this generation that are no rotation, late redelivery or revocation.
    pub writes: u8,
    /// The client needed more late redeliveries than the budget allows: no claims from here.
    pub excused: bool,
    /// Which claims were broken.
    pub(crate) broken: u16,
}

impl Ghost {
    pub(crate) fn breaks(&mut self, what: Broken) {
        self.broken |= 1 << what as u8;
    }

    pub(crate) fn forgive(&mut self, what: &[Broken]) {
        for what in what {
            self.broken &= !(1 << *what as u8);
        }
    }

    pub(crate) fn has_broken(&self, what: Broken) -> bool {
        self.broken & 1 << what as u8 != 0
    }
}

impl State {
    /// A write: what others have loaded is one version older now.
    pub(crate) fn bump(&mut self) {
        let versions = self.calls.iter_mut().filter_map(|call| match call {
            Call::Loaded(loaded) => Some(&mut loaded.version),
            _ => None,
        });
        for version in versions.chain(self.replica.as_mut().map(|(_, version)| version)) {
            *version = (*version - 1).max(-6);
        }
    }

    pub(crate) fn tick(&mut self, ticks: i8) {
        self.ghost.age = aged(self.ghost.age, ticks);
        if ticks > 0 {
            self.exp.iter_mut().for_each(run_down);
        }
        let replica = self.replica.as_mut().map(|(row, _)| row);
        for row in self.row.iter_mut().chain(replica) {
            row.age_by(ticks);
        }
        for call in &mut self.calls {
            if let Call::Loaded(loaded) = call {
                loaded.next.age_by(ticks);
                loaded.since += ticks;
            }
        }
    }
}

impl fmt::Debug for State {
    /// Short, since a history is many of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cell, thief, ghost) = (self.cell, self.thief, &self.ghost);
        match self.row {
            None => write!(f, "no row")?,
            Some(row) => write!(
                f,
                "gen {} rotated {:?} delivered {:?} confirmed {} late {:b} revoked {:?} expires {} ends {}",
                row.generation,
                row.rotated,
                row.delivered,
                row.confirmed,
                row.late,
                row.revoked,
                row.expires,
                row.ends
            )?,
        }
        write!(
            f,
            " | cell {cell} thief {thief:?} | needed {:b} crossed {:b} |",
            ghost.needed, ghost.crossed
        )?;
        for call in &self.calls {
            match call {
                Call::Sent { token, age, .. } => write!(f, " sent {token} ({age})")?,
                Call::Loaded(call) => write!(
                    f,
                    " {:?} {} {:?} at version {}",
                    call.who, call.token, call.case, call.version
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
