use std::fmt;

use crate::{
    ghost::{Crossing, Ghost},
    row::{Row, TableRow, aged, run_down},
    store::Replica,
};

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
    pub since: i8,
    /// The row of the table.
    pub case: TableRow,
    /// The generation that was loaded.
    pub from: u8,
    /// What to write.
    pub next: Row,
    /// The version that was loaded, counted from the one that is stored now; nothing where it
    /// will not be stored again.
    pub version: Option<i8>,
    /// What the ghosts thought of the presentation.
    pub crossing: Crossing,
}

/// One moment of one session.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What the store holds.
    pub row: Option<Row>,
    /// What a replica has.
    pub replica: Option<Replica>,
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

impl State {
    pub(crate) fn tick(&mut self, ticks: i8) {
        for age in [&mut self.ghost.age]
            .into_iter()
            .chain(&mut self.ghost.confirmed)
        {
            *age = aged(*age, ticks);
        }
        if ticks > 0 {
            self.exp.iter_mut().for_each(run_down);
        }
        let replica = self.replica.as_mut().map(|replica| &mut replica.row);
        for row in self.row.iter_mut().chain(replica) {
            row.age_by(ticks);
        }
        for loaded in self.calls.iter_mut().filter_map(Call::loaded) {
            loaded.next.age_by(ticks);
            loaded.since += ticks;
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
                "gen {} rotated {:?} delivered {:?} confirmed {:?} late {:b} revoked {:?} expires {} ends {}",
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
                    " {:?} {} {:?} at version {:?}",
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
