use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use stateright::{Model, Property};
use tower_bearer::session::{Policy, Presented, Session};
use uuid::Uuid;

use crate::{
    FAR, Gap,
    bounds::{Bounds, Confirms},
    row::{NOW, OLDEST, Row, TableRow},
    rules::{Effect, Rules},
    state::{Broken, Call, GENERATIONS, Ghost, State, Who},
    step::is_outside,
};

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client sends the token in its cell: another tab, or once more.
    Send,
    /// The network doubles a request.
    Duplicate(usize),
    /// A server gets a request, loads and decides.
    Load(usize),
    /// The server swaps, and answers if that went well.
    Swap(usize),
    /// The client gets an answer.
    Receive(usize),
    /// A request or an answer is lost, or a server crashes before or after its swap.
    Lose(usize),
    /// The store learns that somebody holds the live generation.
    Confirm,
    /// 5 s go by.
    Tick,
    /// Somebody copies the client's token.
    Steal,
    /// The thief presents this generation.
    Present(u8),
    /// Somebody presents this generation, signed with the refresh key, with a made-up `jti`.
    Forge(u8),
    /// The user logs out, here or everywhere: one session cannot tell.
    LogOut,
    /// The store deletes a session that is over.
    Delete,
    /// A replica takes over the row.
    Replicate,
    /// The replica becomes the store.
    FailOver,
    /// The store's clock jumps back.
    ClockBack,
}

/// The model.
#[derive(Clone, Debug)]
pub struct World {
    /// What is explored.
    pub bounds: Bounds,
    /// What is checked.
    pub rules: Rules,
    pub(crate) policy: Policy,
    pub(crate) template: Session,
    pub(crate) jtis: [Uuid; GENERATIONS + 1],
    seen: Arc<AtomicU32>,
}

impl World {
    /// A world with these rules.
    pub fn new(bounds: Bounds, rules: Rules) -> Self {
        let template = Row::template();
        let jti = |generation| Presented::genuine(&template, generation as u32, NOW).jti;
        Self {
            policy: bounds.policy(),
            jtis: std::array::from_fn(jti),
            template,
            bounds,
            rules,
            seen: Arc::default(),
        }
    }

    /// The rows of the table that were decided so far.
    pub fn seen(&self) -> Vec<TableRow> {
        let seen = self.seen.load(Ordering::Relaxed);
        let is_seen = |case: &TableRow| seen & 1 << *case as u32 != 0;
        TableRow::ALL.into_iter().filter(is_seen).collect()
    }

    pub(crate) fn saw(&self, case: TableRow) {
        let bit = 1 << case as u32;
        if self.seen.load(Ordering::Relaxed) & bit == 0 {
            self.seen.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn call_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_clients =
            |call: &&Call| !matches!(call, Call::Loaded(loaded) if loaded.who != Who::Client);
        let has_room = state.calls.iter().filter(is_clients).count() < self.bounds.calls;
        if has_room {
            actions.push(Action::Send);
        }
        for (index, call) in state.calls.iter().enumerate() {
            if index > 0 && state.calls[index - 1] == *call {
                continue;
            }
            match call {
                Call::Sent { .. } => {
                    actions.push(Action::Load(index));
                    if has_room {
                        actions.push(Action::Duplicate(index));
                    }
                }
                Call::Loaded(_) => actions.push(Action::Swap(index)),
                Call::Answered { .. } => actions.push(Action::Receive(index)),
            }
            actions.push(Action::Lose(index));
        }
    }

    fn can_confirm(&self, state: &State, row: &Row) -> bool {
        let holds = |generation: u8| match self.rules.effect {
            Effect::ConfirmAnyGeneration => generation > 0,
            _ => generation == row.generation,
        };
        let is_rendered = || {
            let answered =
                |call: &Call| matches!(call, Call::Answered { token, .. } if holds(*token));
            state.calls.iter().any(answered)
        };
        let is_seen = holds(state.used)
            || state.thief.is_some_and(|(_, newest)| holds(newest))
            || (self.bounds.confirms == Confirms::BeforeDelivery && is_rendered());
        self.bounds.confirms != Confirms::Successor
            && is_seen
            && row.generation > 0
            && row.revoked.is_none()
            && (!row.confirmed || self.rules.effect == Effect::ConfirmAgain)
    }

    fn store_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let (bounds, Some(row)) = (&self.bounds, &state.row) else {
            return;
        };
        if self.can_confirm(state, row) {
            actions.push(Action::Confirm);
        }
        if bounds.logout && row.revoked.is_none() {
            actions.push(Action::LogOut);
        }
        if row.ends == 0 {
            actions.push(Action::Delete);
        }
        if bounds.failover && !state.happened {
            match state.replica {
                None => actions.push(Action::Replicate),
                Some(_) => actions.push(Action::FailOver),
            }
        }
        if bounds.clock_back > 0 && !state.happened {
            actions.push(Action::ClockBack);
        }
    }

