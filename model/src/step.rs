//! A refresh: load and decision, swap, answer; and what the ghosts make of it.

use tower_bearer::session::Presented;
use uuid::Uuid;

use crate::{
    FAR, Gap, WINDOW,
    row::{NOW, Row, TableRow, ahead},
    rules::Effect,
    state::{Broken, Call, Crossing, Loaded, State, Who},
    world::World,
};

impl World {
    pub(crate) fn has(&self, gap: Gap) -> bool {
        self.bounds.gap == Some(gap)
    }

    pub(crate) fn presented(&self, state: &State, who: Who, token: u8) -> Presented {
        let jti = match who {
            Who::Forger => Uuid::nil(),
            _ => self.jtis[usize::from(token)],
        };
        let exp = ahead(state.exp[usize::from(token)]);
        Presented::new(u32::from(token), jti, exp)
    }

    /// What the rules make of a token now, and what they would write.
    pub(crate) fn ask(
        &self,
        state: &State,
        row: Row,
        who: Who,
        token: u8,
    ) -> (TableRow, Option<Row>) {
        let session = row.to_session(&self.template);
        let presented = self.presented(state, who, token);
        let verdict = (self.rules.decide)(&session, presented, NOW, &self.policy);
        let case = TableRow::of(verdict);
        if case.is_reuse() {
            let next = Row {
                revoked: Some(true),
                ..row
            };
            return (
                case,
                (self.rules.effect != Effect::ReuseOnlyRefused).then_some(next),
            );
        }
        let next = (self.rules.apply)(verdict, &session, presented, NOW, &self.policy);
        let span = self.bounds.budget.1;
        (case, next.map(|next| Row::from_session(&next, span)))
    }

    /// Loads and decides in one moment, as a server does; what is to be written waits.
    pub(crate) fn load(&self, state: &mut State, who: Who, token: u8, sent: (u8, u8)) {
        let Some(row) = state.row else {
            self.saw(TableRow::Unknown);
            return;
        };
        self.note_need(state, &row, who, token, sent);
        let crossing = self.crossing(state, &row, who, token);
        let (case, next) = self.ask(state, row, who, token);
        self.saw(case);
        let loaded = Loaded {
            who,
            token,
            sent,
            since: 0,
            case,
            from: row.generation,
            next: next.unwrap_or(row),
            version: 0,
            crossing,
        };
        self.judge_decision(state, &row, &loaded, next.is_some());
        match next {
            None if case.is_accepted() => self.answer(state, &loaded),
            None => {}
            Some(_) => {
                if self.rules.effect == Effect::AnswerBeforeSwap && case.is_accepted() {
                    self.answer(state, &loaded);
                }
                state.calls.push(Call::Loaded(loaded));
            }
        }
    }

    /// The compare-and-swap. A client's request that lost is decided again.
    pub(crate) fn swap(&self, state: &mut State, loaded: Loaded) {
        let effect = self.rules.effect;
        let swaps = match &state.row {
            None => effect == Effect::SwapCreates,
            Some(row) => {
                (loaded.version == 0 || effect == Effect::SwapIgnoresVersion)
                    && (row.revoked.is_none() || effect == Effect::SwapIgnoresRevoked)
            }
        };
        // A swap that ignores a revocation does so although the version has moved on.
        let swaps = swaps
            || (effect == Effect::SwapIgnoresRevoked
                && state.row.is_some_and(|row| row.revoked == Some(false))
                && loaded.version == -1);
        if !swaps {
            self.lose(state, loaded);
            return;
        }
        self.judge_swap(state, &loaded);
        state.row = Some(loaded.next);
        state.bump();
        self.note_write(state, &loaded);
        if loaded.case.is_accepted() && effect != Effect::AnswerBeforeSwap {
            self.answer(state, &loaded);
        }
    }

    fn lose(&self, state: &mut State, loaded: Loaded) {
        if loaded.who != Who::Client {
            return;
        }
        if self.rules.effect == Effect::LostSwapRefuses {
            let is_live = state.row.is_some_and(|row| row.is_live());
            if is_live && self.bounds.is_honest() {
                state.ghost.breaks(Broken::HonestRefusal);
            }
            return;
        }
        state.calls.push(Call::Sent {
            token: loaded.token,
            knew: loaded.sent.0,
            age: loaded.sent.1,
        });
    }

