//! Creates the tables, and checks the server and their version.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _, mysql::MySqlConnectOptions};
use tokio::time::timeout;

use tower_bearer::store::{OpenError, OpenErrorKind, StoreErrorKind};

use crate::{
    columns,
    tables::{SCHEMA, Tables},
};

use OpenErrorKind::{Address, Refused, Unreachable, Unsuitable};

use super::{
    error::{kind, number},
    names::Names,
    options::MySqlOptions,
    settings::{Settings, Settle},
};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to begin again, if others make the same tables at the same time.
const ATTEMPTS: u32 = 5;

/// A server whose tables are there.
pub(super) struct Prepared {
    pub(super) names: Names,
    /// What settles its connections.
    pub(super) settle: Settle,
}

/// Creates the tables if they are missing. Any number of servers may do so at the same time.
pub(super) async fn prepare(
    connect: &MySqlConnectOptions,
    options: &MySqlOptions,
) -> Result<Prepared, OpenError> {
    super::names::check(&options.table)?;
    let silent = |_| OpenError::new(Unreachable, "its server does not answer");
    timeout(PATIENCE, open(connect, options))
        .await
        .map_err(silent)?
}

async fn open(
    connect: &MySqlConnectOptions,
    options: &MySqlOptions,
) -> Result<Prepared, OpenError> {
    // A connection of the pool would hide the reason of a failure, as the pool tries again.
    let mut connection = MySqlConnection::connect_with(connect)
        .await
        .map_err(failed)?;
    let settings = Settings::ask(&mut connection).await.map_err(failed)?;
    settings.check()?;
    run(&mut connection, &settings.settle(PATIENCE))
        .await
        .map_err(failed)?;
    let names = Names::new(&database(&mut connection).await?, &options.table);
    let mut attempts = 1;
    while let Err(error) = make(&mut connection, &names).await? {
        if attempts == ATTEMPTS {
            return Err(failed(error));
        }
        attempts += 1;
    }
    // The server has answered all that was asked, whatever becomes of this.
    let _ = connection.close().await;
    let settle = settings.settle(options.timeout);
    Ok(Prepared { names, settle })
}

async fn database(connection: &mut MySqlConnection) -> Result<String, OpenError> {
    let row = sqlx::raw_sql("SELECT DATABASE()")
        .fetch_one(connection)
        .await;
    let database: Option<Vec<u8>> = row
        .and_then(|row| row.try_get_unchecked(0))
        .map_err(failed)?;
    let database = database.and_then(|bytes| String::from_utf8(bytes).ok());
    database.ok_or_else(|| OpenError::new(Address, "its address names no database"))
}

/// Makes the tables if they are missing. The inner error is one after which to begin again: a transaction of
/// another server was in the way.
async fn make(
    connection: &mut MySqlConnection,
    names: &Names,
) -> Result<Result<(), sqlx::Error>, OpenError> {
    let made = make_once(connection, names).await;
    match made {
        Err(error) if kind(&error) == StoreErrorKind::Busy => Ok(Err(error)),
        Err(error) => Err(failed(error)),
        // The table of rings is there now, whatever others have made of the version.
        Ok(version) => Tables::of_version(version).map(|_| Ok(())),
    }
}

/// Gives the version of the tables. If they exist, the user needs no more than the right to read it.
async fn make_once(
    connection: &mut MySqlConnection,
    names: &Names,
) -> Result<Option<i64>, sqlx::Error> {
    let found = version(connection, names).await?;
    let missing = match found.map(|version| Tables::of_version(Some(version))) {
        None => [create(names).as_slice(), &create_rings(names)].concat(),
        Some(Ok(Tables::WithoutRings)) => create_rings(names).to_vec(),
        Some(_) => return Ok(found),
    };
    for statement in missing {
        run(connection, &statement).await?;
    }
    version(connection, names).await
}

async fn version(
    connection: &mut MySqlConnection,
    names: &Names,
) -> Result<Option<i64>, sqlx::Error> {
    let read = format!("SELECT version FROM {}", names.version);
    match sqlx::raw_sql(AssertSqlSafe(read))
        .fetch_optional(connection)
        .await
    {
        Ok(row) => row.map(|row| row.try_get(0)).transpose(),
        Err(error) if number(&error) == Some(NO_SUCH_TABLE) => Ok(None),
        Err(error) => Err(error),
    }
}

const NO_SUCH_TABLE: u16 = 1146;
const NO_SUCH_COLUMN: u16 = 1054;

