//! From a session to the value of its key and back.
//!
//! A row is a head of a fixed size, which swaps replace in place, and a tail that is written
//! once. It is packed, since a hash of the same fields takes three times the memory. Numbers are
//! big-endian, as `BITFIELD` counts; a time that may be missing is a byte that tells whether it
//! is there, and the time. The scripts know these places:
//!
//! | at | what |
//! | --- | --- |
//! | 0 | the format |
//! | 1 | `version` |
//! | 9 | why it was revoked, 0 where it was not |
//! | 10 | `generation` |
//! | 14 | `confirmed_at` |
//! | 23 | when it was revoked |
//! | 70 | the tail, which begins with the issuer and the subject |

use super::bytes::{Reader, Unreadable, Writer};
use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Metadata, PrivateClaims, RevokeReason, Revoked, Session, SessionSecret, StoreError,
        StoreErrorKind,
    },
};

const FORMAT: u8 = 1;
/// The bytes before the tail.
const HEAD: usize = 70;
const NOT_REVOKED: u8 = 0;
const NOT_CONFIRMED: u8 = 0;

/// The row of a new session.
pub(super) fn new(session: &Session) -> Vec<u8> {
    let mut row = head_at(session, 0);
    row.extend(owner(&session.issuer, &session.subject));
    let mut tail = Writer::default();
    tail.raw(session.secret.expose());
    tail.time(session.ends_at);
    tail.time(session.created_at);
    tail.time(session.auth_time);
    tail.text(session.scope.as_str());
    tail.raw(&[u8::from(session.client_id.is_some())]);
    tail.text(session.client_id.as_deref().unwrap_or_default());
    tail.text(&session.claims.to_json());
    tail.length(session.metadata.len());
    for (name, value) in &session.metadata {
        tail.text(name);
        tail.text(value);
    }
    row.extend(tail.finish());
    row
}

/// What a swap replaces.
pub(super) fn head(session: &Session) -> Vec<u8> {
    head_at(session, session.version)
}

fn head_at(session: &Session, version: u64) -> Vec<u8> {
    let mut head = Writer::with_capacity(HEAD);
    head.raw(&[FORMAT]);
    head.raw(&version.to_be_bytes());
    head.raw(&[session.revoked.map_or(NOT_REVOKED, |it| it.reason.code())]);
    head.raw(&session.generation.to_be_bytes());
    head.optional_time(session.confirmed_at);
    head.time(session.revoked.map_or(Timestamp::default(), |it| it.at));
    head.optional_time(session.rotated_at);
    head.optional_time(session.delivered_at);
    head.optional_time(session.last_refreshed_at);
    head.raw(&session.late.to_be_bytes());
    head.time(session.expires_at);
    head.finish()
}

/// How a row begins that a swap of that version may replace.
pub(super) fn at_version(version: u64) -> [u8; 10] {
    let [a, b, c, d, e, f, g, h] = version.to_be_bytes();
    [FORMAT, a, b, c, d, e, f, g, h, NOT_REVOKED]
}

/// How a row begins, but for its version, that waits to be confirmed.
pub(super) fn unconfirmed(generation: u32) -> Vec<u8> {
    let mut start = vec![FORMAT, NOT_REVOKED];
    start.extend(generation.to_be_bytes());
    start.push(NOT_CONFIRMED);
    start
}

/// The first byte of every row.
pub(super) const fn format() -> [u8; 1] {
    [FORMAT]
}

/// How the tail of a subject's rows begins.
pub(super) fn owner(issuer: &str, subject: &str) -> Vec<u8> {
    let mut owner = Writer::default();
    owner.text(issuer);
    owner.text(subject);
    owner.finish()
}

/// Reads the row of the session `id`.
pub(super) fn read(id: SessionId, row: &[u8]) -> Result<Session, StoreError> {
    read_all(id, row).map_err(|error| StoreError::with_source(StoreErrorKind::Corrupt, error))
}

fn read_all(id: SessionId, row: &[u8]) -> Result<Session, Unreadable> {
    let mut row = Reader::new(row);
    let mut session = Session::new(
        id,
        "",
        "",
        SessionSecret::from_bytes([0; 32]),
        Timestamp::default(),
    );
    read_head(&mut session, &mut row)?;
    session.issuer = row.text("issuer")?.to_owned();
    session.subject = row.text("subject")?.to_owned();
    session.secret = SessionSecret::from_bytes(row.array("secret")?);
    session.ends_at = row.time("ends_at")?;
    session.created_at = row.time("created_at")?;
    session.auth_time = row.time("auth_time")?;
    let scope = row.text("scope")?;
    session.scope = scope.parse().map_err(|_| Unreadable("scope"))?;
    let has_client = row.flag("client_id")?;
    let client_id = row.text("client_id")?;
    session.client_id = match (has_client, client_id) {
        (false, "") => None,
        (false, _) => return Err(Unreadable("client_id")),
        (true, client_id) => Some(client_id.to_owned()),
    };
    let claims = row.text("claims")?;
    session.claims = PrivateClaims::from_json(claims).map_err(|_| Unreadable("claims"))?;
    session.metadata = read_metadata(&mut row)?;
    Ok(session)
}

fn read_head(session: &mut Session, row: &mut Reader<'_>) -> Result<(), Unreadable> {
    if row.array("format")? != format() {
        return Err(Unreadable("format"));
    }
    session.version = u64::from_be_bytes(row.array("version")?);
    let [reason] = row.array("revoked")?;
    session.generation = u32::from_be_bytes(row.array("generation")?);
    session.confirmed_at = row.optional_time("confirmed_at")?;
    session.revoked = revoked(reason, row.time("revoked")?)?;
    session.rotated_at = row.optional_time("rotated_at")?;
    session.delivered_at = row.optional_time("delivered_at")?;
    session.last_refreshed_at = row.optional_time("last_refreshed_at")?;
    session.late = u32::from_be_bytes(row.array("late")?);
    session.expires_at = row.time("expires_at")?;
    Ok(())
}

/// What is left of the row, to its last byte.
fn read_metadata(row: &mut Reader<'_>) -> Result<Metadata, Unreadable> {
    let mut metadata = Metadata::new();
    let count = row.length("metadata")?;
    for _ in 0..count {
        let name = row.text("metadata")?.to_owned();
        metadata.insert(name, row.text("metadata")?.to_owned());
    }
    match row.is_empty() && metadata.len() == count {
        true => Ok(metadata),
        false => Err(Unreadable("metadata")),
    }
}

fn revoked(reason: u8, at: Timestamp) -> Result<Option<Revoked>, Unreadable> {
    if reason == NOT_REVOKED && at == Timestamp::default() {
        return Ok(None);
    }
    let reason = RevokeReason::from_code(reason).ok_or(Unreadable("revoked"))?;
    Ok(Some(Revoked::new(at, reason)))
}
