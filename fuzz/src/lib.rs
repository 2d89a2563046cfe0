//! What the targets have in common: one issuer with a secret that they know, and sessions of it.

use std::{future::Future, sync::LazyLock};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::runtime::{Builder, Runtime};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier,
    clock::Timestamp,
    jws::CryptoProvider,
    session::{RefreshKey, Sessions},
    store::MemoryStore,
};

/// The issuer of all tokens here.
pub const ISSUER: &str = "https://id.example";

/// For whom they are.
pub const AUDIENCE: &str = "https://api.example";

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// The time of all access tokens here.
pub const NOW: Timestamp = Timestamp::from_secs(1_000_000);

/// Keys of which `sign` knows the secret.
pub static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::new(ready(SigningKey::from_secret(Algorithm::HS256, SECRET))));

/// Runs futures, one at a time.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime")
});

/// Both crypto back ends, which have the same verdict on each key and each signature.
pub fn providers() -> [CryptoProvider; 2] {
    [CryptoProvider::aws_lc_rs(), CryptoProvider::rust_crypto()]
}

/// What was set up here, which is known to work.
pub fn ready<T, E: std::error::Error>(set_up: Result<T, E>) -> T {
    set_up.expect("a configuration that works")
}

/// The future's outcome.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// The outcome of a future whose timers are done as soon as nothing else is left to do.
pub fn block_on_in_no_time<F: Future>(future: F) -> F::Output {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

/// A verifier of the issuer's tokens.
pub fn verifier() -> Verifier {
    ready(Verifier::new(ISSUER, AUDIENCE, KEYS.verifying()))
}

/// The issuer.
pub fn issuer() -> Issuer {
    ready(Issuer::new(ISSUER, AUDIENCE, KEYS.clone()))
}

/// Sessions in memory, with a refresh key of their own.
pub fn sessions() -> Sessions {
    let key = ready(RefreshKey::from_secret([7_u8; 32]));
    ready(Sessions::builder(issuer(), key, MemoryStore::new()).build())
}

/// A token with this payload and a genuine signature.
pub fn sign(payload: &[u8]) -> String {
    let header = format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#, kid());
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("a key of any length");
    mac.update(text.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{text}.{signature}")
}

fn kid() -> String {
    ready(SigningKey::from_secret(Algorithm::HS256, SECRET))
        .kid()
        .to_owned()
}
