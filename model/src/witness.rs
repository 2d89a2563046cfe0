//! What happened, kept apart from the row so that a wrong row cannot hide it. Only the claims
//! read it and nothing in the protocol does: model checkers call this ghost variables.

use crate::time::OLDEST;

/// Whether a presentation shows that two hold tokens of the session: one presents what the
/// other has moved past, outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// No.
    None,
    /// Yes, but the budget lets it pass.
    WithinBudget,
    /// Yes, and it has to end the session.
    MustBeSeen,
}

/// How a history breaks a claim.
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
    CopyRefused,
    CopyLoggedOut,
    NotRenewed,
    KeylessActs,
    Unbound,
}

/// What only the claims know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Witness {
    /// Bit i: the thief made generation i.
    pub made_by_thief: u16,
    /// Bit i: in generation i somebody got tokens for a presentation that was evidence.
    pub overlooked: u16,
    /// Bit i: the client needed generation i late.
    pub needed_late: u16,
    /// Ticks since the live generation was made, or handed out late.
    pub since_delivery: i8,
    /// Ticks since somebody has first shown to hold the live generation.
    pub since_confirmation: Option<i8>,
    /// The session was ended or deleted.
    pub ended: bool,
    /// The session was bound to the client's key, and the store has not lost that, or has heard of it
    /// again.
    pub bound: bool,
    /// Writes in this generation that are no rotation, late redelivery or revocation.
    pub extra_writes: u8,
    /// The client needed more late redeliveries than the budget allows: no claims from here.
    pub excused: bool,
    /// A bit for each way in which a claim was broken.
    broken: u16,
}

impl Witness {
    /// After a login, and long after: no window is open.
    pub(crate) fn new(bound: bool) -> Self {
        Self {
            since_delivery: OLDEST,
            bound,
            ..Self::default()
        }
    }

    pub(crate) fn breaks(&mut self, how: Broken) {
        self.broken |= 1 << how as u8;
    }

    pub(crate) fn has_broken(&self, how: Broken) -> bool {
        self.broken & 1 << how as u8 != 0
    }

    /// A write beside rotations, late redeliveries and revocations: one a generation is allowed.
    pub(crate) fn count_extra_write(&mut self) {
        self.extra_writes = (self.extra_writes + 1).min(2);
        if self.extra_writes > 1 {
            self.breaks(Broken::Cost);
        }
    }
}
