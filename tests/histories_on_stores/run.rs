//! Runs a history on a store through the public API, beside the oracle.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::prelude::*;
use tokio::runtime::Runtime;
use tower_bearer::{
    RefreshToken, Verifier,
    bearer::{Admission, SessionGuard},
    clock::{Clock, ManualClock, Timestamp},
    session::{
        Grant, Presented, RefreshKey, RefreshOutcome, RefreshRequest, Refreshed, Refusal,
        RevokeReason, Session, SessionError, SessionErrorKind, SessionEvent, SessionEventKind,
        SessionInfo, Sessions,
    },
    store::{SessionStore, Swap},
};

use crate::{
    client::{Answer, Client, fate},
    history::{ACCESS, History, IDLE, LONGEST, Setting, Step},
    reference::{Reference, Told},
    tokens::{Held, ISSUER, SECRET, issuer, verifier},
    walked::Walked,
};

const START: Timestamp = Timestamp::from_millis(2_000_000_000_123);
const SUBJECTS: [&str; 2] = ["anna", "ben"];
const SCOPE: &str = "read write";

type Checked = Result<(), TestCaseError>;

/// Two servers on one store.
struct World<'a, St> {
    runtime: &'a Runtime,
    store: &'a St,
    clock: &'a ManualClock,
    setting: Setting,
    servers: [Sessions<St>; 2],
    events: Arc<Mutex<Vec<SessionEvent>>>,
    verifier: Verifier,
    reference: Reference,
    clients: Vec<Client>,
    rotations: usize,
}

/// Runs a history on the store, which is empty before and after.
pub(crate) fn run<St: SessionStore + Clone>(
    history: History,
    runtime: &Runtime,
    store: &St,
    clock: &ManualClock,
    walked: &mut Walked,
) -> Checked {
    empty(runtime, store, clock);
    clock.set(START);
    let mut world = World::new(history.setting, runtime, store, clock);
    for step in &history.steps {
        world.step(step)?;
        world.check(step, walked)?;
    }
    let rows = empty(runtime, store, clock);
    prop_assert_eq!(rows, world.reference.rows.len(), "one row a session");
    Ok(())
}

/// Lets everything expire; tells how many rows there were.
fn empty(runtime: &Runtime, store: &impl SessionStore, clock: &ManualClock) -> usize {
    clock.set(START + 1000 * LONGEST);
    runtime.block_on(store.delete_expired(usize::MAX)).unwrap()
}

impl<'a, St: SessionStore + Clone> World<'a, St> {
    fn new(setting: Setting, runtime: &'a Runtime, store: &'a St, clock: &'a ManualClock) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let issuer = issuer();
        let server = || {
            let seen = events.clone();
            let key = RefreshKey::from_secret(SECRET).unwrap();
            let mut builder = Sessions::builder(issuer.clone(), key, store.clone())
                .access_lifetime(ACCESS)
                .idle_lifetime(IDLE)
                .session_lifetime(LONGEST)
                .reuse_window(setting.window)
                .late_budget(setting.late_budget, setting.late_span)
                .confirm_by(setting.confirm_by)
                .on_event(move |event| seen.lock().unwrap().push(event.clone()));
            if let Some((max, overflow)) = setting.max_sessions {
                builder = builder.max_sessions(max, overflow);
            }
            if !setting.revoke_on_reuse {
                builder = builder.danger_refuse_without_revoking();
            }
            builder.build().unwrap()
        };
        Self {
            runtime,
            store,
            clock,
            servers: [server(), server()],
            events: events.clone(),
            verifier: verifier(&issuer, clock),
            reference: Reference::new(setting.clone()),
            clients: Vec::new(),
            rotations: 0,
            setting,
        }
    }

