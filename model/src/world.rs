//! What stays the same in all states: the bounds and the rules, and how these answer a token.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use crate::{
    bounds::Bounds,
    row::Row,
    rules::Rules,
    state::{State, Who},
    table_row::TableRow,
    translator::{Token, Translator},
};

/// The model: what is explored and what is checked.
#[derive(Clone, Debug)]
pub struct World {
    /// What is explored.
    pub bounds: Bounds,
    /// What is checked.
    pub rules: Rules,
    translator: Translator,
    seen: Arc<AtomicU32>,
}

impl World {
    /// A world with these rules.
    pub fn new(bounds: Bounds, rules: Rules) -> Self {
        Self {
            translator: Translator::new(&bounds),
            bounds,
            rules,
            seen: Arc::default(),
        }
    }

    /// The rows of the table that were decided so far.
    pub fn seen(&self) -> Vec<TableRow> {
        let seen = self.seen.load(Ordering::Relaxed);
        let is_seen = |verdict: &TableRow| seen & 1 << *verdict as u32 != 0;
        TableRow::ALL.into_iter().filter(is_seen).collect()
    }

    pub(crate) fn saw(&self, verdict: TableRow) {
        let bit = 1 << verdict as u32;
        if self.seen.load(Ordering::Relaxed) & bit == 0 {
            self.seen.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// What the rules make of a token now, and what they would write.
    pub(crate) fn ask(
        &self,
        state: &State,
        row: Row,
        who: Who,
        generation: u8,
    ) -> (TableRow, Option<Row>) {
        let token = Token {
            generation,
            expires: state.token_expires[usize::from(generation)],
            is_genuine: who != Who::Forger,
        };
        let question = self.translator.question(row, token);
        let verdict = (self.rules.decide)(&question);
        let next = (self.rules.apply)(&question, verdict);
        let next = next.map(|next| self.translator.row(row.ends, &next));
        (TableRow::of(verdict), next)
    }
}
