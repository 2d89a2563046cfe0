use crate::clock::Timestamp;

/// When and why a session was ended, before it would have expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// When the session was ended, by the store's clock.
    pub at: Timestamp,
    /// Why the session was ended.
    pub reason: EndReason,
}

impl Ended {
    /// A session was ended at this time for this reason.
    pub const fn new(at: Timestamp, reason: EndReason) -> Self {
        Self { at, reason }
    }
}

/// Why a session was ended, before it would have expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The user logged out, in this session or of all sessions at once.
    Logout,
    /// A client revoked a token of the session (RFC 7009).
    Revocation,
    /// A refresh token was reused: it was presented after the client had moved on to a newer one.
    Reuse,
    /// The application limits the number of sessions, and a newer login took the session's place, or
    /// this login was one too many and was refused.
    Evicted,
    /// The application's refresh hook refused the subject.
    Refused,
    /// The session has not ended: this row was left behind when it [moved](crate::store::ShardedStore) to
    /// another shard.
    Moved,
}

impl EndReason {
    /// All reasons, for stores that map them to a column.
    pub const ALL: &'static [Self] = &[
        Self::Logout,
        Self::Revocation,
        Self::Reuse,
        Self::Evicted,
        Self::Refused,
        Self::Moved,
    ];

    /// A short name that stays the same across versions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revocation => "revocation",
            Self::Reuse => "reuse",
            Self::Evicted => "evicted",
            Self::Refused => "refused",
            Self::Moved => "moved",
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
            Self::Moved => 6,
        }
    }

    /// The reason with this [`code`](Self::code), if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.code() == code)
    }

    /// The reason with this [name](Self::as_str), if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == name)
    }
}