    fn step(&mut self, step: &Step) -> Checked {
        match *step {
            Step::Start { subject } => self.start(SUBJECTS[subject]),
            Step::Wait(jump) => {
                let newest = self.clients.last().map(|client| client.held(0).id);
                let row = newest.and_then(|id| self.reference.rows.get(&id));
                let ends = row.map(|row| (row.expires_at, row.ends_at));
                self.clock.set(jump.from(self.now(), ends, &self.setting));
                Ok(())
            }
            Step::Flush { server } => {
                self.reference.flush(server, self.now());
                self.runtime.block_on(self.servers[server].flush()).unwrap();
                Ok(())
            }
            Step::EndAll { subject, server } => self.end_all(SUBJECTS[subject], server),
            Step::CleanUp { server } => {
                self.reference.clean_up(self.now());
                let sessions = self.servers[server].clone();
                let clean_up = async {
                    sessions
                        .clean_up(Duration::from_secs(3600))
                        .unwrap()
                        .stop()
                        .await
                };
                self.runtime.block_on(clean_up);
                Ok(())
            }
            Step::Refresh { session, .. }
            | Step::Twice { session, .. }
            | Step::Forged { session, .. }
            | Step::Use { session, .. }
            | Step::End { session, .. }
            | Step::Revoke { session, .. }
            | Step::LoseWrites { session, .. } => match self.clients.len() {
                0 => Ok(()),
                clients => self.step_of(clients - 1 - session % clients, step),
            },
        }
    }

