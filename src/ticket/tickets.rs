use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Response;
use serde::Serialize;
use zeroize::Zeroize;

use super::{
    error::{TicketError, TicketErrorKind as Kind},
    sealed::{self, Facts, MAX_TOKEN, SALT},
    secret::{SecretId, TicketSecret},
    spent::Noted,
};
use crate::{
    claims::VerifiedToken,
    clock::{Clock, SystemClock, Timestamp},
    error::{ConfigError, ConfigErrorKind, TokenError},
    reply,
    token::AccessToken,
    trace,
};

const LIFETIME: Duration = Duration::from_secs(30);
const MAX_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// By how much the clocks of servers that share a secret may differ.
const SKEW: Duration = Duration::from_secs(30);
const REMEMBERED: usize = 100_000;
const MAX_PATH: usize = 1024;

/// What a ticket stands for.
pub(crate) struct Redeemed {
    pub(crate) token: AccessToken,
    /// Whether the request for the ticket has proved the key that the token is bound to.
    pub(crate) is_proved: bool,
}

/// Issues tickets, and takes each of them once. All that are made of one [secret](TicketSecret)
/// share one memory. See [the policy](super).
#[derive(Clone)]
pub struct Tickets {
    secret: TicketSecret,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
    limit: usize,
    /// Since when it can know which tickets were used.
    began: Timestamp,
}

impl Tickets {
    /// Tickets of 30 seconds.
    #[must_use]
    pub fn new(secret: TicketSecret) -> Self {
        secret.spent().keep_for(LIFETIME + SKEW);
        Self {
            secret,
            lifetime: LIFETIME,
            clock: Arc::new(SystemClock),
            limit: REMEMBERED,
            began: SystemClock.now(),
        }
    }

    /// How long a ticket is good: 30 seconds by default, and never longer than its access token. It has to
    /// be enough for one request of the page and one handshake. It is more than zero and at most 5 minutes.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Lifetime`] if it is not.
    pub fn lifetime(self, lifetime: Duration) -> Result<Self, ConfigError> {
        if lifetime.is_zero() || lifetime > MAX_LIFETIME {
            let what = "a ticket lives for more than zero and at most 5 minutes";
            return Err(ConfigError::new(ConfigErrorKind::Lifetime, what));
        }
        self.secret.spent().keep_for(lifetime + SKEW);
        Ok(Self { lifetime, ..self })
    }

