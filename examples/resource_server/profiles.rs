//! The ready profiles by name.

use tower_bearer::TokenProfile;

use super::shared::config::StartError;

pub(crate) const DEFAULT: &str = "rfc9068";

/// Each with its name, in the order in which the error lists them.
const READY: [(&str, fn() -> TokenProfile); 1] = [(DEFAULT, TokenProfile::rfc9068)];

pub(crate) fn named(name: &str) -> Result<TokenProfile, StartError> {
    let found = READY.iter().find(|(ready, _)| *ready == name);
    found.map(|(_, profile)| profile()).ok_or_else(|| {
        let names: Vec<_> = READY.iter().map(|(name, _)| *name).collect();
        format!("PROFILE: there is no {name:?}; use {}", names.join(", ")).into()
    })
}
