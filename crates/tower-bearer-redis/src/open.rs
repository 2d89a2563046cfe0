//! Opens the connections to the server, or the servers, at an address.

use redis::{InfoDict, aio::ConnectionManager};
use tokio::time::timeout;

use tower_bearer::store::{OpenError, OpenErrorKind};

use crate::{
    RedisOptions,
    address::Address,
    connection::Connection,
    error::refused,
    fleet::{Fleet, Source, has_only_a_part},
    options::Wait,
    server::Server,
    trace,
};

/// The store's connections. If ending a session waits for replicas, it uses `revoking`, because
/// the wait blocks all later commands of its connection.
pub(super) struct Connections {
    pub(super) main: Connection,
    pub(super) revoking: Connection,
}

pub(super) async fn open(url: &str, options: &RedisOptions) -> Result<Connections, OpenError> {
    let address = Address::parse(url).map_err(|error| match Address::lacks_tls(url) {
        true => unusable("its address asks for TLS, which needs a TLS feature of the crate redis")
            .with_source(error),
        false => refused(error),
    })?;
    if address.is_database_of_cluster() {
        return Err(unusable(
            "its address names a database by its number, and a cluster has none but 0",
        ));
    }
    let main = connect(&address, options, None).await?;
    let revoking = match options.wait {
        None => main.clone(),
        wait => connect(&address, options, wait).await?,
    };
    prepared(main, revoking, options).await
}

fn unusable(why: &'static str) -> OpenError {
    OpenError::new(OpenErrorKind::Address, why)
}

/// Uses a connection of the application for everything.
pub(super) async fn over(
    manager: ConnectionManager,
    options: &RedisOptions,
) -> Result<Connections, OpenError> {
    let server = Server::new(manager);
    let main = Connection::new(server.clone(), options.timeout, None);
    let revoking = Connection::new(server, options.timeout, options.wait);
    prepared(main, revoking, options).await
}

async fn connect(
    address: &Address,
    options: &RedisOptions,
    wait: Option<Wait>,
) -> Result<Connection, OpenError> {
    let longest = options.timeout.saturating_add(Wait::longest_of(wait));
    match address {
        Address::One(server) => {
            let server = Server::connect(server.clone(), longest).await;
            let server = server.map_err(refused)?;
            Ok(Connection::new(server, options.timeout, wait))
        }
        Address::Several {
            kind,
            given,
            server,
        } => {
            let source = Source::new(kind.clone(), given, server.clone(), longest);
            let fleet = Fleet::new(source.map_err(refused)?);
            let connection = Connection::spread(fleet, options.timeout, wait);
            connection.find().await?;
            Ok(connection)
        }
    }
}

async fn prepared(
    main: Connection,
    revoking: Connection,
    options: &RedisOptions,
) -> Result<Connections, OpenError> {
    revoking.prepare().await?;
    for server in main.primaries() {
        if !main.is_cluster() && has_only_a_part(&server).await {
            let why =
                "its server is one of a cluster: such an address begins with redis+cluster://";
            return Err(OpenError::new(OpenErrorKind::Unsuitable, why));
        }
        // If a server does not tell its policy, the policy may still be right.
        let _ = timeout(options.timeout, warn_of_eviction(&server)).await;
    }
    Ok(Connections { main, revoking })
}

/// Warns if Redis may evict keys. If it evicts an index, the subject's sessions can no longer be
/// ended together. If it evicts a session, the user has to log in again.
async fn warn_of_eviction(server: &Server) {
    let Ok(answers) = server
        .exchange(&[redis::cmd("INFO").arg("memory").take()])
        .await
    else {
        return;
    };
    let memory = answers.into_iter().next().and_then(Result::ok);
    let memory = memory.and_then(|memory| redis::from_redis_value::<InfoDict>(memory).ok());
    let policy = memory.and_then(|memory| memory.get::<String>("maxmemory_policy"));
    if let Some(_policy) = policy.filter(|policy| policy != "noeviction") {
        trace::warn!(
            policy = _policy,
            "Redis may evict sessions: its maxmemory-policy has to be noeviction"
        );
    }
}
