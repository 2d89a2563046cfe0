//! A server with one session: it decides on each token that is presented, and writes what the
//! decision says.

use std::time::Duration;

use tower_bearer::{
    SessionId,
    claims::KeyThumbprint,
    clock::Timestamp,
    session::{Possession, PresentedToken, Record, RefreshVerdict, Session, SessionSecret},
};

use crate::policies::Rules;

pub(crate) struct Server<'a> {
    rules: &'a Rules,
    record: Record,
    /// The live token, as the server would mint it again.
    live: PresentedToken,
    /// When each generation but the first was made.
    made: Vec<Timestamp>,
}

impl<'a> Server<'a> {
    /// A session that has just begun and lives so many milliseconds at the most.
    pub(crate) fn new(rules: &'a Rules, lifetime: i64) -> Self {
        let id = SessionId::from_uuid(uuid::Uuid::from_u128(7));
        let secret = SessionSecret::from_bytes([7; 32]);
        let start = Timestamp::from_millis(0);
        let mut session = Session::new(id, "https://id.example", "anna", secret, start);
        session.ends_at = start + Duration::from_millis(lifetime.unsigned_abs());
        let mut record = Record::new(session);
        record.state.expires_at = start + rules.policy().idle_lifetime;
        let key = KeyThumbprint::from_bytes([7; 32]);
        record.state.bound_to = rules.is_bound().then_some(key);
        let live = PresentedToken::new(0, record.state.expires_at, true);
        Self {
            rules,
            record,
            live,
            made: Vec::new(),
        }
    }

    /// The token that rotates next.
    pub(crate) fn live(&self) -> PresentedToken {
        self.live
    }

    /// How often the session was rotated.
    pub(crate) fn generation(&self) -> u32 {
        self.record.state.generation
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.record.state.ended.is_some()
    }

    /// Learns that the live token is held.
    pub(crate) fn confirm(&mut self, now: i64) {
        let now = Timestamp::from_millis(now);
        self.record.state.confirmed_at.get_or_insert(now);
    }

    /// What the client gets for a token; with it comes the proof, if there is a key.
    pub(crate) fn present(&mut self, token: PresentedToken, now: i64) -> Option<PresentedToken> {
        self.decide(token, Possession::Proven, now)
    }

    /// What a thief gets for it, who has no key.
    pub(crate) fn present_stolen(
        &mut self,
        token: PresentedToken,
        now: i64,
    ) -> Option<PresentedToken> {
        self.decide(token, Possession::Unproven, now)
    }

    /// The decision, and what it makes of the session; the live token if that is handed out.
    fn decide(
        &mut self,
        token: PresentedToken,
        of_key: Possession,
        now: i64,
    ) -> Option<PresentedToken> {
        let now = Timestamp::from_millis(now);
        let token = match self.rules.is_bound() {
            true => token.with_possession(of_key),
            false => token,
        };
        let passed_at = self.made.get(token.generation as usize).copied();
        let verdict = self.rules.decide(&self.record, token, passed_at, now);
        if let Some(next) = verdict.apply(&self.record, token, now, self.rules.policy()) {
            self.record.state = next;
        }
        if verdict == RefreshVerdict::Rotate {
            let (generation, exp) = (self.record.state.generation, self.record.state.expires_at);
            self.live = PresentedToken::new(generation, exp, true);
            self.made.push(now);
        }
        verdict.is_accepted().then_some(self.live)
    }
}
