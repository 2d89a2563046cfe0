//! Loads sessions: a single one, or several in one query.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use uuid::Uuid;

use tower_bearer::{
    claims::SessionId,
    store::{Loaded, StoreError, StoreErrorKind},
};

use crate::grouping::{Outcome, Worker};

use super::{
    connections::Connections,
    row::{self, statement},
    statements::{SOON, Statements},
};

/// Loads sessions over the store's connections.
pub(super) struct Loader {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
    /// Limits the loads that are done alone, so that groups are not given up where the server is slow.
    alone: Arc<Semaphore>,
}

impl Loader {
    pub(super) fn new(connections: &Arc<Connections>, statements: &Arc<Statements>) -> Self {
        Self {
            connections: Arc::clone(connections),
            statements: Arc::clone(statements),
            alone: Arc::new(Semaphore::new(connections.beside_lanes())),
        }
    }
}

impl Worker for Loader {
    type Call = SessionId;
    type Answer = Loaded;

    /// A connection that has gone silent holds up no load for longer.
    const PATIENCE: Option<Duration> = Some(SOON);

    async fn together(&self, ids: &[SessionId]) -> Result<Vec<Outcome<Loaded>>, StoreError> {
        let load = match ids {
            [id] => statement(&self.statements.load).bind(id.as_uuid()),
            _ => {
                let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
                statement(&self.statements.load_many).bind(ids)
            }
        };
        let rows = match self.connections.read_here(load).await {
            Ok(rows) => rows,
            // One row may be the reason, or the connection: a load may be repeated, unless there was no
            // time for it.
            Err(error) if ids.len() > 1 && error.kind() != StoreErrorKind::Timeout => {
                return Ok(ids.iter().map(|_| Outcome::Alone).collect());
            }
            Err(error) => return Err(error),
        };
        let now = row::now(&rows)?;
        let found = rows.iter().map(|row| Ok((row::optional_id(row)?, row)));
        let found: HashMap<_, _> = found.collect::<Result<_, StoreError>>()?;
        let loaded = |id: &SessionId| {
            let record = found.get(&Some(*id)).copied().map(row::read).transpose()?;
            Ok(Loaded::new(record.flatten(), now))
        };
        Ok(ids.iter().map(loaded).map(Outcome::Done).collect())
    }

    async fn alone(&self, id: &SessionId) -> Result<Loaded, StoreError> {
        let load = statement(&self.statements.load).bind(id.as_uuid());
        let turn = Arc::clone(&self.alone).acquire_owned().await.ok();
        let rows = self.connections.read_holding(load, turn).await?;
        let record = rows.first().map(row::read).transpose()?.flatten();
        Ok(Loaded::new(record, row::now(&rows)?))
    }
}
