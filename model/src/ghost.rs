//! What happened, kept apart from the row so that a wrong row cannot hide it; and what it makes
//! of each step.

use crate::{
    WINDOW,
    row::{OLDEST, Row, TableRow},
    state::{Loaded, State, Who},
    world::World,
};

/// Whether somebody presents what somebody else has moved past, outside the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Crossing {
    /// No.
    No,
    /// Yes, but the budget lets it pass.
    Unnoticed,
    /// Yes, and it has to end the session.
    MustBeSeen,
}

/// A bit for each claim that a history has broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Broken {
    Fork,
    FalseLogout,
    HonestRefusal,
    TheftUnseen,
    Revived,
    LifetimeGrew,
    ExpiredActs,
    ForgedActs,
    Cost,
}

/// What only the properties know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// Bit i: the thief made generation i.
    pub made_by_thief: u16,
    /// Bit i: somebody crossed at generation i and got tokens.
    pub crossed: u16,
    /// Bit i: the client needed generation i late.
    pub needed: u16,
    /// Ticks since the live generation was made, or handed out late.
    pub age: i8,
    /// Ticks since somebody has first shown to hold the live generation.
    pub confirmed: Option<i8>,
    /// The session was revoked or deleted.
    pub ended: bool,
    /// Writes in this generation that are no rotation, late redelivery or revocation.
    pub writes: u8,
    /// The client needed more late redeliveries than the budget allows: no claims from here.
    pub excused: bool,
    /// Which claims were broken.
    pub(crate) broken: u16,
}

impl Ghost {
    pub(crate) fn breaks(&mut self, what: Broken) {
        self.broken |= 1 << what as u8;
    }

    pub(crate) fn has_broken(&self, what: Broken) -> bool {
        self.broken & 1 << what as u8 != 0
    }
}

impl World {
    /// The client needs this generation late: it has the predecessor, and the window is over.
    pub(crate) fn note_need(&self, state: &mut State, row: &Row, who: Who, token: u8) {
        let ghost = &mut state.ghost;
        let is_late = self.bounds.is_honest()
            && who == Who::Client
            && row.is_live()
            && token + 1 == row.generation
            && is_outside(ghost.age);
        if !is_late {
            return;
        }
        ghost.excused |= self.is_spent(ghost.needed, row.generation);
        ghost.needed |= 1 << row.generation;
    }

    /// Whether `generations` holds as many before `live` as the budget allows in its span.
    fn is_spent(&self, generations: u16, live: u8) -> bool {
        let (budget, span) = self.bounds.budget;
        let before = generations & ((1 << live) - 1);
        let counted = u32::from(before) >> (u32::from(live) + 1).saturating_sub(span);
        counted.count_ones() >= budget
    }

    pub(crate) fn crossing(&self, state: &State, row: &Row, who: Who, token: u8) -> Crossing {
        let ghost = &state.ghost;
        let may_cross = self.bounds.thief && row.is_live() && who != Who::Forger;
        let has_expired = state.exp[usize::from(token)] == 0;
        if !may_cross || has_expired || token >= row.generation {
            return Crossing::No;
        }
        let moved_past_by_thief = ghost.made_by_thief >> (token + 1) & 1 == 1;
        let is_old = token + 1 < row.generation;
        if moved_past_by_thief == (who == Who::Thief) || !(is_old || is_outside(ghost.age)) {
            Crossing::No
        } else if is_old
            || ghost.confirmed.is_some_and(is_outside)
            || self.is_spent(ghost.crossed, row.generation)
        {
            Crossing::MustBeSeen
        } else {
            Crossing::Unnoticed
        }
    }

    pub(crate) fn judge_decision(
        &self,
        state: &mut State,
        row: &Row,
        loaded: &Loaded,
        writes: bool,
    ) {
        let (case, next, token) = (loaded.case, &loaded.next, loaded.token);
        let exp = state.exp[usize::from(token)];
        let ghost = &mut state.ghost;
        if loaded.who == Who::Forger && (writes || case.is_accepted()) {
            ghost.breaks(Broken::ForgedActs);
        }
        let is_ahead = token > row.generation;
        let has_expired = row.ends == 0 || (if is_ahead { exp } else { row.expires }) == 0;
        let is_predecessor = token + 1 == row.generation;
        let is_unconfirmed = row.confirmed.is_none_or(|age| !is_outside(age));
        let is_owed = is_predecessor && (is_unconfirmed || !is_outside(ghost.age));
        let own_has_expired = exp == 0 && token < row.generation && !is_owed;
        if (has_expired || own_has_expired) && (case.is_accepted() || case.is_reuse()) {
            ghost.breaks(Broken::ExpiredActs);
        }
        if next.generation == row.generation && next.rotated != row.rotated {
            ghost.breaks(Broken::Fork);
        }
        let grows = (next.generation == row.generation && next.expires > row.expires)
            || (is_ahead && next.expires > exp)
            || next.expires > next.ends
            || next.ends > row.ends;
        if grows {
            ghost.breaks(Broken::LifetimeGrew);
        }
        let refused = !case.is_accepted() && !writes;
        if refused && loaded.crossing == Crossing::MustBeSeen {
            ghost.breaks(Broken::TheftUnseen);
        }
        let claims = self.bounds.is_honest() && !ghost.excused && loaded.who == Who::Client;
        if refused && claims && row.is_live() {
            ghost.breaks(Broken::HonestRefusal);
        }
        if case == TableRow::Neighbour && writes {
            ghost.breaks(Broken::Cost);
        }
    }

