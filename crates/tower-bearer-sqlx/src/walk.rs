//! The list of all sessions, for all SQL stores: it goes down by identifiers, so that new sessions come first, and looks
//! at a limited number of rows, as most of a table may be dead sessions. Two statements do that: one finds the
//! edge, the last row to look at, and one reads what is live down to it.

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Cursor, ListedAll, Record, StoreError},
};

/// The most rows that one call looks at.
pub(crate) const WALKED: i64 = 2_000;

/// The session that a page begins below, if it is not the first page.
pub(crate) fn before(after: Option<&Cursor>) -> Result<Option<SessionId>, StoreError> {
    after.map(Cursor::session_id).transpose()
}

/// The answer to a call that has read down to the edge, or to the end if there is none.
pub(crate) fn page(
    records: Vec<Record>,
    limit: usize,
    edge: Option<SessionId>,
    now: Timestamp,
) -> ListedAll {
    let last = records.last().map(|record| record.session.id);
    let next = match records.len() < limit {
        true => edge,
        false => last,
    };
    ListedAll::new(records, next.map(Cursor::from), now)
}
