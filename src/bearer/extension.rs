//! How handlers get the verified token that the layer has put into the request.

use http::Extensions;

use crate::claims::{Scope, VerifiedToken};

use super::{challenge::Rejection, rules::Checked};

impl VerifiedToken {
    /// The token that a [`BearerLayer`](super::BearerLayer) has verified, from the extensions of
    /// the request.
    ///
    /// # Errors
    ///
    /// A rejection to answer the request with: a 401 if the layer is optional and the request has
    /// no token, a 500 if no layer has seen the request.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use tower_bearer::VerifiedToken;
    ///
    /// fn handle(request: &Request<()>) -> Response<Bytes> {
    ///     match VerifiedToken::from_extensions(request.extensions()) {
    ///         Ok(token) => Response::new(format!("hello {}", token.claims().sub).into()),
    ///         Err(rejection) => rejection.to_response(),
    ///     }
    /// }
    /// # assert_eq!(handle(&Request::new(())).status(), 500);
    /// ```
    ///
    /// A service that also answers gRPC calls
    /// [`for_request`](Rejection::for_request) on the rejection first.
    pub fn from_extensions(extensions: &Extensions) -> Result<&Self, Rejection> {
        extensions.get().ok_or_else(|| match extensions.get() {
            Some(Checked { space, schemes }) => Rejection::missing_token()
                .in_space(space.clone())
                .with_schemes(schemes.clone()),
            None => Rejection::misconfigured(),
        })
    }

    /// Checks that the token has all scope tokens of `needed`.
    ///
    /// # Errors
    ///
    /// A rejection to answer the request with: a 403 if the token lacks one of them.
    pub fn require_scope(&self, needed: &Scope) -> Result<(), Rejection> {
        if needed.is_subset(&self.claims().scope) {
            Ok(())
        } else {
            Err(Rejection::insufficient_scope(needed).for_token(self))
        }
    }

    /// Checks that nobody acts for the user: that the token has no claim `act` (RFC 8693 §4.1).
    ///
    /// # Errors
    ///
    /// A rejection to answer the request with: a 403 `access_denied`. There is no challenge, because no other token
    /// that the client could ask for would help.
    pub fn require_no_actor(&self) -> Result<(), Rejection> {
        self.check_actor()
            .map_err(|rejection| rejection.for_token(self))
    }

    pub(super) fn check_actor(&self) -> Result<(), Rejection> {
        match &self.claims().act {
            None => Ok(()),
            Some(_) => Err(Rejection::acting()),
        }
    }
}
