//! The filters and updates that the store sends.

use mongodb::bson::{Document, doc};

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Ended, Record, SessionState, StoreError},
};

use crate::document::{self, FIELDS, FORMAT};

/// No identifier is above this one.
const HIGHEST: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/// The name under which an answer has the server's time.
pub(crate) const NOW: &str = "now";

/// The field of an answer that has the server's time.
fn now() -> Document {
    doc! { NOW: "$$NOW" }
}

pub(crate) fn by_id(id: SessionId) -> Document {
    doc! { "_id": id.to_string() }
}

/// A session that is not ended.
pub(crate) fn not_ended(id: SessionId) -> Document {
    doc! { "_id": id.to_string(), "format": FORMAT, "live": true }
}

/// A session of this version that is not ended.
pub(crate) fn at_version(id: SessionId, version: i64) -> Document {
    let mut of = not_ended(id);
    of.insert("version", version);
    of
}

/// A session that is not ended, whose newest refresh token expires at `latest` at the latest, and whose version can
/// rise.
pub(crate) fn not_ended_by(id: SessionId, latest: Timestamp) -> Document {
    let mut of = not_ended(id);
    of.insert("expires_at", doc! { "$lte": document::date(latest) });
    of.insert("version", doc! { "$lt": i64::MAX });
    of
}

/// A session that was ended then.
pub(crate) fn ended_at(id: SessionId, ended: Ended) -> Document {
    doc! { "_id": id.to_string(), "format": FORMAT, "ended_at": document::date(ended.at) }
}

/// A session of this generation that is not ended and not confirmed.
fn unconfirmed(id: SessionId, generation: u32) -> Document {
    doc! {
        "_id": id.to_string(),
        "format": FORMAT,
        "live": true,
        "generation": i64::from(generation),
        "confirmed_at": null,
        // The highest version cannot rise, and nothing follows it that a confirmation would be needed for.
        "version": { "$lt": i64::MAX },
    }
}

/// The sessions of a subject that are not ended and whose identifiers are below `before`.
pub(crate) fn live(issuer: &str, subject: &str, before: Option<SessionId>) -> Document {
    let mut live = doc! { "issuer": issuer, "subject": subject, "live": true };
    if let Some(before) = before {
        live.insert("_id", doc! { "$lt": before.to_string() });
    }
    live
}

/// All sessions whose identifiers are below `before`, dead ones included, but not the document of the format.
pub(crate) fn below(before: Option<SessionId>) -> Document {
    match before {
        Some(before) => doc! { "_id": { "$lt": before.to_string() } },
        None => doc! { "_id": { "$lte": HIGHEST } },
    }
}

/// Those of the sessions that an issuer has started, are not ended and are not below `edge`.
pub(crate) fn live_of(below: &Document, edge: Option<&str>, issuer: &str) -> Document {
    let mut live = below.clone();
    if let (Ok(id), Some(edge)) = (live.get_document_mut("_id"), edge) {
        id.insert("$gte", edge);
    }
    live.extend(doc! { "live": true, "issuer": issuer });
    live
}

/// Those of the sessions that are not expired.
pub(crate) fn unexpired(mut live: Document, now: Timestamp) -> Document {
    for field in ["ends_at", "expires_at"] {
        live.insert(field, doc! { "$gt": document::date(now) });
    }
    live
}

/// The sessions that were ended at `since` or later, or at `since` and above `after`.
pub(crate) fn ended_since(since: Timestamp, after: Option<SessionId>) -> Document {
    let since = document::date(since);
    match after {
        None => doc! { "ended_at": { "$gte": since } },
        Some(after) => doc! { "$or": [
            { "ended_at": since, "_id": { "$gt": after.to_string() } },
            { "ended_at": { "$gt": since } },
        ] },
    }
}

/// The sessions whose time is over.
pub(crate) fn over(now: Timestamp) -> Document {
    doc! { "ends_at": { "$lte": document::date(now) } }
}

/// All fields of a session, and the server's time.
pub(crate) fn whole() -> Document {
    let mut whole: Document = FIELDS
        .map(|field| (field.to_owned(), 1.into()))
        .into_iter()
        .collect();
    whole.extend(now());
    whole
}

/// What an end has to know of a session, and the server's time.
pub(crate) fn peek() -> Document {
    let mut peek = doc! {
        "format": 1, "live": 1, "version": 1, "expires_at": 1, "ends_at": 1,
        "ended_at": 1, "end_reason": 1,
    };
    peek.extend(now());
    peek
}

/// The update by which a swap replaces the state.
pub(crate) fn swap(next: &SessionState) -> Result<Document, StoreError> {
    let state = document::of_state(next)?;
    Ok(match next.ended {
        None => doc! { "$set": state },
        Some(ended) => ending_of(state, ended, next.expires_at),
    })
}

/// The update that ends a session whose newest refresh token expires at `expires_at`.
pub(crate) fn end(next_version: i64, ended: Ended, expires_at: Timestamp) -> Document {
    ending_of(doc! { "version": next_version }, ended, expires_at)
}

/// The update that ends a session of any version, whose newest refresh token expires at `latest` at the latest.
pub(crate) fn end_any(ended: Ended, latest: Timestamp) -> Document {
    let mut end = ending_of(Document::new(), ended, latest);
    end.insert("$inc", doc! { "version": 1_i64 });
    end
}

/// The update that brings the deletion of an ended session forward.
pub(crate) fn kept_until(ended: Ended, expires_at: Timestamp) -> Document {
    doc! { "$min": { "ends_at": document::date(last_kept(ended, expires_at)) } }
}

/// Until when an ended session is kept at most.
pub(crate) fn last_kept(ended: Ended, expires_at: Timestamp) -> Timestamp {
    expires_at.max(ended.at + Record::KEPT_AFTER_END)
}

fn ending_of(mut set: Document, ended: Ended, expires_at: Timestamp) -> Document {
    set.extend(document::of_end(ended));
    set.extend(document::dropped());
    let mut ending = doc! { "$set": set, "$unset": { "live": "" } };
    ending.extend(kept_until(ended, expires_at));
    ending
}

/// One of the updates of a command that confirms sessions. The server sets the time.
pub(crate) fn confirm(id: SessionId, generation: u32) -> Document {
    doc! {
        "q": unconfirmed(id, generation),
        "u": { "$currentDate": { "confirmed_at": true }, "$inc": { "version": 1_i64 } },
    }
}
