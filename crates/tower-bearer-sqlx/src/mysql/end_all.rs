//! Ends several sessions in one transaction, and tells which: the servers have no `UPDATE … RETURNING`.

use std::sync::Arc;

use sqlx::{MySqlConnection, mysql::MySqlRow};

use tower_bearer::{claims::SessionId, store::EndReason};

use super::{
    connections::{Work, send},
    error::Failure,
    lists::filled,
    row::{self, Statement},
    statements::{MOST, Statements},
};

pub(super) struct EndAll {
    pub(super) statements: Arc<Statements>,
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) keep: Option<SessionId>,
    pub(super) reason: EndReason,
}

impl Work for EndAll {
    type Answer = Vec<SessionId>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Vec<SessionId>, Failure> {
        let mut ids = self.live(connection).await?;
        ids.retain(|id| Some(*id) != self.keep);
        if ids.is_empty() {
            return Ok(ids);
        }
        send(connection, "START TRANSACTION").await?;
        let outcome = self.end(connection, &ids).await;
        if outcome.is_err() {
            send(connection, "ROLLBACK").await?;
        }
        outcome
    }
}

impl EndAll {
    /// Reads without a lock: a write that ends a session locks its row before its entries in indexes, so
    /// this must not lock the entries first.
    async fn live(&self, connection: &mut MySqlConnection) -> Result<Vec<SessionId>, Failure> {
        let live = Statement::new(&self.statements.live)
            .bytes(self.issuer.as_str())
            .bytes(self.subject.as_str());
        let rows = live.query().fetch_all(connection).await?;
        match row::is_writable(&rows) {
            true => ids(&rows),
            false => Err(Failure::ReadOnly),
        }
    }

    /// Ends those of the sessions that nobody else has ended meanwhile.
    async fn end(
        &self,
        connection: &mut MySqlConnection,
        live: &[SessionId],
    ) -> Result<Vec<SessionId>, Failure> {
        let mut ended = Vec::with_capacity(live.len());
        for chunk in live.chunks(MOST) {
            let Some((hold, chunk)) = filled(&self.statements.hold, chunk) else {
                continue;
            };
            let hold = chunk
                .iter()
                .fold(Statement::new(hold), |hold, id| hold.id(*id));
            let held = hold.query().fetch_all(&mut *connection).await?;
            let held = ids(&held)?;
            let Some((end, chunk)) = filled(&self.statements.end_held, &held) else {
                continue;
            };
            let end = Statement::new(end).bytes(self.reason.as_str());
            let end = chunk.iter().fold(end, |end, id| end.id(*id));
            end.query().execute(&mut *connection).await?;
            ended.extend(held);
        }
        send(connection, "COMMIT").await?;
        Ok(ended)
    }
}

fn ids(rows: &[MySqlRow]) -> Result<Vec<SessionId>, Failure> {
    let ids = rows.iter().map(row::id).filter_map(Result::transpose);
    Ok(ids.collect::<Result<_, _>>()?)
}
