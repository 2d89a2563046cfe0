//! The SQL statements. Each of them does a whole operation.
//!
//! Functions are named with their schema, so that a search path cannot put others in their place.

use std::{sync::Arc, time::Duration};

use tower_bearer::store::Record;

use crate::{
    columns::{self, LAST_BUT_ONE},
    walk::WALKED,
};

use super::names::Names;

/// The time in milliseconds since 1970, at the moment when the expression is evaluated. A write
/// evaluates it after it has locked the row.
const NOW: &str =
    "pg_catalog.floor(EXTRACT(EPOCH FROM pg_catalog.clock_timestamp()) * 1000)::bigint";

/// Whether the server accepts writes. A standby does not, and neither does a demoted primary.
const WRITABLE: &str = "pg_catalog.current_setting('transaction_read_only') = 'off'";

const COLUMNS: &str = columns::names!();

/// How long a swap waits for a row's lock while other swaps may wait for it, and a load for those that
/// it goes together with. It is usually longer than a commit takes.
pub(super) const SOON: Duration = Duration::from_millis(50);

pub(super) struct Statements {
    pub(super) now: Arc<str>,
    pub(super) insert: Arc<str>,
    pub(super) load: Arc<str>,
    pub(super) load_many: Arc<str>,
    pub(super) swap: Arc<str>,
    /// Like `swap`, but waits for the row's lock for a short time only.
    pub(super) swap_soon: Arc<str>,
    pub(super) swap_many: Arc<str>,
    /// A swap that ends the session.
    pub(super) swap_ending: Arc<str>,
    pub(super) confirm: Arc<str>,
    pub(super) end: Arc<str>,
    pub(super) end_all: Arc<str>,
    pub(super) list: Arc<str>,
    /// The last row that a page of the list of all looks at.
    pub(super) edge: Arc<str>,
    pub(super) list_all: Arc<str>,
    pub(super) ended_since: Arc<str>,
    pub(super) delete_expired: Arc<str>,
    pub(super) has_sessions: Arc<str>,
    pub(super) load_ring: Arc<str>,
    pub(super) insert_ring: Arc<str>,
    pub(super) swap_ring: Arc<str>,
}

impl Statements {
    /// The statements, which wait for the lock of a row for at most `wait`.
    pub(super) fn new(names: &Names, wait: Duration) -> Self {
        let sessions = &names.sessions;
        let settled = &settled(wait);
        Self {
            now: now(),
            has_sessions: format!(
                "SELECT {WRITABLE} AS writable, EXISTS (SELECT FROM {sessions}) AS has_sessions"
            )
            .into(),
            insert: insert(sessions, settled),
            load: load(sessions, "$1"),
            load_many: load(
                sessions,
                "ANY (ARRAY(SELECT pg_catalog.unnest($1::uuid[])))",
            ),
            swap: swap(sessions, settled, ""),
            swap_soon: swap(sessions, &self::settled(wait.min(SOON)), ""),
            swap_many: swap_many(sessions, settled),
            swap_ending: swap(sessions, settled, DROP_AT_END),
            confirm: confirm(sessions, settled),
            end: end(sessions, settled),
            end_all: end_all(sessions, settled),
            list: list(sessions),
            edge: edge(sessions),
            list_all: list_all(sessions),
            ended_since: ended_since(sessions),
            delete_expired: delete_expired(sessions),
            load_ring: load_ring(&names.rings),
            insert_ring: insert_ring(&names.rings, settled),
            swap_ring: swap_ring(&names.rings, settled),
        }
    }
}

/// A condition that is always true. It is evaluated before any row is read, and sets the durability
/// and the lock timeout for the statement's transaction. So a statement does not depend on the
/// state of its connection and leaves none behind.
fn settled(wait: Duration) -> String {
    let wait = wait.as_millis();
    format!(
        "(SELECT pg_catalog.set_config('lock_timeout', '{wait}', true) IS NOT NULL
            AND pg_catalog.set_config('synchronous_commit',
                CASE pg_catalog.current_setting('synchronous_commit')
                    WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on'
                END, true) IS NOT NULL)"
    )
}

fn now() -> Arc<str> {
    format!("SELECT {NOW} AS now, {WRITABLE} AS writable").into()
}

/// Also looks at the subject's newest sessions, whatever it finds. Where one has ended, its entry
/// is still in the index: this marks it, so that it makes room for later entries. Otherwise a list
/// would have to look at all entries since the last vacuum.
fn insert(sessions: &str, settled: &str) -> Arc<str> {
    format!(
        "INSERT INTO {sessions} ({COLUMNS})
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
            $19, $20, $21, $22, $23, $24, $25
        WHERE {settled} AND (
            SELECT pg_catalog.count(*) FROM (
                SELECT FROM {sessions} WHERE issuer = $2 AND subject = $3 AND ended_at IS NULL
                ORDER BY id DESC LIMIT 16
            ) AS newest
        ) >= 0"
    )
    .into()
}

