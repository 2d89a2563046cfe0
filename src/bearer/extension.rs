//! What the layer left in a request, for handlers.

use http::Extensions;

use crate::claims::{Scope, VerifiedToken};

use super::{challenge::Rejection, rules::Checked};

impl VerifiedToken {
    /// The token that a [`BearerLayer`](super::BearerLayer) has verified.
    ///
    /// # Errors
    ///
    /// A rejection to answer with: 401 where the layer is optional and no token came, 500 where
    /// no layer saw the request.
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
    pub fn from_extensions(extensions: &Extensions) -> Result<&Self, Rejection> {
        extensions.get().ok_or_else(|| match extensions.get() {
            Some(Checked { realm }) => Rejection::missing_token().with_realm(realm.clone()),
            None => Rejection::misconfigured(),
        })
    }

    /// Whether the token has all of these scope tokens.
    ///
    /// # Errors
    ///
    /// A rejection to answer with: 403 where it has not.
    pub fn require_scope(&self, needed: &Scope) -> Result<(), Rejection> {
        if needed.is_subset(&self.claims().scope) {
            Ok(())
        } else {
            Err(Rejection::insufficient_scope(needed))
        }
    }
}
