//! How, and how recently, the user must have authenticated (RFC 9470).

use std::time::Duration;

use super::{acr::AcrValues, challenge::Rejection};
use crate::{
    claims::{Claims, VerifiedToken},
    clock::Timestamp,
    trace,
    verifier::Verifier,
};

/// What a token must tell of the user's authentication. There is nothing at first, and what is required
/// can only become stricter.
#[derive(Clone, Debug, Default)]
pub(super) struct StepUp {
    acr: Option<AcrValues>,
    max_age: Option<Duration>,
}

impl StepUp {
    /// Requires one of these classes, and one of those that are required already. None must be a mistake,
    /// which closes the route instead of opening it.
    pub(super) fn require_acr(&mut self, values: &AcrValues) {
        let left = match &self.acr {
            Some(required) => required.intersection(values),
            None => values.clone(),
        };
        if left.is_empty() {
            trace::warn!("no authentication context class is left: no request will pass");
        }
        self.acr = Some(left);
    }

    pub(super) fn require_max_age(&mut self, max_age: Duration) {
        let max_age = whole_seconds(max_age);
        self.max_age = Some(self.max_age.map_or(max_age, |age| age.min(max_age)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.acr.is_none() && self.max_age.is_none()
    }

    pub(super) fn check(&self, claims: &Claims, verifier: &Verifier) -> Result<(), Rejection> {
        let is_recent = self
            .max_age
            .is_none_or(|age| (claims.auth_time).is_some_and(|at| verifier.is_within(age, at)));
        match is_recent && self.acr.as_ref().is_none_or(|acr| has_one(claims, acr)) {
            true => Ok(()),
            false if acts_without_login(claims) => Err(Rejection::acting()),
            // Both are named, so that one login is enough.
            false => Err(Rejection::insufficient_user_authentication(
                self.acr.as_ref(),
                self.max_age,
            )),
        }
    }
}

/// Whether somebody acts for a user who has not authenticated for it, as a session of this issuer says by the year 1970. To
/// ask for a login would be to ask for ever.
fn acts_without_login(claims: &Claims) -> bool {
    claims.act.is_some() && claims.auth_time == Some(Timestamp::from_secs(0))
}

fn has_one(claims: &Claims, acr: &AcrValues) -> bool {
    claims.acr.as_ref().is_some_and(|class| acr.contains(class))
}

/// The challenge has no smaller unit.
fn whole_seconds(age: Duration) -> Duration {
    Duration::from_secs(age.as_secs())
}

impl VerifiedToken {
    /// Checks that the user has authenticated in one of these ways: the claim `acr`.
    ///
    /// # Errors
    ///
    /// A rejection to answer the request with: 401 `insufficient_user_authentication`, which names the
    /// ways (RFC 9470 §3). Where somebody acts (`session::Grant::actor`) for a user who has not authenticated, it is
    /// that of [`require_no_actor`](Self::require_no_actor).
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_bearer::{
    ///     VerifiedToken,
    ///     bearer::{AcrValues, Rejection},
    ///     clock::{Clock, SystemClock},
    /// };
    ///
    /// const SECOND_FACTOR: AcrValues = AcrValues::from_static("phr mfa");
    ///
    /// /// What a layer cannot know: how much is asked for.
    /// fn pay(token: &VerifiedToken, cents: u64) -> Result<(), Rejection> {
    ///     if cents > 10_000 {
    ///         token.require_acr(&SECOND_FACTOR)?;
    ///         token.require_max_age(Duration::from_secs(300), SystemClock.now())?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn require_acr(&self, values: &AcrValues) -> Result<(), Rejection> {
        match has_one(self.claims(), values) {
            true => Ok(()),
            false => Err(self.ask_for(Rejection::insufficient_acr(values))),
        }
    }

    /// Checks that the user has authenticated at most this long before `now`: the claim `auth_time`.
    /// The age counts in whole seconds, rounded down. The clock of the issuer is not quite that of this server,
    /// so leave some room.
    ///
    /// # Errors
    ///
    /// A rejection to answer the request with: 401 `insufficient_user_authentication`, which names the age
    /// (RFC 9470 §3). Also if the token does not tell when the user has authenticated, or names a time that is
    /// later than both `now` and the token's own `iat`. Where somebody acts (`session::Grant::actor`) for a user who
    /// has not authenticated, it is that of [`require_no_actor`](Self::require_no_actor).
    pub fn require_max_age(&self, max_age: Duration, now: Timestamp) -> Result<(), Rejection> {
        let max_age = whole_seconds(max_age);
        let claims = self.claims();
        // The verifier has let `iat` be ahead by no more than its leeway.
        let latest = claims.iat.max(now);
        match claims.auth_time {
            Some(at) if at <= latest && now <= at + max_age => Ok(()),
            _ => Err(self.ask_for(Rejection::exceeded_max_age(max_age))),
        }
    }

    /// This challenge, unless nobody could meet it.
    fn ask_for(&self, challenge: Rejection) -> Rejection {
        let rejection = match acts_without_login(self.claims()) {
            true => Rejection::acting(),
            false => challenge,
        };
        rejection.for_token(self)
    }
}