/// Gives one row even if there is no session.
///
/// A list of identifiers is in a query of its own, here and in [`swap_many`], so that PostgreSQL keeps
/// the generic plan. Otherwise short lists look cheaper than a list of unknown length, and it plans
/// the statement anew each time, which costs several times as much as to run it.
fn load(sessions: &str, wanted: &str) -> Arc<str> {
    format!(
        "SELECT server.now, server.writable, kept.*
        FROM (SELECT {NOW} AS now, {WRITABLE} AS writable) AS server
        LEFT JOIN (SELECT {COLUMNS} FROM {sessions} WHERE id = {wanted}) AS kept ON true"
    )
    .into()
}

/// What a swap that ends the session sets besides the state.
const DROP_AT_END: &str = ", ends_at = LEAST(ends_at, $15), claims = '{}', metadata = '{}'";

fn swap(sessions: &str, settled: &str, more: &str) -> Arc<str> {
    format!(
        "UPDATE {sessions}
        SET version = $3, generation = $4, rotated_at = $5, delivered_at = $6, confirmed_at = $7,
            late = $8, expires_at = $9, last_refreshed_at = $10, bound_to = $11,
            state_extra = $12, ended_at = $13, end_reason = $14{more}
        WHERE id = $1 AND version = $2 AND ended_at IS NULL AND {settled}
        RETURNING true"
    )
    .into()
}

/// Skips rows that another transaction has locked. So it never waits for a row: it cannot be part
/// of a deadlock, and no row delays the others. Swaps that were not done here are then done alone,
/// which waits for the lock and tells whether the swap was lost.
fn swap_many(sessions: &str, settled: &str) -> Arc<str> {
    format!(
        "WITH held AS (
            SELECT next.* FROM {sessions} AS kept
            JOIN unnest((SELECT $1::uuid[]), $2::bigint[], $3::bigint[], $4::bigint[],
                $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                $11::bytea[], $12::bytea[])
                AS next (id, expected, version, generation, rotated_at, delivered_at, confirmed_at,
                    late, expires_at, last_refreshed_at, bound_to, state_extra)
                ON kept.id = next.id AND kept.version = next.expected
            WHERE kept.ended_at IS NULL AND {settled}
            FOR NO KEY UPDATE OF kept SKIP LOCKED
        )
        UPDATE {sessions} AS kept
        SET generation = held.generation, rotated_at = held.rotated_at,
            delivered_at = held.delivered_at, confirmed_at = held.confirmed_at, late = held.late,
            expires_at = held.expires_at, last_refreshed_at = held.last_refreshed_at,
            version = held.version, bound_to = held.bound_to, state_extra = held.state_extra
        FROM held WHERE kept.id = held.id
        RETURNING kept.id"
    )
    .into()
}

/// Locks its rows in the order of their identifiers, as every statement with several rows does,
/// so that no two statements can wait for each other.
fn confirm(sessions: &str, settled: &str) -> Arc<str> {
    format!(
        "WITH held AS (
            SELECT kept.id FROM {sessions} AS kept
            JOIN unnest($1::uuid[], $2::bigint[]) AS pair (id, generation)
                ON kept.id = pair.id AND kept.generation = pair.generation
            WHERE kept.confirmed_at IS NULL AND kept.ended_at IS NULL AND {settled}
            ORDER BY kept.id FOR NO KEY UPDATE OF kept
        )
        UPDATE {sessions} AS kept
        SET confirmed_at = {NOW}, version = LEAST(kept.version, {LAST_BUT_ONE}) + 1
        FROM held WHERE kept.id = held.id"
    )
    .into()
}

/// What an end sets besides the reason: what [`Record::end`] sets, by one reading of the clock.
fn ended() -> String {
    let day = Record::KEPT_AFTER_END.as_millis();
    format!(
        "(ended_at, ends_at) = (
                SELECT now, LEAST(kept.ends_at, GREATEST(kept.expires_at, now + {day}))
                FROM (SELECT {NOW} AS now) AS clock
            ),
            claims = '{{}}', metadata = '{{}}', state_extra = '{{}}',
            version = LEAST(kept.version, {LAST_BUT_ONE}) + 1"
    )
}

fn end(sessions: &str, settled: &str) -> Arc<str> {
    let ended = ended();
    format!(
        "UPDATE {sessions} AS kept SET {ended}, end_reason = $2
        WHERE id = $1 AND ended_at IS NULL AND {settled}
        RETURNING true"
    )
    .into()
}

