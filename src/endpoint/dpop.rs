//! Proofs that the client holds a key, if the endpoints were given a verifier of them (RFC 9449 §5).

use http::{HeaderMap, request::Parts};

use super::error_reply::ErrorReply;
use crate::{
    session::{KeyProof, RefreshRequest, Refusal, SessionError, SessionErrorKind},
    trace,
};

pub(super) use with_or_without::{Proofs, Proved};

impl Proved {
    /// The answer to an operation that has failed. A client whose proof is forgotten, by itself or by
    /// this server, keeps its token: `invalid_grant` would make it throw its session away.
    pub(super) fn refused(&self, error: &SessionError) -> ErrorReply {
        match self.proof() {
            None if error.kind() == UNPROVEN => self.missing(),
            _ => error.into(),
        }
    }
}

const UNPROVEN: SessionErrorKind = SessionErrorKind::InvalidGrant(Refusal::Unproven);

/// The answer where a session that is bound to a key meets an endpoint that was given no verifier.
fn unchecked() -> ErrorReply {
    trace::warn!(
        "a session that is bound to a key came to an endpoint that checks no proofs: \
         call EndpointOptions::dpop"
    );
    ErrorReply::unchecked_proof()
}

#[cfg(feature = "dpop")]
mod with_or_without {
    use std::sync::Arc;

    use http::HeaderValue;

    use super::{ErrorReply, HeaderMap, KeyProof, Parts, RefreshRequest, trace};
    use crate::{
        dpop::{DPOP_NONCE, DpopError, DpopErrorKind, DpopVerifier},
        key_proof::KeyHolders,
    };

    #[derive(Clone, Debug, Default)]
    pub(in crate::endpoint) struct Proofs(Option<DpopVerifier>);

    /// What a request has proved.
    #[derive(Debug, Default)]
    pub(in crate::endpoint) struct Proved {
        proof: Option<KeyProof>,
        next_nonce: Option<HeaderValue>,
        /// Who has to prove something. `None` if proofs are not looked at.
        key_holders: Option<Arc<KeyHolders>>,
    }

    impl Proofs {
        pub(in crate::endpoint) fn new(verifier: &DpopVerifier) -> Self {
            Self(Some(verifier.clone()))
        }

        /// Checks the proof of a request, if it has one.
        pub(in crate::endpoint) fn check(&self, request: &Parts) -> Result<Proved, ErrorReply> {
            let Some(verifier) = &self.0 else {
                return Ok(Proved::default());
            };
            let checked = verifier.check(request.into(), None)?;
            let (proof, next_nonce) = match checked {
                Some(checked) => (Some(checked.proof), checked.next_nonce),
                None => (None, None),
            };
            Ok(Proved {
                proof,
                next_nonce,
                key_holders: Some(verifier.key_holders().clone()),
            })
        }

        /// The value of `dpop_signing_alg_values_supported` in the metadata (RFC 9449 §5.1).
        pub(in crate::endpoint) fn algorithms(&self) -> Option<Vec<&str>> {
            let verifier = self.0.as_ref()?;
            Some(verifier.algorithm_names().split(' ').collect())
        }
    }

    impl Proved {
        /// Adds what was proved to a refresh, and who has to prove something.
        pub(in crate::endpoint) fn add_to(&self, request: RefreshRequest) -> RefreshRequest {
            let request = match &self.proof {
                Some(proof) => request.proof(proof.clone()),
                None => request,
            };
            match &self.key_holders {
                Some(clients) => request.key_holders(clients.clone()),
                None => request,
            }
        }

        pub(in crate::endpoint) fn proof(&self) -> Option<&KeyProof> {
            self.proof.as_ref()
        }

        /// The answer to a request that has proved nothing and needs to.
        pub(super) fn missing(&self) -> ErrorReply {
            match self.key_holders {
                Some(_) => {
                    trace::debug!("there is no DPoP header, and the session is bound to a key");
                    DpopError::from(DpopErrorKind::Missing).into()
                }
                None => super::unchecked(),
            }
        }

        /// Adds the nonce that the client should use from now on.
        pub(in crate::endpoint) fn add_nonce(self, headers: &mut HeaderMap) {
            if let Some(nonce) = self.next_nonce {
                headers.insert(DPOP_NONCE, nonce);
            }
        }
    }
}

#[cfg(not(feature = "dpop"))]
mod with_or_without {
    use super::{ErrorReply, HeaderMap, KeyProof, Parts, RefreshRequest};

    #[derive(Clone, Debug, Default)]
    pub(in crate::endpoint) struct Proofs(());

    #[derive(Debug, Default)]
    pub(in crate::endpoint) struct Proved(());

    impl Proofs {
        pub(in crate::endpoint) fn check(&self, _request: &Parts) -> Result<Proved, ErrorReply> {
            Ok(Proved::default())
        }

        pub(in crate::endpoint) fn algorithms(&self) -> Option<Vec<&str>> {
            None
        }
    }

    impl Proved {
        pub(in crate::endpoint) fn add_to(&self, request: RefreshRequest) -> RefreshRequest {
            request
        }

        pub(in crate::endpoint) fn proof(&self) -> Option<&KeyProof> {
            None
        }

        pub(super) fn missing(&self) -> ErrorReply {
            super::unchecked()
        }

        pub(in crate::endpoint) fn add_nonce(self, _headers: &mut HeaderMap) {}
    }
}
