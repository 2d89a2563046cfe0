//! Creates the tables, and checks their version.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, postgres::PgArguments,
    query::QueryScalar, query_scalar,
};
use tokio::time::timeout;

use tower_bearer::store::{OpenError, OpenErrorKind, StoreErrorKind};

use crate::tables::{SCHEMA, Tables};

use OpenErrorKind::{Address, Refused, Unreachable, Unsuitable};

use super::{error::kind, names::Names};

/// The advisory lock under which tables are created. The number only has to be one that no other
/// program uses.
const LOCK: i64 = i64::from_be_bytes(*b"tbearer\0");

type Question = QueryScalar<'static, Postgres, bool, PgArguments>;

const PATIENCE: Duration = Duration::from_secs(60);
const BEGIN: &str = "
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = '60s';
SET LOCAL lock_timeout = 0";

const IS_WRITABLE: &str = "SELECT pg_catalog.current_setting('transaction_read_only') = 'off'";
const HAS_SCHEMA: &str =
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1::text)";
/// This does not use `to_regclass`, which may not see a table that was created while the connection
/// waited for the lock.
const HAS_TABLE: &str = "
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = $1::text AND class.relname = $2::text
)";

/// The rights that a role lacks of those that calls of sessions need. Some are given by column.
const LACKS: &str = "
SELECT needed.verb FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
CROSS JOIN (VALUES (1, 'SELECT'), (2, 'INSERT'), (3, 'UPDATE'), (4, 'DELETE')) AS needed (place, verb)
WHERE namespace.nspname = $1::text AND class.relname = $2::text
    AND NOT CASE needed.verb
        WHEN 'DELETE' THEN pg_catalog.has_table_privilege(class.oid, needed.verb)
        ELSE pg_catalog.has_any_column_privilege(class.oid, needed.verb)
    END
ORDER BY needed.place";

