//! The SQL statements. Each of them does a whole operation, except for those of `end_all`.
//!
//! Each names its index: where a statement has an `ORDER BY … LIMIT` or an `IS NULL`, the optimizers prefer
//! others, which lock or read more.

use std::sync::Arc;

use tower_bearer::store::Record;

use crate::{
    columns::{self, LAST_BUT_ONE},
    walk::WALKED,
};

use super::names::Names;

/// The time in milliseconds since 1970 at which the statement began, whatever the time zone.
const NOW: &str =
    "(TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)";

/// Whether the server accepts writes. Newer servers have more values than `ON`.
const WRITABLE: &str = "(CONCAT(@@GLOBAL.read_only) IN ('0', 'OFF') \
    AND CONCAT(@@GLOBAL.innodb_read_only) IN ('0', 'OFF'))";

const COLUMNS: &str = columns::names!();

/// The most values in one list of a statement.
pub(super) const MOST: usize = 64;

pub(super) struct Statements {
    pub(super) now: Arc<str>,
    pub(super) insert: Arc<str>,
    pub(super) load: Arc<str>,
    pub(super) swap: Arc<str>,
    /// A swap that ends the session.
    pub(super) swap_ending: Arc<str>,
    /// For 1, 2, 4, … pairs.
    pub(super) confirm: Vec<Arc<str>>,
    pub(super) end: Arc<str>,
    pub(super) live: Arc<str>,
    /// For 1, 2, 4, … identifiers.
    pub(super) hold: Vec<Arc<str>>,
    /// For 1, 2, 4, … identifiers.
    pub(super) end_held: Vec<Arc<str>>,
    pub(super) list: Arc<str>,
    /// The last row that a page of the list of all looks at.
    pub(super) edge: Arc<str>,
    pub(super) list_all: Arc<str>,
    pub(super) ended_from: Arc<str>,
    pub(super) ended_after: Arc<str>,
    pub(super) delete_expired: Arc<str>,
    pub(super) has_sessions: Arc<str>,
    pub(super) load_ring: Arc<str>,
    pub(super) insert_ring: Arc<str>,
    pub(super) swap_ring: Arc<str>,
}

impl Statements {
    pub(super) fn new(names: &Names) -> Self {
        let sessions = &names.sessions;
        Self {
            now: format!("SELECT {NOW} AS `now`, {WRITABLE} AS `writable`").into(),
            has_sessions: format!(
                "SELECT {NOW} AS `now`, {WRITABLE} AS `writable`,
                    CAST(EXISTS (SELECT 1 FROM {sessions}) AS SIGNED) AS `has_sessions`"
            )
            .into(),
            insert: insert(sessions),
            load: load(sessions),
            swap: swap(sessions, ""),
            swap_ending: swap(sessions, DROP_AT_END),
            confirm: lists(|values| confirm(sessions, values)),
            end: end(sessions, "= ?"),
            live: live(sessions),
            hold: lists(|values| hold(sessions, values)),
            end_held: lists(|values| end(sessions, &format!("IN ({})", several("?", values)))),
            list: list(sessions),
            edge: edge(sessions),
            list_all: list_all(sessions),
            ended_from: ended_since(sessions, "ended_at >= ?"),
            ended_after: ended_since(sessions, "(ended_at > ? OR (ended_at = ? AND id > ?))"),
            delete_expired: delete_expired(sessions),
            load_ring: load_ring(&names.rings),
            insert_ring: insert_ring(&names.rings),
            swap_ring: swap_ring(&names.rings),
        }
    }
}

/// Each number of values for which there is a statement of its own. A list of another length repeats its
/// last value, so that a connection has only few statements to keep.
fn lists(statement: impl Fn(usize) -> Arc<str>) -> Vec<Arc<str>> {
    (0..)
        .map(|power| 1 << power)
        .take_while(|length| *length <= MOST)
        .map(statement)
        .collect()
}

fn several(value: &str, times: usize) -> String {
    vec![value; times].join(", ")
}

fn insert(sessions: &str) -> Arc<str> {
    let values = several("?", COLUMNS.split(", ").count());
    format!("INSERT INTO {sessions} ({COLUMNS}) VALUES ({values})").into()
}

/// Gives one row even if there is no session.
fn load(sessions: &str) -> Arc<str> {
    format!(
        "SELECT {NOW} AS `now`, {WRITABLE} AS `writable`, {COLUMNS}
        FROM (SELECT 1 AS one) AS server
        LEFT JOIN {sessions} FORCE INDEX (PRIMARY) ON id = ?"
    )
    .into()
}

/// What a swap that ends the session sets besides the state.
const DROP_AT_END: &str = ", ends_at = LEAST(ends_at, ?), claims = '{}', metadata = '{}'";

fn swap(sessions: &str, more: &str) -> Arc<str> {
    format!(
        "UPDATE {sessions} FORCE INDEX (PRIMARY)
        SET version = ?, generation = ?, rotated_at = ?, delivered_at = ?, confirmed_at = ?,
            late = ?, expires_at = ?, last_refreshed_at = ?, bound_to = ?, state_extra = ?,
            ended_at = ?, end_reason = ?{more}
        WHERE id = ? AND version = ? AND ended_at IS NULL"
    )
    .into()
}

