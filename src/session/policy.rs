use std::time::Duration;

use crate::store::Session;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of [`decide`](super::decide). The [manual](crate::manual::protocol) describes the
/// simulation that the defaults come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationPolicy {
    /// How long an unused refresh token lives, unless the login sets another time: 30 days by
    /// default.
    pub idle_lifetime: Duration,
    /// How long the previous refresh token is still answered with the live one: 10 seconds by
    /// default. See [`SessionsBuilder::reuse_window`](super::SessionsBuilder::reuse_window).
    pub reuse_window: Duration,
    /// Whether every refresh token that was rotated and comes again ends the session: false by default. See
    /// [`strict_rotation`](super::SessionsBuilder::strict_rotation).
    pub strict: bool,
    /// How many of the last `late_span` generations may need a late redelivery: 3 by default.
    pub late_budget: u32,
    /// Over how many generations late redeliveries are counted, 1 to 32: 20 by default.
    pub late_span: u32,
    /// For how long the refresh token of a session that is bound to a key is not rotated: zero by
    /// default. See [`rotate_bound_after`](super::SessionsBuilder::rotate_bound_after).
    pub rotate_bound_after: Duration,
    /// Whether the reuse of a refresh token ends the session: true by default. See
    /// [`danger_refuse_without_ending`](super::SessionsBuilder::danger_refuse_without_ending).
    pub end_on_reuse: bool,
}

impl Default for RotationPolicy {
    fn default() -> Self {
        Self {
            idle_lifetime: 30 * DAY,
            reuse_window: Duration::from_secs(10),
            strict: false,
            late_budget: 3,
            late_span: 20,
            rotate_bound_after: Duration::ZERO,
            end_on_reuse: true,
        }
    }
}

impl RotationPolicy {
    /// How long an unused refresh token of the session lives.
    pub(super) fn idle_lifetime_of(&self, session: &Session) -> Duration {
        session.idle_lifetime.unwrap_or(self.idle_lifetime)
    }

    /// How old what was loaded may be when it is written. The swap would otherwise write a delivery time that is too
    /// early, which would shorten the reuse window.
    pub(super) fn longest_attempt(&self) -> Option<Duration> {
        let counts = !self.strict && !self.reuse_window.is_zero();
        counts.then(|| self.reuse_window / 4)
    }

    /// The bits of [`SessionState::late`](super::SessionState::late) that count against the
    /// budget: those of the span, except for the current generation.
    pub(super) fn counted(&self) -> u32 {
        let span = u32::MAX
            .checked_shr(32_u32.saturating_sub(self.late_span))
            .unwrap_or(0);
        span & !1
    }
}

/// What proves that a client holds the refresh token of a generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfirmBy {
    /// A request with the access token that came with the refresh token.
    #[default]
    AccessToken,
    /// Only the refresh token itself, when it is presented. Choose this for servers that render
    /// pages and use the access token before the browser has received the refresh token.
    Successor,
}

/// What happens at the login of a subject who has as many sessions as are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The oldest sessions are ended, also if many logins come at the same time. If the store
    /// fails meanwhile, some may stay until the next login.
    EvictOldest,
    /// The login is refused. However many logins come at the same time, no more than the maximum
    /// get tokens. If there is room for some of them, it may take half a second until it is known
    /// which.
    Refuse,
}
