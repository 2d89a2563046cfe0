//! Loads sessions: a single one, or several in one query.

use std::{collections::HashMap, sync::Arc};

use uuid::Uuid;

use tower_bearer::{
    claims::SessionId,
    store::{Loaded, StoreError},
};

use crate::grouping::{Outcome, Worker};

use super::{
    connections::Connections,
    error::is_of_a_row,
    row::{self, statement},
    statements::Statements,
};

/// Loads sessions over the store's connections.
pub(super) struct Loader {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
}

impl Loader {
    pub(super) fn new(connections: &Arc<Connections>, statements: &Arc<Statements>) -> Self {
        Self {
            connections: Arc::clone(connections),
            statements: Arc::clone(statements),
        }
    }
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
        let load = match ids {
            [id] => statement(&self.statements.load).bind(id.as_uuid()),
            _ => {
                let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
                statement(&self.statements.load_many).bind(ids)
            }
        };
        let rows = match self.connections.read_here(load).await {
            Ok(rows) => rows,
            Err(error) if ids.len() > 1 && is_of_a_row(&error) => {
                return Ok(vec![Outcome::Not; ids.len()]);
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
        let rows = self.connections.read(load).await?;
        let record = rows.first().map(row::read).transpose()?.flatten();
        Ok(Loaded::new(record, row::now(&rows)?))
    }
}
