//! From the columns of a row to a session, for the stores that speak SQL.

use serde_json::Value;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Metadata, PrivateClaims, RevokeReason, Revoked, Session, SessionSecret, StoreError,
        StoreErrorKind,
    },
};

/// Reads the columns of one row by their names.
pub(crate) trait Columns {
    fn id(&self, column: &'static str) -> Result<SessionId, StoreError>;

    fn number(&self, column: &'static str) -> Result<i64, StoreError>;

    fn optional_number(&self, column: &'static str) -> Result<Option<i64>, StoreError>;

    fn bytes(&self, column: &'static str) -> Result<&[u8], StoreError>;

    fn text(&self, column: &'static str) -> Result<String, StoreError>;

    fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError>;
}

/// A value that is not one of its column's. It does not tell the value.
#[derive(Debug, thiserror::Error)]
#[error("column {0} holds a value that cannot be read")]
struct Unreadable(&'static str);

pub(crate) fn unreadable(column: &'static str) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, Unreadable(column))
}

/// Reads all columns of a session.
pub(crate) fn read(row: &impl Columns) -> Result<Session, StoreError> {
    let secret = row
        .bytes("secret")?
        .try_into()
        .map_err(|_| unreadable("secret"))?;
    let mut session = Session::new(
        row.id("id")?,
        row.text("issuer")?,
        row.text("subject")?,
        SessionSecret::from_bytes(secret),
        time(row, "created_at")?,
    );
    session.generation = number(row, "generation")?;
    session.rotated_at = optional_time(row, "rotated_at")?;
    session.delivered_at = optional_time(row, "delivered_at")?;
    session.confirmed_at = optional_time(row, "confirmed_at")?;
    session.late = number(row, "late")?;
    session.expires_at = time(row, "expires_at")?;
    session.ends_at = time(row, "ends_at")?;
    session.revoked = revoked(row)?;
    session.version = number(row, "version")?;
    session.last_refreshed_at = optional_time(row, "last_refreshed_at")?;
    session.auth_time = time(row, "auth_time")?;
    let scope = row.text("scope")?;
    session.scope = scope.parse().map_err(|_| unreadable("scope"))?;
    session.client_id = row.optional_text("client_id")?;
    let claims = row.text("claims")?;
    session.claims = PrivateClaims::from_json(&claims).map_err(|_| unreadable("claims"))?;
    let metadata = row.text("metadata")?;
    session.metadata = serde_json::from_str(&metadata).map_err(|_| unreadable("metadata"))?;
    Ok(session)
}

/// The JSON text of the metadata, for a column.
pub(crate) fn to_json(metadata: &Metadata) -> String {
    let members = metadata
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()));
    Value::Object(members.collect()).to_string()
}

pub(crate) fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

pub(crate) fn revoked_at(revoked: Option<Revoked>) -> Option<i64> {
    revoked.map(|revoked| revoked.at.as_millis())
}

pub(crate) fn reason(revoked: Option<Revoked>) -> Option<&'static str> {
    revoked.map(|revoked| revoked.reason.as_str())
}

fn number<T: TryFrom<i64>>(row: &impl Columns, column: &'static str) -> Result<T, StoreError> {
    T::try_from(row.number(column)?).map_err(|_| unreadable(column))
}

fn time(row: &impl Columns, column: &'static str) -> Result<Timestamp, StoreError> {
    row.number(column).map(Timestamp::from_millis)
}

fn optional_time(
    row: &impl Columns,
    column: &'static str,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.optional_number(column)?.map(Timestamp::from_millis))
}

fn revoked(row: &impl Columns) -> Result<Option<Revoked>, StoreError> {
    let at = optional_time(row, "revoked_at")?;
    let name = row.optional_text("revoked_reason")?;
    match (at, name.as_deref().map(RevokeReason::from_name)) {
        (None, None) => Ok(None),
        (Some(at), Some(Some(reason))) => Ok(Some(Revoked::new(at, reason))),
        _ => Err(unreadable("revoked_reason")),
    }
}