    fn step_of(&mut self, client: usize, step: &Step) -> Checked {
        match *step {
            Step::Refresh {
                server, back, lost, ..
            } => self.refresh(client, server, back, lost),
            Step::Twice { back, .. } => self.twice(client, back),
            Step::Forged { server, ahead, .. } => self.forged(client, server, ahead),
            Step::Use { server, back, .. } => self.use_access_token(client, server, back),
            Step::End { server, other, .. } => self.end(client, server, other),
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

    fn start(&mut self, subject: &str) -> Checked {
        let now = self.now();
        let has_room = self.reference.makes_room(0, subject, now);
        let grant = Grant::new(subject).scope(SCOPE).metadata("device", "phone");
        let started = self.runtime.block_on(self.servers[0].start(grant));
        let tokens = match started {
            Err(error) => {
                prop_assert!(!has_room, "{error:?}");
                prop_assert_eq!(error.kind(), SessionErrorKind::TooManySessions);
                return Ok(());
            }
            Ok(tokens) => tokens,
        };
        prop_assert!(has_room);
        let held = Held::open(tokens, &self.verifier);
        let row = self.row(held.id);
        prop_assert!(row.is_some(), "a login that is not kept");
        let row = row.unwrap();
        // All but the identifier and the secret is known before.
        let mut expected = Session::new(held.id, ISSUER, subject, row.secret.clone(), now);
        expected.expires_at = now + IDLE;
        expected.ends_at = now + LONGEST;
        expected.scope = SCOPE.parse().unwrap();
        expected.metadata = row.metadata.clone();
        prop_assert_eq!(&row, &expected);
        let mut client = Client::new(held.clone(), row.clone());
        client.checks_answer(&held, &row, now)?;
        self.reference
            .told
            .push((SessionEventKind::Started, held.id, 0));
        prop_assert!(self.reference.rows.insert(held.id, row).is_none());
        self.clients.push(client);
        Ok(())
    }

    fn refresh(&mut self, client: usize, server: usize, back: usize, lost: bool) -> Checked {
        let held = self.clients[client].held(back).clone();
        let refresh = RefreshRequest::new(held.tokens.refresh_token.clone());
        let result = self.runtime.block_on(self.servers[server].refresh(refresh));
        let answers = [self.answer(client, result, lost)?];
        self.compare(client, &[server], held.presented, answers)
    }

    fn twice(&mut self, client: usize, back: usize) -> Checked {
        let held = self.clients[client].held(back).clone();
        let refresh = || RefreshRequest::new(held.tokens.refresh_token.clone());
        let [one, other] = &self.servers;
        let both = async { tokio::join!(one.refresh(refresh()), other.refresh(refresh())) };
        let (first, second) = self.runtime.block_on(both);
        let answers = [
            self.answer(client, first, false)?,
            self.answer(client, second, false)?,
        ];
        self.compare(client, &[0, 1], held.presented, answers)
    }

    /// Checks what a refresh gave, and lets the client have it unless it is lost on the way.
    fn answer(
        &mut self,
        client: usize,
        result: Result<Refreshed, SessionError>,
        lost: bool,
    ) -> Result<Answer, TestCaseError> {
        let refreshed = match result {
            Ok(refreshed) => refreshed,
            Err(error) => {
                return match error.kind() {
                    SessionErrorKind::InvalidGrant(refusal) => Ok(Err(refusal)),
                    other => Err(TestCaseError::fail(format!("{other:?}"))),
                };
            }
        };
        let held = Held::open(refreshed.tokens, &self.verifier);
        let row = self.row(held.id);
        prop_assert!(row.is_some(), "an answer without a row");
        let row = row.unwrap();
        let now = self.now();
        let client = &mut self.clients[client];
        client.checks_answer(&held, &row, now)?;
        prop_assert_eq!(&refreshed.session, &SessionInfo::from(&row));
        let generation = held.presented.generation;
        if !lost {
            client.keep(held);
        }
        self.rotations += usize::from(refreshed.outcome == RefreshOutcome::Rotated);
        Ok(Ok((refreshed.outcome, generation)))
    }

    /// Compares answers with the oracle's and the table's, in any order.
    fn compare<const N: usize>(
        &mut self,
        client: usize,
        servers: &[usize],
        token: Presented,
        answers: [Answer; N],
    ) -> Checked {
        let (now, id) = (self.now(), self.clients[client].held(0).id);
        let mut expected = Vec::new();
        let mut fates = Vec::new();
        for server in servers {
            expected.push(self.reference.refresh(*server, id, token, now));
            let watched = &mut self.clients[client].watched;
            fates.push(watched.present(token.generation, token.exp, now, &self.setting));
        }
        let outcomes = answers
            .iter()
            .map(|answer| answer.map(|(outcome, _)| outcome));
        prop_assert_eq!(
            sorted(outcomes),
            sorted(expected),
            "not as the decision says"
        );
        let seen = answers.iter().map(fate);
        prop_assert_eq!(sorted(seen), sorted(fates), "not as the table says");
        Ok(())
    }

    fn forged(&mut self, client: usize, server: usize, ahead: bool) -> Checked {
        let held = self.clients[client].held(0);
        let (id, (token, presented)) = (held.id, held.forged(u32::from(ahead)));
        let expected = self.reference.refresh(server, id, presented, self.now());
        prop_assert!(matches!(expected, Err(Refusal::Forged | Refusal::Unknown)));
        let (sessions, runtime) = (&self.servers[server], self.runtime);
        let result = runtime.block_on(sessions.refresh(RefreshRequest::new(token.clone())));
        let kind = result.map(|_| ()).map_err(|error| error.kind());
        let refusal = expected.map(|_| ()).map_err(SessionErrorKind::InvalidGrant);
        prop_assert_eq!(kind, refusal);
        // Nor does it end the session.
        self.revokes_nothing(server, &token)
    }

    fn revokes_nothing(&self, server: usize, token: &RefreshToken) -> Checked {
        let revoke = self.servers[server].revoke(token.expose(), None);
        prop_assert!(self.runtime.block_on(revoke).is_ok());
        Ok(())
    }

    /// Outside the runtime, so that what is noted waits for the next flush.
    fn use_access_token(&mut self, client: usize, server: usize, back: usize) -> Checked {
        let held = self.clients[client].held(back);
        let (id, generation) = (held.id, held.presented.generation);
        let admits = self.servers[server].admit(&held.access) == Admission::Admitted;
        prop_assert_eq!(admits, self.reference.admits(server, id, generation));
        Ok(())
    }

    fn end(&mut self, client: usize, server: usize, other: bool) -> Checked {
        let client = &self.clients[client];
        let (id, now) = (client.held(0).id, self.now());
        let subject = if other { "mallory" } else { &client.subject };
        let ended = self.runtime.block_on(self.servers[server].end(id, subject));
        let expected = !other && self.reference.revoke(server, id, RevokeReason::Logout, now);
        prop_assert_eq!(ended.unwrap(), expected);
        Ok(())
    }

    fn end_all(&mut self, subject: &str, server: usize) -> Checked {
        let ended = self.runtime.block_on(self.servers[server].end_all(subject));
        let expected = self.reference.end_all(server, subject, self.now());
        prop_assert_eq!(ended.unwrap(), expected);
        Ok(())
    }

    fn revoke(&mut self, client: usize, server: usize, back: usize, access: bool) -> Checked {
        let held = self.clients[client].held(back);
        let (id, tokens) = (held.id, &held.tokens);
        let (token, counts) = match access {
            false => (tokens.refresh_token.expose(), true),
            true => {
                let token = tokens.access_token.expose();
                let strict = self.verifier.clone().leeway(Duration::ZERO).unwrap();
                (token, strict.verify(token).is_ok())
            }
        };
        let revoke = self.servers[server].revoke(token, None);
        prop_assert!(self.runtime.block_on(revoke).is_ok());
        if counts {
            let now = self.now();
            self.reference
                .revoke(server, id, RevokeReason::Revocation, now);
        }
        Ok(())
    }

    fn lose_writes(&mut self, client: usize, back: usize) -> Checked {
        let client = &mut self.clients[client];
        let Some(row) = self.reference.rows.get_mut(&client.held(0).id) else {
            return Ok(());
        };
        if row.revoked.is_some() {
            return Ok(());
        }
        let (before, version) = (client.lose_writes(back), row.version);
        *row = before;
        row.version = version + 1;
        let swap = self.runtime.block_on(self.store.swap(version, row));
        prop_assert_eq!(swap.unwrap(), Swap::Swapped);
        Ok(())
    }

    /// What the store holds and the servers told is what the oracle says; and what holds
    /// whatever the oracle says.
    fn check(&mut self, step: &Step, walked: &mut Walked) -> Checked {
        let told = |event: SessionEvent| (event.kind, event.session, event.distance);
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        let expected: Vec<Told> = std::mem::take(&mut self.reference.told);
        walked.count(&events, std::mem::take(&mut self.rotations));
        prop_assert_eq!(sorted(events.into_iter().map(told)), sorted(expected));
        let now = self.now();
        for client in 0..self.clients.len() {
            let id = self.clients[client].held(0).id;
            let row = self.row(id);
            let expected = self.reference.rows.get(&id);
            prop_assert!(row.as_ref() == expected, "{row:#?} is not {expected:#?}");
            self.clients[client].checks_row(row.as_ref(), now, step)?;
            let is_live = self.runtime.block_on(self.servers[0].is_live(id)).unwrap();
            let runs = |row: Session| row.revoked.is_none() && now < row.ends_at;
            prop_assert_eq!(is_live, row.is_some_and(runs));
        }
        for subject in SUBJECTS {
            let listed = self
                .runtime
                .block_on(self.servers[1].list(subject))
                .unwrap();
            let ids: Vec<_> = listed.iter().map(|session| session.id).collect();
            prop_assert_eq!(ids, self.reference.live(subject, now));
        }
        Ok(())
    }

    fn row(&self, id: tower_bearer::SessionId) -> Option<Session> {
        self.runtime.block_on(self.store.load(id)).unwrap().session
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn sorted<T: std::fmt::Debug>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.into_iter().collect();
    all.sort_by_cached_key(|one| format!("{one:?}"));
    all
}
