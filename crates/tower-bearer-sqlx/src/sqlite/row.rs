//! From a session to its row and back.

use sqlx::{
    Decode, Row, Sqlite, Type,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use super::error;
use tower_bearer::{
    claims::SessionId,
    store::{Session, StoreError},
};

use crate::columns::{self, Columns, millis, unreadable};

pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

pub(super) fn id_bytes(id: SessionId) -> Vec<u8> {
    id.as_uuid().into_bytes().to_vec()
}

/// Binds the columns in the order of the insert.
pub(super) fn bind(insert: Statement, session: &Session) -> Statement {
    insert
        .bind(id_bytes(session.id))
        .bind(session.issuer.as_str())
        .bind(session.subject.as_str())
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
        .bind(session.client_id.as_deref())
        .bind(session.claims.to_json())
        .bind(columns::to_json(&session.metadata))
}

/// Reads all columns.
pub(super) fn read(row: &SqliteRow) -> Result<Session, StoreError> {
    columns::read(&Fields(row))
}

/// Reads the column `id` alone.
pub(super) fn id(row: &SqliteRow) -> Result<SessionId, StoreError> {
    Fields(row).id("id")
}

struct Fields<'r>(&'r SqliteRow);

impl<'r> Fields<'r> {
    fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.0.try_get(column).map_err(error::failed)
    }
}

impl Columns for Fields<'_> {
    fn id(&self, column: &'static str) -> Result<SessionId, StoreError> {
        let id = Uuid::from_slice(self.get(column)?).map_err(|_| unreadable(column))?;
        Ok(SessionId::from_uuid(id))
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
        self.get(column)
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }
}
