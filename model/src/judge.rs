//! What the witness makes of each step: it notes what happened, and what breaks a claim.

use crate::{
    row::{Key, Row},
    state::{Loaded, Presented, State, Who},
    table_row::TableRow,
    time::{OLDEST, is_outside_window},
    witness::{Broken, Evidence},
    world::World,
};

/// The client needs this generation late: it has the predecessor, and the window is over.
pub(crate) fn note_need(world: &World, state: &mut State, row: &Row, who: Who, token: u8) {
    let witness = &mut state.witness;
    let is_late = world.bounds.is_honest()
        && who == Who::Client
        && row.is_live()
        && token + 1 == row.generation
        && is_outside_window(witness.since_delivery);
    if !is_late {
        return;
    }
    witness.excused |= is_budget_spent(world, witness.needed_late, row.generation);
    witness.needed_late |= 1 << row.generation;
}

/// Whether `generations` holds as many before `live` as the budget allows in its span.
fn is_budget_spent(world: &World, generations: u16, live: u8) -> bool {
    let (budget, span) = world.bounds.budget;
    let before = generations & ((1 << live) - 1);
    let counted = u32::from(before) >> (u32::from(live) + 1).saturating_sub(span);
    counted.count_ones() >= budget
}

/// What a presentation shows of a theft.
pub(crate) fn evidence(world: &World, state: &State, row: &Row, who: Who, token: u8) -> Evidence {
    let witness = &state.witness;
    let may_show = world.bounds.thief && row.is_live() && who != Who::Forger;
    let has_expired = state.token_expires[usize::from(token)] == 0;
    if !may_show || has_expired || token >= row.generation {
        return Evidence::None;
    }
    let moved_past_by_thief = witness.made_by_thief >> (token + 1) & 1 == 1;
    let moved_past_by_other = moved_past_by_thief != (who == Who::Thief);
    // Under strict rotation a token is as old as any once it has been rotated.
    let is_old = world.bounds.strict || token + 1 < row.generation;
    if !moved_past_by_other || !(is_old || is_outside_window(witness.since_delivery)) {
        Evidence::None
    } else if is_old
        || witness.since_confirmation.is_some_and(is_outside_window)
        || is_budget_spent(world, witness.overlooked, row.generation)
    {
        Evidence::MustBeSeen
    } else {
        Evidence::WithinBudget
    }
}

/// A server has decided; `writes` where it means to write.
pub(crate) fn judge_decision(
    world: &World,
    state: &mut State,
    row: &Row,
    loaded: &Loaded,
    writes: bool,
) {
    let verdict = loaded.verdict;
    if loaded.who == Who::Forger && (writes || verdict.is_accepted()) {
        state.witness.breaks(Broken::ForgedActs);
    }
    judge_lifetimes(world, state, row, loaded);
    if loaded.next.generation == row.generation && loaded.next.rotated != row.rotated {
        state.witness.breaks(Broken::Fork);
    }
    let is_refused = !verdict.is_accepted() && !writes;
    if is_refused && loaded.evidence == Evidence::MustBeSeen {
        state.witness.breaks(Broken::TheftUnseen);
    }
    let is_owed = world.bounds.is_honest() && !state.witness.excused && loaded.is_clients();
    if is_refused && is_owed && row.is_live() {
        state.witness.breaks(Broken::HonestRefusal);
    }
    if verdict == TableRow::Neighbour && writes {
        state.witness.breaks(Broken::Cost);
    }
    judge_bound(world, state, row, loaded, writes);
}

/// Whether a write gives the row a binding that the store had lost.
fn restores_key(before: Option<Row>, loaded: &Loaded) -> bool {
    before.is_some_and(|row| row.bound.is_none()) && loaded.next.bound.is_some()
}

