//! The proofs of tokens that are bound to a key (RFC 9449 §7), if the layer was given a verifier of
//! them.

use http::{HeaderMap, Request};

use super::{challenge::Rejection, credentials::Credentials};
use crate::claims::VerifiedToken;

pub(super) use with_or_without::{Dpop, NextNonce};

#[cfg(feature = "dpop")]
mod with_or_without {
    use http::HeaderValue;

    use super::{Credentials, HeaderMap, Rejection, Request, VerifiedToken};
    use crate::{
        bearer::{
            credentials::{DPOP_SCHEME, mark_sensitive},
            schemes::{DpopScheme, Schemes},
        },
        dpop::{BoundToken, DPOP, DPOP_NONCE, DpopError, DpopVerifier},
        error::TokenError,
        trace,
    };

    #[derive(Clone, Debug, Default)]
    pub(in crate::bearer) struct Dpop(Option<DpopVerifier>);

    /// The nonce that the client should use from now on, for the answer. Boxed, so that the futures
    /// of requests without one stay small.
    #[derive(Debug, Default)]
    pub(in crate::bearer) struct NextNonce(Option<Box<HeaderValue>>);

    impl NextNonce {
        #[inline]
        pub(in crate::bearer) fn add_to(&mut self, headers: &mut HeaderMap) {
            if self.0.is_some() {
                self.insert_into(headers);
            }
        }

        #[cold]
        fn insert_into(&mut self, headers: &mut HeaderMap) {
            if let Some(nonce) = self.0.take() {
                headers.insert(DPOP_NONCE, *nonce);
            }
        }
    }

    impl Dpop {
        pub(in crate::bearer) fn new(verifier: &DpopVerifier) -> Self {
            Self(Some(verifier.clone()))
        }

        pub(in crate::bearer) fn is_off(&self) -> bool {
            self.0.is_none()
        }

        /// The token that the request presents by the scheme `DPoP`. Its proof is marked sensitive.
        pub(in crate::bearer) fn find<'a>(&self, headers: &'a mut HeaderMap) -> Credentials<'a> {
            if self.0.is_none() {
                return Credentials::Absent;
            }
            mark_sensitive(headers, &DPOP);
            Credentials::of_scheme(headers, &DPOP_SCHEME)
        }

        /// Checks the proof that came with a token, and notes with the request that it is accepted.
        pub(in crate::bearer) fn check<B>(
            &self,
            request: &mut Request<B>,
            token: &VerifiedToken,
        ) -> Result<NextNonce, Rejection> {
            let Some(verifier) = &self.0 else {
                return Ok(NextNonce::default());
            };
            let Credentials::Token(text) = Credentials::of_scheme(request.headers(), &DPOP_SCHEME)
            else {
                return Err(Rejection::malformed());
            };
            let key = token.claims().cnf.as_ref().and_then(|cnf| cnf.jkt());
            // A token that is bound to nothing proves nothing, whatever comes with it.
            let Some(key) = key else {
                trace::debug!("a token that is not bound to a key came by the scheme DPoP");
                return Err(TokenError::Unbound.into());
            };
            let bound = BoundToken { text, key };
            let Some(checked) = verifier.check((&*request).into(), Some(bound))? else {
                return Err(DpopError::missing(request.uri().path()).into());
            };
            checked.accepted.note(request.extensions_mut());
            Ok(NextNonce(checked.next_nonce.map(Box::new)))
        }

        /// Whether the client of this token must bind its tokens.
        #[inline]
        pub(in crate::bearer) fn is_required_for(&self, token: &VerifiedToken) -> bool {
            (self.0.as_ref())
                .is_some_and(|dpop| dpop.is_required_for(token.claims().client_id.as_deref()))
        }

        /// The schemes that a challenge to this request names.
        pub(in crate::bearer) fn schemes(&self, headers: &HeaderMap) -> Schemes {
            let Some(verifier) = &self.0 else {
                return Schemes::default();
            };
            let used = Credentials::of_scheme(headers, &DPOP_SCHEME) != Credentials::Absent;
            Schemes::with_dpop(DpopScheme {
                algorithms: Some(verifier.algorithm_names().clone()),
                takes_bearer: !verifier.is_required_for(None),
                used,
            })
        }
    }
}

#[cfg(not(feature = "dpop"))]
mod with_or_without {
    use super::{Credentials, HeaderMap, Rejection, Request, VerifiedToken};
    use crate::bearer::schemes::Schemes;

    #[derive(Clone, Debug, Default)]
    pub(in crate::bearer) struct Dpop(());

    #[derive(Debug, Default)]
    pub(in crate::bearer) struct NextNonce(());

    impl NextNonce {
        pub(in crate::bearer) fn add_to(&mut self, _headers: &mut HeaderMap) {}
    }

    impl Dpop {
        pub(in crate::bearer) fn is_off(&self) -> bool {
            true
        }

        pub(in crate::bearer) fn find<'a>(&self, _headers: &'a mut HeaderMap) -> Credentials<'a> {
            Credentials::Absent
        }

        pub(in crate::bearer) fn check<B>(
            &self,
            _request: &mut Request<B>,
            _token: &VerifiedToken,
        ) -> Result<NextNonce, Rejection> {
            Ok(NextNonce::default())
        }

        pub(in crate::bearer) fn is_required_for(&self, _token: &VerifiedToken) -> bool {
            false
        }

        pub(in crate::bearer) fn schemes(&self, _headers: &HeaderMap) -> Schemes {
            Schemes::default()
        }
    }
}
