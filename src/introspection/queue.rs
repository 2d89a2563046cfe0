//! Whose question goes to the server next. Tokens that were good until lately go before strangers, and a
//! flood of strangers cannot take all room from them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// What is known of a token that the server is to be asked about.
#[derive(Clone, Copy)]
pub(super) enum Standing {
    /// It was good the last time, and that is not long ago.
    Regular,
    Stranger,
}

pub(super) struct Queue {
    /// One for each question that is on its way to the server.
    under_way: Semaphore,
    /// Strangers need one of these first. Those who wait here are behind all regulars, and there are fewer
    /// of these than of the others.
    strangers: Semaphore,
    /// One for each stranger's question that is on its way or waits.
    places: Arc<Semaphore>,
    /// The same for regulars.
    kept_places: Arc<Semaphore>,
}

/// Room for a question, until it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    standing: Standing,
}

/// A question may go to the server, until this is dropped.
pub(super) struct Turn<'a> {
    // Dropped first, so that a regular who waits gets it, and not the next stranger.
    _under_way: Option<SemaphorePermit<'a>>,
    _stranger: Option<SemaphorePermit<'a>>,
}

impl Queue {
    pub(super) fn new(concurrent: usize, waiting: usize) -> Self {
        let places = || Arc::new(Semaphore::new(concurrent + waiting));
        Self {
            under_way: Semaphore::new(concurrent),
            strangers: Semaphore::new(concurrent - concurrent / 4),
            places: places(),
            kept_places: places(),
        }
    }

    /// `None` if too many wait already.
    pub(super) fn place(&self, standing: Standing) -> Option<Place> {
        let places = match standing {
            Standing::Regular => &self.kept_places,
            Standing::Stranger => &self.places,
        };
        let permit = Arc::clone(places).try_acquire_owned().ok()?;
        Some(Place {
            _permit: permit,
            standing,
        })
    }

    /// Waits for the turn. Nobody closes the semaphores.
    pub(super) async fn turn(&self, place: &Place) -> Turn<'_> {
        let stranger = match place.standing {
            Standing::Regular => None,
            Standing::Stranger => self.strangers.acquire().await.ok(),
        };
        Turn {
            _under_way: self.under_way.acquire().await.ok(),
            _stranger: stranger,
        }
    }
}
