//! Who sends a request when.

use std::mem;

use crate::world::{Millis, SECOND};

/// What happens within one of these happens at the same time.
pub(crate) const TICK: Millis = SECOND / 10;

/// The requests of each tick up to the end.
pub(crate) struct Calendar(Vec<Vec<usize>>);

impl Calendar {
    pub(crate) fn new(end: Millis) -> Self {
        let ticks = usize::try_from(end / TICK).unwrap_or_default();
        Self(vec![Vec::new(); ticks])
    }

    /// What is after the end is forgotten.
    pub(crate) fn add(&mut self, at: Millis, client: usize) {
        if let Some(tick) = self.0.get_mut(index(at)) {
            tick.push(client);
        }
    }

    pub(crate) fn take(&mut self, at: Millis) -> Vec<usize> {
        self.0.get_mut(index(at)).map(mem::take).unwrap_or_default()
    }
}

fn index(at: Millis) -> usize {
    usize::try_from(at / TICK).unwrap_or_default()
}
