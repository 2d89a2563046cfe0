//! Writes a session to a row and reads it back.
//!
//! All texts are kept as the bytes of their UTF-8: as text, the default collations of the servers would take
//! `Alice`, `alice ` and `alíce` for one subject.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Decode, MySql, Row as _, Type,
    mysql::{MySqlArguments, MySqlRow},
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

/// A statement and its values. It can be sent more than once.
pub(super) struct Statement {
    text: Arc<str>,
    values: Vec<Value>,
}

enum Value {
    Number(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

impl Statement {
    pub(super) fn new(text: &Arc<str>) -> Self {
        Self {
            text: Arc::clone(text),
            values: Vec::new(),
        }
    }

    pub(super) fn number(mut self, number: impl Into<Option<i64>>) -> Self {
        self.values.push(Value::Number(number.into()));
        self
    }

    /// A number of rows.
    pub(super) fn limit(self, rows: usize) -> Self {
        self.number(i64::try_from(rows).unwrap_or(i64::MAX))
    }

    pub(super) fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.values.push(Value::Bytes(Some(bytes.into())));
        self
    }

    pub(super) fn id(self, id: SessionId) -> Self {
        self.bytes(*id.as_uuid().as_bytes())
    }

    pub(super) fn query(&self) -> Query<'_, MySql, MySqlArguments> {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&self.text)));
        self.values.iter().fold(query, |query, value| match value {
            Value::Number(number) => query.bind(*number),
            Value::Bytes(bytes) => query.bind(bytes.as_deref()),
        })
    }
}

impl Values for Statement {
    fn id(self, id: SessionId) -> Self {
        Statement::id(self, id)
    }

    fn number(self, number: i64) -> Self {
        Statement::number(self, number)
    }

    fn optional_number(self, number: Option<i64>) -> Self {
        Statement::number(self, number)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        Statement::bytes(self, bytes)
    }

    fn optional_bytes(mut self, bytes: Option<&[u8]>) -> Self {
        self.values.push(Value::Bytes(bytes.map(Into::into)));
        self
    }

    fn text(self, text: &str) -> Self {
        Statement::bytes(self, text)
    }

    fn optional_text(self, text: Option<&str>) -> Self {
        Values::optional_bytes(self, text.map(str::as_bytes))
    }

    fn ascii(self, text: &str) -> Self {
        Statement::bytes(self, text)
    }

    fn optional_ascii(self, text: Option<&str>) -> Self {
        Values::optional_text(self, text)
    }
}

/// Where the time is in an answer.
const NOW: usize = 0;
/// Where an answer tells whether the server accepts writes.
const WRITABLE: usize = 1;
/// Where the columns of a session begin in an answer.
const FIRST: usize = 2;

/// Whether the server accepted writes when it answered.
pub(super) fn is_writable(rows: &[MySqlRow]) -> bool {
    let writable = |row: &MySqlRow| row.try_get::<i64, _>(WRITABLE).unwrap_or(0) == 1;
    rows.first().is_some_and(writable)
}

pub(super) fn now(rows: &[MySqlRow]) -> Result<Timestamp, StoreError> {
    let row = rows.first().ok_or(StoreErrorKind::Corrupt)?;
    row.try_get(NOW)
        .map(Timestamp::from_millis)
        .map_err(error::failed)
}

pub(super) fn has_sessions(rows: &[MySqlRow]) -> Result<bool, StoreError> {
    let row = rows.first().ok_or(StoreErrorKind::Corrupt)?;
    let has_sessions: i64 = row.try_get("has_sessions").map_err(error::failed)?;
    Ok(has_sessions != 0)
}

/// Reads the session of a row, which has none if its `id` is null.
pub(super) fn read(row: &MySqlRow) -> Result<Option<Record>, StoreError> {
    let row = Fields(row);
    match row.optional_bytes(Column::Id)? {
        Some(_) => columns::read(&row).map(Some),
        None => Ok(None),
    }
}

/// Reads the columns `id` and `ended_at`, which are null if there is no session.
pub(super) fn ended(row: &MySqlRow) -> Result<Option<(SessionId, Timestamp)>, StoreError> {
    let id: Option<&[u8]> = row.try_get(FIRST).map_err(error::failed)?;
    let at: Option<i64> = row.try_get(FIRST + 1).map_err(error::failed)?;
    match (id, at) {
        (None, None) => Ok(None),
        (Some(id), Some(at)) => Ok(Some((parse_id(id)?, Timestamp::from_millis(at)))),
        _ => Err(unreadable(Column::EndedAt)),
    }
}

/// Reads the column `id`, which is null if there is no session.
pub(super) fn id(row: &MySqlRow) -> sqlx::Result<Option<SessionId>> {
    let bytes: Option<&[u8]> = row.try_get("id")?;
    let id = bytes.map(Uuid::from_slice).transpose();
    let id = id.map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(id.map(SessionId::from_uuid))
}

fn parse_id(bytes: &[u8]) -> Result<SessionId, StoreError> {
    let id = Uuid::from_slice(bytes).map_err(|_| unreadable(Column::Id))?;
    Ok(SessionId::from_uuid(id))
}

struct Fields<'r>(&'r MySqlRow);

impl<'r> Fields<'r> {
    fn get<T: Decode<'r, MySql> + Type<MySql>>(&self, column: Column) -> Result<T, StoreError> {
        self.0
            .try_get(FIRST + column as usize)
            .map_err(error::failed)
    }
}

impl Columns for Fields<'_> {
    fn id(&self, column: Column) -> Result<SessionId, StoreError> {
        parse_id(self.bytes(column)?)
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

    fn optional_text(&self, column: Column) -> Result<Option<&str>, StoreError> {
        let text = self.optional_bytes(column)?.map(str::from_utf8).transpose();
        text.map_err(|_| unreadable(column))
    }
}
