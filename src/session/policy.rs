use std::time::Duration;

use crate::store::Session;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The numbers that the decision turns on. Their defaults come from a simulation that the
/// [manual](crate::manual::protocol) tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationPolicy {
    /// How long a refresh token lives unused, where the login has not said so itself. Default
    /// 30 days.
    pub idle_lifetime: Duration,
    /// For how long the predecessor is answered as a neighbour: another tab, a quick retry; and
    /// late, within the budget, after its successor was first known to be held. Default 10 s.
    pub reuse_window: Duration,
    /// How many generations in `late_span` may need a late redelivery. Default 3.
    pub late_budget: u32,
    /// Over how many generations late redeliveries are counted, 1 to 32. Default 20.
    pub late_span: u32,
    /// Whether reuse revokes the session. Default true; see
    /// [`danger_refuse_without_revoking`](super::SessionsBuilder::danger_refuse_without_revoking).
    pub revoke_on_reuse: bool,
}

impl Default for RotationPolicy {
    fn default() -> Self {
        Self {
            idle_lifetime: 30 * DAY,
            reuse_window: Duration::from_secs(10),
            late_budget: 3,
            late_span: 20,
            revoke_on_reuse: true,
        }
    }
}

impl RotationPolicy {
    /// How long a refresh token of the session lives unused.
    pub(super) fn idle_lifetime_of(&self, session: &Session) -> Duration {
        session.idle_lifetime.unwrap_or(self.idle_lifetime)
    }

    /// The bits of [`Session::late`](super::Session::late) that count against the budget: all
    /// of the span but the current generation, whose own redeliveries are free.
    pub(super) fn counted(&self) -> u32 {
        let span = u32::MAX
            .checked_shr(32_u32.saturating_sub(self.late_span))
            .unwrap_or(0);
        span & !1
    }
}

/// What shows that a client holds the refresh token of a generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfirmBy {
    /// A request with the access token that was handed out beside it.
    #[default]
    AccessToken,
    /// Only the refresh token itself, when it is presented. For servers that render for a
    /// browser: they use the access token before the browser has the refresh token.
    Successor,
}

/// What happens to a login of a subject who has as many sessions as allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The oldest sessions are ended. Best effort when logins race.
    EvictOldest,
    /// The login is refused.
    Refuse,
}
