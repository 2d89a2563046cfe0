//! The protocol under check: the crate's own decision and writes, or others in their place.

use tower_bearer::{
    clock::Timestamp,
    session::{
        Possession, PresentedToken, Record, RefreshVerdict, RotationPolicy, SessionState, decide,
    },
};

/// What a server asks the decision: one token that meets one session, at one moment.
#[derive(Clone, Debug)]
pub struct Question {
    /// The session that was loaded.
    pub record: Record,
    /// The token that is presented.
    pub token: PresentedToken,
    /// The store's time.
    pub now: Timestamp,
    /// The numbers that the decision turns on.
    pub policy: RotationPolicy,
}

impl Question {
    /// Whether the token is the live one.
    pub fn presents_live(&self) -> bool {
        self.token.generation == self.record.state.generation
    }

    /// Whether the row or the token names a key.
    pub fn is_bound(&self) -> bool {
        self.record.state.bound_to.is_some() || self.token.possession != Possession::Unbound
    }

    /// Whether the presenter has the key.
    pub fn proves(&self) -> bool {
        self.token.possession == Possession::Proven
    }

    /// The crate's own answer.
    pub fn decide(&self) -> RefreshVerdict {
        decide(&self.record, self.token, self.now, &self.policy)
    }

    /// What the crate's own rules write for a verdict, if anything.
    pub fn apply(&self, verdict: RefreshVerdict) -> Option<SessionState> {
        verdict.apply(&self.record, self.token, self.now, &self.policy)
    }
}

/// A decision.
pub type Decide = fn(&Question) -> RefreshVerdict;
/// What a verdict writes.
pub type Apply = fn(&Question, RefreshVerdict) -> Option<SessionState>;

/// The protocol under check: the crate's own, or a [mutant](crate::mutants).
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The decision table.
    pub decide: Decide,
    /// What its rows write.
    pub apply: Apply,
    /// What is wrong with how servers and the store carry it out.
    pub fault: Fault,
}

impl Rules {
    /// The crate's own.
    pub const REAL: Self = Self {
        decide: Question::decide,
        apply: Question::apply,
        fault: Fault::None,
    };
}

/// How servers and the store can break the rules by which a decision is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They keep to them.
    None,
    /// The swap does not compare versions.
    SwapIgnoresVersion,
    /// The swap and the confirmation write over a revocation.
    SwapIgnoresRevoked,
    /// The swap creates the row where there is none.
    SwapCreates,
    /// A confirmation counts for whatever generation is live.
    ConfirmAnyGeneration,
    /// A confirmation is written although it is there already.
    ConfirmAgain,
    /// The answer goes out before the swap has been done.
    AnswerBeforeSwap,
    /// Row 5 sets a cookie.
    CookieOnCurrent,
    /// A swap adds 1 to the version.
    VersionsCount,
    /// A swap that lost is not decided again: the client is told that its token is bad.
    LostSwapRefuses,
    /// What answers a passed token hands out that token.
    AnswersWithPresented,
    /// A binding that the store has lost stays lost, though the token names it.
    BindingStaysLost,
    /// It comes back where something else is written too, and not before.
    BindingWaitsForWrite,
    /// A session that is bound can be bound again, to another key.
    BindsAgain,
}
