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
    /// An administrator ended the session ([`EndRequest::by_admin`](https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.EndRequest.html#method.by_admin)).
    Admin,
    /// The password was changed, or another thing that the user logs in with
    /// ([`EndRequest::after_password_change`](https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.EndRequest.html#method.after_password_change)).
    PasswordChanged,
    /// The session was ended for a reason that this version does not know, by a server that runs a later one.
    /// Where a server of the earlier version moves the session to another shard, this is what is kept.
    Other,
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
        Self::Admin,
        Self::PasswordChanged,
        Self::Other,
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
            Self::Admin => "admin",
            Self::PasswordChanged => "password_changed",
            Self::Other => "other",
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
            Self::Admin => 7,
            Self::PasswordChanged => 8,
            Self::Other => u8::MAX,
        }
    }

    /// The reason with this [`code`](Self::code). A number that this version does not know is
    /// [`Other`](Self::Other): a later version may have written it, and the session has ended all the same.
    /// `None` if it is 0, which is no reason.
    pub fn from_code(code: u8) -> Option<Self> {
        let mut known = Self::ALL.iter().copied();
        let known = known.find(|reason| reason.code() == code);
        known.or((code != 0).then_some(Self::Other))
    }

    /// The reason with this [name](Self::as_str). A name that this version does not know is
    /// [`Other`](Self::Other): a later version may have written it, and the session has ended all the same.
    /// `None` if it cannot be a name: those are 1 to 32 lower-case letters and underscores.
    ///
    /// ```
    /// use tower_bearer::store::EndReason;
    ///
    /// assert_eq!(EndReason::from_name("logout"), Some(EndReason::Logout));
    /// assert_eq!(EndReason::from_name("of_a_later_version"), Some(EndReason::Other));
    /// assert_eq!(EndReason::from_name("Logout"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        let mut known = Self::ALL.iter().copied();
        let known = known.find(|reason| reason.as_str() == name);
        known.or(is_name(name).then_some(Self::Other))
    }
}

fn is_name(name: &str) -> bool {
    let is_of_names = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (1..=32).contains(&name.len()) && name.bytes().all(is_of_names)
}
