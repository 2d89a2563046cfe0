//! What the scripts answer. Nothing of an answer goes into an error: it may hold secrets.

use redis::Value;
use uuid::Uuid;

use tower_bearer::{claims::SessionId, clock::Timestamp, store::StoreError};

use crate::error::unexpected;

/// Whether a script did what it is for.
pub(super) fn is_done(answer: Value) -> Result<bool, StoreError> {
    match answer {
        Value::Int(1) => Ok(true),
        Value::Int(0) => Ok(false),
        _ => Err(unexpected()),
    }
}

/// What `TIME` tells: seconds, and microseconds of the second.
pub(super) fn time(answer: Value) -> Result<Timestamp, StoreError> {
    let [seconds, micros] = array(answer)?;
    let millis = decimal(seconds)?
        .checked_mul(1000)
        .zip(decimal(micros)?.checked_div(1000))
        .and_then(|(seconds, rest)| seconds.checked_add(rest));
    millis.map(Timestamp::from_millis).ok_or_else(unexpected)
}

/// The time, and the row if there is one.
pub(super) fn loaded(answer: Value) -> Result<(Timestamp, Option<Vec<u8>>), StoreError> {
    let [now, row] = array(answer)?;
    let row = match row {
        Value::Nil => None,
        row => Some(bytes(row)?),
    };
    Ok((time(now)?, row))
}

/// The time, and the identifiers in entries of an index.
pub(super) fn page(answer: Value) -> Result<(Timestamp, Vec<SessionId>), StoreError> {
    let [now, entries] = array(answer)?;
    let Value::Array(entries) = entries else {
        return Err(unexpected());
    };
    let ids: Result<_, _> = entries.into_iter().map(identifier).collect();
    Ok((time(now)?, ids?))
}

fn identifier(entry: Value) -> Result<SessionId, StoreError> {
    let entry = bytes(entry)?;
    let id = entry.first_chunk().ok_or_else(unexpected)?;
    Ok(SessionId::from_uuid(Uuid::from_bytes(*id)))
}

fn array<const N: usize>(answer: Value) -> Result<[Value; N], StoreError> {
    match answer {
        Value::Array(values) => values.try_into().map_err(|_| unexpected()),
        _ => Err(unexpected()),
    }
}

fn bytes(answer: Value) -> Result<Vec<u8>, StoreError> {
    match answer {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(unexpected()),
    }
}

fn decimal(answer: Value) -> Result<i64, StoreError> {
    let text = String::from_utf8(bytes(answer)?).map_err(|_| unexpected())?;
    text.parse().map_err(|_| unexpected())
}
