//! The application's own look at each request whose token is good.

use std::{fmt, sync::Arc};

use super::{challenge::Rejection, layer::BearerLayer};
use crate::{claims::VerifiedToken, context::RequestHead};

type RiskFn = dyn Fn(&VerifiedToken, RequestHead<'_>) -> Result<(), Rejection> + Send + Sync;

/// The application's function that assesses requests.
#[derive(Clone)]
pub(super) struct RiskHook(pub(super) Arc<RiskFn>);

impl fmt::Debug for RiskHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RiskHook")
    }
}

impl BearerLayer {
    /// Lets `hook` look at each request whose token has passed all other checks, such as for a client that is
    /// another program, or in another country, than the one that logged in. By default nobody looks.
    ///
    /// | the hook gives | the answer |
    /// | --- | --- |
    /// | `Ok(())` | that of the inner service |
    /// | [`Rejection::exceeded_max_age`], [`Rejection::insufficient_acr`] | 401 `insufficient_user_authentication`: a client that can lets the user authenticate once more (RFC 9470) |
    /// | [`Rejection::access_denied`] | 403 `access_denied` |
    /// | any other [`Rejection`] | its own |
    ///
    /// Where the user may authenticate once more, ask for it by
    /// [`require_max_age`](VerifiedToken::require_max_age) or [`require_acr`](VerifiedToken::require_acr), as the
    /// example does: the token of the new login passes then, and otherwise it would be asked for for ever.
    ///
    /// The hook is called with each request, so it must not block. What it compares with has to be in the token, as
    /// [private claims](crate::Claims::private) that the login has given. A layer has one such hook, and the last
    /// call sets it. [The manual](crate::manual::context#risk) says what to compare, and what that is worth.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tower_bearer::{Verifier, bearer::BearerLayer};
    /// use tower_bearer::clock::{Clock, SystemClock};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Login {
    ///     program: String,
    /// }
    ///
    /// # fn layer(verifier: Verifier) -> BearerLayer {
    /// const JUST_NOW: Duration = Duration::from_secs(5 * 60);
    ///
    /// BearerLayer::new(verifier).assess_risk(|token, request| {
    ///     let login = token.claims_as::<Login>().map(|claims| claims.private);
    ///     match (login, request.user_agent()) {
    ///         (Ok(login), Some(agent)) if agent.starts_with(&login.program) => Ok(()),
    ///         _ => token.require_max_age(JUST_NOW, SystemClock.now()),
    ///     }
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn assess_risk<F>(self, hook: F) -> Self
    where
        F: Fn(&VerifiedToken, RequestHead<'_>) -> Result<(), Rejection> + Send + Sync + 'static,
    {
        self.with(|rules| rules.risk = Some(RiskHook(Arc::new(hook))))
    }
}