    fn answer(&self, state: &mut State, loaded: &Loaded) {
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
            ghost.confirmed = true;
        }
        match loaded.who {
            Who::Client => state.calls.push(Call::Answered {
                token: generation,
                cookie: loaded.case != TableRow::Current
                    || self.rules.effect == Effect::CookieOnCurrent,
                age: 0,
            }),
            Who::Thief => {
                if let Some((_, newest)) = &mut state.thief {
                    *newest = generation.max(*newest);
                }
            }
            Who::Forger => {}
        }
    }

    /// The client needs this generation late: it has the predecessor, and the window is over.
    fn note_need(&self, state: &mut State, row: &Row, who: Who, token: u8, sent: (u8, u8)) {
        let (knew, age) = sent;
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
        // The successor is older than an answer lives, so this tab's answer was lost.
        let is_overtaken = ghost.confirmed
            && knew < row.generation
            && state.used >= row.generation
            && ghost.age > age.saturating_add(self.bounds.life) as i8;
        ghost.excused |= is_overtaken && !self.has(Gap::OvertakenTab);
    }

    /// Whether `generations` holds as many before `live` as the budget allows in its span.
    pub(crate) fn is_spent(&self, generations: u16, live: u8) -> bool {
        let (budget, span) = self.bounds.budget;
        let before = generations & ((1 << live) - 1);
        let counted = u32::from(before) >> (u32::from(live) + 1).saturating_sub(span);
        counted.count_ones() >= budget
    }

    fn crossing(&self, state: &State, row: &Row, who: Who, token: u8) -> Crossing {
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
        } else if is_old || ghost.confirmed || self.is_spent(ghost.crossed, row.generation) {
            Crossing::MustBeSeen
        } else {
            Crossing::Unnoticed
        }
    }

    fn judge_decision(&self, state: &mut State, row: &Row, loaded: &Loaded, writes: bool) {
        let (case, next, token) = (loaded.case, &loaded.next, loaded.token);
        let exp = state.exp[usize::from(token)];
        let ghost = &mut state.ghost;
        if loaded.who == Who::Forger && (writes || case.is_accepted()) {
            ghost.breaks(Broken::ForgedActs);
        }
        let is_ahead = token > row.generation;
        let has_expired = row.ends == 0 || (if is_ahead { exp } else { row.expires }) == 0;
        let is_predecessor = token + 1 == row.generation;
        let is_owed = is_predecessor && (!row.confirmed || !is_outside(ghost.age));
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

    fn judge_swap(&self, state: &mut State, loaded: &Loaded) {
        let ghost = &mut state.ghost;
        if ghost.ended {
            ghost.breaks(Broken::Revived);
        }
        let rotates = loaded.next.generation > loaded.from && loaded.case != TableRow::Restore;
        let was_live = loaded.token == loaded.from
            && state.row.is_some_and(|row| row.generation == loaded.from);
        if rotates && !was_live {
            ghost.breaks(Broken::Fork);
        }
        if loaded.case.is_reuse() && self.bounds.is_honest() && !ghost.excused {
            ghost.breaks(Broken::FalseLogout);
        }
    }

    fn note_write(&self, state: &mut State, loaded: &Loaded) {
        let ghost = &mut state.ghost;
        let generation = loaded.next.generation;
        match loaded.case {
            case if case.is_reuse() => ghost.ended = true,
            TableRow::Late => ghost.age = loaded.since,
            TableRow::Restore => {
                ghost.age = loaded.since;
                ghost.confirmed = true;
                ghost.writes = 0;
            }
            _ if generation > loaded.from => {
                ghost.age = loaded.since;
                ghost.confirmed = false;
                ghost.writes = 0;
                ghost.made_by_thief &= !(1 << generation);
                ghost.made_by_thief |= u16::from(loaded.who == Who::Thief) << generation;
                ghost.crossed &= !(1 << generation);
                state.exp[usize::from(generation)] = loaded.next.expires;
            }
            _ => self.note_extra_write(state),
        }
    }

    pub(crate) fn note_extra_write(&self, state: &mut State) {
        state.ghost.writes = (state.ghost.writes + 1).min(2);
        if state.ghost.writes > 1 {
            state.ghost.breaks(Broken::Cost);
        }
    }

    /// Lets a tick go by for what is under way: messages die, swaps become stale.
    pub(crate) fn age_calls(&self, state: &mut State) {
        let life = self.bounds.life;
        let older = |age: u8| match life {
            FAR => Some(age),
            _ => (age < life).then_some(age + 1),
        };
        let calls = std::mem::take(&mut state.calls);
        state.calls = calls
            .into_iter()
            .filter_map(|call| match call {
                Call::Sent { token, knew, age } => {
                    older(age).map(|age| Call::Sent { token, knew, age })
                }
                Call::Answered { token, cookie, age } => {
                    older(age).map(|age| Call::Answered { token, cookie, age })
                }
                Call::Loaded(loaded) if self.bounds.slow_swap && loaded.since <= 0 => Some(call),
                Call::Loaded(loaded) if loaded.who == Who::Client => {
                    let (token, (knew, age)) = (loaded.token, loaded.sent);
                    older(age).map(|age| Call::Sent { token, knew, age })
                }
                Call::Loaded(_) => None,
            })
            .collect();
    }
}

/// Outside the window, by the store's clock.
pub(crate) fn is_outside(age: i8) -> bool {
    !(-WINDOW..=WINDOW).contains(&age)
}
