use crate::clock::Timestamp;

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

    /// A number above 0 that stays the same across versions, for stores that keep bytes.
    pub const fn code(self) -> u8 {
        match self {
            Self::Logout => 1,
            Self::Revocation => 2,
            Self::Reuse => 3,
            Self::Evicted => 4,
            Self::Refused => 5,
        }
    }

    /// The reason of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.code() == code)
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == name)
    }
}