/// The rows are found by their identifiers alone, in their order, and then compared with the pairs.
fn confirm(sessions: &str, pairs: usize) -> Arc<str> {
    let (ids, pairs) = (several("?", pairs), several("(?, ?)", pairs));
    format!(
        "UPDATE {sessions} FORCE INDEX (PRIMARY)
        SET confirmed_at = {NOW}, version = LEAST(version, {LAST_BUT_ONE}) + 1
        WHERE id IN ({ids}) AND (id, generation) IN ({pairs})
            AND confirmed_at IS NULL AND ended_at IS NULL"
    )
    .into()
}

/// What [`Record::end`] changes. No value depends on a column that is set before it: whether that would be
/// the old one or the new one depends on the server's mode.
fn end(sessions: &str, which: &str) -> Arc<str> {
    let day = Record::KEPT_AFTER_END.as_millis();
    format!(
        "UPDATE {sessions} FORCE INDEX (PRIMARY)
        SET ended_at = {NOW}, ends_at = LEAST(ends_at, GREATEST(expires_at, {NOW} + {day})),
            claims = '{{}}', metadata = '{{}}', state_extra = '{{}}',
            version = LEAST(version, {LAST_BUT_ONE}) + 1,
            end_reason = ?
        WHERE id {which} AND ended_at IS NULL"
    )
    .into()
}

/// The sessions of a subject that are not ended, and only those: the index has all of them together. Gives
/// one row even if there is none.
fn live(sessions: &str) -> Arc<str> {
    format!(
        "SELECT {NOW} AS `now`, {WRITABLE} AS `writable`, live.*
        FROM (SELECT 1 AS one) AS server
        LEFT JOIN (
            SELECT id FROM {sessions} FORCE INDEX (live)
            WHERE issuer = ? AND subject = ? AND ended_at IS NULL
        ) AS live ON TRUE"
    )
    .into()
}

fn hold(sessions: &str, ids: usize) -> Arc<str> {
    let ids = several("?", ids);
    format!(
        "SELECT id FROM {sessions} FORCE INDEX (PRIMARY)
        WHERE id IN ({ids}) AND ended_at IS NULL FOR UPDATE"
    )
    .into()
}

/// Gives one row even if there is no session. The rows have no order.
fn list(sessions: &str) -> Arc<str> {
    format!(
        "SELECT {NOW} AS `now`, {WRITABLE} AS `writable`, live.*
        FROM (SELECT 1 AS one) AS server
        LEFT JOIN (
            SELECT {COLUMNS} FROM {sessions} FORCE INDEX (live)
            WHERE issuer = ? AND subject = ? AND ended_at IS NULL AND id <= ?
                AND expires_at > {NOW} AND ends_at > {NOW}
            ORDER BY id DESC LIMIT ?
        ) AS live ON TRUE"
    )
    .into()
}

/// Gives one row even if there is no edge.
fn edge(sessions: &str) -> Arc<str> {
    let passed = WALKED - 1;
    format!(
        "SELECT {NOW} AS `now`, {WRITABLE} AS `writable`, edge.*
        FROM (SELECT 1 AS one) AS server
        LEFT JOIN (
            SELECT id FROM {sessions} FORCE INDEX (PRIMARY)
            WHERE id <= ? ORDER BY id DESC LIMIT 1 OFFSET {passed}
        ) AS edge ON TRUE"
    )
    .into()
}

/// Gives one row even if there is no session. The rows have no order.
fn list_all(sessions: &str) -> Arc<str> {
    format!(
        "SELECT {NOW} AS `now`, {WRITABLE} AS `writable`, live.*
        FROM (SELECT 1 AS one) AS server
        LEFT JOIN (
            SELECT {COLUMNS} FROM {sessions} FORCE INDEX (PRIMARY)
            WHERE id <= ? AND id >= ? AND issuer = ? AND ended_at IS NULL
                AND expires_at > {NOW} AND ends_at > {NOW}
            ORDER BY id DESC LIMIT ?
        ) AS live ON TRUE"
    )
    .into()
}

/// Gives one row even if there is no session. The rows have no order.
fn ended_since(sessions: &str, which: &str) -> Arc<str> {
    format!(
        "SELECT {NOW} AS `now`, {WRITABLE} AS `writable`, ended.*
        FROM (SELECT 1 AS one) AS server
        LEFT JOIN (
            SELECT id, ended_at FROM {sessions} FORCE INDEX (ended)
            WHERE {which} ORDER BY ended_at, id LIMIT ?
        ) AS ended ON TRUE"
    )
    .into()
}

fn delete_expired(sessions: &str) -> Arc<str> {
    format!("DELETE FROM {sessions} WHERE ends_at <= {NOW} ORDER BY ends_at LIMIT ?").into()
}

/// Gives one row even if there is no ring.
fn load_ring(rings: &str) -> Arc<str> {
    format!(
        "SELECT {NOW} AS `now`, {WRITABLE} AS `writable`, version, document
        FROM (SELECT 1 AS one) AS server LEFT JOIN {rings} ON name = ?"
    )
    .into()
}

fn insert_ring(rings: &str) -> Arc<str> {
    format!("INSERT INTO {rings} (version, document, name) VALUES (?, ?, ?)").into()
}

fn swap_ring(rings: &str) -> Arc<str> {
    format!("UPDATE {rings} SET version = ?, document = ? WHERE name = ? AND version = ?").into()
}