    /// How many used tickets are remembered, until they have run out: 100 000 by default, which are
    /// about 3 MiB at most. While more are used in a minute, those above the limit are refused with
    /// 503 `temporarily_unavailable`, because they could be used twice.
    ///
    /// The room is for all users, so one of them can fill it. Limit how many tickets a user gets in a minute where
    /// they are issued.
    #[must_use]
    pub fn limit(self, tickets: usize) -> Self {
        Self {
            limit: tickets,
            ..self
        }
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            began: clock.now(),
            clock: Arc::new(clock),
            ..self
        }
    }

    /// A ticket that stands for this token, for one request to this path: the one that the client asks for,
    /// byte for byte and without its query. If a proxy takes a part of the path away, it is the path without
    /// that part. What axum's `nest` takes away belongs to it.
    ///
    /// The token has to come from a layer that was told of the tickets, because they need its text.
    ///
    /// # Errors
    ///
    /// [`TicketError`] says why there is none.
    pub fn issue(&self, token: &VerifiedToken, path: &str) -> Result<Ticket, TicketError> {
        if !is_path(path) {
            return Err(Kind::Path.into());
        }
        if token.came_by_ticket() {
            return Err(Kind::ByTicket.into());
        }
        let text = token.text().ok_or(Kind::Token)?;
        if text.expose().len() > MAX_TOKEN {
            return Err(Kind::TooLong.into());
        }
        let now = self.clock.now();
        let expires = (now + self.lifetime).min(token.claims().exp);
        if expires <= now {
            return Err(Kind::Expired.into());
        }
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(|_| Kind::Backend)?;
        let facts = Facts {
            issued: now,
            expires,
            is_proved: token.is_proved(),
        };
        let sealed = sealed::seal(&self.secret, salt, path, facts, text);
        Ok(Ticket {
            text: sealed.ok_or(Kind::Backend)?,
            expires_in: expires.saturating_since(now),
        })
    }

    /// Which tickets are taken: those of the same secret.
    pub(crate) fn secret_id(&self) -> SecretId {
        self.secret.id()
    }

    /// The access token that a ticket stands for, at its first use.
    pub(crate) fn redeem(&self, ticket: &str, path: &str) -> Result<Redeemed, TokenError> {
        let Some(opened) = sealed::open(&self.secret, ticket, path) else {
            trace::debug!(
                "a ticket is for another path, or of servers with another secret, or none"
            );
            return Err(TokenError::Ticket);
        };
        let now = self.clock.now();
        if opened.facts.expires <= now {
            trace::debug!("a ticket has run out");
            return Err(TokenError::Ticket);
        }
        // It would be good for longer than it is remembered.
        if opened.facts.expires > now + self.lifetime + SKEW {
            trace::debug!(
                "a ticket comes from a server whose clock, or lifetime of tickets, is another"
            );
            return Err(TokenError::Ticket);
        }
        // A process that was this one before may have taken it.
        if opened.facts.issued < self.began {
            trace::debug!(
                "a ticket is older than this process, which cannot know whether it was used"
            );
            return Err(TokenError::Ticket);
        }
        let noted = (self.secret.spent()).note(opened.salt, Instant::now(), self.limit);
        match noted {
            Noted::New => Ok(Redeemed {
                token: opened.token,
                is_proved: opened.facts.is_proved,
            }),
            Noted::Again => {
                trace::debug!("a ticket comes a second time");
                Err(TokenError::Ticket)
            }
            Noted::Full => {
                trace::warn!(
                    "more tickets come than are remembered: raise the limit of the tickets"
                );
                Err(TokenError::Unavailable)
            }
        }
    }
}

/// Whether a request's path can look like this (RFC 3986 §3.3).
fn is_path(path: &str) -> bool {
    let is_of_path = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
    path.starts_with('/') && path.len() <= MAX_PATH && path.bytes().all(is_of_path)
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// A ticket, for the client that has asked for it. `Debug` does not show it.
pub struct Ticket {
    text: String,
    expires_in: Duration,
}

#[derive(Serialize)]
struct Wire<'a> {
    access_ticket: &'a str,
    expires_in: u64,
}

impl Ticket {
    /// The ticket itself, which can stand in a query as it is. Hand it to its client and to nobody else.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// How long it is good.
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }

    /// The answer to its client: status 200, `access_ticket` and `expires_in` (in seconds) as JSON, and a
    /// header that keeps it out of caches. With the feature `axum` a ticket is an `IntoResponse`, which
    /// answers the same.
    pub fn to_response(&self) -> Response<Bytes> {
        reply::json(&Wire {
            access_ticket: &self.text,
            expires_in: self.expires_in.as_secs().max(1),
        })
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.text.as_mut_str().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_as_it_is_in_a_url() {
        for path in ["/", "/a%2fb", "//a/../b;c=d", "/~'()*"] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "",
            "a",
            "http://a/",
            "/a?b",
            "/a#b",
            "/a b",
            "/ä",
            "/a\n",
            &"/a".repeat(600),
        ] {
            assert!(!is_path(path), "{path}");
        }
    }

    #[test]
    fn a_lifetime_is_of_seconds() {
        let tickets = || Tickets::new(TicketSecret::generate().unwrap());
        assert!(tickets().lifetime(Duration::ZERO).is_err());
        assert!(tickets().lifetime(Duration::from_secs(301)).is_err());
        assert!(tickets().lifetime(Duration::from_secs(300)).is_ok());
    }
}