/// What was decided about a bound session, and whose key was proved.
fn judge_bound(world: &World, state: &mut State, row: &Row, loaded: &Loaded, writes: bool) {
    let (verdict, token, witness) = (loaded.verdict, loaded.token, &mut state.witness);
    let is_bound = witness.bound || loaded.names_key;
    if loaded.who == Who::Keyless && is_bound && (writes || verdict.is_accepted()) {
        witness.breaks(Broken::KeylessActs);
    }
    if loaded.who != Who::Copy || !is_bound || !row.is_live() {
        return;
    }
    let has_expired = token > row.generation && state.token_expires[usize::from(token)] == 0;
    if !verdict.is_accepted() && !has_expired {
        witness.breaks(Broken::CopyRefused);
    }
    if token < row.generation && writes && !restores_key(Some(*row), loaded) {
        witness.breaks(Broken::Cost);
    }
    let is_kept = (-world.bounds.window..=world.bounds.kept()).contains(&witness.since_delivery);
    if token == row.generation && verdict.is_accepted() && row.generation > 0 {
        match loaded.rotates() {
            true if is_kept => witness.breaks(Broken::Cost),
            false if !is_kept => witness.breaks(Broken::NotRenewed),
            _ => {}
        }
    }
}

/// What has expired gets nothing and ends nothing, and no decision makes a lifetime longer.
fn judge_lifetimes(world: &World, state: &mut State, row: &Row, loaded: &Loaded) {
    let (verdict, next, token) = (loaded.verdict, &loaded.next, loaded.token);
    let expires = state.token_expires[usize::from(token)];
    let witness = &mut state.witness;
    let is_ahead = token > row.generation;
    let has_expired = row.ends == 0 || (if is_ahead { expires } else { row.expires }) == 0;
    let is_predecessor = token + 1 == row.generation && !world.bounds.strict;
    let is_unconfirmed = row.confirmed.is_none_or(|age| !is_outside_window(age));
    let is_owed = is_predecessor && (is_unconfirmed || !is_outside_window(witness.since_delivery));
    let is_bound = loaded.who == Who::Copy && (row.bound.is_some() || loaded.names_key);
    let own_has_expired = expires == 0 && token < row.generation && !is_owed && !is_bound;
    if (has_expired || own_has_expired) && (verdict.is_accepted() || verdict.is_reuse()) {
        witness.breaks(Broken::ExpiredActs);
    }
    let grows = (next.generation == row.generation && next.expires > row.expires)
        || (is_ahead && next.expires > expires)
        || next.expires > next.ends
        || next.ends > row.ends;
    if grows {
        witness.breaks(Broken::LifetimeGrew);
    }
}

/// A write by swap, over what was there before.
pub(crate) fn note_swap(world: &World, state: &mut State, before: Option<Row>, loaded: &Loaded) {
    let witness = &mut state.witness;
    if witness.ended {
        witness.breaks(Broken::Revived);
    }
    let was_live =
        loaded.token == loaded.from && before.is_some_and(|row| row.generation == loaded.from);
    if loaded.rotates() && !was_live {
        witness.breaks(Broken::Fork);
    }
    if loaded.verdict.is_reuse() && world.bounds.is_honest() && !witness.excused {
        witness.breaks(Broken::FalseLogout);
    }
    if loaded.verdict.is_reuse() && witness.bound {
        witness.breaks(Broken::CopyLoggedOut);
    }
    match loaded.verdict {
        verdict if verdict.is_reuse() => witness.ended = true,
        TableRow::Late => witness.since_delivery = loaded.since_load,
        TableRow::Restore => {
            witness.since_delivery = loaded.since_load;
            witness.since_confirmation = Some(loaded.since_load);
            witness.extra_writes = 0;
        }
        _ if loaded.rotates() => {
            let made = loaded.next.generation;
            witness.since_delivery = loaded.since_load;
            witness.since_confirmation = None;
            witness.extra_writes = 0;
            witness.made_by_thief &= !(1 << made);
            witness.made_by_thief |= u16::from(loaded.who == Who::Thief) << made;
            witness.overlooked &= !(1 << made);
        }
        _ if restores_key(before, loaded) => {}
        _ => witness.count_extra_write(),
    }
}

/// A client is told that its token is bad because somebody else has written.
pub(crate) fn note_lost(world: &World, state: &mut State) {
    if state.row.is_some_and(|row| row.is_live()) && world.bounds.is_honest() {
        state.witness.breaks(Broken::HonestRefusal);
    }
}

