//! Settings, from the environment or the command line.

use std::{fmt, path::Path, time::Duration};

use clap::{Parser, ValueEnum};
use tower_bearer::Algorithm;

use super::provider;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a server did not start: one line for the person who started it.
#[derive(Debug)]
pub(crate) struct StartError(String);

impl StartError {
    /// `what` and the chain of causes, on one line.
    pub(crate) fn new(what: impl fmt::Display, cause: &dyn std::error::Error) -> Self {
        let mut text = format!("{what}: {cause}");
        let mut source = cause.source();
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self::from(text)
    }
}

impl From<String> for StartError {
    fn from(text: String) -> Self {
        Self(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the settings. `--help` and `--version` print and end the process.
pub(crate) fn parse<C: Parser>() -> Result<C, StartError> {
    let config = C::try_parse().map_err(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        // The first line names the setting and the value, the rest repeats the usage.
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        StartError::from(line.trim_start_matches("error: ").to_owned())
    })?;
    provider::install()?;
    Ok(config)
}

/// An example server for tower-bearer. All settings have defaults: just start it.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Config {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, env = "ADDR", default_value = "127.0.0.1:3000")]
    pub(crate) addr: String,

    /// Where sessions are kept: `memory`, `sqlite:FILE`, `postgres://…`, `mysql://…`, `redis://…`,
    /// `redis+cluster://…`, `redis+sentinel://…` or `mongodb://…`. Over several addresses of servers, with
    /// spaces between them, sessions are spread.
    // An address may hold a password, so neither help nor errors show the value.
    #[arg(
        long,
        env = "STORE",
        default_value = "sqlite:tower-bearer.db",
        hide_env_values = true
    )]
    store: String,

    /// How long an access token lives, in seconds [default: 10 minutes].
    #[arg(long, env = "ACCESS_TTL", value_name = "SECONDS")]
    pub(crate) access_ttl: Option<u64>,

    /// How long a refresh token lives without being used, in seconds [default: 30 days].
    #[arg(long, env = "REFRESH_IDLE_TTL", value_name = "SECONDS")]
    refresh_idle_ttl: Option<u64>,

    /// How long a session lives, whatever happens, in seconds [default: 180 days].
    #[arg(long, env = "SESSION_TTL", value_name = "SECONDS")]
    session_ttl: Option<u64>,

    /// How long tabs and quick retries share a refresh, in seconds [default: 10]. With 0 the
    /// previous token is still answered until the client is known to hold the new one.
    #[arg(long, env = "REUSE_WINDOW", value_name = "SECONDS")]
    pub(crate) reuse_window: Option<u64>,

    /// Signature algorithm of access tokens.
    #[arg(long, env = "ACCESS_ALG", value_name = "ALG", default_value = "EdDSA")]
    pub(crate) access_alg: Algorithm,

    /// Secret that the keys are kept under, at least 32 bytes [default: made beside the database].
    #[arg(
        long,
        env = "KEY_ENCRYPTION_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub(crate) key_encryption_secret: Option<String>,

    /// Whether sessions are bound to a key of the client (RFC 9449).
    #[arg(long, env = "DPOP", default_value = "accept")]
    pub(crate) dpop: Dpop,

    /// The public address of this server, which proofs of a key name [default: plain HTTP
    /// or HTTPS at the host that the request names].
    #[arg(long, env = "PUBLIC_ORIGIN", value_name = "URL")]
    pub(crate) public_origin: Option<String>,

    /// Who may ask about access tokens at `/auth/introspect`.
    #[arg(
        long,
        env = "CLIENT_ID",
        value_name = "NAME",
        default_value = "resource-server"
    )]
    client_id: String,

    /// Its secret [default: nobody may ask].
    #[arg(
        long,
        env = "CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,
}

/// Which sessions are bound to a key.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dpop {
    /// Those whose login comes with a proof of a key.
    Accept,
    /// All: a login without a proof is refused.
    Require,
    /// None: proofs are not looked at.
    Off,
}

/// Where sessions are kept.
#[derive(Clone, Copy)]
pub(crate) enum Store<'a> {
    Memory,
    Sqlite {
        address: &'a str,
        file: &'a Path,
    },
    #[cfg(feature = "mysql")]
    MySql {
        address: &'a str,
    },
    #[cfg(feature = "postgres")]
    Postgres {
        address: &'a str,
    },
    #[cfg(feature = "redis")]
    Redis {
        address: &'a str,
    },
    #[cfg(feature = "mongodb")]
    Mongodb {
        address: &'a str,
    },
    /// Addresses of shards.
    Shards(&'a str),
}

