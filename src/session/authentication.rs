//! How and when the user of a session has authenticated: at the login, or again since.
//!
//! Whoever has an older refresh token must gain nothing when the user authenticates again. So that begins a new
//! *line* of refresh tokens, named by its first generation. A token of the line is answered with one of the line,
//! and any other with one of none; which line a token is of goes into its `jti`, so nobody can change it. The new
//! authentication counts for those alone who present a token of the line, or prove the key of the session.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Timestamp,
    store::{Methods, Session, SessionState, StoreError, StoreErrorKind},
};

/// The name among the extra members of a state.
const MEMBER: &str = "auth";

/// When a user authenticated of whom nobody knows it. No route takes that for a recent login.
pub(super) const UNKNOWN: Timestamp = Timestamp::from_secs(0);

/// How a user has authenticated, as an access token tells it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Authentication<'a> {
    pub(super) acr: Option<&'a str>,
    pub(super) amr: Methods<'a>,
    pub(super) at: Timestamp,
    /// The line of refresh tokens that it is known by.
    pub(super) line: Option<u32>,
}

impl<'a> Authentication<'a> {
    pub(super) fn of_login(session: &'a Session) -> Self {
        Self {
            acr: session.extra.acr(),
            amr: session.extra.amr(),
            at: session.auth_time,
            line: None,
        }
    }

    const LAPSED: Self = Self {
        acr: None,
        amr: Methods::NONE,
        at: UNKNOWN,
        line: None,
    };
}

/// What has become of the login's authentication. It is empty as long as nothing has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Renewal {
    /// Whether the login's counts no longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    lapsed: bool,
    /// The user has authenticated again, for one line of refresh tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<Again>,
}

/// That a user has authenticated again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Again {
    pub(super) at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) amr: Option<Value>,
    pub(super) line: u32,
}

impl Renewal {
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if it is written in another way. A token must not tell of an authentication
    /// that has lapsed because that cannot be read.
    pub(super) fn of(state: &SessionState) -> Result<Self, StoreError> {
        match state.extra.get(MEMBER) {
            None => Ok(Self::default()),
            Some(kept) => Self::deserialize(kept)
                .map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error)),
        }
    }

    /// The same where nothing can be answered but what is known for sure.
    pub(super) fn of_or_lapsed(state: &SessionState) -> Self {
        Self::of(state).unwrap_or(Self {
            lapsed: true,
            again: None,
        })
    }

    /// The authentication of whoever presents a refresh token of this line, and may have proved the session's key.
    pub(super) fn known_to<'a>(
        &'a self,
        session: &'a Session,
        line: Option<u32>,
        has_key: bool,
    ) -> Authentication<'a> {
        let is_known = |again: &&Again| has_key || line == Some(again.line);
        match self.again.as_ref().filter(is_known) {
            Some(again) => Authentication {
                acr: again.acr.as_deref(),
                amr: Methods::kept(again.amr.as_ref()),
                at: again.at,
                line: Some(again.line),
            },
            None if self.lapsed => Authentication::LAPSED,
            None => Authentication::of_login(session),
        }
    }

    /// The last one, whoever knows of it.
    pub(super) fn newest<'a>(&'a self, session: &'a Session) -> Authentication<'a> {
        self.known_to(session, None, true)
    }

    /// The user authenticates again. Those without the line are as they were.
    pub(super) fn renew(&mut self, again: Again) {
        self.again = Some(again);
    }

    /// From now on nobody counts as authenticated. Tells whether that is new.
    pub(super) fn lapse(&mut self) -> bool {
        let lapsed = Self {
            lapsed: true,
            again: None,
        };
        let is_new = *self != lapsed;
        *self = lapsed;
        is_new
    }

    pub(super) fn write_to(&self, state: &mut SessionState) -> Result<(), StoreError> {
        let kept = serde_json::to_value(self)
            .map_err(|error| StoreError::with_source(StoreErrorKind::Unstorable, error))?;
        let is_empty = kept.as_object().is_some_and(serde_json::Map::is_empty);
        state.extra.set(MEMBER, Some(kept).filter(|_| !is_empty));
        Ok(())
    }
}
