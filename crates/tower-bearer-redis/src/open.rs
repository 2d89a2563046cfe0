//! From an address to connections.

use std::time::Duration;

use redis::{
    Client, InfoDict, IntoConnectionInfo, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};

use tower_bearer::store::OpenError;

use crate::{RedisOptions, connection::Connection, error::refused, trace};

/// Revocations that wait go over a connection of their own, where there is one: they hold up
/// what comes after them.
pub(super) struct Connections {
    pub(super) main: Connection,
    pub(super) revoking: Connection,
}

pub(super) async fn open(url: &str, options: &RedisOptions) -> Result<Connections, OpenError> {
    let client = client(url, options.timeout).map_err(refused)?;
    let main = connect(&client, options.timeout).await?;
    let revoking = match options.wait {
        None => main.clone(),
        Some(wait) => connect(&client, options.timeout.saturating_add(wait.longest())).await?,
    };
    prepared(main, revoking, options).await
}

/// Takes the application's own connection for everything.
pub(super) async fn over(
    manager: ConnectionManager,
    options: &RedisOptions,
) -> Result<Connections, OpenError> {
    prepared(manager.clone(), manager, options).await
}

async fn prepared(
    main: ConnectionManager,
    revoking: ConnectionManager,
    options: &RedisOptions,
) -> Result<Connections, OpenError> {
    let main = Connection::new(main, options.timeout, None);
    let revoking = Connection::new(revoking, options.timeout, options.wait);
    revoking.prepare().await?;
    warn_of_eviction(&main).await;
    Ok(Connections { main, revoking })
}

fn client(url: &str, timeout: Duration) -> RedisResult<Client> {
    let tcp = TcpSettings::default().set_nodelay(true);
    // A server that has vanished does not even refuse: without this, the system goes on trying
    // for a quarter of an hour before a new connection is made.
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(timeout.saturating_mul(2));
    Client::open(url.into_connection_info()?.set_tcp_settings(tcp))
}

/// Tries a few times, as the server may be about to start.
async fn connect(client: &Client, timeout: Duration) -> Result<ConnectionManager, OpenError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(timeout))
        // `Connection` limits the whole call; a second timer would only cost.
        .set_response_timeout(None)
        .set_number_of_retries(2)
        .set_min_delay(Duration::from_millis(20));
    let connected = ConnectionManager::new_with_config(client.clone(), config).await;
    connected.map_err(refused)
}

/// An index that is evicted hides its sessions from those who end them all, and a session that
/// is evicted logs its user out.
async fn warn_of_eviction(connection: &Connection) {
    // A server that does not tell may be right all the same.
    let Ok(memory) = connection
        .read_one(redis::cmd("INFO").arg("memory").take())
        .await
    else {
        return;
    };
    let memory = redis::from_redis_value::<InfoDict>(memory).ok();
    let policy = memory.and_then(|memory| memory.get::<String>("maxmemory_policy"));
    if let Some(_policy) = policy.filter(|policy| policy != "noeviction") {
        trace::warn!(
            policy = _policy,
            "Redis may evict sessions: its maxmemory-policy has to be noeviction"
        );
    }
}
