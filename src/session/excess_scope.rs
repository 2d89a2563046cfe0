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
