//! The tokens that a session has in memory.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use tower_bearer::{AccessToken, RefreshToken, TokenType};

use crate::{
    answer::Granted,
    dpop::Key,
    error::ClientError,
    lineage,
    schedule::{Moment, Validity},
    store::{SavedAccess, SavedTokens},
};

/// An access token, ready to be put into a header.
pub(crate) struct Access {
    pub(crate) token: AccessToken,
    header: HeaderValue,
    /// The key that it is bound to, if it is.
    pub(crate) key: Option<Key>,
    validity: Validity,
}

impl Access {
    fn new(saved: &SavedAccess, key: Option<&Key>, now: Moment, share: f64) -> Option<Self> {
        let key = match saved.token_type {
            TokenType::Bearer => None,
            _ => Some(key?.clone()),
        };
        let header = format!("{} {}", saved.token_type, saved.token.expose());
        let mut header = HeaderValue::try_from(header).ok()?;
        header.set_sensitive(true);
        let age = saved.age(now.wall).unwrap_or(saved.lifetime);
        Some(Self {
            token: saved.token.clone(),
            header,
            key,
            validity: Validity::new(saved.lifetime, age, now, share),
        })
    }

    pub(crate) fn attach(&self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.header.clone());
    }

    /// Whether it has not expired, and is not about to.
    pub(crate) fn is_usable(&self, now: Moment) -> bool {
        self.validity.is_usable(now)
    }

    /// Whether it can be sent and no refresh is due.
    pub(crate) fn is_fresh(&self, now: Moment) -> bool {
        self.is_usable(now) && !self.validity.is_due(now)
    }

    /// Whether this is the token that was refused.
    pub(crate) fn is(&self, refused: Option<&AccessToken>) -> bool {
        refused.is_some_and(|refused| refused.expose() == self.token.expose())
    }

    /// The rest of its lifetime.
    pub(crate) fn left(&self, now: Moment) -> Duration {
        self.validity.left(now)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

/// The tokens that a session uses.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) tokens: SavedTokens,
    pub(crate) access: Option<Arc<Access>>,
    /// The key that the session is bound to: what `tokens` keep of it, ready for use.
    pub(crate) key: Option<Key>,
    unsaved: Option<Unsaved>,
}

/// Why tokens are in memory only.
#[derive(Debug)]
struct Unsaved {
    /// What the store was last seen to hold.
    kept: SavedTokens,
    error: ClientError,
}

/// What is configured about lifetimes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    /// The lifetime of a token if the server names none.
    pub(crate) default: Duration,
    /// The share of its lifetime after which a token is refreshed.
    pub(crate) share: f64,
}

impl Held {
    /// Tokens that are first seen at `now`. The wall clock tells how old they are by then.
    pub(crate) fn new(
        tokens: SavedTokens,
        key: Option<Key>,
        now: Moment,
        lifetimes: Lifetimes,
    ) -> Self {
        let access = tokens.access.as_ref();
        let access =
            access.and_then(|access| Access::new(access, key.as_ref(), now, lifetimes.share));
        Self {
            access: access.map(Arc::new),
            key,
            tokens,
            unsaved: None,
        }
    }

    /// The same tokens, while the store still holds `kept` because of this error.
    pub(crate) fn unsaved(self, kept: SavedTokens, error: ClientError) -> Self {
        Self {
            unsaved: Some(Unsaved { kept, error }),
            ..self
        }
    }

    /// The same tokens, now that they are saved.
    pub(crate) fn saved(&self) -> Self {
        Self {
            tokens: self.tokens.clone(),
            access: self.access.clone(),
            key: self.key.clone(),
            unsaved: None,
        }
    }

    /// Why the store does not hold these tokens, if it does not.
    pub(crate) fn why_unsaved(&self) -> Option<&ClientError> {
        self.unsaved.as_ref().map(|unsaved| &unsaved.error)
    }

    /// Whether there is an access token that can be sent.
    pub(crate) fn is_usable(&self, now: Moment) -> bool {
        self.access.as_ref().is_some_and(|it| it.is_usable(now))
    }

    /// Whether there is an access token for which no refresh is due, other than the refused one.
    pub(crate) fn serves(&self, now: Moment, refused: Option<&AccessToken>) -> bool {
        let serves = |access: &Arc<Access>| access.is_fresh(now) && !access.is(refused);
        self.access.as_ref().is_some_and(serves)
    }

    /// What the store was last seen to hold.
    pub(crate) fn kept(&self) -> &SavedTokens {
        let unsaved = self.unsaved.as_ref();
        unsaved.map_or(&self.tokens, |unsaved| &unsaved.kept)
    }

    /// Whether another process has put these tokens into the store since. Tokens of an earlier
    /// generation do not count: a process that was late has put them there.
    pub(crate) fn is_overtaken_by(&self, saved: &SavedTokens) -> bool {
        !saved.is(self.kept()) && !lineage::is_older(&saved.refresh, &self.tokens.refresh)
    }

    /// The next tokens after a good answer to a refresh that began at `asked`.
    pub(crate) fn after(&self, granted: Granted, asked: Moment, lifetimes: Lifetimes) -> Self {
        let tokens = SavedTokens {
            refresh: self.next(granted.refresh),
            access: Some(SavedAccess {
                token: granted.access,
                token_type: granted.token_type,
                lifetime: granted.lifetime.unwrap_or(lifetimes.default),
                obtained_at: asked.wall,
            }),
            scope: granted.scope.or_else(|| self.tokens.scope.clone()),
            key: self.tokens.key.clone(),
        };
        Self::new(tokens, self.key.clone(), asked, lifetimes)
    }

    /// The next tokens after an answer that has brought a refresh token only.
    pub(crate) fn with_refresh(&self, refresh: RefreshToken) -> Self {
        Self {
            tokens: SavedTokens {
                refresh: self.next(Some(refresh)),
                ..self.tokens.clone()
            },
            access: self.access.clone(),
            key: self.key.clone(),
            unsaved: None,
        }
    }

    fn next(&self, new: Option<RefreshToken>) -> RefreshToken {
        let old = &self.tokens.refresh;
        let new = new.filter(|new| !lineage::is_older(new, old));
        new.unwrap_or_else(|| old.clone())
    }
}
