//! Writes a session to the value of its key, which is called its row, and reads it back.
//!
//! A row has a head of a fixed size and a tail. The head is the state, which swaps replace in
//! place. The tail is written once, at login. The fields are packed, since a Redis hash of them
//! would take three times the memory. Numbers are big-endian, as in `BITFIELD`. An optional time is
//! a byte that tells whether the time is there, followed by the time. The scripts depend on these
//! offsets:
//!
//! | offset | field |
//! | --- | --- |
//! | 0 | the format |
//! | 1 | `version` |
//! | 9 | why the session was ended, or 0 if it was not |
//! | 10 | `generation` |
//! | 14 | `confirmed_at` |
//! | 23 | when the session was ended |
//! | 103 | the tail, which begins with the issuer and the subject |

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        EndReason, Ended, Extra, Metadata, PrivateClaims, Record, Session, SessionSecret,
        SessionState, StoreError, StoreErrorKind,
    },
};

use crate::bytes::{Reader, Unreadable, Writer};

/// The format of rows. Format 1 was never released.
const FORMAT: u8 = 2;
/// The size of the head in bytes.
const HEAD: usize = 103;
const NOT_ENDED: u8 = 0;
const NOT_CONFIRMED: u8 = 0;

/// The row of a new session.
pub(super) fn new(record: &Record) -> Vec<u8> {
    let Record { session, state } = record;
    let mut row = head(state);
    row.extend(tail(session));
    row
}

/// The head of a row: the state, which a swap replaces.
pub(super) fn head(state: &SessionState) -> Vec<u8> {
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
    let mut head = Writer::with_capacity(HEAD);
    head.raw(&[FORMAT]);
    head.raw(&version.to_be_bytes());
    head.raw(&[ended.map_or(NOT_ENDED, |it| it.reason.code())]);
    head.raw(&generation.to_be_bytes());
    head.optional_time(*confirmed_at);
    head.time(ended.map_or(Timestamp::default(), |it| it.at));
    head.optional_time(*rotated_at);
    head.optional_time(*delivered_at);
    head.optional_time(*last_refreshed_at);
    head.raw(&late.to_be_bytes());
    head.time(*expires_at);
    head.optional_key(bound_to.as_ref());
    head.finish()
}

fn tail(session: &Session) -> Vec<u8> {
    let Session {
        id: _,
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
    let mut tail = Writer::default();
    tail.owner(issuer, subject);
    tail.raw(secret.expose());
    tail.time(*created_at);
    tail.time(*auth_time);
    tail.time(*ends_at);
    tail.text(scope.as_str());
    tail.optional_text(client_id.as_deref());
    tail.text(&claims.to_json());
    tail.length(metadata.len());
    for (name, value) in metadata {
        tail.text(name);
        tail.text(value);
    }
    tail.optional_lifetime(*idle_lifetime);
    tail.text(&extra.to_json());
    tail.finish()
}

/// The first bytes of a row that a swap of this version may replace.
pub(super) fn at_version(version: u64) -> [u8; 10] {
    let [a, b, c, d, e, f, g, h] = version.to_be_bytes();
    [FORMAT, a, b, c, d, e, f, g, h, NOT_ENDED]
}

/// The first bytes, without the version, of a row of this generation that is not confirmed yet.
pub(super) fn unconfirmed(generation: u32) -> Vec<u8> {
    let mut start = vec![FORMAT, NOT_ENDED];
    start.extend(generation.to_be_bytes());
    start.push(NOT_CONFIRMED);
    start
}

/// The first byte of every row.
pub(super) const fn format() -> [u8; 1] {
    [FORMAT]
}

/// The first bytes of the tail of every row of a subject.
pub(super) fn owner(issuer: &str, subject: &str) -> Vec<u8> {
    let mut owner = Writer::default();
    owner.owner(issuer, subject);
    owner.finish()
}

/// Reads the row of the session `id`.
pub(super) fn read(id: SessionId, row: &[u8]) -> Result<Record, StoreError> {
    read_all(id, row).map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))
}

fn read_all(id: SessionId, row: &[u8]) -> Result<Record, Unreadable> {
    let mut row = Reader::new(row);
    let state = read_head(&mut row)?;
    let session = read_tail(id, &mut row)?;
    match row.is_empty() {
        true => Ok(Record { session, state }),
        false => Err(Unreadable::Field("extra")),
    }
}

// The fields are read in the order in which they are written here.
fn read_head(row: &mut Reader<'_>) -> Result<SessionState, Unreadable> {
    match row.array("format")? {
        [FORMAT] => {}
        [other] => return Err(Unreadable::Format(other)),
    }
    let version = u64::from_be_bytes(row.array("version")?);
    let [reason] = row.array("ended")?;
    Ok(SessionState {
        version,
        generation: u32::from_be_bytes(row.array("generation")?),
        confirmed_at: row.optional_time("confirmed_at")?,
        ended: ended(reason, row.time("ended")?)?,
        rotated_at: row.optional_time("rotated_at")?,
        delivered_at: row.optional_time("delivered_at")?,
        last_refreshed_at: row.optional_time("last_refreshed_at")?,
        late: u32::from_be_bytes(row.array("late")?),
        expires_at: row.time("expires_at")?,
        bound_to: row.optional_key("bound_to")?,
    })
}

// The fields are read in the order in which they are written here.
fn read_tail(id: SessionId, row: &mut Reader<'_>) -> Result<Session, Unreadable> {
    let unreadable = Unreadable::Field;
    Ok(Session {
        id,
        issuer: row.text("issuer")?.to_owned(),
        subject: row.text("subject")?.to_owned(),
        secret: SessionSecret::from_bytes(row.array("secret")?),
        created_at: row.time("created_at")?,
        auth_time: row.time("auth_time")?,
        ends_at: row.time("ends_at")?,
        scope: row
            .text("scope")?
            .parse()
            .map_err(|_| unreadable("scope"))?,
        client_id: row.optional_text("client_id")?.map(str::to_owned),
        claims: PrivateClaims::from_json(row.text("claims")?).map_err(|_| unreadable("claims"))?,
        metadata: read_metadata(row)?,
        idle_lifetime: row.optional_lifetime("idle_lifetime")?,
        extra: Extra::from_json(row.text("extra")?).map_err(|_| unreadable("extra"))?,
    })
}

fn read_metadata(row: &mut Reader<'_>) -> Result<Metadata, Unreadable> {
    let mut metadata = Metadata::new();
    let count = row.length("metadata")?;
    for _ in 0..count {
        let name = row.text("metadata")?.to_owned();
        metadata.insert(name, row.text("metadata")?.to_owned());
    }
    match metadata.len() == count {
        true => Ok(metadata),
        false => Err(Unreadable::Field("metadata")),
    }
}

fn ended(reason: u8, at: Timestamp) -> Result<Option<Ended>, Unreadable> {
    if reason == NOT_ENDED && at == Timestamp::default() {
        return Ok(None);
    }
    let reason = EndReason::from_code(reason).ok_or(Unreadable::Field("ended"))?;
    Ok(Some(Ended::new(at, reason)))
}
