//! What can happen next in a state.

use crate::{
    bounds::Confirms,
    row::Row,
    rules::Fault,
    state::{Call, State},
    world::World,
};

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client sends the token that it holds: another tab, or once more.
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
    /// A copy of the client presents a token, with a proof that it has the key.
    Prove {
        /// The token's generation.
        token: u8,
        /// Whether the token names the key.
        names_key: bool,
    },
    /// Somebody presents such a token without the key.
    PresentWithoutKey {
        /// The token's generation.
        token: u8,
        /// Whether the token names the key.
        names_key: bool,
    },
    /// The application binds the session to the client's key.
    Bind,
    /// Somebody asks for a binding to another key.
    BindToOther,
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

/// Adds all that can happen next.
pub(crate) fn possible(world: &World, state: &State, actions: &mut Vec<Action>) {
    actions.push(Action::Tick);
    match world.bounds.binds {
        None => call_actions(world, state, actions),
        Some(_) => copy_actions(world, state, actions),
    }
    store_actions(world, state, actions);
    thief_actions(world, state, actions);
}

fn call_actions(world: &World, state: &State, actions: &mut Vec<Action>) {
    let under_way = state.calls.iter().filter(|call| call.is_clients()).count();
    let has_room = under_way < world.bounds.calls;
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

/// What any copy of the client does with any token that was given out, and what those do who have
/// the token and not the key. A token can be presented at any time, so nothing waits in the network.
fn copy_actions(world: &World, state: &State, actions: &mut Vec<Action>) {
    for index in 0..state.calls.len() {
        if index == 0 || state.calls[index - 1] != state.calls[index] {
            actions.extend([Action::Swap(index), Action::Lose(index)]);
        }
    }
    let is_bound = state.row.is_some_and(|row| row.bound.is_some());
    if state.calls.len() < world.bounds.calls {
        for (token, names_key) in state.given.tokens() {
            // Where nothing is bound, a proof makes no difference.
            if is_bound || names_key {
                actions.push(Action::Prove { token, names_key });
            }
            actions.push(Action::PresentWithoutKey { token, names_key });
        }
    }
    match is_bound {
        true => actions.push(Action::BindToOther),
        false => actions.push(Action::Bind),
    }
}

fn can_confirm(world: &World, state: &State, row: &Row) -> bool {
    let holds = |generation: u8| match world.rules.fault {
        Fault::ConfirmAnyGeneration => generation > 0,
        _ => generation == row.generation,
    };
    let is_rendered = || {
        let answered = |call: &Call| matches!(call, Call::Answered { token, .. } if holds(*token));
        state.calls.iter().any(answered)
    };
    let is_seen = holds(state.used)
        || state.thief.is_some_and(|loot| holds(loot.newest))
        || state.given.has(row.generation)
        || (world.bounds.confirms == Confirms::BeforeDelivery && is_rendered());
    world.bounds.confirms != Confirms::Successor
        && is_seen
        && row.generation > 0
        && row.ended.is_none()
        && (row.confirmed.is_none() || world.rules.fault == Fault::ConfirmAgain)
}

fn store_actions(world: &World, state: &State, actions: &mut Vec<Action>) {
    let (bounds, Some(row)) = (&world.bounds, &state.row) else {
        return;
    };
    if can_confirm(world, state, row) {
        actions.push(Action::Confirm);
    }
    if bounds.logout && row.ended.is_none() {
        actions.push(Action::LogOut);
    }
    if row.ends == 0 {
        actions.push(Action::Delete);
    }
    if bounds.failover && !state.store_failed {
        match state.replica {
            None => actions.push(Action::Replicate),
            Some(_) => actions.push(Action::FailOver),
        }
    }
    if bounds.clock_back > 0 && !state.store_failed {
        actions.push(Action::ClockBack);
    }
}

fn thief_actions(world: &World, state: &State, actions: &mut Vec<Action>) {
    if state.calls.iter().any(|call| !call.is_clients()) && world.bounds.binds.is_none() {
        return;
    }
    match state.thief {
        Some(loot) => {
            actions.push(Action::Present(loot.copied));
            if loot.newest != loot.copied {
                actions.push(Action::Present(loot.newest));
            }
        }
        None if world.bounds.thief => actions.push(Action::Steal),
        None => {}
    }
    if world.bounds.forger {
        actions.extend((0..=state.live() + 1).map(Action::Forge));
    }
}
