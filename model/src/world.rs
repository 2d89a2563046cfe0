//! What stays the same in all states: the bounds and the rules, and how these answer a token.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tower_bearer::session::Possession;

use crate::{
    bounds::Bounds,
    row::{Key, Row},
    rules::{Fault, Rules},
    state::{Presented, State, Who},
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
        presented: Presented,
    ) -> (TableRow, Option<Row>) {
        let possession = presented.possession(&row);
        let token = Token {
            generation: presented.token,
            expires: state.token_expires[usize::from(presented.token)],
            is_genuine: presented.who != Who::Forger,
            possession,
        };
        let question = self.translator.question(row, token);
        let verdict = (self.rules.decide)(&question);
        let next = (self.rules.apply)(&question, verdict);
        let next = next.map(|next| self.translator.row(row.ends, &next));
        let verdict = TableRow::of(verdict, possession != Possession::Unbound);
        let next = match verdict.is_accepted() && presented.names_key {
            true => self.restore_binding(row, next),
            false => next,
        };
        (verdict, next)
    }

    /// A row that has lost its binding gets it back from the token that names it, whether or not
    /// there is something else to write.
    fn restore_binding(&self, row: Row, next: Option<Row>) -> Option<Row> {
        let waits = self.rules.fault == Fault::BindingWaitsForWrite && next.is_none();
        if row.bound.is_some() || waits || self.rules.fault == Fault::BindingStaysLost {
            return next;
        }
        let mut next = next.unwrap_or(row);
        next.bound = Some(Key::Clients);
        Some(next)
    }
}
