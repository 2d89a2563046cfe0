use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use tower_bearer::{AccessToken, RefreshToken, TokenType, claims::Scope, clock::Timestamp};

use crate::{
    dpop::SavedKey,
    syntax::{is_refresh_token, is_token},
};

/// The tokens of a session as a [`TokenStore`](crate::TokenStore) keeps them.
///
/// If the session is bound to a key that it has made itself
/// (`ClientSessionBuilder::dpop`), the private key is a part of them.
///
/// `Debug` shows no token and no key. Serde's `Serialize` **writes them out**, so treat the result as
/// you would treat a password.
#[derive(Clone, Debug)]
pub struct SavedTokens {
    pub(crate) refresh: RefreshToken,
    pub(crate) access: Option<SavedAccess>,
    pub(crate) scope: Option<Scope>,
    /// The key that they are bound to (RFC 9449).
    pub(crate) key: Option<SavedKey>,
}

/// An access token and its lifetime. The moment is one of the wall clock, which is the only clock
/// that two processes share. If it is wrong, an API refuses the token, and a refresh follows.
#[derive(Clone, Debug)]
pub(crate) struct SavedAccess {
    pub(crate) token: AccessToken,
    pub(crate) token_type: TokenType,
    pub(crate) lifetime: Duration,
    pub(crate) obtained_at: Timestamp,
}

impl SavedTokens {
    /// Whether these are the same tokens.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.refresh.expose() == other.refresh.expose() && self.access() == other.access()
    }

    /// The access token itself, if there is one.
    pub(crate) fn access(&self) -> Option<&str> {
        self.access.as_ref().map(|access| access.token.expose())
    }
}

impl SavedAccess {
    /// How old the token is by the wall clock. `None` if the clock shows a moment before the token
    /// was obtained.
    pub(crate) fn age(&self, now: Timestamp) -> Option<Duration> {
        (now >= self.obtained_at).then(|| now.saturating_since(self.obtained_at))
    }
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    refresh_token: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<WireAccess<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop: Option<Cow<'a, SavedKey>>,
}

#[derive(Serialize, Deserialize)]
struct WireAccess<'a> {
    token: Cow<'a, str>,
    lifetime_ms: u64,
    obtained_at_ms: i64,
    /// Whether a proof has to be sent with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    bound: bool,
}

impl Serialize for SavedTokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let access = self.access.as_ref().map(|access| WireAccess {
            token: access.token.expose().into(),
            lifetime_ms: u64::try_from(access.lifetime.as_millis()).unwrap_or(u64::MAX),
            obtained_at_ms: access.obtained_at.as_millis(),
            bound: access.token_type != TokenType::Bearer,
        });
        let wire = Wire {
            refresh_token: self.refresh.expose().into(),
            access,
            scope: self.scope.clone(),
            dpop: self.key.as_ref().map(Cow::Borrowed),
        };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SavedTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let access = wire.access.map(|access| SavedAccess {
            token: AccessToken::new(access.token),
            token_type: match access.bound {
                true => TokenType::DPoP,
                false => TokenType::Bearer,
            },
            lifetime: Duration::from_millis(access.lifetime_ms),
            obtained_at: Timestamp::from_millis(access.obtained_at_ms),
        });
        let tokens = Self {
            refresh: RefreshToken::new(wire.refresh_token),
            access,
            scope: wire.scope,
            key: wire.dpop.map(Cow::into_owned),
        };
        if is_refresh_token(tokens.refresh.expose()) && tokens.access().is_none_or(is_token) {
            Ok(tokens)
        } else {
            Err(D::Error::custom(
                "a token has a character that no token has",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(access: Option<&str>) -> SavedTokens {
        SavedTokens {
            refresh: RefreshToken::new("r3fresh"),
            access: access.map(|token| SavedAccess {
                token: AccessToken::new(token),
                token_type: TokenType::Bearer,
                lifetime: Duration::from_millis(1_500),
                obtained_at: Timestamp::from_millis(1_000_001),
            }),
            scope: Some("read".parse().unwrap()),
            key: None,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for tokens in [saved(Some("acc3ss")), saved(None)] {
            let text = serde_json::to_string(&tokens).unwrap();
            let read: SavedTokens = serde_json::from_str(&text).unwrap();
            assert!(read.is(&tokens));
            assert_eq!(read.scope, tokens.scope);
            let parts = |tokens: &SavedTokens| {
                let access = tokens.access.as_ref();
                access.map(|access| (access.lifetime, access.obtained_at))
            };
            assert_eq!(parts(&read), parts(&tokens));
        }
    }

    #[test]
    fn what_could_not_be_sent_is_not_read() {
        for text in [
            r#"{}"#,
            r#"{"refresh_token":""}"#,
            r#"{"refresh_token":"a\n"}"#,
            r#"{"refresh_token":"a","access":{"token":"b"}}"#,
            r#"{"refresh_token":"a","access":{"token":"","lifetime_ms":1,"obtained_at_ms":1}}"#,
        ] {
            assert!(serde_json::from_str::<SavedTokens>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", saved(Some("acc3ss")));
        assert!(
            !shown.contains("r3fresh") && !shown.contains("acc3ss"),
            "{shown}"
        );
    }

    #[test]
    fn a_token_from_the_future_has_no_age() {
        let access = saved(Some("a")).access.unwrap();
        let age = |now| access.age(Timestamp::from_millis(now));
        assert_eq!(age(1_000_000), None);
        assert_eq!(age(1_000_501), Some(Duration::from_millis(500)));
    }
}
