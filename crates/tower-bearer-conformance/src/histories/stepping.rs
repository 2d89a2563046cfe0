//! The steps that are not a refresh.

use std::time::Duration;

use proptest::prelude::*;

use tower_bearer::{
    claims::{Scope, SessionId},
    clock::Timestamp,
    session::{
        EndReason, Grant, Record, Session, SessionErrorKind, SessionEventKind, SessionState,
    },
    store::{SessionStore, Swap},
};

use crate::{
    Fixture,
    tokens::{Held, proof},
    trial::{ISSUER, MINUTE},
};

use super::{
    client::Client,
    history::{IDLE, Jump, Step},
    tap::Seen,
    world::{Checked, World},
};

const SCOPE: Scope = Scope::from_static("read write");

impl<F: Fixture> World<'_, F> {
    pub(super) fn step(&mut self, step: &Step) -> Checked {
        match *step {
            Step::Start { subject, bound } => self.start(subject, bound),
            Step::Wait(jump) => {
                self.wait(jump);
                Ok(())
            }
            Step::Flush { server } => {
                self.flush(server);
                Ok(())
            }
            Step::EndAll { subject, server } => self.end_all(subject, server),
            Step::CleanUp { server } => {
                self.clean_up(server);
                Ok(())
            }
            Step::Bind { session, .. }
            | Step::Refresh { session, .. }
            | Step::Twice { session, .. }
            | Step::Forged { session, .. }
            | Step::Use { session, .. }
            | Step::End { session, .. }
            | Step::EndOthers { session, .. }
            | Step::Revoke { session, .. }
            | Step::LoseWrites { session, .. } => match self.clients.len() {
                0 => Ok(()),
                clients => self.step_of(clients - 1 - session % clients, step),
            },
        }
    }

    fn step_of(&mut self, client: usize, step: &Step) -> Checked {
        match *step {
            Step::Bind { server, .. } => self.bind(client, server),
            Step::Refresh {
                server,
                back,
                lost,
                proves,
                ..
            } => self.refresh(client, server, (back, proves), lost),
            Step::Twice { back, proves, .. } => self.twice(client, (back, proves)),
            Step::Forged { server, ahead, .. } => self.forged(client, server, ahead),
            Step::Use { server, back, .. } => self.use_access_token(client, server, back),
            Step::End { server, other, .. } => self.end(client, server, other),
            Step::EndOthers { server, .. } => self.end_others(client, server),
            Step::Revoke {
                server,
                back,
                access,
                ..
            } => self.revoke(client, server, back, access),
            Step::LoseWrites { back, .. } => self.lose_writes(client, back),
            _ => Ok(()),
        }
    }

    fn start(&mut self, subject: usize, bound: bool) -> Checked {
        let subject = self.subjects[subject].clone();
        let mut grant = Grant::new(&*subject)
            .scope(SCOPE)
            .metadata("device", "phone");
        if bound {
            grant = grant.bound_to(proof());
        }
        let started = self.wait_for(self.servers[0].start(grant));
        let seen = self.seen(0);
        let listed = seen.iter().find_map(|seen| match seen {
            Seen::Listed(now, ids) => Some((*now, &**ids)),
            _ => None,
        });
        let (listed_at, listed) = listed.unwrap_or((self.begin, &[]));
        let time = seen.iter().find(|seen| matches!(seen, Seen::Time(_)));
        let now = time.map_or(self.begin, Seen::time);
        let has_room = self.reference.has_room(listed);
        let tokens = match started {
            Err(error) => {
                prop_assert!(!has_room, "{error:?}");
                prop_assert_eq!(error.kind(), SessionErrorKind::TooManySessions);
                return Ok(());
            }
            Ok(tokens) => tokens,
        };
        prop_assert!(has_room);
        let held = Held::open(tokens, &self.verifier, now);
        let row = self.row(held.id);
        prop_assert!(row.is_some(), "a login that is not kept");
        let row = row.unwrap();
        // All but the identifier and the secret is known in advance.
        let secret = row.session.secret.clone();
        let mut session = Session::new(held.id, ISSUER, subject, secret, now);
        session.ends_at = now + self.setting.longest;
        session.scope = SCOPE;
        session.metadata = row.session.metadata.clone();
        let mut state = SessionState::new(now + IDLE);
        state.bound_to = bound.then(|| proof().thumbprint().clone());
        let expected = Record { session, state };
        prop_assert_eq!(&row, &expected);
        let mut client = Client::new(held.clone(), row.clone(), self.setting.longest);
        client.checks_answer(&held, &row, now)?;
        self.reference
            .told
            .push((SessionEventKind::Started, held.id, 0));
        prop_assert!(self.reference.rows.insert(held.id, row).is_none());
        self.clients.push(client);
        for id in self.reference.surplus(listed, listed_at) {
            self.ended(0, id, EndReason::Evicted);
        }
        Ok(())
    }

    fn bind(&mut self, client: usize, server: usize) -> Checked {
        let id = self.clients[client].held(0).id;
        let bound = self.wait_for(self.servers[server].bind(id, &proof()));
        let now = self.told(server);
        let expected = self.reference.bind(id, now);
        if expected == Ok(true) {
            self.clients[client].watched.bind();
        }
        let kind = bound.map_err(|error| error.kind());
        prop_assert_eq!(kind, expected.map_err(SessionErrorKind::InvalidGrant));
        Ok(())
    }

    fn wait(&mut self, jump: Jump) {
        let now = self.now();
        let newest = self.clients.last().map(|client| client.held(0).id);
        let row = newest.and_then(|id| self.reference.rows.get(&id));
        let ends = row.map(|row| (row.state.expires_at, row.session.ends_at));
        let then = self.clear_of_ends(jump.from(now, ends, &self.setting));
        let fixture = &self.trial.fixture;
        if then >= now {
            self.wait_for(fixture.advance(then.saturating_since(now)));
        } else {
            // If the clock cannot be turned back, this step does nothing.
            self.wait_for(fixture.turn_back(now.saturating_since(then)));
        }
    }

    /// Moves the time past the end of a session that is near. Otherwise a store that deletes by
    /// itself would do so in the middle of a step.
    fn clear_of_ends(&self, mut then: Timestamp) -> Timestamp {
        if !self.trial.fixture.deletes_by_itself() {
            return then;
        }
        let ends = self.reference.rows.values().map(|row| row.session.ends_at);
        // Behind one end another one may be near.
        while let Some(near) = ends
            .clone()
            .filter(|&end| then < end && end <= then + MINUTE)
            .max()
        {
            then = near;
        }
        then
    }

    fn flush(&mut self, server: usize) {
        self.wait_for(self.servers[server].flush()).unwrap();
        for id in self.reference.flush(server) {
            let at = self.row(id).and_then(|row| row.state.confirmed_at);
            let at = self.written(at);
            self.reference.confirm(id, at);
        }
    }

    fn clean_up(&mut self, server: usize) {
        let sessions = self.servers[server].clone();
        self.wait_for(async {
            let clean_up = sessions.clean_up(Duration::from_secs(3600)).unwrap();
            clean_up.stop().await;
        });
        self.reference.clean_up(self.begin);
        // Sessions that have ended since then may be gone or not.
        self.forget_what_is_gone();
    }

    fn end(&mut self, client: usize, server: usize, other: bool) -> Checked {
        let client = &self.clients[client];
        let id = client.held(0).id;
        let subject = if other { "mallory" } else { &client.subject };
        let ended = self.wait_for(self.servers[server].end(id, subject));
        let expected = !other && self.ended(server, id, EndReason::Logout);
        prop_assert_eq!(ended.unwrap(), expected);
        Ok(())
    }

    /// Makes the oracle revoke a session at the time at which the store has ended it.
    fn ended(&mut self, server: usize, id: SessionId, reason: EndReason) -> bool {
        let at = self.ended_at(id);
        self.reference.revoke(server, id, reason, at)
    }

    fn ended_at(&self, id: SessionId) -> Timestamp {
        let ended = self.row(id).and_then(|row| row.state.ended);
        self.written(ended.map(|ended| ended.at))
    }

    fn end_all(&mut self, subject: usize, server: usize) -> Checked {
        let subject = self.subjects[subject].clone();
        let ended = self.wait_for(self.servers[server].end_all(subject.as_str()));
        let running = self.reference.running(&subject);
        prop_assert_eq!(ended.unwrap(), running.len());
        for id in running {
            self.ended(server, id, EndReason::Logout);
        }
        Ok(())
    }

    /// The servers learn of these ends as they load the sessions.
    fn end_others(&mut self, client: usize, server: usize) -> Checked {
        let client = &self.clients[client];
        let (keep, subject) = (client.held(0).id, client.subject.clone());
        let store = self.servers[server].store();
        let ended = store.end_all(ISSUER, &subject, Some(keep), EndReason::Logout);
        let mut ended = self.wait_for(ended).unwrap();
        ended.sort();
        let mut others = self.reference.running(&subject);
        others.retain(|id| *id != keep);
        prop_assert_eq!(ended, others.clone());
        for id in others {
            let at = self.ended_at(id);
            self.reference.end(id, EndReason::Logout, at);
        }
        Ok(())
    }

    fn revoke(&mut self, client: usize, server: usize, back: usize, access: bool) -> Checked {
        let held = self.clients[client].held(back).clone();
        let token = match access {
            true => held.tokens.access_token.expose(),
            false => held.tokens.refresh_token.expose(),
        };
        let revoke = self.servers[server].revoke(token, None);
        prop_assert!(self.wait_for(revoke).is_ok());
        let now = self.seen(server).first().map_or(self.begin, Seen::time);
        let strict = self.verifier.clone().leeway(Duration::ZERO).unwrap();
        if !access || strict.verify_at(token, now).is_ok() {
            self.ended(server, held.id, EndReason::Revocation);
        }
        Ok(())
    }

    fn lose_writes(&mut self, client: usize, back: usize) -> Checked {
        let client = &mut self.clients[client];
        let Some(row) = self.reference.rows.get_mut(&client.held(0).id) else {
            return Ok(());
        };
        if row.state.ended.is_some() {
            return Ok(());
        }
        let (before, version) = (client.lose_writes(back), row.state.version);
        *row = before;
        row.state.version = version + 1;
        let row = row.clone();
        let swap = self.wait_for(self.trial.swap(version, &row));
        prop_assert_eq!(swap, Swap::Swapped);
        Ok(())
    }
}
