//! How often a swap that lost against another one is tried again.

use std::time::Duration;

use super::SessionError;
use crate::store::{StoreError, StoreErrorKind};

const TRIES: u32 = 5;
const JITTER: Duration = Duration::from_millis(8);

/// The tries of one change of a session.
#[derive(Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// Begins the next try, after a pause if it is not the first one.
    ///
    /// # Errors
    ///
    /// If there have been enough of them.
    pub(super) async fn begin(&mut self) -> Result<(), SessionError> {
        if self.0 == TRIES {
            return Err(StoreError::new(StoreErrorKind::Busy).into());
        }
        if self.0 > 0 {
            tokio::time::sleep(jitter(self.0)).await;
        }
        self.0 += 1;
        Ok(())
    }
}

/// A random time of up to `tried` times 8 ms, so that refreshes that lost against each other do
/// not meet again.
fn jitter(tried: u32) -> Duration {
    let mut random = [0; 1];
    // If there is no randomness, they may meet again, and the number of tries allows for that.
    let _ = getrandom::fill(&mut random);
    JITTER * tried * u32::from(random[0]) / 256
}
