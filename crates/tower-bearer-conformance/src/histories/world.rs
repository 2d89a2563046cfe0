//! Two servers on one store, and the oracle beside them.

use std::{
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::prelude::*;
use tokio::runtime::Handle;

use tower_bearer::{
    Verifier,
    claims::SessionId,
    clock::Timestamp,
    session::{Record, SessionEvent, Sessions},
    store::SessionStore,
};

use crate::{Fixture, tokens, trial::Trial};

use super::{
    client::Client,
    history::{ACCESS, IDLE, Setting, Step},
    reference::Reference,
    tap::{Seen, Tap},
    walked::Walked,
};

pub(super) type Checked = Result<(), TestCaseError>;

pub(super) struct World<'a, F: Fixture> {
    pub(super) runtime: &'a Handle,
    pub(super) trial: &'a Trial<F>,
    pub(super) setting: Setting,
    pub(super) subjects: [String; 2],
    pub(super) servers: [Sessions<Tap<F::Store>>; 2],
    events: Arc<Mutex<Vec<SessionEvent>>>,
    pub(super) verifier: Verifier,
    pub(super) reference: Reference,
    pub(super) clients: Vec<Client>,
    /// When the step began, by the store's clock.
    pub(super) begin: Timestamp,
}

impl<'a, F: Fixture> World<'a, F> {
    /// The subjects contain `number`, which keeps the histories on one store apart.
    pub(super) fn new(
        setting: Setting,
        number: usize,
        trial: &'a Trial<F>,
        runtime: &'a Handle,
    ) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let doors = [trial.fixture.store(), trial.fixture.peer()];
        let servers = doors.map(|door| server(&setting, Tap::new(door.clone()), &events));
        Self {
            runtime,
            trial,
            subjects: ["anna", "ben"].map(|name| format!("{name} {number}")),
            verifier: tokens::verifier(&servers[0]),
            servers,
            events,
            reference: Reference::new(setting.clone()),
            clients: Vec::new(),
            begin: trial.start,
            setting,
        }
    }

    pub(super) fn run(mut self, steps: &[Step], walked: &mut Walked) -> Checked {
        for step in steps {
            self.begin();
            self.step(step)?;
            self.check(step, walked)?;
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.begin = self.now();
        for server in &self.servers {
            server.store().take();
        }
        self.let_go();
    }

    pub(super) fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.wait_for(self.trial.now())
    }

    pub(super) fn row(&self, id: SessionId) -> Option<Record> {
        self.wait_for(self.trial.find(id))
    }

    /// What the store answered to the server in this step, or since the last call.
    pub(super) fn seen(&self, server: usize) -> Vec<Seen> {
        self.servers[server].store().take()
    }

    /// The last time that the store gave to the server.
    pub(super) fn told(&self, server: usize) -> Timestamp {
        let seen = self.seen(server);
        seen.last().map_or(self.begin, Seen::time)
    }

    /// The time `at` if the store can have written it in this step, and otherwise the step's begin.
    pub(super) fn written(&self, at: Option<Timestamp>) -> Timestamp {
        at.filter(|&at| self.begin <= at && at <= self.now())
            .unwrap_or(self.begin)
    }

    pub(super) fn events(&self) -> Vec<SessionEvent> {
        mem::take(&mut *self.events.lock().unwrap())
    }

    /// Lets the oracle follow a store that deletes by itself, which may do so at any time.
    pub(super) fn let_go(&mut self) {
        if self.trial.fixture.deletes_by_itself() {
            self.forget_what_is_gone();
        }
    }

    /// Makes the oracle forget the sessions that have ended and are no longer in the store.
    pub(super) fn forget_what_is_gone(&mut self) {
        let now = self.now();
        let over = |row: &&Record| row.session.ends_at <= now;
        let over: Vec<_> = self.reference.rows.values().filter(over).collect();
        let gone = over.iter().map(|row| row.session.id);
        let gone: Vec<_> = gone.filter(|id| self.row(*id).is_none()).collect();
        for id in gone {
            self.reference.rows.remove(&id);
        }
    }
}

fn server<St: SessionStore>(
    setting: &Setting,
    store: St,
    events: &Arc<Mutex<Vec<SessionEvent>>>,
) -> Sessions<St> {
    let seen = events.clone();
    let mut builder = tokens::server(store)
        .access_lifetime(ACCESS)
        .idle_lifetime(IDLE)
        .session_lifetime(setting.longest)
        .reuse_window(setting.window)
        .late_budget(setting.late_budget, setting.late_span)
        .confirm_by(setting.confirm_by)
        .store_timeout(Duration::from_secs(60))
        .on_event(move |event| seen.lock().unwrap().push(event.clone()));
    if let Some((max, overflow)) = setting.max_sessions {
        builder = builder.max_sessions(max, overflow);
    }
    if !setting.end_on_reuse {
        builder = builder.danger_refuse_without_ending();
    }
    builder.build().unwrap()
}
