//! A server, as the crate's own: load and decide, swap, answer; a swap that lost loads again.

use tower_bearer::session::PresentedToken;

use crate::{
    row::{NOW, Row, TableRow, ahead},
    rules::Effect,
    state::{Call, Loaded, State, Who},
    world::World,
};

impl World {
    fn presented(state: &State, who: Who, token: u8) -> PresentedToken {
        let exp = ahead(state.exp[usize::from(token)]);
        PresentedToken::new(u32::from(token), exp, who != Who::Forger)
    }

    /// What the rules make of a token now, and what they would write.
    pub(crate) fn ask(
        &self,
        state: &State,
        row: Row,
        who: Who,
        token: u8,
    ) -> (TableRow, Option<Row>) {
        let record = row.to_record(&self.template);
        let presented = Self::presented(state, who, token);
        let verdict = (self.rules.decide)(&record, presented, NOW, &self.policy);
        let case = TableRow::of(verdict);
        let next = (self.rules.apply)(verdict, &record, presented, NOW, &self.policy);
        let span = self.bounds.budget.1;
        (case, next.map(|next| row.with(&next, span)))
    }

    /// Loads and decides in one moment, as a server does; what is to be written waits.
    pub(crate) fn load(&self, state: &mut State, who: Who, token: u8, age: u8) {
        let Some(row) = state.row else {
            self.saw(TableRow::Unknown);
            return;
        };
        self.note_need(state, &row, who, token);
        let crossing = self.crossing(state, &row, who, token);
        let (case, next) = self.ask(state, row, who, token);
        self.saw(case);
        let loaded = Loaded {
            who,
            token,
            age,
            since: 0,
            case,
            from: row.generation,
            next: next.unwrap_or(row),
            version: Some(0),
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

    /// Swaps, and answers if that went well.
    pub(crate) fn swap(&self, state: &mut State, loaded: Loaded) {
        let (effect, before) = (self.rules.effect, state.row);
        if !state.swap(&loaded, effect) {
            self.lose(state, loaded);
            return;
        }
        self.note_swap(state, before, &loaded);
        if loaded.case.is_accepted() && effect != Effect::AnswerBeforeSwap {
            self.answer(state, &loaded);
        }
    }

    /// Swaps that can only lose: they do so at once, which leaves fewer states.
    pub(crate) fn lose_stale(&self, state: &mut State) {
        use Effect::{SwapIgnoresRevoked, SwapIgnoresVersion};
        if matches!(self.rules.effect, SwapIgnoresVersion | SwapIgnoresRevoked) {
            return;
        }
        let is_stale = |call: &mut Call| call.loaded().is_some_and(|it| it.version.is_none());
        for mut call in state.calls.extract_if(.., is_stale).collect::<Vec<_>>() {
            if let Some(loaded) = call.loaded() {
                self.lose(state, *loaded);
            }
        }
    }

    /// What the client sent is loaded and decided again. Others present theirs again anyway.
    fn lose(&self, state: &mut State, loaded: Loaded) {
        if loaded.who != Who::Client {
            return;
        }
        if self.rules.effect == Effect::LostSwapRefuses {
            self.note_lost(state);
            return;
        }
        state.calls.push(Call::Sent {
            token: loaded.token,
            age: loaded.age,
        });
    }

    fn answer(&self, state: &mut State, loaded: &Loaded) {
        self.note_answer(state, loaded);
        let token = loaded.next.generation;
        match (loaded.who, &mut state.thief) {
            (Who::Client, _) => state.calls.push(Call::Answered {
                token,
                cookie: loaded.case != TableRow::Current
                    || self.rules.effect == Effect::CookieOnCurrent,
                age: 0,
            }),
            (Who::Thief, Some((_, newest))) => *newest = token.max(*newest),
            (Who::Thief | Who::Forger, _) => {}
        }
    }
}
