//! Whose cryptography the tests of a process run on.

use std::env;

use tower_bearer::jws::CryptoProvider;

/// Has the name of a provider, or is not set.
const VARIABLE: &str = "TOWER_BEARER_TEST_PROVIDER";

/// The name of the one that is asked for.
pub(crate) fn asked() -> Option<String> {
    env::var(VARIABLE).ok()
}

/// Before `main`, and so before any test has made a key.
#[ctor::ctor(unsafe)]
fn install() {
    let Some(asked) = asked() else {
        return;
    };
    let mut built_in = CryptoProvider::built_in().iter();
    let provider = built_in.find(|provider| provider.name() == asked);
    let provider = provider.unwrap_or_else(|| panic!("{VARIABLE}: {asked:?} is not built in"));
    provider.install_default().expect("nobody was quicker");
}
