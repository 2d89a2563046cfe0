//! Writes a session to a row and reads it back.

use sqlx::{
    Decode, Row, Sqlite, Type,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Record, Session, SessionState, StoreError},
};

use crate::columns::{self, Column, Columns, lifetime_millis, millis, unreadable};

use super::error;

pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

pub(super) fn id_bytes(id: SessionId) -> Vec<u8> {
    id.as_uuid().into_bytes().to_vec()
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
        .bind(id_bytes(*id))
        .bind(issuer.as_str())
        .bind(subject.as_str())
        .bind(secret.expose().as_slice())
        .bind(created_at.as_millis())
        .bind(auth_time.as_millis())
        .bind(ends_at.as_millis())
        .bind(scope.as_str())
        .bind(client_id.as_deref())
        .bind(claims.to_json())
        .bind(columns::to_json(metadata))
        .bind(lifetime_millis(*idle_lifetime))
        .bind(extra.to_json())
}

/// Binds the columns of the state, which come last in an insert.
pub(super) fn bind_state(
    statement: Statement,
    state: &SessionState,
) -> Result<Statement, StoreError> {
    Ok(bind_rotation(statement, state)?
        .bind(columns::ended_at(state.ended))
        .bind(columns::reason(state.ended)))
}

/// Binds the columns that a rotation writes.
pub(super) fn bind_rotation(
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
        ended: _,
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
        .bind(columns::thumbprint(bound_to.as_ref())))
}

/// Reads all columns, which come first.
pub(super) fn read(row: &SqliteRow) -> Result<Record, StoreError> {
    columns::read(&Fields(row))
}

/// Reads the columns `id` and `ended_at`.
pub(super) fn ended(row: &SqliteRow) -> Result<(SessionId, Timestamp), StoreError> {
    let at = row.try_get("ended_at").map_err(error::failed)?;
    Ok((id(row)?, Timestamp::from_millis(at)))
}

/// Reads the column `id` alone.
pub(super) fn id(row: &SqliteRow) -> Result<SessionId, StoreError> {
    read_id(row.try_get("id").map_err(error::failed)?)
}

fn read_id(bytes: &[u8]) -> Result<SessionId, StoreError> {
    let id = Uuid::from_slice(bytes).map_err(|_| unreadable(Column::Id))?;
    Ok(SessionId::from_uuid(id))
}

struct Fields<'r>(&'r SqliteRow);

impl<'r> Fields<'r> {
    fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: Column) -> Result<T, StoreError> {
        self.0.try_get(column as usize).map_err(error::failed)
    }
}

impl Columns for Fields<'_> {
    fn id(&self, column: Column) -> Result<SessionId, StoreError> {
        read_id(self.get(column)?)
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
        self.get(column)
    }

    fn optional_text(&self, column: Column) -> Result<Option<&str>, StoreError> {
        self.get(column)
    }
}
