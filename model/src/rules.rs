use tower_bearer::{
    clock::Timestamp,
    session::{PresentedToken, Record, RefreshVerdict, RotationPolicy, SessionState, decide},
};

/// A decision.
pub type Decide = fn(&Record, PresentedToken, Timestamp, &RotationPolicy) -> RefreshVerdict;
/// What a verdict writes.
pub type Apply =
    fn(RefreshVerdict, &Record, PresentedToken, Timestamp, &RotationPolicy) -> Option<SessionState>;

/// The protocol under check: the crate's own, or a [mutant](crate::mutants).
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The decision table.
    pub decide: Decide,
    /// What its rows write.
    pub apply: Apply,
    /// Which rule for the effects is broken.
    pub effect: Effect,
}

/// The rules for the effects, and how each can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// None is.
    AsWritten,
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
}

impl Rules {
    /// The crate's own.
    pub const REAL: Self = Self {
        decide,
        apply: RefreshVerdict::apply,
        effect: Effect::AsWritten,
    };
}
