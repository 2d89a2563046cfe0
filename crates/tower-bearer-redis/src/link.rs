use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use redis::{
    Client, ConnectionInfo, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};

/// A connection that all calls share, and that is made anew when it is lost or was refused.
///
/// The driver's manager does the former only. A connection that a server refuses to set up, as it does not
/// know the password or has too many clients at that moment, is its answer to all calls from then on.
#[derive(Clone)]
pub(super) struct Link {
    current: Arc<RwLock<Current>>,
    /// How another manager is made; nothing if this one is the application's.
    origin: Option<Arc<Origin>>,
}

/// A manager, and how many there were before it.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) manager: ConnectionManager,
    number: u64,
}

struct Origin {
    client: Client,
    config: ConnectionManagerConfig,
}

impl Link {
    pub(super) fn over(manager: ConnectionManager) -> Self {
        Self::new(manager, None)
    }

    /// Connects when it is first used.
    pub(super) fn lazy(server: ConnectionInfo, timeout: Duration) -> RedisResult<Self> {
        let origin = Origin {
            client: client(server, timeout)?,
            config: config(timeout),
        };
        Ok(Self::new(origin.manager()?, Some(Arc::new(origin))))
    }

    fn new(manager: ConnectionManager, origin: Option<Arc<Origin>>) -> Self {
        let first = Current { manager, number: 0 };
        Self {
            current: Arc::new(RwLock::new(first)),
            origin,
        }
    }

    pub(super) fn current(&self) -> Current {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The next call makes a connection, as the server refused the one of this manager.
    pub(super) fn renew(&self, refused: &Current) {
        let Some(origin) = &self.origin else {
            return;
        };
        let current = self.current.write();
        let mut current = current.unwrap_or_else(PoisonError::into_inner);
        // Of several calls that were refused together, the first one may have done it.
        if current.number == refused.number
            && let Ok(manager) = origin.manager()
        {
            let number = refused.number + 1;
            *current = Current { manager, number };
        }
    }
}

impl Origin {
    fn manager(&self) -> RedisResult<ConnectionManager> {
        ConnectionManager::new_lazy_with_config(self.client.clone(), self.config.clone())
    }
}

fn client(server: ConnectionInfo, timeout: Duration) -> RedisResult<Client> {
    let tcp = TcpSettings::default().set_nodelay(true);
    // If the server has vanished without closing the connection, the system would otherwise keep
    // trying for a quarter of an hour before the connection fails.
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(timeout.saturating_mul(2));
    #[cfg(not(target_os = "linux"))]
    let _ = timeout;
    Client::open(server.set_tcp_settings(tcp))
}

fn config(timeout: Duration) -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_connection_timeout(Some(timeout))
        // `Connection` limits the time of each call already.
        .set_response_timeout(None)
        .set_number_of_retries(2)
        .set_min_delay(Duration::from_millis(20))
}