impl<'a> Store<'a> {
    pub(crate) fn at(address: &'a str) -> Result<Self, StartError> {
        // The name of a file may have spaces.
        if address.contains(char::is_whitespace) && !address.starts_with("sqlite:") {
            return shards(address);
        }
        let (scheme, rest) = address.split_once(':').unwrap_or((address, ""));
        match (scheme, rest) {
            ("memory", "") => Ok(Store::Memory),
            ("sqlite", _) => sqlite(address),
            #[cfg(feature = "postgres")]
            ("postgres" | "postgresql", _) => Ok(Store::Postgres { address }),
            #[cfg(feature = "redis")]
            (scheme, _) if is_redis(scheme) => Ok(Store::Redis { address }),
            #[cfg(feature = "mysql")]
            ("mysql" | "mariadb", _) => Ok(Store::MySql { address }),
            #[cfg(feature = "mongodb")]
            ("mongodb" | "mongodb+srv", _) => Ok(Store::Mongodb { address }),
            #[cfg(not(feature = "postgres"))]
            ("postgres" | "postgresql", _) => Err(not_built_in("postgres")),
            #[cfg(not(feature = "redis"))]
            (scheme, _) if is_redis(scheme) => Err(not_built_in("redis")),
            #[cfg(not(feature = "mysql"))]
            ("mysql" | "mariadb", _) => Err(not_built_in("mysql")),
            #[cfg(not(feature = "mongodb"))]
            ("mongodb" | "mongodb+srv", _) => Err(not_built_in("mongodb")),
            _ => Err(format!("STORE: unknown store; {STORES}").into()),
        }
    }

    /// Whether servers on other machines may have the same sessions.
    pub(crate) fn is_shared(self) -> bool {
        !matches!(self, Store::Memory | Store::Sqlite { .. })
    }
}

const STORES: &str = "use memory, sqlite:FILE, postgres://…, mysql://…, redis://… or mongodb://…";

#[cfg(not(all(
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "mongodb"
)))]
fn not_built_in(feature: &str) -> StartError {
    format!("STORE: built without {feature}; add it to --features").into()
}

/// One server, a cluster, or a server that sentinels name.
fn is_redis(scheme: &str) -> bool {
    let (transport, form) = scheme.split_once('+').unwrap_or((scheme, ""));
    match form {
        "" | "cluster" | "sentinel" => matches!(transport, "redis" | "rediss"),
        "unix" => transport == "redis",
        _ => false,
    }
}

/// `sqlite:FILE` or `sqlite://FILE`. There has to be a file: a secret may be kept beside it.
fn sqlite(address: &str) -> Result<Store<'_>, StartError> {
    let file = address.trim_start_matches("sqlite:");
    let file = file.strip_prefix("//").unwrap_or(file);
    let file = file.split('?').next().unwrap_or_default();
    if file.is_empty() || file.starts_with(':') {
        return Err("STORE: sqlite needs a file: sqlite:FILE".to_owned().into());
    }
    Ok(Store::Sqlite {
        address,
        file: Path::new(file),
    })
}

/// Several addresses with spaces between them. SQLite is refused, as its file is on one machine.
fn shards(addresses: &str) -> Result<Store<'_>, StartError> {
    for address in addresses.split_whitespace() {
        if !Store::at(address)?.is_shared() {
            return Err("STORE: only databases on servers can be shards"
                .to_owned()
                .into());
        }
    }
    Ok(Store::Shards(addresses))
}

impl Config {
    pub(crate) fn load() -> Result<Self, StartError> {
        parse()
    }

    pub(crate) fn store(&self) -> Result<Store<'_>, StartError> {
        Store::at(&self.store)
    }

    /// A default gives way to a shorter setting: access ≤ idle ≤ session.
    pub(crate) fn access_ttl(&self) -> Duration {
        let default = self.refresh_idle_ttl().min(10 * MINUTE);
        self.access_ttl.map_or(default, Duration::from_secs)
    }

    pub(crate) fn refresh_idle_ttl(&self) -> Duration {
        let default = self.session_ttl().min(30 * DAY);
        self.refresh_idle_ttl.map_or(default, Duration::from_secs)
    }

    pub(crate) fn session_ttl(&self) -> Duration {
        self.session_ttl.map_or(180 * DAY, Duration::from_secs)
    }

    /// The resource server that may ask about access tokens, and its secret.
    pub(crate) fn resource_server(&self) -> Option<(String, String)> {
        let secret = self.client_secret.clone()?;
        Some((self.client_id.clone(), secret))
    }

    pub(crate) fn reuse_window(&self) -> Duration {
        Duration::from_secs(self.reuse_window.unwrap_or(10))
    }
}
