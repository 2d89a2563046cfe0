//! Writes a session to its document, and reads it back.

use std::time::Duration;

use mongodb::bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        EndReason, Ended, Extra, KeyThumbprint, Metadata, PrivateClaims, Record, Session,
        SessionSecret, SessionState, StoreError, StoreErrorKind,
    },
};

/// The format of documents. Format 1 was never released.
pub(crate) const FORMAT: i32 = 2;

/// How many bytes the texts of a session may have in all. Those within the limits of a grant have a
/// fraction of it, and a document of MongoDB has 16 MiB.
const LARGEST: usize = 1024 * 1024;

/// Every field that a session is read from.
pub(crate) const FIELDS: [&str; 27] = [
    "_id",
    "format",
    "live",
    "issuer",
    "subject",
    "secret",
    "created_at",
    "auth_time",
    "ends_at",
    "scope",
    "client_id",
    "claims",
    "metadata",
    "idle_lifetime",
    "extra",
    "version",
    "generation",
    "rotated_at",
    "delivered_at",
    "confirmed_at",
    "late",
    "expires_at",
    "last_refreshed_at",
    "bound_to",
    "state_extra",
    "ended_at",
    "end_reason",
];

/// A field has a value that it cannot have. The error does not show the value.
#[derive(Debug, thiserror::Error)]
#[error("the field {0} has a value that cannot be read")]
struct Unreadable(&'static str);

/// A session that no document can hold.
#[derive(Debug, thiserror::Error)]
enum TooMuch {
    #[error("its texts take {0} bytes, and may take {LARGEST}")]
    Bytes(usize),
    #[error("its version is above 2^63 - 1")]
    Version,
}

pub(crate) fn unreadable(field: &'static str) -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, Unreadable(field))
}

/// The document of a new session.
pub(crate) fn new(record: &Record) -> Result<Document, StoreError> {
    let Record { session, state } = record;
    let mut document = login(session)?;
    document.extend(of_state(state)?);
    match state.ended {
        Some(ended) => document.extend(of_end(ended)),
        None => document.extend(doc! { "live": true }),
    }
    Ok(document)
}

/// The part that the login wrote.
fn login(session: &Session) -> Result<Document, StoreError> {
    let Session {
        id,
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
    let (claims, extra) = (claims.to_json(), extra.to_json());
    let notes = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len());
    let bytes = notes.sum::<usize>()
        + [issuer, subject, scope.as_str(), &claims, &extra]
            .map(str::len)
            .into_iter()
            .sum::<usize>()
        + client_id.as_ref().map_or(0, String::len);
    if bytes > LARGEST {
        return Err(too_much(TooMuch::Bytes(bytes)));
    }
    let secret = Binary {
        subtype: BinarySubtype::Generic,
        bytes: secret.expose().to_vec(),
    };
    let lifetime = idle_lifetime.map(|it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    Ok(doc! {
        "_id": id.to_string(),
        "format": FORMAT,
        "issuer": issuer,
        "subject": subject,
        "secret": secret,
        "created_at": date(*created_at),
        "auth_time": date(*auth_time),
        "ends_at": date(*ends_at),
        "scope": scope.as_str(),
        "client_id": client_id.as_deref(),
        "claims": claims,
        "metadata": notes_of(metadata),
        "idle_lifetime": lifetime,
        "extra": extra,
    })
}

/// The part that a swap replaces, but for the end.
pub(crate) fn of_state(state: &SessionState) -> Result<Document, StoreError> {
    let SessionState {
        version,
        generation,
        rotated_at,
        delivered_at,
        confirmed_at,
        late,
        expires_at,
        last_refreshed_at,
        ended: _,
        bound_to,
        extra,
    } = state;
    Ok(doc! {
        "version": self::version(*version)?,
        "generation": i64::from(*generation),
        "rotated_at": rotated_at.map(date),
        "delivered_at": delivered_at.map(date),
        "confirmed_at": confirmed_at.map(date),
        "late": i64::from(*late),
        "expires_at": date(*expires_at),
        "last_refreshed_at": last_refreshed_at.map(date),
        "bound_to": bound_to.as_ref().map(KeyThumbprint::to_string),
        "state_extra": extra.to_json(),
    })
}

/// What a session gets as it ends.
pub(crate) fn of_end(ended: Ended) -> Document {
    doc! { "ended_at": date(ended.at), "end_reason": ended.reason.as_str() }
}

/// What is left of what an end drops.
pub(crate) fn dropped() -> Document {
    doc! {
        "claims": PrivateClaims::default().to_json(),
        "metadata": notes_of(&Metadata::new()),
        "state_extra": Extra::default().to_json(),
    }
}

pub(crate) fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.as_millis())
}

/// The version as it is in a document. One that is too large is in none.
pub(crate) fn version(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|_| too_much(TooMuch::Version))
}

fn too_much(source: TooMuch) -> StoreError {
    StoreError::with_source(StoreErrorKind::Unstorable, source)
}

fn notes_of(metadata: &Metadata) -> Vec<Bson> {
    let notes = metadata.iter();
    notes
        .map(|(name, value)| Bson::Document(doc! { "name": name, "value": value }))
        .collect()
}

