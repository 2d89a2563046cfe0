//! How a token is judged: at once if it can be, and otherwise when its key or another server's answer is
//! there.

use std::{ops::Range, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use super::{
    Inner, Verifier,
    pending::{Opaque, PendingToken, Timing, Verification},
    source::{Fetching, Missing},
    taken_over::TakenOver,
    unverified::Unverified,
};
use crate::{
    claims::{Claims, VerifiedToken},
    clock::{Clock, Timestamp},
    error::TokenError,
};

impl Verifier {
    /// Verifies an access token, as far as that can be done at once.
    ///
    /// # Errors
    ///
    /// The first check that fails. [`Expired`](TokenError::Expired) is only returned for a token
    /// that is right in every other way. [`Unavailable`](TokenError::Unavailable) if the token's key
    /// has to be fetched, or another server has to be asked about the token:
    /// [`authenticate`](Self::authenticate) waits for that.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        match self.recall(token.as_bytes()) {
            Some(verified) => Ok(verified),
            None => self.begin(token, &self.0.clock, false)?.now(),
        }
    }

    /// Like [`verify`](Self::verify), but waits where the key of a token is being fetched, or another
    /// server is asked about it. A [`BearerLayer`](crate::bearer::BearerLayer) does the same.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify). [`Unavailable`](TokenError::Unavailable) if the token cannot
    /// be judged in time.
    ///
    /// ```
    /// # use tower_bearer::{Verifier, error::TokenError};
    /// async fn who(verifier: &Verifier, token: &str) -> Result<String, TokenError> {
    ///     Ok(verifier.authenticate(token).await?.claims().sub.clone())
    /// }
    /// ```
    pub async fn authenticate(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        match self.recall(token.as_bytes()) {
            Some(verified) => Ok(verified),
            None => match self.verify_anew(token)? {
                Verification::Done(verified) => Ok(verified),
                Verification::Pending(pending) => pending.await,
            },
        }
    }

    /// Like [`verify`](Self::verify), but at the time `now` and not at that of the verifier's
    /// clock.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify).
    pub fn verify_at(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        match self.0.recall(token.as_bytes(), &At(now)) {
            Some(verified) => Ok(verified),
            None => self.begin(token, &(Arc::new(At(now)) as _), false)?.now(),
        }
    }

    /// Verifies a token that [`recall`](Self::recall) has just not found.
    pub(crate) fn verify_anew(&self, token: &str) -> Result<Verification, TokenError> {
        self.begin(token, &self.0.clock, true)
    }

    /// `may_wait` says whether the caller can wait to hear more than is known now.
    fn begin(
        &self,
        token: &str,
        clock: &Arc<dyn Clock>,
        may_wait: bool,
    ) -> Result<Verification, TokenError> {
        self.check_length(token.as_bytes())?;
        if let Some(opaque) = self.0.who_knows(token) {
            let timing = Timing {
                clock: Arc::clone(clock),
                leeway: self.0.leeway,
            };
            let ask = || Arc::clone(opaque).ask(Zeroizing::new(token.to_owned()), &timing);
            let known = opaque.recall(token, &timing);
            return Ok(known.map_or_else(|| Verification::Pending(ask()), Verification::Done));
        }
        match self.0.verify_jwt(token, clock.now()) {
            Ok(verified) => Ok(Verification::Done(verified)),
            Err(error @ (TokenError::Signature | TokenError::Algorithm)) => {
                match self.0.doubted(token) {
                    Some(fetching) if may_wait => {
                        Ok(Verification::Pending(self.verify_after(fetching, token)))
                    }
                    _ => Err(error),
                }
            }
            Err(TokenError::UnknownKey) => match self.0.missing(token)? {
                Missing::Unknown => Err(TokenError::UnknownKey),
                Missing::Unavailable => Err(TokenError::Unavailable),
                Missing::Fetching(fetching) => {
                    Ok(Verification::Pending(self.verify_after(fetching, token)))
                }
            },
            Err(error) => Err(error),
        }
    }

    /// Verifies the token again when the keys have been fetched.
    fn verify_after(&self, fetching: Fetching, token: &str) -> PendingToken {
        let (verifier, token) = (self.clone(), Zeroizing::new(token.to_owned()));
        Box::pin(async move {
            let was_asked = fetching.await;
            let now = verifier.0.clock.now();
            match verifier.0.verify_jwt(&token, now) {
                Err(TokenError::UnknownKey) if was_asked => Err(TokenError::UnknownKey),
                Err(TokenError::UnknownKey) => Err(match verifier.0.missing(&token)? {
                    Missing::Unknown => TokenError::UnknownKey,
                    Missing::Unavailable | Missing::Fetching(_) => TokenError::Unavailable,
                }),
                verified => verified,
            }
        })
    }

    /// Refuses a token that is too long.
    pub(crate) fn check_length(&self, token: &[u8]) -> Result<(), TokenError> {
        if token.len() > self.0.max_token_bytes {
            return Err(TokenError::TooLong);
        }
        Ok(())
    }

    /// Whether it has been then, and no more than `age` has passed since, give or take the leeway.
    pub(crate) fn is_within(&self, age: Duration, since: Timestamp) -> bool {
        let (now, leeway) = (self.0.clock.now(), self.0.leeway);
        since <= now + leeway && now <= since + age + leeway
    }

    /// The token, if it is remembered and would still be accepted.
    #[inline]
    pub(crate) fn recall(&self, token: &[u8]) -> Option<VerifiedToken> {
        self.0.recall(token, &*self.0.clock)
    }
}