    fn thief_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let is_thiefs =
            |call: &Call| matches!(call, Call::Loaded(loaded) if loaded.who != Who::Client);
        if state.calls.iter().any(is_thiefs) {
            return;
        }
        match state.thief {
            Some((stolen, newest)) => {
                actions.push(Action::Present(stolen));
                if newest != stolen {
                    actions.push(Action::Present(newest));
                }
            }
            None if self.bounds.thief => actions.push(Action::Steal),
            None => {}
        }
        if self.bounds.forger {
            let live = state.row.map_or(0, |row| row.generation);
            actions.extend((0..=live + 1).map(Action::Forge));
        }
    }

    fn confirm(&self, state: &mut State) {
        let Some(row) = &mut state.row else {
            return;
        };
        row.confirmed = true;
        let generation = row.generation;
        state.bump();
        let holds_it =
            state.used == generation || state.thief.is_some_and(|(_, newest)| newest == generation);
        state.ghost.confirmed |= holds_it;
        self.note_extra_write(state);
    }

    fn fail_over(&self, state: &mut State) {
        let Some((row, version)) = state.replica.take() else {
            return;
        };
        if !self.has(Gap::OldVersion) {
            // What servers have under way dies with their connections.
            state.calls.retain(|call| !matches!(call, Call::Loaded(_)));
        }
        for call in &mut state.calls {
            if let Call::Loaded(loaded) = call {
                loaded.version -= version;
            }
        }
        let was_delivered =
            |lost: Row| lost.generation == row.generation && lost.delivered != row.delivered;
        state.ghost.excused |= state.row.is_some_and(was_delivered)
            && self.bounds.is_honest()
            && !self.has(Gap::LostDelivery);
        state.row = Some(row);
        state.happened = true;
        let ghost = &mut state.ghost;
        ghost.ended = row.revoked.is_some();
        ghost.confirmed = row.confirmed;
        ghost.age = row.delivered.unwrap_or(OLDEST);
        ghost.crossed = 0;
        ghost.writes = row.confirmed.into();
    }

    fn receive(&self, state: &mut State, token: u8, cookie: bool) {
        state.used = state.used.max(token);
        if !self.bounds.cookies {
            state.cell = state.cell.max(token);
        } else if cookie {
            state.cell = token;
        }
    }

    /// Whether the client could go on at this moment, if its request came through.
    fn goes_on(&self, state: &State) -> bool {
        let Some(row) = state.row.filter(Row::is_live) else {
            return true;
        };
        let ghost = &state.ghost;
        let is_past_budget = state.cell + 1 == row.generation
            && is_outside(ghost.age)
            && self.is_spent(ghost.needed, row.generation);
        is_past_budget
            || ghost.excused
            || (state.cell > row.generation && state.exp[usize::from(state.cell)] == 0)
            || self
                .ask(state, row, Who::Client, state.cell)
                .0
                .is_accepted()
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let row = Row::new(self.bounds.lifetimes);
        let mut exp = [FAR; GENERATIONS];
        exp[0] = row.expires;
        vec![State {
            row: Some(row),
            replica: None,
            happened: false,
            calls: Vec::new(),
            cell: 0,
            used: 0,
            thief: None,
            exp,
            ghost: Ghost {
                age: OLDEST,
                ..Ghost::default()
            },
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        self.call_actions(state, actions);
        self.store_actions(state, actions);
        self.thief_actions(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Send => state.calls.push(Call::Sent {
                token: state.cell,
                knew: state.used,
                age: 0,
            }),
            Action::Duplicate(index) => state.calls.push(state.calls[index]),
            Action::Lose(index) => {
                state.calls.remove(index);
            }
            Action::Load(index) => {
                if let Call::Sent { token, knew, age } = state.calls.remove(index) {
                    self.load(&mut state, Who::Client, token, (knew, age));
                }
            }
            Action::Swap(index) => {
                if let Call::Loaded(loaded) = state.calls.remove(index) {
                    self.swap(&mut state, loaded);
                }
            }
            Action::Receive(index) => {
                if let Call::Answered { token, cookie, .. } = state.calls.remove(index) {
                    self.receive(&mut state, token, cookie);
                }
            }
            Action::Confirm => self.confirm(&mut state),
            Action::Tick => {
                self.age_calls(&mut state);
                state.tick(1);
            }
            Action::ClockBack => {
                state.tick(-self.bounds.clock_back);
                state.happened = true;
            }
            Action::Steal => state.thief = Some((state.cell, state.cell)),
            Action::Present(token) => self.load(&mut state, Who::Thief, token, (0, 0)),
            Action::Forge(token) => self.load(&mut state, Who::Forger, token, (0, 0)),
            Action::LogOut => {
                if let Some(row) = &mut state.row {
                    row.revoked = Some(false);
                }
                state.bump();
                state.ghost.ended = true;
            }
            Action::Delete => {
                state.row = None;
                state.ghost.ended = true;
            }
            Action::Replicate => state.replica = state.row.map(|row| (row, 0)),
            Action::FailOver => self.fail_over(&mut state),
        }
        if self.has(Gap::OldVersion) && state.happened {
            state.ghost.forgive(&[Broken::Fork, Broken::Cost]);
        }
        // Which tab waits for which answer makes no difference.
        state.calls.sort_unstable();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn holds(state: &State, broken: Broken) -> bool {
            !state.ghost.has_broken(broken)
        }
        vec![
            Property::always("forkless", |_, state: &State| holds(state, Broken::Fork)),
            Property::always("no false logout", |_, state| {
                holds(state, Broken::FalseLogout) && holds(state, Broken::HonestRefusal)
            }),
            Property::always("honest clients go on", |world: &Self, state: &State| {
                !world.bounds.is_honest() || world.goes_on(state)
            }),
            Property::always("theft is seen", |_, state| {
                holds(state, Broken::TheftUnseen)
            }),
            Property::always("revoked is final", |_, state: &State| {
                let lives = state.row.is_some_and(|row| row.revoked.is_none());
                holds(state, Broken::Revived) && !(state.ghost.ended && lives)
            }),
            Property::always("lifetimes never grow", |_, state| {
                holds(state, Broken::LifetimeGrew)
            }),
            Property::always("what has expired does nothing", |_, state| {
                holds(state, Broken::ExpiredActs)
            }),
            Property::always("what is forged does nothing", |_, state| {
                holds(state, Broken::ForgedActs)
            }),
            Property::always("constant cost", |_, state| holds(state, Broken::Cost)),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        let live = state.row.map_or(0, |row| row.generation);
        live <= self.bounds.generations && !state.ghost.excused
    }
}
