use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use stateright::{Model, Property};
use tower_bearer::session::{Record, RotationPolicy};

use crate::{
    FAR,
    bounds::{Bounds, Confirms},
    ghost::{Broken, Ghost},
    row::{OLDEST, Row, TableRow},
    rules::{Effect, Rules},
    state::{Call, GENERATIONS, State, Who},
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
    pub(crate) policy: RotationPolicy,
    pub(crate) template: Record,
    seen: Arc<AtomicU32>,
}

impl World {
    /// A world with these rules.
    pub fn new(bounds: Bounds, rules: Rules) -> Self {
        Self {
            policy: bounds.policy(),
            template: Row::template(),
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
            && (row.confirmed.is_none() || self.rules.effect == Effect::ConfirmAgain)
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
                age: 0,
            }),
            Action::Duplicate(index) => state.calls.push(state.calls[index]),
            Action::Lose(index) => {
                state.calls.remove(index);
            }
            Action::Load(index) => {
                if let Call::Sent { token, age } = state.calls.remove(index) {
                    self.load(&mut state, Who::Client, token, age);
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
            Action::Confirm => {
                state.confirm();
                self.note_confirmation(&mut state);
            }
            Action::Tick => {
                self.age_calls(&mut state);
                state.tick(1);
            }
            Action::ClockBack => {
                state.tick(-self.bounds.clock_back);
                state.happened = true;
            }
            Action::Steal => state.thief = Some((state.cell, state.cell)),
            Action::Present(token) => self.load(&mut state, Who::Thief, token, 0),
            Action::Forge(token) => self.load(&mut state, Who::Forger, token, 0),
            Action::LogOut => {
                state.end();
                state.ghost.ended = true;
            }
            Action::Delete => {
                state.row = None;
                state.ghost.ended = true;
            }
            Action::Replicate => state.replicate(),
            Action::FailOver => {
                let lost = state.row;
                state.fail_over(self.rules.effect);
                state.happened = true;
                self.note_fail_over(&mut state, lost);
            }
        }
        self.lose_stale(&mut state);
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