/// `$3` is a session that goes on. The sessions are found again by a list of identifiers, as for a
/// join the planner may prefer to read the whole table if it has few subjects.
fn end_all(sessions: &str, settled: &str) -> Arc<str> {
    let ended = ended();
    format!(
        "WITH held AS (
            SELECT id FROM {sessions}
            WHERE issuer = $1 AND subject = $2 AND id IS DISTINCT FROM $3 AND ended_at IS NULL
                AND {settled}
            ORDER BY id FOR NO KEY UPDATE
        )
        UPDATE {sessions} AS kept SET {ended}, end_reason = $4
        WHERE kept.id = ANY (ARRAY(SELECT id FROM held))
        RETURNING kept.id"
    )
    .into()
}

/// Gives one row even if there is no session. `$3` is the highest identifier to list, and `$4` is
/// one to leave out. The two times are one expression, as the planner may else take the index by
/// `ends_at`, which has all sessions of all subjects.
fn list(sessions: &str) -> Arc<str> {
    format!(
        "WITH clock AS (SELECT {NOW} AS now, {WRITABLE} AS writable)
        SELECT now, writable, live.*
        FROM clock LEFT JOIN LATERAL (
            SELECT {COLUMNS} FROM {sessions}
            WHERE issuer = $1 AND subject = $2 AND id <= $3 AND id IS DISTINCT FROM $4
                AND ended_at IS NULL AND LEAST(expires_at, ends_at) > clock.now
            ORDER BY id DESC LIMIT $5
        ) AS live ON true
        ORDER BY id DESC"
    )
    .into()
}

/// Gives one row even if there is no edge. `$1` is the highest identifier to look at, and `$2` is one to
/// leave out.
fn edge(sessions: &str) -> Arc<str> {
    format!(
        "SELECT server.writable, edge.id
        FROM (SELECT {WRITABLE} AS writable) AS server
        LEFT JOIN LATERAL (
            SELECT id FROM {sessions} WHERE id <= $1 AND id IS DISTINCT FROM $2
            ORDER BY id DESC LIMIT 1 OFFSET {WALKED} - 1
        ) AS edge ON true"
    )
    .into()
}

/// Gives one row even if there is no session. `$1` and `$2` are those of [`edge`], and `$3` is the lowest
/// identifier to look at. What makes a session live is one expression, as the planner may else take the
/// index by subject, and sort all sessions.
fn list_all(sessions: &str) -> Arc<str> {
    format!(
        "WITH clock AS (SELECT {NOW} AS now, {WRITABLE} AS writable)
        SELECT now, writable, live.*
        FROM clock LEFT JOIN LATERAL (
            SELECT {COLUMNS} FROM {sessions}
            WHERE id <= $1 AND id IS DISTINCT FROM $2 AND id >= $3
                AND CASE WHEN issuer = $4 AND ended_at IS NULL
                    THEN LEAST(expires_at, ends_at) > clock.now ELSE false END
            ORDER BY id DESC LIMIT $5
        ) AS live ON true
        ORDER BY id DESC"
    )
    .into()
}

/// Gives one row even if there is no session. `$1` and `$2` are the first time and identifier, and
/// `$3` is an identifier to leave out at this very time.
fn ended_since(sessions: &str) -> Arc<str> {
    format!(
        "WITH server AS (SELECT {WRITABLE} AS writable)
        SELECT writable, ended.*
        FROM server LEFT JOIN LATERAL (
            SELECT id, ended_at FROM {sessions}
            WHERE ended_at IS NOT NULL AND (ended_at, id) >= ($1, $2)
                AND (ended_at, id) IS DISTINCT FROM ($1, $3)
            ORDER BY ended_at, id LIMIT $4
        ) AS ended ON true
        ORDER BY ended_at, id"
    )
    .into()
}

/// Skips rows that another transaction has locked, and so never waits.
fn delete_expired(sessions: &str) -> Arc<str> {
    format!(
        "WITH ended AS (
            SELECT id FROM {sessions} WHERE ends_at <= (SELECT {NOW})
            ORDER BY ends_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        DELETE FROM {sessions} AS kept USING ended WHERE kept.id = ended.id
        RETURNING true"
    )
    .into()
}

/// Gives one row even if there is no ring.
fn load_ring(rings: &str) -> Arc<str> {
    format!(
        "SELECT server.now, server.writable, kept.*
        FROM (SELECT {NOW} AS now, {WRITABLE} AS writable) AS server
        LEFT JOIN (SELECT version, document FROM {rings} WHERE name = $1) AS kept ON true"
    )
    .into()
}

fn insert_ring(rings: &str, settled: &str) -> Arc<str> {
    format!(
        "INSERT INTO {rings} (name, version, document) SELECT $1, $2, $3 WHERE {settled}
        ON CONFLICT DO NOTHING
        RETURNING true"
    )
    .into()
}

fn swap_ring(rings: &str, settled: &str) -> Arc<str> {
    format!(
        "UPDATE {rings} SET version = $2, document = $3
        WHERE name = $1 AND version = $4 AND {settled}
        RETURNING true"
    )
    .into()
}
