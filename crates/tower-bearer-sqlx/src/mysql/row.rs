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
    store::{Record, Session, SessionState, StoreError, StoreErrorKind},
};

use crate::columns::{self, Column, Columns, lifetime_millis, millis, unreadable};

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

    pub(super) fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.optional_bytes(Some(bytes))
    }

    pub(super) fn id(self, id: SessionId) -> Self {
        self.bytes(*id.as_uuid().as_bytes())
    }

    fn optional_bytes(mut self, bytes: Option<impl Into<Vec<u8>>>) -> Self {
        self.values.push(Value::Bytes(bytes.map(Into::into)));
        self
    }

    pub(super) fn query(&self) -> Query<'_, MySql, MySqlArguments> {
        let query = sqlx::query(AssertSqlSafe(Arc::clone(&self.text)));
        self.values.iter().fold(query, |query, value| match value {
            Value::Number(number) => query.bind(*number),
            Value::Bytes(bytes) => query.bind(bytes.as_deref()),
        })
    }
}

/// The columns in the order of the insert.
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
        .id(*id)
        .bytes(issuer.as_bytes())
        .bytes(subject.as_bytes())
        .bytes(secret.expose().as_slice())
        .number(created_at.as_millis())
        .number(auth_time.as_millis())
        .number(ends_at.as_millis())
        .bytes(scope.as_str())
        .optional_bytes(client_id.as_deref())
        .bytes(claims.to_json())
        .bytes(columns::to_json(metadata))
        .number(lifetime_millis(*idle_lifetime))
        .bytes(extra.to_json())
}

/// The columns that a swap writes, which come last in an insert.
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
        .number(columns::version(*version)?)
        .number(i64::from(*generation))
        .number(millis(*rotated_at))
        .number(millis(*delivered_at))
        .number(millis(*confirmed_at))
        .number(i64::from(*late))
        .number(expires_at.as_millis())
        .number(millis(*last_refreshed_at))
        .optional_bytes(columns::thumbprint(bound_to.as_ref()))
        .number(columns::ended_at(*ended))
        .optional_bytes(columns::reason(*ended)))
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
