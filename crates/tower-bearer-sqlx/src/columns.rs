//! Reads a session from the columns of a row, for all SQL stores. [`values`](crate::values) writes it.

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

/// Reads the columns of one row by their places, which is quicker than by their names.
pub(crate) trait Columns {
    fn id(&self, column: Column) -> Result<SessionId, StoreError>;

    fn number(&self, column: Column) -> Result<i64, StoreError>;

    fn optional_number(&self, column: Column) -> Result<Option<i64>, StoreError>;

    fn bytes(&self, column: Column) -> Result<&[u8], StoreError>;

    fn optional_bytes(&self, column: Column) -> Result<Option<&[u8]>, StoreError>;

    fn text(&self, column: Column) -> Result<&str, StoreError>;

    fn optional_text(&self, column: Column) -> Result<Option<&str>, StoreError>;
}

/// A column has a value that it cannot have. The error does not show the value.
#[derive(Debug, thiserror::Error)]
#[error("column {0} holds a value that cannot be read")]
struct Unreadable(&'static str);

pub(crate) fn unreadable(column: Column) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, Unreadable(column.name()))
}

macro_rules! columns {
    ($first:ident $first_name:literal, $($column:ident $name:literal,)*) => {
        /// The columns in the order in which an insert binds them and a query gives them: the part
        /// that the login wrote, then the state.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Column {
            $first,
            $($column,)*
        }

        impl Column {
            const fn name(self) -> &'static str {
                match self {
                    Self::$first => $first_name,
                    $(Self::$column => $name,)*
                }
            }
        }

        /// The names of all columns, with commas between them.
        macro_rules! names {
            () => {
                concat!($first_name, $(", ", $name),*)
            };
        }
    };
}

columns! {
    Id "id",
    Issuer "issuer",
    Subject "subject",
    Secret "secret",
    CreatedAt "created_at",
    AuthTime "auth_time",
    EndsAt "ends_at",
    Scope "scope",
    ClientId "client_id",
    Claims "claims",
    Metadata "metadata",
    IdleLifetime "idle_lifetime",
    Extra "extra",
    Version "version",
    Generation "generation",
    RotatedAt "rotated_at",
    DeliveredAt "delivered_at",
    ConfirmedAt "confirmed_at",
    Late "late",
    ExpiresAt "expires_at",
    LastRefreshedAt "last_refreshed_at",
    BoundTo "bound_to",
    StateExtra "state_extra",
    EndedAt "ended_at",
    EndReason "end_reason",
}
#[expect(
    clippy::single_component_path_imports,
    reason = "other modules find the macro by it"
)]
pub(crate) use names;

/// The version before the highest that a column can hold. The highest one stays where another would follow it: a
/// session can be ended whatever its version.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) const LAST_BUT_ONE: i64 = i64::MAX - 1;

/// Reads all columns of a session.
pub(crate) fn read(row: &impl Columns) -> Result<Record, StoreError> {
    Ok(Record {
        session: session(row)?,
        state: state(row)?,
    })
}

fn session(row: &impl Columns) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.id(Column::Id)?,
        issuer: row.text(Column::Issuer)?.to_owned(),
        subject: row.text(Column::Subject)?.to_owned(),
        secret: SessionSecret::from_bytes(array(row.bytes(Column::Secret)?, Column::Secret)?),
        created_at: time(row, Column::CreatedAt)?,
        auth_time: time(row, Column::AuthTime)?,
        ends_at: time(row, Column::EndsAt)?,
        scope: parsed(row, Column::Scope, |text| text.parse().ok())?,
        client_id: row.optional_text(Column::ClientId)?.map(str::to_owned),
        claims: parsed(row, Column::Claims, |text| {
            PrivateClaims::from_json(text).ok()
        })?,
        metadata: parsed(row, Column::Metadata, |text| {
            serde_json::from_str(text).ok()
        })?,
        idle_lifetime: lifetime(row, Column::IdleLifetime)?,
        extra: extra(row, Column::Extra)?,
    })
}

fn state(row: &impl Columns) -> Result<SessionState, StoreError> {
    let key = row.optional_bytes(Column::BoundTo)?;
    let key = key.map(|bytes| array(bytes, Column::BoundTo)).transpose()?;
    Ok(SessionState {
        version: number(row, Column::Version)?,
        generation: number(row, Column::Generation)?,
        rotated_at: optional_time(row, Column::RotatedAt)?,
        delivered_at: optional_time(row, Column::DeliveredAt)?,
        confirmed_at: optional_time(row, Column::ConfirmedAt)?,
        late: number(row, Column::Late)?,
        expires_at: time(row, Column::ExpiresAt)?,
        last_refreshed_at: optional_time(row, Column::LastRefreshedAt)?,
        ended: ended(row)?,
        bound_to: key.map(KeyThumbprint::from_bytes),
        extra: extra(row, Column::StateExtra)?,
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

fn parsed<T>(
    row: &impl Columns,
    column: Column,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(row.text(column)?).ok_or_else(|| unreadable(column))
}

fn extra(row: &impl Columns, column: Column) -> Result<Extra, StoreError> {
    parsed(row, column, |text| Extra::from_json(text).ok())
}

fn array(bytes: &[u8], column: Column) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| unreadable(column))
}

fn lifetime(row: &impl Columns, column: Column) -> Result<Option<Duration>, StoreError> {
    let Some(millis) = row.optional_number(column)? else {
        return Ok(None);
    };
    let millis = u64::try_from(millis).map_err(|_| unreadable(column))?;
    Ok(Some(Duration::from_millis(millis)))
}

fn number<T: TryFrom<i64>>(row: &impl Columns, column: Column) -> Result<T, StoreError> {
    T::try_from(row.number(column)?).map_err(|_| unreadable(column))
}

fn time(row: &impl Columns, column: Column) -> Result<Timestamp, StoreError> {
    row.number(column).map(Timestamp::from_millis)
}

fn optional_time(row: &impl Columns, column: Column) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.optional_number(column)?.map(Timestamp::from_millis))
}

fn ended(row: &impl Columns) -> Result<Option<Ended>, StoreError> {
    let at = optional_time(row, Column::EndedAt)?;
    let name = row.optional_text(Column::EndReason)?;
    match (at, name.map(EndReason::from_name)) {
        (None, None) => Ok(None),
        (Some(at), Some(Some(reason))) => Ok(Some(Ended::new(at, reason))),
        _ => Err(unreadable(Column::EndReason)),
    }
}
