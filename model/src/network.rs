//! The client and the network between it and the servers.

use crate::{
    FAR,
    state::{Call, State, Who},
    world::{Action, World},
};

impl World {
    pub(crate) fn call_actions(&self, state: &State, actions: &mut Vec<Action>) {
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

    pub(crate) fn receive(&self, state: &mut State, token: u8, cookie: bool) {
        state.used = state.used.max(token);
        if !self.bounds.cookies {
            state.cell = state.cell.max(token);
        } else if cookie {
            state.cell = token;
        }
    }

    /// Lets a tick go by for what is under way: messages die, swaps become stale.
    pub(crate) fn age_calls(&self, state: &mut State) {
        let older = |age: u8, life: u8| match life {
            FAR => Some(age),
            _ => (age < life).then_some(age + 1),
        };
        let (request, answer) = self.bounds.lives;
        let calls = std::mem::take(&mut state.calls);
        state.calls = calls
            .into_iter()
            .filter_map(|call| match call {
                Call::Sent { token, age } => {
                    older(age, request).map(|age| Call::Sent { token, age })
                }
                Call::Answered { token, cookie, age } => {
                    older(age, answer).map(|age| Call::Answered { token, cookie, age })
                }
                Call::Loaded(loaded) if self.bounds.slow_swap && loaded.since <= 0 => Some(call),
                Call::Loaded(loaded) if loaded.who == Who::Client => {
                    let token = loaded.token;
                    older(loaded.age, request).map(|age| Call::Sent { token, age })
                }
                Call::Loaded(_) => None,
            })
            .collect();
    }
}