/// A server has answered with tokens.
pub(crate) fn note_answer(state: &mut State, loaded: &Loaded, generation: u8) {
    let witness = &mut state.witness;
    if witness.ended {
        witness.breaks(Broken::Revived);
    }
    if state.row.is_none_or(|row| row.generation != generation) {
        witness.breaks(Broken::Fork);
    }
    witness.bound |= loaded.who == Who::Copy && loaded.names_key;
    if witness.bound && loaded.next.bound != Some(Key::Clients) {
        witness.breaks(Broken::Unbound);
    }
    match loaded.evidence {
        Evidence::None => {}
        Evidence::WithinBudget => witness.overlooked |= 1 << loaded.from,
        Evidence::MustBeSeen => witness.breaks(Broken::TheftUnseen),
    }
    if loaded.token == generation && generation > 0 {
        witness.since_confirmation.get_or_insert(loaded.since_load);
    }
}

/// The store has learnt that the live generation is held. It may have been told wrongly.
pub(crate) fn note_confirmation(state: &mut State) {
    let live = state.live();
    let is_thiefs = state.thief.is_some_and(|loot| loot.newest == live);
    if state.used == live || is_thiefs {
        state.witness.since_confirmation.get_or_insert(0);
    }
    state.witness.count_extra_write();
}

/// The session was bound to the client's key, if it was not bound before.
pub(crate) fn note_binding(state: &mut State) {
    state.witness.bound |= state.row.is_some_and(|row| row.bound.is_some());
}

/// The session was ended on purpose, or deleted.
pub(crate) fn note_end(state: &mut State) {
    state.witness.ended = true;
}

/// A failover loses writes, and what the witness knows of them.
pub(crate) fn note_fail_over(world: &World, state: &mut State, lost: Option<Row>) {
    let Some(row) = state.row else {
        return;
    };
    let was_delivered =
        |lost: Row| lost.generation == row.generation && lost.delivered != row.delivered;
    let witness = &mut state.witness;
    witness.excused |= lost.is_some_and(was_delivered)
        && world.bounds.is_honest()
        && !world.bounds.loses_deliveries;
    witness.ended = row.ended.is_some();
    witness.bound = row.bound.is_some();
    witness.since_confirmation = row.confirmed;
    witness.since_delivery = row.delivered.unwrap_or(OLDEST);
    witness.overlooked = 0;
    witness.extra_writes = row.confirmed.is_some().into();
}

/// Whether the client could go on at this moment, if its request came through.
pub(crate) fn could_go_on(world: &World, state: &State) -> bool {
    let Some(row) = state.row.filter(Row::is_live) else {
        return true;
    };
    let (witness, held) = (&state.witness, state.held);
    let is_past_budget = held + 1 == row.generation
        && is_outside_window(witness.since_delivery)
        && is_budget_spent(world, witness.needed_late, row.generation);
    let has_expired = held > row.generation && state.token_expires[usize::from(held)] == 0;
    is_past_budget
        || witness.excused
        || has_expired
        || world
            .ask(state, row, Presented::plain(Who::Client, held))
            .0
            .is_accepted()
}

/// Whether each copy of a bound client could go on at this moment, whatever token it holds.
pub(crate) fn could_all_go_on(world: &World, state: &State) -> bool {
    let Some(row) = state.row.filter(Row::is_live) else {
        return true;
    };
    state.given.tokens().all(|(token, names_key)| {
        let who = Who::Copy;
        let presented = Presented {
            who,
            token,
            names_key,
        };
        let is_bound = state.witness.bound || names_key;
        let has_expired = token > row.generation && state.token_expires[usize::from(token)] == 0;
        !is_bound || has_expired || world.ask(state, row, presented).0.is_accepted()
    })
}

/// Whether what was bound is bound still, to the same key.
pub(crate) fn is_still_bound(state: &State) -> bool {
    let is_clients = |row: Row| row.bound == Some(Key::Clients);
    !state.witness.bound || state.row.is_none_or(is_clients)
}
