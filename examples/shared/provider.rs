//! Whose cryptography a server uses.

use std::env;

use tower_bearer::jws::CryptoProvider;

use super::config::StartError;

const VARIABLE: &str = "CRYPTO_PROVIDER";

/// Takes the one that the environment names, if it names one. This has to be before anything that makes a key.
pub(crate) fn install() -> Result<(), StartError> {
    let Some(name) = env::var_os(VARIABLE) else {
        return Ok(());
    };
    let built_in = CryptoProvider::built_in();
    match built_in.iter().find(|provider| *provider.name() == *name) {
        Some(provider) => {
            let installed = provider.install_default();
            installed.map_err(|error| StartError::new(VARIABLE, &error))
        }
        None => {
            let names: Vec<_> = built_in.iter().map(|provider| provider.name()).collect();
            Err(format!("{VARIABLE}: built in: {}", names.join(", ")).into())
        }
    }
}
