//! A server, as the crate's own: load and decide, swap, answer; a swap that lost loads again.

use crate::{
    judge,
    rules::Fault,
    state::{Call, Loaded, Presented, State, Who},
    store,
    table_row::TableRow,
    world::World,
};

/// Loads and decides in one moment, as a server does; what is to be written waits.
pub(crate) fn load(world: &World, state: &mut State, presented: Presented, age: u8) {
    let Presented {
        who,
        token,
        names_key,
    } = presented;
    let Some(row) = state.row else {
        world.saw(TableRow::Unknown);
        return;
    };
    judge::note_need(world, state, &row, who, token);
    let evidence = judge::evidence(world, state, &row, who, token);
    let (verdict, next) = world.ask(state, row, presented);
    world.saw(verdict);
    let loaded = Loaded {
        who,
        token,
        age,
        since_load: 0,
        verdict,
        from: row.generation,
        next: next.unwrap_or(row),
        version: Some(0),
        names_key,
        evidence,
    };
    judge::judge_decision(world, state, &row, &loaded, next.is_some());
    match next {
        None if verdict.is_accepted() => answer(world, state, &loaded),
        None => {}
        Some(_) => {
            if world.rules.fault == Fault::AnswerBeforeSwap && verdict.is_accepted() {
                answer(world, state, &loaded);
            }
            state.calls.push(Call::Loaded(loaded));
        }
    }
}

/// Swaps, and answers if that went well.
pub(crate) fn swap(world: &World, state: &mut State, loaded: Loaded) {
    let (fault, before) = (world.rules.fault, state.row);
    if !store::swap(state, &loaded, fault) {
        lose(world, state, loaded);
        return;
    }
    if loaded.rotates() {
        let made = usize::from(loaded.next.generation);
        state.token_expires[made] = loaded.next.expires;
    }
    judge::note_swap(world, state, before, &loaded);
    if loaded.verdict.is_accepted() && fault != Fault::AnswerBeforeSwap {
        answer(world, state, &loaded);
    }
}

/// Swaps that can only lose: they do so at once, which leaves fewer states.
pub(crate) fn lose_stale(world: &World, state: &mut State) {
    use Fault::{SwapIgnoresRevoked, SwapIgnoresVersion};
    if matches!(world.rules.fault, SwapIgnoresVersion | SwapIgnoresRevoked) {
        return;
    }
    let is_stale = |call: &mut Call| call.loaded().is_some_and(|it| it.version.is_none());
    for mut call in state.calls.extract_if(.., is_stale).collect::<Vec<_>>() {
        if let Some(loaded) = call.loaded() {
            lose(world, state, *loaded);
        }
    }
}

/// What the client sent is loaded and decided again. Others present theirs again anyway.
fn lose(world: &World, state: &mut State, loaded: Loaded) {
    if !loaded.is_clients() {
        return;
    }
    if world.rules.fault == Fault::LostSwapRefuses {
        judge::note_lost(world, state);
        return;
    }
    state.calls.push(Call::Sent {
        token: loaded.token,
        age: loaded.age,
    });
}

fn answer(world: &World, state: &mut State, loaded: &Loaded) {
    let token = match (world.rules.fault, loaded.verdict) {
        (Fault::AnswersWithPresented, TableRow::Overtaken) => loaded.token,
        _ => loaded.next.generation,
    };
    judge::note_answer(state, loaded, token);
    match (loaded.who, &mut state.thief) {
        (Who::Client, _) => state.calls.push(Call::Answered {
            token,
            cookie: loaded.verdict != TableRow::Current
                || world.rules.fault == Fault::CookieOnCurrent,
            age: 0,
        }),
        (Who::Thief, Some(loot)) => loot.newest = token.max(loot.newest),
        // Whoever gets it, all copies may have it and all who steal from them.
        (Who::Copy | Who::Keyless, _) => {
            state.given.add(token, loaded.next.bound.is_some());
        }
        (Who::Thief | Who::Forger, _) => {}
    }
}
