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
    store::{Record, StoreError, StoreErrorKind},
};

use crate::{
    columns::{self, Column, Columns, unreadable},
    values::Values,
};

use super::error;

pub(super) type Statement = Query<'static, Postgres, PgArguments>;

pub(super) fn statement(sql: &Arc<str>) -> Statement {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

impl Values for Statement {
    fn id(self, id: SessionId) -> Self {
        self.bind(id.as_uuid())
    }

    fn number(self, number: i64) -> Self {
        self.bind(number)
    }

    fn optional_number(self, number: Option<i64>) -> Self {
        self.bind(number)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.bind(bytes)
    }

    fn optional_bytes(self, bytes: Option<&[u8]>) -> Self {
        self.bind(bytes)
    }

    fn text(self, text: &str) -> Self {
        self.bind(text.as_bytes())
    }

    fn optional_text(self, text: Option<&str>) -> Self {
        self.bind(text.map(str::as_bytes))
    }

    fn ascii(self, text: &str) -> Self {
        self.bind(text)
    }

    fn optional_ascii(self, text: Option<&str>) -> Self {
        self.bind(text)
    }
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

pub(super) fn has_sessions(rows: &[PgRow]) -> Result<bool, StoreError> {
    let row = rows.first().ok_or(StoreErrorKind::Corrupt)?;
    row.try_get("has_sessions").map_err(error::failed)
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
