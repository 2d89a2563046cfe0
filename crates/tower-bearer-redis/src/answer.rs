//! Reads the answers of the scripts. Errors contain nothing of an answer, which may have secrets.

use redis::Value;

use tower_bearer::{clock::Timestamp, store::StoreError};

use crate::error::unexpected;

/// Whether a script has made its change.
pub(super) fn is_done(answer: Value) -> Result<bool, StoreError> {
    match answer {
        Value::Int(1) => Ok(true),
        Value::Int(0) => Ok(false),
        _ => Err(unexpected()),
    }
}

/// Reads the answer of `TIME`: seconds since 1970, and microseconds of the second.
pub(super) fn time(answer: Value) -> Result<Timestamp, StoreError> {
    let [seconds, micros] = array(answer)?;
    let millis = decimal(seconds)?
        .checked_mul(1000)
        .zip(decimal(micros)?.checked_div(1000))
        .and_then(|(seconds, rest)| seconds.checked_add(rest));
    millis.map(Timestamp::from_millis).ok_or_else(unexpected)
}

/// Reads the time, and the row if there is one.
pub(super) fn loaded(answer: Value) -> Result<(Timestamp, Option<Vec<u8>>), StoreError> {
    let [now, row] = array(answer)?;
    let row = match row {
        Value::Nil => None,
        row => Some(bytes(row)?),
    };
    Ok((time(now)?, row))
}

/// Reads the time, and the beginning of a row if there is one.
pub(super) fn peeked(answer: Value) -> Result<(Timestamp, Option<Vec<u8>>), StoreError> {
    let (now, start) = loaded(answer)?;
    Ok((now, start.filter(|start| !start.is_empty())))
}

/// Reads the time, and the entries of a sorted set.
pub(super) fn page(answer: Value) -> Result<(Timestamp, Vec<Vec<u8>>), StoreError> {
    let [now, entries] = array(answer)?;
    let Value::Array(entries) = entries else {
        return Err(unexpected());
    };
    let entries: Result<_, _> = entries.into_iter().map(bytes).collect();
    Ok((time(now)?, entries?))
}

/// A part of the keys of a server.
pub(super) struct Part {
    pub(super) now: Timestamp,
    /// Which run of the server it was.
    pub(super) run: String,
    /// Where the next part begins. It is 0 after the last one.
    pub(super) next: u64,
    pub(super) keys: Vec<Vec<u8>>,
}

/// Reads a part of the keys of a server.
pub(super) fn part(answer: Value) -> Result<Part, StoreError> {
    let [now, run, next, keys] = array(answer)?;
    let Value::Array(keys) = keys else {
        return Err(unexpected());
    };
    let keys: Result<_, _> = keys.into_iter().map(bytes).collect();
    Ok(Part {
        now: time(now)?,
        run: text(run)?,
        next: text(next)?.parse().map_err(|_| unexpected())?,
        keys: keys?,
    })
}

/// A session that a script has ended.
pub(super) struct Closed {
    pub(super) issuer: String,
    pub(super) subject: String,
    /// The session's `ends_at` before it was ended.
    pub(super) ends_at: Timestamp,
}

/// Reads what was ended, if anything was.
pub(super) fn closed(answer: Value) -> Result<Option<Closed>, StoreError> {
    if answer == Value::Int(0) {
        return Ok(None);
    }
    let [issuer, subject, ends_at] = array(answer)?;
    let ends_at = <[u8; 8]>::try_from(bytes(ends_at)?).map_err(|_| unexpected())?;
    Ok(Some(Closed {
        issuer: text(issuer)?,
        subject: text(subject)?,
        ends_at: Timestamp::from_millis(i64::from_be_bytes(ends_at)),
    }))
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

fn text(answer: Value) -> Result<String, StoreError> {
    String::from_utf8(bytes(answer)?).map_err(|_| unexpected())
}

fn decimal(answer: Value) -> Result<i64, StoreError> {
    text(answer)?.parse().map_err(|_| unexpected())
}
