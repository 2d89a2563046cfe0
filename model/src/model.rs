//! The model that the checker explores: the first state, the steps from each state, the claims.

use stateright::{Model, Property};

use crate::{
    action::{self, Action},
    claims, judge, network,
    row::Key,
    server,
    state::{Call, Loot, Presented, State, Who},
    store,
    world::World,
};

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.bounds)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        action::possible(self, state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Send => state.calls.push(Call::Sent {
                token: state.held,
                age: 0,
            }),
            Action::Duplicate(index) => state.calls.push(state.calls[index]),
            Action::Lose(index) => {
                state.calls.remove(index);
            }
            Action::Load(index) => {
                if let Call::Sent { token, age } = state.calls.remove(index) {
                    let presented = Presented::plain(Who::Client, token);
                    server::load(self, &mut state, presented, age);
                }
            }
            Action::Swap(index) => {
                if let Call::Loaded(loaded) = state.calls.remove(index) {
                    server::swap(self, &mut state, loaded);
                }
            }
            Action::Receive(index) => {
                if let Call::Answered { token, cookie, .. } = state.calls.remove(index) {
                    network::receive(self, &mut state, token, cookie);
                }
            }
            Action::Confirm => {
                store::confirm(&mut state);
                judge::note_confirmation(&mut state);
            }
            Action::Tick => {
                network::age_calls(self, &mut state);
                state.age_by(1);
            }
            Action::ClockBack => {
                state.age_by(-self.bounds.clock_back);
                state.store_failed = true;
            }
            Action::Steal => {
                state.thief = Some(Loot {
                    copied: state.held,
                    newest: state.held,
                })
            }
            Action::Present(token) => {
                server::load(self, &mut state, Presented::plain(Who::Thief, token), 0);
            }
            Action::Forge(token) => {
                server::load(self, &mut state, Presented::plain(Who::Forger, token), 0);
            }
            Action::Prove { token, names_key } => {
                let who = Who::Copy;
                let presented = Presented {
                    who,
                    token,
                    names_key,
                };
                server::load(self, &mut state, presented, 0);
            }
            Action::PresentWithoutKey { token, names_key } => {
                let who = Who::Keyless;
                let presented = Presented {
                    who,
                    token,
                    names_key,
                };
                server::load(self, &mut state, presented, 0);
            }
            Action::Bind | Action::BindToOther => {
                let key = match action {
                    Action::Bind => Key::Clients,
                    _ => Key::Others,
                };
                store::bind(&mut state, key, self.rules.fault);
                judge::note_binding(&mut state);
            }
            Action::LogOut => {
                store::end(&mut state);
                judge::note_end(&mut state);
            }
            Action::Delete => {
                state.row = None;
                judge::note_end(&mut state);
            }
            Action::Replicate => store::replicate(&mut state),
            Action::FailOver => {
                let lost = state.row;
                store::fail_over(&mut state, self.rules.fault);
                state.store_failed = true;
                judge::note_fail_over(self, &mut state, lost);
            }
        }
        server::lose_stale(self, &mut state);
        // Which tab waits for which answer makes no difference.
        state.calls.sort_unstable();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        claims::ALL
            .into_iter()
            .map(|(name, holds)| Property::always(name, holds))
            .collect()
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.live() <= self.bounds.generations && !state.witness.excused
    }
}
