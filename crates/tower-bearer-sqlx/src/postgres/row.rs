//! From a session to its row and back.
//!
//! What the application gives is kept as the bytes of its UTF-8: text can hold no NUL, and goes
//! by the database's encoding and collation.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Decode, Postgres, Row, Type,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use super::error;
use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Session, StoreError},
};

use crate::columns::{self, Columns, millis, unreadable};

pub(super) type Statement = Query<'static, Postgres, PgArguments>;

pub(super) fn statement(sql: &Arc<str>) -> Statement {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

/// Binds the columns in the order of the insert.
pub(super) fn bind(insert: Statement, session: &Session) -> Statement {
    insert
        .bind(session.id.as_uuid())
        .bind(session.issuer.as_bytes())
        .bind(session.subject.as_bytes())
        .bind(session.secret.expose().as_slice())
        .bind(i64::from(session.generation))
        .bind(millis(session.rotated_at))
        .bind(millis(session.delivered_at))
        .bind(millis(session.confirmed_at))
        .bind(i64::from(session.late))
        .bind(session.expires_at.as_millis())
        .bind(session.ends_at.as_millis())
        .bind(columns::revoked_at(session.revoked))
        .bind(columns::reason(session.revoked))
        .bind(session.created_at.as_millis())
        .bind(millis(session.last_refreshed_at))
        .bind(session.auth_time.as_millis())
        .bind(session.scope.as_str())
        .bind(session.client_id.as_deref().map(str::as_bytes))
        .bind(session.claims.to_json().into_bytes())
        .bind(columns::to_json(&session.metadata).into_bytes())
}

/// Reads all columns, of a row that may stand for no session.
pub(super) fn read(row: &PgRow) -> Result<Option<Session>, StoreError> {
    let row = Fields(row);
    match row.get::<Option<Uuid>>("id")? {
        Some(_) => columns::read(&row).map(Some),
        None => Ok(None),
    }
}

/// Reads the column `id` alone.
pub(super) fn id(row: &PgRow) -> Result<SessionId, StoreError> {
    Fields(row).id("id")
}

/// Reads the column `now`.
pub(super) fn now(rows: &[PgRow]) -> Result<Timestamp, StoreError> {
    let row = rows.first().ok_or_else(|| unreadable("now"))?;
    Fields(row).number("now").map(Timestamp::from_millis)
}

struct Fields<'r>(&'r PgRow);

impl<'r> Fields<'r> {
    fn get<T: Decode<'r, Postgres> + Type<Postgres>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.0.try_get(column).map_err(error::failed)
    }
}

impl Columns for Fields<'_> {
    fn id(&self, column: &'static str) -> Result<SessionId, StoreError> {
        self.get(column).map(SessionId::from_uuid)
    }

    fn number(&self, column: &'static str) -> Result<i64, StoreError> {
        self.get(column)
    }

    fn optional_number(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    fn bytes(&self, column: &'static str) -> Result<&[u8], StoreError> {
        self.get(column)
    }

    fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.optional_text(column)?
            .ok_or_else(|| unreadable(column))
    }

    // Of a column of text or of bytes: they come in the same form.
    fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        let bytes: Option<Vec<u8>> = self.0.try_get_unchecked(column).map_err(error::failed)?;
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(|_| unreadable(column))
    }
}