/// The wide columns are last. A rotation changes no column of an index or of its condition, and
/// each page keeps room for new versions of its rows, so that a rotation does not write to an index.
fn create(names: &Names) -> String {
    let Names {
        sessions,
        version,
        live_index,
        ended_index,
        ends_at_index,
        ..
    } = names;
    format!(
        "
CREATE TABLE {version} (
    single boolean PRIMARY KEY CHECK (single),
    version bigint NOT NULL
);
CREATE TABLE {sessions} (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    generation bigint NOT NULL,
    rotated_at bigint,
    delivered_at bigint,
    confirmed_at bigint,
    late bigint NOT NULL,
    expires_at bigint NOT NULL,
    last_refreshed_at bigint,
    ended_at bigint,
    created_at bigint NOT NULL,
    auth_time bigint NOT NULL,
    ends_at bigint NOT NULL,
    idle_lifetime bigint,
    end_reason text,
    bound_to bytea,
    secret bytea NOT NULL,
    issuer bytea NOT NULL,
    subject bytea NOT NULL,
    scope text NOT NULL,
    client_id bytea,
    claims bytea NOT NULL,
    metadata bytea NOT NULL,
    extra bytea NOT NULL,
    state_extra bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX {live_index} ON {sessions} (issuer, subject, id) WHERE ended_at IS NULL;
CREATE INDEX {ended_index} ON {sessions} (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX {ends_at_index} ON {sessions} (ends_at);
INSERT INTO {version} (single, version) VALUES (true, {SCHEMA});
"
    )
}

/// A document is sealed, so that it cannot be compressed.
fn create_rings(names: &Names) -> String {
    let rings = &names.rings;
    format!(
        "
CREATE TABLE {rings} (
    name bytea PRIMARY KEY,
    version bigint NOT NULL,
    document bytea NOT NULL
);
ALTER TABLE {rings} ALTER COLUMN document SET STORAGE EXTERNAL;
"
    )
}

fn write_version(names: &Names) -> String {
    format!("UPDATE {} SET version = {SCHEMA}", names.version)
}

/// Creates the tables that are missing. Any number of servers may do so at the same time.
pub(super) async fn prepare(pool: &PgPool, names: &Names) -> Result<(), OpenError> {
    let silent = |_| OpenError::new(Unreachable, "its server does not answer");
    timeout(PATIENCE, open(pool, names)).await.map_err(silent)?
}

async fn open(pool: &PgPool, names: &Names) -> Result<(), OpenError> {
    // A connection of the pool would hide the reason of a failure, as the pool tries again.
    let options = pool.connect_options();
    let connect = PgConnection::connect_with(&options);
    let mut connection = connect.await.map_err(failed)?;
    let mut transaction = connection.begin_with(BEGIN).await.map_err(failed)?;
    if !ask(&mut transaction, query_scalar(IS_WRITABLE)).await? {
        return Err(OpenError::new(
            Unsuitable,
            "its server is read-only: it takes the primary",
        ));
    }
    // If the tables exist, the role need not be one that could make them.
    if tables(&mut transaction, names).await? == Some(Tables::Current) {
        return may_serve(&mut transaction, names).await;
    }
    sqlx::query("SELECT pg_catalog.pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .persistent(false)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    match tables(&mut transaction, names).await? {
        Some(Tables::Current) => return may_serve(&mut transaction, names).await,
        Some(Tables::WithoutRings) => {
            run(&mut transaction, create_rings(names)).await?;
            run(&mut transaction, write_version(names)).await?;
        }
        None => create_all(&mut transaction, names).await?,
    }
    transaction.commit().await.map_err(failed)
}

async fn create_all(connection: &mut PgConnection, names: &Names) -> Result<(), OpenError> {
    let has_schema = query_scalar(HAS_SCHEMA).bind(names.plain_schema.clone());
    if !ask(connection, has_schema).await? {
        run(connection, format!("CREATE SCHEMA {}", names.schema)).await?;
    }
    run(connection, create(names)).await?;
    run(connection, create_rings(names)).await
}

/// The tables, if there are any. It is an error if they are of another version.
async fn tables(connection: &mut PgConnection, names: &Names) -> Result<Option<Tables>, OpenError> {
    let has_table = query_scalar(HAS_TABLE)
        .bind(names.plain_schema.clone())
        .bind(names.plain_version.clone());
    if !ask(connection, has_table).await? {
        return Ok(None);
    }
    let read_version = format!("SELECT version FROM {}", names.version);
    let version: Option<i64> = query_scalar(AssertSqlSafe(read_version))
        .persistent(false)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    Tables::of_version(version).map(Some)
}

/// Whether the role may do with sessions what calls do. The table of key rings is left to those who open one.
async fn may_serve(connection: &mut PgConnection, names: &Names) -> Result<(), OpenError> {
    let lacks: Vec<String> = query_scalar(LACKS)
        .bind(names.plain_schema.clone())
        .bind(names.plain_sessions.clone())
        .persistent(false)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    if lacks.is_empty() {
        return Ok(());
    }
    let (lacks, table) = (lacks.join(", "), &names.sessions);
    let why = format!("the role lacks rights on the table {table}: {lacks}");
    Err(OpenError::new(Refused, why))
}

async fn ask(connection: &mut PgConnection, question: Question) -> Result<bool, OpenError> {
    let question = question.persistent(false);
    question.fetch_one(connection).await.map_err(failed)
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<(), OpenError> {
    let run = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    run.map(drop).map_err(failed)
}

fn failed(error: sqlx::Error) -> OpenError {
    let (cause, why) = match (&error, kind(&error)) {
        (sqlx::Error::Io(_), _) => (Unreachable, "its server cannot be reached"),
        (sqlx::Error::Tls(_), _) => (Unreachable, "its server cannot be reached by TLS"),
        (_, StoreErrorKind::Busy | StoreErrorKind::Timeout) => {
            (Unreachable, "its server is busy or does not answer")
        }
        (sqlx::Error::Database(error), _) => refused(error.code().as_deref().unwrap_or_default()),
        _ => (Unreachable, "its database cannot be read or written"),
    };
    OpenError::new(cause, why).with_source(super::error::failed(error))
}

/// Why the store cannot be opened, by the SQLSTATE.
fn refused(code: &str) -> (OpenErrorKind, &'static str) {
    match code {
        "3D000" => (Address, "there is no such database"),
        "42501" => (Refused, "the role may not make or read its tables"),
        "53300" => (Unreachable, "its server has too many connections"),
        _ if code.starts_with("28") => (Refused, "its server refuses the user or the password"),
        _ => (Unreachable, "its database cannot be read or written"),
    }
}
