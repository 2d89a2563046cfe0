//! Loads any number of sessions in one query.

use std::{collections::HashMap, slice, sync::Arc};

use sqlx::SqlitePool;

use tower_bearer::{
    claims::SessionId,
    clock::Clock,
    store::{Loaded, StoreError, StoreErrorKind},
};

use crate::{
    columns,
    grouping::{Outcome, Worker},
};

use super::{error::failed, row};

/// The identifiers are one JSON text, so that one prepared statement serves any number of them.
pub(super) const LOAD: &str = concat!(
    "SELECT ",
    columns::names!(),
    " FROM (SELECT unhex(value) AS wanted_id FROM json_each(?) AS wanted)
    JOIN tower_bearer_sessions ON id = wanted_id"
);

/// Loads sessions over the connections that read.
pub(super) struct Loader {
    pub(super) readers: SqlitePool,
    pub(super) clock: Arc<dyn Clock>,
}

impl Worker for Loader {
    type Call = SessionId;
    type Answer = Loaded;

    fn session(id: &SessionId) -> SessionId {
        *id
    }

    fn shares_sessions() -> bool {
        true
    }

    async fn together(&self, ids: &[SessionId]) -> Result<Vec<Outcome<Loaded>>, StoreError> {
        match self.load(ids).await {
            Ok(loaded) => Ok(loaded.into_iter().map(Outcome::Done).collect()),
            // A damaged page may have only one of them.
            Err(error) if ids.len() > 1 && error.kind() == StoreErrorKind::Corrupt => {
                Ok(vec![Outcome::Not; ids.len()])
            }
            Err(error) => Err(error),
        }
    }

    async fn alone(&self, id: &SessionId) -> Result<Loaded, StoreError> {
        let loaded = self.load(slice::from_ref(id)).await?;
        let loaded = loaded.into_iter().next();
        loaded.unwrap_or_else(|| Err(StoreErrorKind::Corrupt.into()))
    }
}

impl Loader {
    /// Loads the sessions, with an error for each that cannot be read.
    async fn load(&self, ids: &[SessionId]) -> Result<Vec<Result<Loaded, StoreError>>, StoreError> {
        let load = sqlx::query(LOAD).bind(ids_json(ids));
        let rows = load.fetch_all(&self.readers).await.map_err(failed)?;
        let now = self.clock.now();
        let found = rows.iter().map(|row| Ok((row::id(row)?, row)));
        let found: HashMap<_, _> = found.collect::<Result<_, StoreError>>()?;
        let loaded = |id| {
            let record = found.get(id).copied().map(row::read).transpose()?;
            Ok(Loaded::new(record, now))
        };
        Ok(ids.iter().map(loaded).collect())
    }
}

/// `["<32 hex digits>",…]`
fn ids_json(ids: &[SessionId]) -> String {
    let id = |id: &SessionId| format!("\"{}\"", id.as_uuid().simple());
    format!("[{}]", ids.iter().map(id).collect::<Vec<_>>().join(","))
}
