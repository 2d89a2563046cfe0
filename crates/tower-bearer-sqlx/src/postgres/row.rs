//! Writes a session to a row and reads it back.
//!
//! The application's texts are kept as the bytes of their UTF-8: a column of text can hold no NUL,
//! and depends on the encoding and collation of the database.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Decode, Postgres, Row, Type,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Record, Session, SessionState, StoreError, StoreErrorKind},
};

use crate::columns::{self, Column, Columns, lifetime_millis, millis, unreadable};

use super::error;

pub(super) type Statement = Query<'static, Postgres, PgArguments>;

pub(super) fn statement(sql: &Arc<str>) -> Statement {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

/// Binds the columns in the order of the insert.
pub(super) fn bind(insert: Statement, record: &Record) -> Result<Statement, StoreError> {
    let Record { session, state } = record;
    bind_state(bind_session(insert, session), state)
}

fn bind_session(insert: Statement, session: &Session) -> Statement {
    let Session {
        id,
        issuer,
        subject,
        secret,
        created_at,
        auth_time,
        ends_at,
        scope,
        client_id,
        claims,
        metadata,
        idle_lifetime,
        extra,
    } = session;
    insert
        .bind(id.as_uuid())
        .bind(issuer.as_bytes())
        .bind(subject.as_bytes())
        .bind(secret.expose().as_slice())
        .bind(created_at.as_millis())
        .bind(auth_time.as_millis())
        .bind(ends_at.as_millis())
        .bind(scope.as_str())
        .bind(client_id.as_deref().map(str::as_bytes))
        .bind(claims.to_json().into_bytes())
        .bind(columns::to_json(metadata).into_bytes())
        .bind(lifetime_millis(*idle_lifetime))
        .bind(extra.to_json().into_bytes())
}

/// Binds the columns that a swap writes, which come last in an insert.
pub(super) fn bind_state(
    statement: Statement,
    state: &SessionState,
) -> Result<Statement, StoreError> {
    let SessionState {
        version,
        generation,
        rotated_at,
        delivered_at,
        confirmed_at,
        late,
        expires_at,
        last_refreshed_at,
        ended,
        bound_to,
    } = state;
    Ok(statement
        .bind(columns::version(*version)?)
        .bind(i64::from(*generation))
        .bind(millis(*rotated_at))
        .bind(millis(*delivered_at))
        .bind(millis(*confirmed_at))
        .bind(i64::from(*late))
        .bind(expires_at.as_millis())
        .bind(millis(*last_refreshed_at))
        .bind(columns::thumbprint(bound_to.as_ref()))
        .bind(columns::ended_at(*ended))
        .bind(columns::reason(*ended)))
}

/// Where the columns of a session begin in the answer to a load or a list: behind `now` and
/// `writable`.
const FIRST: usize = 2;

/// Reads the session of a row, which has none if its `id` is null.
pub(super) fn read(row: &PgRow) -> Result<Option<Record>, StoreError> {
    let row = Fields(row);
    match row.get::<Option<Uuid>>(Column::Id)? {
        Some(_) => columns::read(&row).map(Some),
        None => Ok(None),
    }
}

/// Reads the column `id` alone.
pub(super) fn id(row: &PgRow) -> Result<SessionId, StoreError> {
    row.try_get("id")
        .map(SessionId::from_uuid)
        .map_err(error::failed)
}

/// Reads the column `id` alone, which is null if there is no session.
pub(super) fn optional_id(row: &PgRow) -> Result<Option<SessionId>, StoreError> {
    let id: Option<Uuid> = row.try_get("id").map_err(error::failed)?;
    Ok(id.map(SessionId::from_uuid))
}

/// Reads the columns `id` and `ended_at`, which are null if there is no session.
pub(super) fn ended(row: &PgRow) -> Result<Option<(SessionId, Timestamp)>, StoreError> {
    let Some(id) = optional_id(row)? else {
        return Ok(None);
    };
    let at = row.try_get("ended_at").map_err(error::failed)?;
    Ok(Some((id, Timestamp::from_millis(at))))
}

/// Reads the column `now`.
pub(super) fn now(rows: &[PgRow]) -> Result<Timestamp, StoreError> {
    let row = rows.first().ok_or(StoreErrorKind::Corrupt)?;
    row.try_get("now")
        .map(Timestamp::from_millis)
        .map_err(error::failed)
}

struct Fields<'r>(&'r PgRow);

impl<'r> Fields<'r> {
    fn get<T: Decode<'r, Postgres> + Type<Postgres>>(
        &self,
        column: Column,
    ) -> Result<T, StoreError> {
        self.0
            .try_get(FIRST + column as usize)
            .map_err(error::failed)
    }
}

impl Columns for Fields<'_> {
    fn id(&self, column: Column) -> Result<SessionId, StoreError> {
        self.get(column).map(SessionId::from_uuid)
    }

    fn number(&self, column: Column) -> Result<i64, StoreError> {
        self.get(column)
    }

    fn optional_number(&self, column: Column) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    fn bytes(&self, column: Column) -> Result<&[u8], StoreError> {
        self.get(column)
    }

    fn optional_bytes(&self, column: Column) -> Result<Option<&[u8]>, StoreError> {
        self.get(column)
    }

    fn text(&self, column: Column) -> Result<&str, StoreError> {
        self.optional_text(column)?
            .ok_or_else(|| unreadable(column))
    }

    // For columns of text and of bytes, which have the same form on the wire.
    fn optional_text(&self, column: Column) -> Result<Option<&str>, StoreError> {
        let bytes: Option<&[u8]> = self
            .0
            .try_get_unchecked(FIRST + column as usize)
            .map_err(error::failed)?;
        let text = bytes.map(str::from_utf8).transpose();
        text.map_err(|_| unreadable(column))
    }
}
