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
    pub(super) metadata_error: Option<RemoteKeysError>,
    pub(super) failures: u32,
    pub(super) fetches: u64,
}

impl RemoteKeysStatus {
    /// The number of keys that tokens are verified with now. If it is 0, requests with a token wait for the
    /// fetch that is under way or may begin, and get a 503 if it brings no keys in time. It is 0 until the
    /// first token comes if the keys are [lazy](super::RemoteKeysBuilder::lazy): see
    /// [`is_idle`](Self::is_idle).
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

    /// Why the issuer's metadata could not be had when it was asked for last, although the keys were
    /// fetched: from where they were before. That is done for a day after the metadata was read, or for the
    /// [`Stale`](super::Stale) time if that is longer.
    pub fn metadata_error(&self) -> Option<&RemoteKeysError> {
        self.metadata_error.as_ref()
    }

    /// How many fetches have failed since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether nothing has been fetched yet, because no token has come. Keys that are
    /// [lazy](super::RemoteKeysBuilder::lazy) begin so, and a health check has to let traffic in then.
    pub fn is_idle(&self) -> bool {
        self.fetches == 0
    }

    /// How many fetches have begun since these [`RemoteKeys`](super::RemoteKeys) were made.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }
}
