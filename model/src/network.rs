//! The network between the client and the servers, and the client at its end.

use crate::{
    state::{Call, State},
    time::FAR,
    world::World,
};

/// The client gets an answer.
pub(crate) fn receive(world: &World, state: &mut State, token: u8, cookie: bool) {
    state.used = state.used.max(token);
    if !world.bounds.cookies {
        state.held = state.held.max(token);
    } else if cookie {
        state.held = token;
    }
}

/// Lets a tick go by for what is under way: messages die, swaps become stale.
pub(crate) fn age_calls(world: &World, state: &mut State) {
    let older = |age: u8, life: u8| match life {
        FAR => Some(age),
        _ => (age < life).then_some(age + 1),
    };
    let (request, answer) = world.bounds.lives;
    let calls = std::mem::take(&mut state.calls);
    state.calls = calls
        .into_iter()
        .filter_map(|call| match call {
            Call::Sent { token, age } => older(age, request).map(|age| Call::Sent { token, age }),
            Call::Answered { token, cookie, age } => {
                older(age, answer).map(|age| Call::Answered { token, cookie, age })
            }
            Call::Loaded(loaded) if world.bounds.slow_swap && loaded.since_load <= 0 => Some(call),
            Call::Loaded(loaded) if loaded.is_clients() => {
                let token = loaded.token;
                older(loaded.age, request).map(|age| Call::Sent { token, age })
            }
            Call::Loaded(_) => None,
        })
        .collect();
}