/// A clock that stands still at one time.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl Inner {
    #[inline]
    fn recall(&self, token: &[u8], clock: &dyn Clock) -> Option<VerifiedToken> {
        self.cache.as_ref()?.get(token, clock)
    }

    /// Who is asked about this token, if it is not verified here.
    fn who_knows(&self, token: &str) -> Option<&Arc<dyn Opaque>> {
        let is_jwt = || token.bytes().filter(|byte| *byte == b'.').count() == 2;
        let opaque = self.opaque.as_ref()?;
        (self.issuers.is_empty() || !is_jwt()).then_some(opaque)
    }

    fn verify_jwt(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenError> {
        let (issuer, until) = match self.issuers.taken_over(token) {
            Some(TakenOver { issuer, until }) => (issuer, Some(*until)),
            None => (self.issuers.of(token)?, None),
        };
        let is_right_type = |header: &_| issuer.profile.has_type(header);
        let usable_for = issuer.keys.usable_for();
        let keys = &issuer.keys.set;
        let opened = keys.open(token, is_right_type, self.max_token_bytes);
        let opened = opened.inspect_err(|error| issuer.log_unopened(token, *error))?;
        let content = issuer.read(&opened.payload, opened.trust.key_issuer())?;
        let mut good = self.good(&content.claims);
        good.end = until.map_or(good.end, |until| good.end.min(until));
        if now < good.start {
            return Err(TokenError::NotYetValid);
        }
        if now >= good.end {
            return Err(TokenError::Expired);
        }
        if let Some(cache) = &self.cache {
            // Then its key has to be looked at again.
            let end = usable_for.map_or(good.end, |left| good.end.min(now + left));
            cache.put(token, &content, opened.trust, good.start..end, now);
        }
        Ok(VerifiedToken::new(content))
    }

    /// What is known of the key of a token that no key fits. What the token says of itself decides
    /// only what its own sender is told.
    ///
    /// # Errors
    ///
    /// If the token itself says that it is of another issuer: no key that could be fetched would help.
    pub(super) fn missing(&self, token: &str) -> Result<Missing, TokenError> {
        let Some(Unverified { iss, iat }) = Unverified::of(token) else {
            return Ok(Missing::Unknown);
        };
        let issuer = iss.as_deref().and_then(|iss| self.issuers.named(iss));
        let issuer = issuer.ok_or_else(|| self.issuers.none_named(iss.is_some()))?;
        Ok(match &issuer.keys.source {
            Some(source) => source.missing(iat),
            None => Missing::Unknown,
        })
    }

    /// The fetch to wait for, if the key may have been replaced by another of the same name.
    fn doubted(&self, token: &str) -> Option<Fetching> {
        let Unverified { iss, iat } = Unverified::of(token)?;
        let issuer = self.issuers.named(&iss?)?;
        issuer.keys.source.as_ref()?.doubted(iat)
    }

    /// The time in which the claims are valid, with the leeway (RFC 7519 §4.1.4 and §4.1.5).
    fn good(&self, claims: &Claims) -> Range<Timestamp> {
        let starts = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        starts - self.leeway..claims.exp + self.leeway
    }
}
