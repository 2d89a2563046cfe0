//! The row of a session: one, whatever the number of refreshes.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde_json::{Map, Value};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::{
    claims::{PrivateClaimsError, Scope, SessionId},
    clock::Timestamp,
    error::{ConfigError, ConfigErrorKind},
};

/// What the application notes on a session: device label, user agent, address.
pub type Metadata = BTreeMap<String, String>;

/// A session as the store holds it.
///
/// A store keeps every field as it is given and never interprets one, but for those that the
/// [contract](super::SessionStore) names.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Session {
    /// The `sid` claim. Always fresh at login, never taken from a request.
    pub id: SessionId,
    /// Whose session it is; several issuers may share a store.
    pub issuer: String,
    /// Whose session it is.
    pub subject: String,
    /// What the `jti` of each refresh token is derived from.
    pub secret: SessionSecret,
    /// The number of the live refresh token, 0 at login.
    pub generation: u32,
    /// When this generation was made; nothing for generation 0.
    pub rotated_at: Option<Timestamp>,
    /// When this generation was last handed to a client that could not have had it before.
    pub delivered_at: Option<Timestamp>,
    /// When the client was first known to hold this generation, if it is.
    pub confirmed_at: Option<Timestamp>,
    /// Bit i tells that generation `generation − i` needed a late redelivery.
    pub late: u32,
    /// When the live refresh token dies. No later than `ends_at`.
    pub expires_at: Timestamp,
    /// When the session ends, whatever happens.
    pub ends_at: Timestamp,
    /// When and why the session was ended before its time.
    pub revoked: Option<Revoked>,
    /// For compare-and-swap: greater with every change, and never the same again, not even where
    /// a failover has taken the session back: no less than the time of the load
    /// that led to the swap, in milliseconds.
    pub version: u64,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When the refresh token was last rotated or redelivered with a write.
    pub last_refreshed_at: Option<Timestamp>,
    /// When the user last proved who they are (RFC 9068 §2.2.1).
    pub auth_time: Timestamp,
    /// What was granted at login. Never changes.
    pub scope: Scope,
    /// The client that the session is bound to, if any.
    pub client_id: Option<String>,
    /// The application's own claims, used until its refresh hook gives others.
    pub claims: PrivateClaims,
    /// The application's own notes.
    pub metadata: Metadata,
}

impl Session {
    /// A new session of generation 0, for stores that build one from a row.
    ///
    /// All times are `created_at`; set the other fields afterwards.
    pub fn new(
        id: SessionId,
        issuer: impl Into<String>,
        subject: impl Into<String>,
        secret: SessionSecret,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            issuer: issuer.into(),
            subject: subject.into(),
            secret,
            generation: 0,
            rotated_at: None,
            delivered_at: None,
            confirmed_at: None,
            late: 0,
            expires_at: created_at,
            ends_at: created_at,
            revoked: None,
            version: 0,
            created_at,
            last_refreshed_at: None,
            auth_time: created_at,
            scope: Scope::empty(),
            client_id: None,
            claims: PrivateClaims::default(),
            metadata: Metadata::new(),
        }
    }

    /// The version that a swap at `now` gives.
    pub(crate) fn next_version(&self, now: Timestamp) -> u64 {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        self.version.saturating_add(1).max(millis)
    }

    /// Whether the session can still be refreshed at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires_at && now < self.ends_at
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("generation", &self.generation)
            .field("confirmed_at", &self.confirmed_at)
            .field("revoked", &self.revoked)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// When and why a session was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// When, by the store's clock.
    pub at: Timestamp,
    /// Why.
    pub reason: RevokeReason,
}

impl Revoked {
    /// Ended at that time for that reason.
    pub const fn new(at: Timestamp, reason: RevokeReason) -> Self {
        Self { at, reason }
    }
}

/// Why a session was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevokeReason {
    /// The user logged out, here or on another device.
    Logout,
    /// A token of the session was revoked (RFC 7009).
    Revocation,
    /// A refresh token was used that the client had moved past.
    Reuse,
    /// The user has more sessions than the application allows.
    Evicted,
    /// The application refused the subject.
    Refused,
}

impl RevokeReason {
    /// All of them, for stores that map them to a column.
    pub const ALL: &'static [Self] = &[
        Self::Logout,
        Self::Revocation,
        Self::Reuse,
        Self::Evicted,
        Self::Refused,
    ];

    /// A short name that stays the same across versions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revocation => "revocation",
            Self::Reuse => "reuse",
            Self::Evicted => "evicted",
            Self::Refused => "refused",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == name)
    }
}

/// 32 random bytes that never leave the store but into this process.
///
/// `Debug` does not show them, they are compared in constant time and wiped when dropped.
#[derive(Clone)]
pub struct SessionSecret([u8; 32]);

impl SessionSecret {
    /// Takes the bytes that a store has kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store to keep.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for SessionSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(…)")
    }
}

impl Drop for SessionSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The application's own claims: a JSON object without a registered name in it.
///
/// ```
/// use tower_bearer::session::PrivateClaims;
///
/// #[derive(serde::Serialize)]
/// struct MyClaims {
///     role: &'static str,
/// }
///
/// assert!(PrivateClaims::new(&MyClaims { role: "editor" }).is_ok());
/// assert!(PrivateClaims::new(&[("sub", "mallory")].into_iter().collect::<std::collections::BTreeMap<_, _>>()).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrivateClaims(Map<String, Value>);

impl PrivateClaims {
    /// Serialises the application's claims.
    ///
    /// # Errors
    ///
    /// Where they are no JSON object, are nested more than about a hundred deep or use a
    /// [registered](crate::claims::REGISTERED) name.
    pub fn new(claims: &impl serde::Serialize) -> Result<Self, ConfigError> {
        match serde_json::to_string(claims) {
            Ok(text) if text == "null" => Ok(Self::default()),
            // Read back, so that what a store has kept can be read again.
            Ok(text) => Self::from_json(&text),
            Err(error) => Err(wrong("they cannot be serialised").with_source(error)),
        }
    }

    /// The JSON text, for a store to keep.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Reads the JSON text that a store has kept.
    ///
    /// # Errors
    ///
    /// As [`PrivateClaims::new`].
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let members = crate::json::object(text.as_bytes()).map_err(|error| {
            wrong("they are not a JSON object that can be read again").with_source(error)
        })?;
        match members
            .keys()
            .find(|name| crate::claims::REGISTERED.contains(&name.as_str()))
        {
            None => Ok(Self(members)),
            Some(name) => Err(wrong(format!("{name:?} is a registered name"))),
        }
    }

    /// Reads them as the application's own type.
    ///
    /// # Errors
    ///
    /// Where they do not fit `P`.
    pub fn get<P: serde::de::DeserializeOwned>(&self) -> Result<P, PrivateClaimsError> {
        crate::json::from_members(&self.0).map_err(PrivateClaimsError)
    }

    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

fn wrong(claims: impl Into<Cow<'static, str>>) -> ConfigError {
    ConfigError::new(ConfigErrorKind::PrivateClaims, claims)
}