/// Reads a session from its document.
pub(crate) fn read(document: &Document) -> Result<Record, StoreError> {
    check_format(document)?;
    let state = SessionState {
        version: number(document, "version")?,
        generation: number(document, "generation")?,
        rotated_at: optional(document, "rotated_at", time_of)?,
        delivered_at: optional(document, "delivered_at", time_of)?,
        confirmed_at: optional(document, "confirmed_at", time_of)?,
        late: number(document, "late")?,
        expires_at: time(document, "expires_at")?,
        last_refreshed_at: optional(document, "last_refreshed_at", time_of)?,
        ended: ended(document)?,
        bound_to: optional(document, "bound_to", |it| it.as_str()?.parse().ok())?,
        extra: extra(document, "state_extra")?,
    };
    let session = read_login(document)?;
    Ok(Record { session, state })
}

fn read_login(document: &Document) -> Result<Session, StoreError> {
    Ok(Session {
        id: id(document)?,
        issuer: text(document, "issuer")?.to_owned(),
        subject: text(document, "subject")?.to_owned(),
        secret: parsed(document, "secret", secret_of)?,
        created_at: time(document, "created_at")?,
        auth_time: time(document, "auth_time")?,
        ends_at: time(document, "ends_at")?,
        scope: parsed(document, "scope", |it| it.as_str()?.parse().ok())?,
        client_id: optional(document, "client_id", |it| it.as_str().map(str::to_owned))?,
        claims: parsed(document, "claims", |it| {
            PrivateClaims::from_json(it.as_str()?).ok()
        })?,
        metadata: parsed(document, "metadata", metadata_of)?,
        idle_lifetime: optional(document, "idle_lifetime", |it| {
            let millis = u64::try_from(integer_of(it)?).ok()?;
            Some(Duration::from_millis(millis))
        })?,
        extra: extra(document, "extra")?,
    })
}

/// Refuses a document of another format.
pub(crate) fn check_format(document: &Document) -> Result<(), StoreError> {
    match document.get("format").and_then(integer_of) {
        Some(format) if format == i64::from(FORMAT) => Ok(()),
        _ => Err(unreadable("format")),
    }
}

pub(crate) fn id(document: &Document) -> Result<SessionId, StoreError> {
    parsed(document, "_id", |it| {
        let text = it.as_str()?;
        let id = text.parse::<SessionId>().ok()?;
        // A UUID may be written in several ways.
        (id.to_string() == text).then_some(id)
    })
}

/// When and why the session was ended, if it was.
pub(crate) fn ended(document: &Document) -> Result<Option<Ended>, StoreError> {
    let is_live = match document.get("live") {
        None => false,
        Some(Bson::Boolean(true)) => true,
        Some(_) => return Err(unreadable("live")),
    };
    let at = document.get("ended_at");
    let reason = document.get("end_reason");
    match (is_live, at, reason) {
        (true, None, None) => Ok(None),
        (false, Some(at), Some(reason)) => {
            let at = time_of(at).ok_or_else(|| unreadable("ended_at"))?;
            let reason = reason.as_str().and_then(EndReason::from_name);
            let reason = reason.ok_or_else(|| unreadable("end_reason"))?;
            Ok(Some(Ended::new(at, reason)))
        }
        _ => Err(unreadable("live")),
    }
}

pub(crate) fn number<T: TryFrom<i64>>(
    document: &Document,
    field: &'static str,
) -> Result<T, StoreError> {
    parsed(document, field, |it| T::try_from(integer_of(it)?).ok())
}

pub(crate) fn time(document: &Document, field: &'static str) -> Result<Timestamp, StoreError> {
    parsed(document, field, time_of)
}

fn text<'a>(document: &'a Document, field: &'static str) -> Result<&'a str, StoreError> {
    parsed(document, field, Bson::as_str)
}

fn parsed<'a, T>(
    document: &'a Document,
    field: &'static str,
    parse: impl FnOnce(&'a Bson) -> Option<T>,
) -> Result<T, StoreError> {
    let value = document.get(field).and_then(parse);
    value.ok_or_else(|| unreadable(field))
}

fn extra(document: &Document, field: &'static str) -> Result<Extra, StoreError> {
    parsed(document, field, |it| Extra::from_json(it.as_str()?).ok())
}

/// Reads a field that may be `null`.
fn optional<T>(
    document: &Document,
    field: &'static str,
    parse: impl FnOnce(&Bson) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    parsed(document, field, |it| match it {
        Bson::Null => Some(None),
        it => parse(it).map(Some),
    })
}

fn time_of(value: &Bson) -> Option<Timestamp> {
    let date = value.as_datetime()?;
    Some(Timestamp::from_millis(date.timestamp_millis()))
}

/// An integer of either size: a tool that copies documents may write a small one as the smaller.
pub(crate) fn integer_of(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(value) => Some(i64::from(*value)),
        Bson::Int64(value) => Some(*value),
        _ => None,
    }
}

fn secret_of(value: &Bson) -> Option<SessionSecret> {
    let Bson::Binary(binary) = value else {
        return None;
    };
    let bytes = binary.bytes.as_slice().try_into().ok()?;
    Some(SessionSecret::from_bytes(bytes))
}

fn metadata_of(value: &Bson) -> Option<Metadata> {
    let notes = value.as_array()?;
    let metadata: Metadata = notes.iter().map(note_of).collect::<Option<_>>()?;
    (metadata.len() == notes.len()).then_some(metadata)
}

fn note_of(value: &Bson) -> Option<(String, String)> {
    let note = value.as_document()?;
    let [name, value] = ["name", "value"].map(|field| note.get(field).and_then(Bson::as_str));
    Some((name?.to_owned(), value?.to_owned()))
}
