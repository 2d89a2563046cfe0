use std::{sync::Arc, time::Duration};

use super::{RequestHead, nonce, nonce::NonceSecret, url::PlainUrl};
use crate::{
    jws::{Algorithm, CryptoProvider},
    key_proof::KeyHolders,
    seal::SKEW,
};

/// How a verifier judges proofs.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) addresses: Addresses,
    pub(super) algorithms: Vec<Algorithm>,
    /// The names of the algorithms, as a challenge has them.
    pub(super) algorithm_names: Arc<str>,
    pub(super) window: Duration,
    pub(super) nonces: Nonces,
    pub(super) required: Arc<KeyHolders>,
    pub(super) replay_limit: usize,
    /// Whose cryptography checks a proof, if not that of the default.
    pub(super) provider: Option<CryptoProvider>,
    /// Whether the path is that from before nested axum routers.
    #[cfg(feature = "axum")]
    pub(super) takes_original_uri: bool,
}

/// The URLs that a proof may be for.
#[derive(Clone, Debug)]
pub(super) enum Addresses {
    /// These public addresses of the server.
    Known(Vec<PlainUrl>),
    /// Whatever host the client has asked for.
    Any,
}

/// Which proofs need a nonce.
#[derive(Clone, Debug)]
pub(super) enum Nonces {
    Never,
    /// Those of clients with a wrong clock.
    OutsideTheWindow(NonceSecret),
    Always(NonceSecret),
}

impl Nonces {
    pub(super) fn secret(&self) -> Option<&NonceSecret> {
        match self {
            Self::Never => None,
            Self::OutsideTheWindow(secret) | Self::Always(secret) => Some(secret),
        }
    }
}

impl Settings {
    /// The path of a request, as it follows the public address.
    pub(super) fn path_of<'a>(&self, request: RequestHead<'a>) -> &'a str {
        #[cfg(feature = "axum")]
        if self.takes_original_uri {
            return super::target::original_path(request);
        }
        request.uri().path()
    }

    /// For how long a proof could be used, from when it is first seen.
    pub(super) fn span(&self) -> Duration {
        let by_time = self.window.saturating_mul(2);
        match self.nonces {
            Nonces::Never => by_time,
            _ => by_time.max(nonce::LIFETIME + SKEW),
        }
    }
}
