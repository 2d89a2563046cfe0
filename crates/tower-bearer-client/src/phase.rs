use crate::error::EndReason;

/// Whether somebody is signed in, as far as this process knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionPhase {
    /// Nobody knows: the store has not been looked into yet.
    NotLoaded,
    /// Nobody is signed in.
    SignedOut,
    /// There are tokens.
    SignedIn,
    /// There were tokens, and the session has ended. Nobody has signed in since.
    Ended(EndReason),
}
