//! A server with one session: it decides on each token that is presented, and writes what the
//! decision says.

use std::time::Duration;

use tower_bearer::{
    SessionId,
    clock::Timestamp,
    session::{Presented, Session, SessionSecret, Verdict},
};

use crate::policies::Rules;

pub(crate) struct Server<'a> {
    rules: &'a Rules,
    session: Session,
    /// The live token, as the server would mint it again.
    live: Presented,
}

impl<'a> Server<'a> {
    /// A session that has just begun and lives so many milliseconds at the most.
    pub(crate) fn new(rules: &'a Rules, lifetime: i64) -> Self {
        let id = SessionId::from_uuid(uuid::Uuid::from_u128(7));
        let secret = SessionSecret::from_bytes([7; 32]);
        let start = Timestamp::from_millis(0);
        let mut session = Session::new(id, "https://id.example", "anna", secret, start);
        session.ends_at = start + Duration::from_millis(lifetime.unsigned_abs());
        session.expires_at = start + rules.policy().idle_lifetime;
        let live = Presented::genuine(&session, 0, session.expires_at);
        Self {
            rules,
            session,
            live,
        }
    }

    /// The token that rotates next.
    pub(crate) fn live(&self) -> Presented {
        self.live
    }

    /// How often the session was rotated.
    pub(crate) fn generation(&self) -> u32 {
        self.session.generation
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.session.revoked.is_some()
    }

    /// Learns that the live token is held.
    pub(crate) fn confirm(&mut self, now: i64) {
        let now = Timestamp::from_millis(now);
        self.session.confirmed_at.get_or_insert(now);
    }

    /// The decision, and what it makes of the session; the live token if that is handed out.
    pub(crate) fn present(&mut self, token: Presented, now: i64) -> Option<Presented> {
        let now = Timestamp::from_millis(now);
        let verdict = self.rules.decide(&self.session, token, now);
        if let Some(next) = verdict.apply(&self.session, token, now, self.rules.policy()) {
            self.session = next;
        }
        if verdict == Verdict::Rotate {
            let (generation, exp) = (self.session.generation, self.session.expires_at);
            self.live = Presented::genuine(&self.session, generation, exp);
        }
        verdict.is_accepted().then_some(self.live)
    }
}
