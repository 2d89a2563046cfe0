use super::{SessionError, SessionErrorKind, Sessions};
use crate::{claims::Scope, store::SessionStore};

/// What happens if a refresh asks for scope that was not granted at login.
///
/// Some clients always ask for more: MSAL adds `openid profile offline_access` to each refresh, and
/// others send the scope that they were configured with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExcessScope {
    /// The refresh is refused with `invalid_scope` (RFC 6749 §6). Nothing is written, so the client
    /// can ask for less with the same token.
    #[default]
    Refuse,
    /// What was not granted is left out, as RFC 6749 §3.3 allows, and the answer names the scope
    /// of its access token (§5.1). If nothing is left, the refresh is refused, unless the session
    /// has no scope at all.
    LeaveOut,
}

impl<St: SessionStore> Sessions<St> {
    /// The scope of the access token: the granted one if none is requested, and otherwise the
    /// requested one, as far as it was granted (RFC 6749 §3.3, §6).
    pub(super) fn narrowed(
        &self,
        requested: Option<&Scope>,
        granted: &Scope,
    ) -> Result<Scope, SessionError> {
        let Some(requested) = requested.filter(|requested| !requested.is_empty()) else {
            return Ok(granted.clone());
        };
        if requested.is_subset(granted) {
            return Ok(requested.clone());
        }
        let left = match self.0.excess_scope {
            ExcessScope::Refuse => None,
            ExcessScope::LeaveOut => Some(requested.intersection(granted)),
        };
        // An empty scope cannot be named in the answer, so the client could not tell that it got
        // nothing it asked for. A session without any scope has nothing to tell.
        left.filter(|left| granted.is_empty() || !left.is_empty())
            .ok_or_else(|| SessionError::new(SessionErrorKind::InvalidScope))
    }
}
