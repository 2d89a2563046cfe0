use super::error::RemoteKeysError;
use crate::{clock::Timestamp, jws::SkippedKey};

/// How the fetching of an issuer's keys goes, for a health check, metrics or a page of the operator.
///
/// ```
/// use tower_bearer::remote::RemoteKeys;
///
/// fn report(keys: &RemoteKeys) -> String {
///     let status = keys.status();
///     match status.last_error() {
///         Some(error) => format!("{} keys, {} failures: {error}", status.keys(), status.failures()),
///         None => format!("{} keys", status.keys()),
///     }
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RemoteKeysStatus {
    pub(super) keys: usize,
    pub(super) skipped: Vec<SkippedKey>,
    pub(super) last_success: Option<Timestamp>,
    pub(super) last_error: Option<RemoteKeysError>,
    pub(super) failures: u32,
    pub(super) fetches: u64,
}

impl RemoteKeysStatus {
    /// The number of keys that tokens are verified with now. If it is 0, all requests with a token
    /// are answered with a 503.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// The keys of the set that was fetched last that cannot be used, and why.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// When the last fetch began that succeeded.
    pub fn last_success(&self) -> Option<Timestamp> {
        self.last_success
    }

    /// Why the last fetch failed. `None` if it succeeded, or if there was none.
    pub fn last_error(&self) -> Option<&RemoteKeysError> {
        self.last_error.as_ref()
    }

    /// How many fetches have failed since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// How many fetches have begun since the program started.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }
}
