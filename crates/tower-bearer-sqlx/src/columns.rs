//! Reads a session from the columns of a row, for all SQL stores.

use std::time::Duration;

use serde_json::Value;

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        EndReason, Ended, Extra, KeyThumbprint, Metadata, PrivateClaims, Record, Session,
        SessionSecret, SessionState, StoreError, StoreErrorKind,
    },
};

/// Reads the columns of one row by their names.
pub(crate) trait Columns {
    fn id(&self, column: &'static str) -> Result<SessionId, StoreError>;

    fn number(&self, column: &'static str) -> Result<i64, StoreError>;

    fn optional_number(&self, column: &'static str) -> Result<Option<i64>, StoreError>;

    fn bytes(&self, column: &'static str) -> Result<&[u8], StoreError>;

    fn optional_bytes(&self, column: &'static str) -> Result<Option<&[u8]>, StoreError>;

    fn text(&self, column: &'static str) -> Result<String, StoreError>;

    fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError>;
}

/// A column has a value that it cannot have. The error does not show the value.
#[derive(Debug, thiserror::Error)]
#[error("column {0} holds a value that cannot be read")]
struct Unreadable(&'static str);

pub(crate) fn unreadable(column: &'static str) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, Unreadable(column))
}

/// The columns in the order in which an insert binds them: the part that the login wrote, then
/// the state.
macro_rules! names {
    () => {
        "id, issuer, subject, secret, created_at, auth_time, ends_at, scope, client_id, claims, \
         metadata, idle_lifetime, extra, \
         version, generation, rotated_at, delivered_at, confirmed_at, late, expires_at, \
         last_refreshed_at, bound_to, ended_at, end_reason"
    };
}
pub(crate) use names;

/// The version of the tables. Earlier versions were never released.
pub(crate) const SCHEMA: i64 = 4;

/// The reason of the error for tables of another version.
pub(crate) const OTHER_SCHEMA: &str = "its tables are of another version of this crate";

/// Reads all columns of a session.
pub(crate) fn read(row: &impl Columns) -> Result<Record, StoreError> {
    Ok(Record {
        session: session(row)?,
        state: state(row)?,
    })
}

/// Reads the time of a session's end.
pub(crate) fn ended_time(row: &impl Columns) -> Result<Timestamp, StoreError> {
    time(row, "ended_at")
}

fn session(row: &impl Columns) -> Result<Session, StoreError> {
    let secret = array(row.bytes("secret")?, "secret")?;
    let (scope, claims) = (row.text("scope")?, row.text("claims")?);
    let (metadata, extra) = (row.text("metadata")?, row.text("extra")?);
    Ok(Session {
        id: row.id("id")?,
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        secret: SessionSecret::from_bytes(secret),
        created_at: time(row, "created_at")?,
        auth_time: time(row, "auth_time")?,
        ends_at: time(row, "ends_at")?,
        scope: scope.parse().map_err(|_| unreadable("scope"))?,
        client_id: row.optional_text("client_id")?,
        claims: PrivateClaims::from_json(&claims).map_err(|_| unreadable("claims"))?,
        metadata: serde_json::from_str(&metadata).map_err(|_| unreadable("metadata"))?,
        idle_lifetime: lifetime(row, "idle_lifetime")?,
        extra: Extra::from_json(&extra).map_err(|_| unreadable("extra"))?,
    })
}

fn state(row: &impl Columns) -> Result<SessionState, StoreError> {
    let key = row.optional_bytes("bound_to")?;
    let key = key.map(|bytes| array(bytes, "bound_to")).transpose()?;
    Ok(SessionState {
        version: number(row, "version")?,
        generation: number(row, "generation")?,
        rotated_at: optional_time(row, "rotated_at")?,
        delivered_at: optional_time(row, "delivered_at")?,
        confirmed_at: optional_time(row, "confirmed_at")?,
        late: number(row, "late")?,
        expires_at: time(row, "expires_at")?,
        last_refreshed_at: optional_time(row, "last_refreshed_at")?,
        ended: ended(row)?,
        bound_to: key.map(KeyThumbprint::from_bytes),
    })
}

/// The JSON text of the metadata, to be written to a column.
pub(crate) fn to_json(metadata: &Metadata) -> String {
    let members = metadata
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()));
    Value::Object(members.collect()).to_string()
}

pub(crate) fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

pub(crate) fn ended_at(ended: Option<Ended>) -> Option<i64> {
    ended.map(|ended| ended.at.as_millis())
}

pub(crate) fn reason(ended: Option<Ended>) -> Option<&'static str> {
    ended.map(|ended| ended.reason.as_str())
}

/// How long a session is kept at most that ends with this state, as [`Record::end`] says.
pub(crate) fn kept_until(state: &SessionState, ended: Ended) -> i64 {
    let kept_until = ended.at + Record::KEPT_AFTER_END;
    state.expires_at.max(kept_until).as_millis()
}

pub(crate) fn lifetime_millis(lifetime: Option<Duration>) -> Option<i64> {
    lifetime.map(|lifetime| i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX))
}

pub(crate) fn thumbprint(key: Option<&KeyThumbprint>) -> Option<Vec<u8>> {
    key.map(|key| key.as_bytes().to_vec())
}

/// Whether a row can have both versions. A swap between others is lost.
pub(crate) fn can_hold(expected: u64, next: u64) -> bool {
    i64::try_from(expected).is_ok() && i64::try_from(next).is_ok()
}

/// The session's version, to be written to a column. It is an error if a column cannot hold it;
/// so no row has such a version.
pub(crate) fn version(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version)
        .map_err(|error| StoreError::with_source(StoreErrorKind::Unstorable, error))
}

fn array(bytes: &[u8], column: &'static str) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| unreadable(column))
}

fn lifetime(row: &impl Columns, column: &'static str) -> Result<Option<Duration>, StoreError> {
    let Some(millis) = row.optional_number(column)? else {
        return Ok(None);
    };
    let millis = u64::try_from(millis).map_err(|_| unreadable(column))?;
    Ok(Some(Duration::from_millis(millis)))
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

fn ended(row: &impl Columns) -> Result<Option<Ended>, StoreError> {
    let at = optional_time(row, "ended_at")?;
    let name = row.optional_text("end_reason")?;
    match (at, name.as_deref().map(EndReason::from_name)) {
        (None, None) => Ok(None),
        (Some(at), Some(Some(reason))) => Ok(Some(Ended::new(at, reason))),
        _ => Err(unreadable("end_reason")),
    }
}
