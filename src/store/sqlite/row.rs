//! From a session to its row and back.

use serde_json::Value;
use sqlx::{
    Decode, Row, Sqlite, Type,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

use super::error;
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Metadata, PrivateClaims, RevokeReason, Revoked, Session, SessionSecret, StoreError,
        StoreErrorKind,
    },
};

pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// A value that is not one of its column's. It does not tell the value.
#[derive(Debug, thiserror::Error)]
#[error("column {0} holds a value that cannot be read")]
struct Unreadable(&'static str);

fn unreadable(column: &'static str) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, Unreadable(column))
}

pub(super) fn id_bytes(id: SessionId) -> Vec<u8> {
    id.as_uuid().into_bytes().to_vec()
}

pub(super) fn reason(revoked: Option<Revoked>) -> Option<&'static str> {
    revoked.map(|revoked| revoked.reason.as_str())
}

pub(super) fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
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
        .bind(millis(session.revoked.map(|revoked| revoked.at)))
        .bind(reason(session.revoked))
        .bind(session.created_at.as_millis())
        .bind(millis(session.last_refreshed_at))
        .bind(session.auth_time.as_millis())
        .bind(session.scope.as_str())
        .bind(session.client_id.as_deref())
        .bind(session.claims.to_json())
        .bind(to_json(&session.metadata))
}

/// Reads all columns.
pub(super) fn read(row: &SqliteRow) -> Result<Session, StoreError> {
    let row = Fields(row);
    let secret = row
        .get::<&[u8]>("secret")?
        .try_into()
        .map_err(|_| unreadable("secret"))?;
    let mut session = Session::new(
        id(row.0)?,
        row.get::<String>("issuer")?,
        row.get::<String>("subject")?,
        SessionSecret::from_bytes(secret),
        row.time("created_at")?,
    );
    session.generation = row.number("generation")?;
    session.rotated_at = row.optional_time("rotated_at")?;
    session.delivered_at = row.optional_time("delivered_at")?;
    session.confirmed_at = row.optional_time("confirmed_at")?;
    session.late = row.number("late")?;
    session.expires_at = row.time("expires_at")?;
    session.ends_at = row.time("ends_at")?;
    session.revoked = row.revoked()?;
    session.version = row.number("version")?;
    session.last_refreshed_at = row.optional_time("last_refreshed_at")?;
    session.auth_time = row.time("auth_time")?;
    session.scope = row
        .get::<&str>("scope")?
        .parse()
        .map_err(|_| unreadable("scope"))?;
    session.client_id = row.get("client_id")?;
    session.claims =
        PrivateClaims::from_json(row.get("claims")?).map_err(|_| unreadable("claims"))?;
    session.metadata = from_json(row.get("metadata")?)?;
    Ok(session)
}

/// Reads the column `id` alone.
pub(super) fn id(row: &SqliteRow) -> Result<SessionId, StoreError> {
    let id = Uuid::from_slice(Fields(row).get("id")?).map_err(|_| unreadable("id"))?;
    Ok(SessionId::from_uuid(id))
}

fn to_json(metadata: &Metadata) -> String {
    let members = metadata
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()));
    Value::Object(members.collect()).to_string()
}

fn from_json(text: &str) -> Result<Metadata, StoreError> {
    serde_json::from_str(text).map_err(|_| unreadable("metadata"))
}

#[derive(Clone, Copy)]
struct Fields<'r>(&'r SqliteRow);

impl<'r> Fields<'r> {
    fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(
        self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.0.try_get(column).map_err(error::failed)
    }

    fn number<T: TryFrom<i64>>(self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.get(column)?).map_err(|_| unreadable(column))
    }

    fn time(self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp::from_millis)
    }

    fn optional_time(self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
    }

    fn revoked(self) -> Result<Option<Revoked>, StoreError> {
        let at = self.optional_time("revoked_at")?;
        let name: Option<&str> = self.get("revoked_reason")?;
        match (at, name.map(RevokeReason::from_name)) {
            (None, None) => Ok(None),
            (Some(at), Some(Some(reason))) => Ok(Some(Revoked { at, reason })),
            _ => Err(unreadable("revoked_reason")),
        }
    }
}