    /// A write by swap, over what was there before.
    pub(crate) fn note_swap(&self, state: &mut State, before: Option<Row>, loaded: &Loaded) {
        let ghost = &mut state.ghost;
        if ghost.ended {
            ghost.breaks(Broken::Revived);
        }
        let rotates = loaded.next.generation > loaded.from && loaded.case != TableRow::Restore;
        let was_live =
            loaded.token == loaded.from && before.is_some_and(|row| row.generation == loaded.from);
        if rotates && !was_live {
            ghost.breaks(Broken::Fork);
        }
        if loaded.case.is_reuse() && self.bounds.is_honest() && !ghost.excused {
            ghost.breaks(Broken::FalseLogout);
        }
        self.note_write(state, loaded);
    }

    /// A client is told that its token is bad because somebody else has written.
    pub(crate) fn note_lost(&self, state: &mut State) {
        if state.row.is_some_and(|row| row.is_live()) && self.bounds.is_honest() {
            state.ghost.breaks(Broken::HonestRefusal);
        }
    }

    pub(crate) fn note_answer(&self, state: &mut State, loaded: &Loaded) {
        let generation = loaded.next.generation;
        let ghost = &mut state.ghost;
        if ghost.ended {
            ghost.breaks(Broken::Revived);
        }
        if state.row.is_none_or(|row| row.generation != generation) {
            ghost.breaks(Broken::Fork);
        }
        match loaded.crossing {
            Crossing::No => {}
            Crossing::Unnoticed => ghost.crossed |= 1 << loaded.from,
            Crossing::MustBeSeen => ghost.breaks(Broken::TheftUnseen),
        }
        if loaded.token == generation && generation > 0 {
            ghost.confirmed.get_or_insert(loaded.since);
        }
    }

    /// The store has learnt that the live generation is held. It may have been told wrongly.
    pub(crate) fn note_confirmation(&self, state: &mut State) {
        let live = state.row.map_or(0, |row| row.generation);
        let is_thiefs = state.thief.is_some_and(|(_, newest)| newest == live);
        if state.used == live || is_thiefs {
            state.ghost.confirmed.get_or_insert(0);
        }
        self.note_extra_write(state);
    }

    fn note_write(&self, state: &mut State, loaded: &Loaded) {
        let ghost = &mut state.ghost;
        let generation = loaded.next.generation;
        match loaded.case {
            case if case.is_reuse() => ghost.ended = true,
            TableRow::Late => ghost.age = loaded.since,
            TableRow::Restore => {
                ghost.age = loaded.since;
                ghost.confirmed = Some(loaded.since);
                ghost.writes = 0;
            }
            _ if generation > loaded.from => {
                ghost.age = loaded.since;
                ghost.confirmed = None;
                ghost.writes = 0;
                ghost.made_by_thief &= !(1 << generation);
                ghost.made_by_thief |= u16::from(loaded.who == Who::Thief) << generation;
                ghost.crossed &= !(1 << generation);
                state.exp[usize::from(generation)] = loaded.next.expires;
            }
            _ => self.note_extra_write(state),
        }
    }

    fn note_extra_write(&self, state: &mut State) {
        state.ghost.writes = (state.ghost.writes + 1).min(2);
        if state.ghost.writes > 1 {
            state.ghost.breaks(Broken::Cost);
        }
    }

    /// A failover loses writes, and what the ghosts know of them.
    pub(crate) fn note_fail_over(&self, state: &mut State, lost: Option<Row>) {
        let Some(row) = state.row else {
            return;
        };
        let was_delivered =
            |lost: Row| lost.generation == row.generation && lost.delivered != row.delivered;
        let ghost = &mut state.ghost;
        ghost.excused |= lost.is_some_and(was_delivered)
            && self.bounds.is_honest()
            && !self.bounds.loses_deliveries;
        ghost.ended = row.revoked.is_some();
        ghost.confirmed = row.confirmed;
        ghost.age = row.delivered.unwrap_or(OLDEST);
        ghost.crossed = 0;
        ghost.writes = row.confirmed.is_some().into();
    }

    /// Whether the client could go on at this moment, if its request came through.
    pub(crate) fn goes_on(&self, state: &State) -> bool {
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

/// Outside the window, by the store's clock.
fn is_outside(age: i8) -> bool {
    !(-WINDOW..=WINDOW).contains(&age)
}
