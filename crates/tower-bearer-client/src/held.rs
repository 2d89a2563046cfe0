use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::{
    answer::Granted,
    lineage,
    schedule::{Moment, Validity},
    store::{SavedAccess, SavedTokens},
};
use tower_bearer::AccessToken;

/// An access token that is known to fit a header.
pub(super) struct Access {
    pub(super) token: AccessToken,
    header: HeaderValue,
    validity: Validity,
}

impl Access {
    fn new(saved: &SavedAccess, now: Moment, share: f64) -> Option<Self> {
        let mut header = HeaderValue::try_from(format!("Bearer {}", saved.token.expose())).ok()?;
        header.set_sensitive(true);
        let age = saved.age(now.wall).unwrap_or(saved.lifetime);
        Some(Self {
            token: saved.token.clone(),
            header,
            validity: Validity::new(saved.lifetime, age, now, share),
        })
    }

    pub(super) fn attach(&self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.header.clone());
    }

    /// Whether it may still be sent.
    pub(super) fn is_usable(&self, now: Moment) -> bool {
        self.validity.is_usable(now)
    }

    /// Whether it serves for some time yet.
    pub(super) fn is_fresh(&self, now: Moment) -> bool {
        self.is_usable(now) && !self.validity.is_due(now)
    }

    /// Whether this is the token that was refused.
    pub(super) fn is(&self, refused: Option<&AccessToken>) -> bool {
        refused.is_some_and(|refused| refused.expose() == self.token.expose())
    }

    /// How long it is thought to live yet.
    pub(super) fn left(&self, now: Moment) -> Duration {
        self.validity.left(now)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

/// The tokens that a session goes by.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) tokens: SavedTokens,
    pub(super) access: Option<Arc<Access>>,
    /// What the store was last seen to hold, where that is not `tokens`: they could not be saved.
    kept: Option<SavedTokens>,
}

/// What is configured about lifetimes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    /// How long a token lives whose lifetime the server does not say.
    pub(super) default: Duration,
    /// After which share of its lifetime a token is refreshed.
    pub(super) share: f64,
}

impl Held {
    /// Tokens that are seen now; how old they are is told by the wall clock alone.
    pub(super) fn new(tokens: SavedTokens, now: Moment, lifetimes: Lifetimes) -> Self {
        let access = tokens.access.as_ref();
        let access = access.and_then(|access| Access::new(access, now, lifetimes.share));
        Self {
            access: access.map(Arc::new),
            tokens,
            kept: None,
        }
    }

    /// The same, while the store still holds `kept`.
    pub(super) fn unsaved(self, kept: SavedTokens) -> Self {
        Self {
            kept: Some(kept),
            ..self
        }
    }

    /// Whether there is an access token that may be sent.
    pub(super) fn is_usable(&self, now: Moment) -> bool {
        self.access.as_ref().is_some_and(|it| it.is_usable(now))
    }

    /// Whether there is nothing to refresh: the access token serves for some time yet, and is not
    /// the one that was refused.
    pub(super) fn serves(&self, now: Moment, refused: Option<&AccessToken>) -> bool {
        let serves = |access: &Arc<Access>| access.is_fresh(now) && !access.is(refused);
        self.access.as_ref().is_some_and(serves)
    }

    /// What the store was last seen to hold.
    pub(super) fn kept(&self) -> &SavedTokens {
        self.kept.as_ref().unwrap_or(&self.tokens)
    }

    /// Whether another process has put these into the store since. Tokens of an earlier
    /// generation do not count: they were put there by one that was late.
    pub(super) fn is_overtaken_by(&self, saved: &SavedTokens) -> bool {
        !saved.is(self.kept()) && !lineage::is_older(&saved.refresh, &self.tokens.refresh)
    }

    /// What a good answer makes of the tokens.
    pub(super) fn after(
        &self,
        granted: Granted,
        asked: Moment,
        lifetimes: Lifetimes,
    ) -> SavedTokens {
        let old = &self.tokens.refresh;
        let new = granted.refresh.filter(|new| !lineage::is_older(new, old));
        SavedTokens {
            refresh: new.unwrap_or_else(|| old.clone()),
            access: Some(SavedAccess {
                token: granted.access,
                lifetime: granted.lifetime.unwrap_or(lifetimes.default),
                obtained_at: asked.wall,
            }),
            scope: granted.scope.or_else(|| self.tokens.scope.clone()),
        }
    }
}
