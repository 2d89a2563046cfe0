//! Whether the keys of sessions are fit for them.

use std::time::Duration;

use super::{RefreshKey, RotationPolicy};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    issuer::Issuer,
    jws::KeySet,
};

/// Refuses a refresh key that is an access key or cannot sign, and a signer that is waited for too long.
pub(super) fn check(
    access: &KeySet,
    refresh: &RefreshKey,
    policy: &RotationPolicy,
) -> Result<(), ConfigError> {
    if access.verifying().shares_key_with(&refresh.verifying()) {
        return Err(ConfigError::new(
            ConfigErrorKind::SharedKey,
            "the refresh key must not be one of the access token keys",
        ));
    }
    if !refresh.is_here() {
        return Err(ConfigError::new(
            ConfigErrorKind::RefreshKey,
            "the refresh key must be here: a signer is for access tokens",
        ));
    }
    let Some(timeout) = access.signer_timeout() else {
        return Ok(());
    };
    let most = policy.longest_attempt();
    match timeout.is_zero() || most.is_some_and(|most| timeout >= most) {
        false => Ok(()),
        true => Err(ConfigError::new(
            ConfigErrorKind::Lifetime,
            "the signer's timeout must be above zero, and below a quarter of the reuse window",
        )),
    }
}

/// For how long at least a ring verifies what it has signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyTimes {
    pub(super) access: Option<Duration>,
    pub(super) refresh: Option<Duration>,
}

impl KeyTimes {
    pub(super) fn of(issuer: &Issuer, refresh: &RefreshKey) -> Self {
        Self {
            access: issuer.keys().longest(),
            refresh: refresh.longest(),
        }
    }
}
