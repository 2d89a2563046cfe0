//! Loads sessions: a single one, or several in one query.

use std::{collections::HashMap, sync::Arc, time::Duration};

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

pub(super) const LOAD: &str = concat!(
    "SELECT ",
    columns::names!(),
    " FROM tower_bearer_sessions WHERE id = ?"
);
/// The identifiers are one JSON text, so that one prepared statement serves any number of them. The
/// index is named because the planner may otherwise walk the table, where the application had it
/// analysed while there were few sessions.
pub(super) const LOAD_MANY: &str = concat!(
    "SELECT ",
    columns::names!(),
    " FROM (SELECT unhex(value) AS wanted_id FROM json_each(?) AS wanted)
    CROSS JOIN tower_bearer_sessions INDEXED BY sqlite_autoindex_tower_bearer_sessions_1
        ON id = wanted_id"
);
/// How long a load waits for those that it goes together with.
const PATIENCE: Duration = Duration::from_millis(50);

/// Loads sessions over the connections that read.
pub(super) struct Loader {
    pub(super) readers: SqlitePool,
    pub(super) clock: Arc<dyn Clock>,
}

impl Worker for Loader {
    type Call = SessionId;
    type Answer = Loaded;

    /// What holds up one query holds up no load for longer.
    const PATIENCE: Option<Duration> = Some(PATIENCE);

    async fn together(&self, ids: &[SessionId]) -> Result<Vec<Outcome<Loaded>>, StoreError> {
        if let [id] = ids {
            return Ok(vec![Outcome::Done(self.alone(id).await)]);
        }
        let load = sqlx::query(LOAD_MANY).bind(ids_json(ids));
        let rows = match load.fetch_all(&self.readers).await.map_err(failed) {
            Ok(rows) => rows,
            // One row may be the reason: a page may be damaged.
            Err(error) if error.kind() != StoreErrorKind::Timeout => {
                return Ok(ids.iter().map(|_| Outcome::Alone).collect());
            }
            Err(error) => return Err(error),
        };
        let now = self.clock.now();
        let found = rows.iter().map(|row| Ok((row::id(row)?, row)));
        let found: HashMap<_, _> = found.collect::<Result<_, StoreError>>()?;
        let loaded = |id| {
            let record = found.get(id).copied().map(row::read).transpose()?;
            Ok(Loaded::new(record, now))
        };
        Ok(ids.iter().map(loaded).map(Outcome::Done).collect())
    }

    async fn alone(&self, id: &SessionId) -> Result<Loaded, StoreError> {
        let load = sqlx::query(LOAD).bind(row::id_bytes(*id));
        let found = load.fetch_optional(&self.readers).await.map_err(failed)?;
        let now = self.clock.now();
        let record = found.as_ref().map(row::read).transpose()?;
        Ok(Loaded::new(record, now))
    }
}

/// `["<32 hex digits>",…]`
fn ids_json(ids: &[SessionId]) -> String {
    let id = |id: &SessionId| format!("\"{}\"", id.as_uuid().simple());
    format!("[{}]", ids.iter().map(id).collect::<Vec<_>>().join(","))
}