/// Each of them does nothing where its work is done already. The last one looks whether a table that was there is
/// one of the store's.
///
/// A rotation changes no column of an index. The index `live` has the sessions of a subject that are not
/// ended together, as their `ended_at` is null, and those that are ended elsewhere.
fn create(names: &Names) -> [String; 3] {
    let Names {
        sessions, version, ..
    } = names;
    let columns = columns::names!();
    [
        format!(
            "CREATE TABLE IF NOT EXISTS {version} (
                single TINYINT NOT NULL PRIMARY KEY,
                version BIGINT NOT NULL
            ) ENGINE = InnoDB"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {sessions} (
                id BINARY(16) NOT NULL PRIMARY KEY,
                version BIGINT NOT NULL,
                generation BIGINT NOT NULL,
                rotated_at BIGINT,
                delivered_at BIGINT,
                confirmed_at BIGINT,
                late BIGINT NOT NULL,
                expires_at BIGINT NOT NULL,
                last_refreshed_at BIGINT,
                ended_at BIGINT,
                created_at BIGINT NOT NULL,
                auth_time BIGINT NOT NULL,
                ends_at BIGINT NOT NULL,
                idle_lifetime BIGINT,
                end_reason VARBINARY(64),
                bound_to VARBINARY(64),
                secret VARBINARY(64) NOT NULL,
                issuer VARBINARY(1000) NOT NULL,
                subject VARBINARY(2000) NOT NULL,
                scope BLOB NOT NULL,
                client_id BLOB,
                claims LONGBLOB NOT NULL,
                metadata LONGBLOB NOT NULL,
                extra LONGBLOB NOT NULL,
                state_extra LONGBLOB NOT NULL,
                INDEX live (issuer, subject, ended_at, id),
                INDEX ended (ended_at, id),
                INDEX ends_at (ends_at)
            ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC"
        ),
        format!("SELECT {columns} FROM {sessions} LIMIT 0"),
    ]
}

/// Each of them does nothing where its work is done already. The version comes last.
fn create_rings(names: &Names) -> [String; 3] {
    let Names { version, rings, .. } = names;
    [
        format!(
            "CREATE TABLE IF NOT EXISTS {rings} (
                name VARBINARY(256) NOT NULL PRIMARY KEY,
                version BIGINT NOT NULL,
                document MEDIUMBLOB NOT NULL
            ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC"
        ),
        format!("SELECT name, version, document FROM {rings} LIMIT 0"),
        format!(
            "INSERT INTO {version} VALUES (1, {SCHEMA}) ON DUPLICATE KEY UPDATE version = {SCHEMA}"
        ),
    ]
}

async fn run(connection: &mut MySqlConnection, sql: &str) -> sqlx::Result<()> {
    let run = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection);
    run.await.map(drop)
}

fn failed(error: sqlx::Error) -> OpenError {
    let (cause, why) = match (&error, kind(&error)) {
        (sqlx::Error::Io(_), _) => (Unreachable, "its server cannot be reached"),
        (sqlx::Error::Tls(_), _) => (Unreachable, "its server cannot be reached by TLS"),
        (sqlx::Error::Configuration(_), _) => (
            Refused,
            "its server asks for the password in a way that needs TLS",
        ),
        (sqlx::Error::Protocol(_), _) => (
            Refused,
            "its server speaks another protocol, or asks for a login that the driver does not know",
        ),
        (_, StoreErrorKind::Busy | StoreErrorKind::Timeout) => {
            (Unreachable, "its server is busy or does not answer")
        }
        _ => refused(number(&error).unwrap_or_default()),
    };
    OpenError::new(cause, why).with_source(super::error::failed(error))
}

/// Why the store cannot be opened, by the number of the server's error.
fn refused(number: u16) -> (OpenErrorKind, &'static str) {
    match number {
        1049 => (Address, "there is no such database"),
        // Of a user at this host, by this password, or with this plugin.
        1045 | 1130 | 1698 | 1524 | 1251 => {
            (Refused, "its server refuses the user or the password")
        }
        1044 | 1142 | 1143 | 1227 => (Refused, "the user may not make or read its tables"),
        1040 | 1203 | 1226 => (Unreachable, "its server has too many connections"),
        1047 => (Unreachable, "its server is in no working cluster"),
        1071 => (
            Unsuitable,
            "its server's pages are too small: it takes those of 16 KiB",
        ),
        NO_SUCH_COLUMN => (
            Unsuitable,
            "a table with its name is not one of this crate's",
        ),
        _ => (Unreachable, "its database cannot be read or written"),
    }
}
