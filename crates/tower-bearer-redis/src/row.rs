//! Writes a session to the value of its key, which is called its row, and reads it back.
//!
//! A row has a head of a fixed size, a tail and an end. The head is the state, which swaps replace in
//! place, but for its extra members: these are the end of the row, which is empty if there are none.
//! The tail is written at login. As the session ends, its `ends_at` is brought forward, and
//! the last part of the tail is dropped, and the end with it: the claims and the metadata. A session
//! that has neither does not have this part. The fields are packed, since a Redis hash of them would take three
//! times the memory. Numbers are big-endian, as in `BITFIELD`. An optional time is a byte that
//! tells whether the time is there, followed by the time. The scripts depend on these offsets:
//!
//! | offset | field |
//! | --- | --- |
//! | 0 | the format |
//! | 1 | `version` |
//! | 9 | why the session was ended, or 0 if it was not |
//! | 10 | `generation` |
//! | 14 | `confirmed_at` |
//! | 23 | when the session was ended |
//! | 62 | `expires_at` |
//! | 103 | how many bytes the end of the row has |
//! | 107 | `ends_at`, which begins the tail |
//! | 115 | how many bytes of the row are kept as the session ends |
//! | 119 | the issuer and the subject |

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        EndReason, Ended, Extra, Metadata, PrivateClaims, Record, Session, SessionSecret,
        SessionState, StoreError, StoreErrorKind,
    },
};

use crate::bytes::{Reader, Unreadable, Writer};

/// The format of rows. Formats 1 to 3 were never released.
const FORMAT: u8 = 4;
/// The size of the head in bytes.
pub(super) const HEAD: usize = 107;
/// Where the issuer and the subject begin.
pub(super) const OWNER: usize = 119;
/// The largest row in bytes. A session within the limits of a grant takes a fraction of it, and a
/// server may be set to refuse values that are larger.
const LARGEST: usize = 1024 * 1024;
const NOT_ENDED: u8 = 0;
const NOT_CONFIRMED: u8 = 0;

/// A session takes more bytes than a row may have.
#[derive(Debug, thiserror::Error)]
#[error("the session takes {0} bytes, and a row has at most {LARGEST}")]
struct TooLarge(usize);

/// The row of a new session.
pub(super) fn new(record: &Record) -> Result<Vec<u8>, StoreError> {
    let Record { session, state } = record;
    let mut row = head(state);
    row.extend(tail(session));
    row.extend(end(state).into_bytes());
    if row.len() > LARGEST {
        let source = TooLarge(row.len());
        return Err(StoreError::with_source(StoreErrorKind::Unstorable, source));
    }
    Ok(row)
}

/// The head of a row: the state, which a swap replaces together with the [end](end) of the row.
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
        extra: _,
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
    head.length(end(state).len());
    head.finish()
}

/// The end of a row: what else the state has.
pub(super) fn end(state: &SessionState) -> String {
    match state.extra.is_empty() {
        true => String::new(),
        false => state.extra.to_json(),
    }
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
    let mut kept = Writer::default();
    kept.owner(issuer, subject);
    kept.raw(secret.expose());
    kept.time(*created_at);
    kept.time(*auth_time);
    kept.text(scope.as_str());
    kept.optional_text(client_id.as_deref());
    kept.optional_lifetime(*idle_lifetime);
    kept.text(&extra.to_json());
    let kept = kept.finish();
    let mut tail = Writer::default();
    tail.time(*ends_at);
    tail.length(OWNER + kept.len());
    tail.raw(&kept);
    if *claims != PrivateClaims::default() || !metadata.is_empty() {
        tail.text(&claims.to_json());
        tail.length(metadata.len());
        for (name, value) in metadata {
            tail.text(name);
            tail.text(value);
        }
    }
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

/// A time as it is in a row.
pub(super) const fn time(time: Timestamp) -> [u8; 8] {
    time.as_millis().to_be_bytes()
}

/// Whose session it is, as every row has it.
pub(super) fn owner(issuer: &str, subject: &str) -> Vec<u8> {
    let mut owner = Writer::default();
    owner.owner(issuer, subject);
    owner.finish()
}

/// Reads the row of the session `id`.
pub(super) fn read(id: SessionId, row: &[u8]) -> Result<Record, StoreError> {
    read_all(id, row).map_err(unreadable)
}

/// Reads when and why the session was ended from the beginning of its row.
pub(super) fn read_ended(head: &[u8]) -> Result<Option<Ended>, StoreError> {
    let (state, _) = read_head(&mut Reader::new(head)).map_err(unreadable)?;
    Ok(state.ended)
}

fn unreadable(error: Unreadable) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, error)
}

fn read_all(id: SessionId, row: &[u8]) -> Result<Record, Unreadable> {
    let size = row.len();
    let mut row = Reader::new(row);
    let (mut state, end) = read_head(&mut row)?;
    let ends_at = row.time("ends_at")?;
    let kept = row.length("kept")?;
    let session = read_tail(id, ends_at, size.checked_sub(kept), end, &mut row)?;
    if row.len() != end {
        return Err(Unreadable::Field("metadata"));
    }
    if end > 0 {
        let extra = Extra::from_json(row.rest("state_extra")?);
        state.extra = extra.map_err(|_| Unreadable::Field("state_extra"))?;
    }
    Ok(Record { session, state })
}

/// Reads the state but for what the end of the row has, and how many bytes that is.
///
/// The fields are read in the order in which they are written here.
fn read_head(row: &mut Reader<'_>) -> Result<(SessionState, usize), Unreadable> {
    match row.array("format")? {
        [FORMAT] => {}
        [other] => return Err(Unreadable::Format(other)),
    }
    let version = u64::from_be_bytes(row.array("version")?);
    let [reason] = row.array("ended")?;
    let state = SessionState {
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
        extra: Extra::default(),
    };
    Ok((state, row.length("state_extra")?))
}

/// Reads what follows the number of kept bytes, but for the end of the row, which has `end` bytes.
/// `dropped` is how many bytes an end would drop.
///
/// The fields are read in the order in which they are written here.
fn read_tail(
    id: SessionId,
    ends_at: Timestamp,
    dropped: Option<usize>,
    end: usize,
    row: &mut Reader<'_>,
) -> Result<Session, Unreadable> {
    let unreadable = Unreadable::Field;
    let mut session = Session {
        id,
        ends_at,
        issuer: row.text("issuer")?.to_owned(),
        subject: row.text("subject")?.to_owned(),
        secret: SessionSecret::from_bytes(row.array("secret")?),
        created_at: row.time("created_at")?,
        auth_time: row.time("auth_time")?,
        scope: row
            .text("scope")?
            .parse()
            .map_err(|_| unreadable("scope"))?,
        client_id: row.optional_text("client_id")?.map(str::to_owned),
        idle_lifetime: row.optional_lifetime("idle_lifetime")?,
        extra: Extra::from_json(row.text("extra")?).map_err(|_| unreadable("extra"))?,
        claims: PrivateClaims::default(),
        metadata: Metadata::new(),
    };
    if dropped != Some(row.len()) {
        return Err(unreadable("kept"));
    }
    if row.len() > end {
        let claims = PrivateClaims::from_json(row.text("claims")?);
        session.claims = claims.map_err(|_| unreadable("claims"))?;
        session.metadata = read_metadata(row)?;
    }
    Ok(session)
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
