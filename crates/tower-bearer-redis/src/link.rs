use std::{
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use redis::{
    Client, ConnectionInfo, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
    io::tcp::TcpSettings,
};
use tokio::time::Instant;

/// How long a server that refuses connections is left alone between two of them.
const PAUSE: Duration = Duration::from_millis(500);

/// A connection that all calls share, and that is made anew when it is lost, or some time after it was refused.
///
/// The driver's manager does the former only. A connection that a server refuses to set up, as it does not
/// know the password or has too many clients at that moment, is its answer to all calls from then on. So it is
/// here for a pause, however many the calls, since a server that refuses is not helped by more connections.
#[derive(Clone)]
pub(super) struct Link {
    current: Arc<RwLock<Current>>,
    /// How another manager is made; nothing if this one is the application's.
    origin: Option<Arc<Origin>>,
}

/// A manager, how many there were before it, and when it was made.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) manager: ConnectionManager,
    number: u64,
    made_at: Instant,
    is_refused: bool,
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
        Self {
            current: Arc::new(RwLock::new(Current::new(manager, 0))),
            origin,
        }
    }

    /// The manager for a call: a new one, if the last was refused and the pause is over.
    pub(super) fn current(&self) -> Current {
        let current = self.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner).clone();
        match &self.origin {
            Some(origin) if current.is_due() => self.made_anew(origin),
            _ => current,
        }
    }

    /// A call after the pause makes a connection, as the server refused the one of this manager.
    pub(super) fn renew(&self, refused: &Current) {
        let mut current = self.write();
        if current.number == refused.number {
            current.is_refused = true;
        }
    }

    fn made_anew(&self, origin: &Origin) -> Current {
        let mut current = self.write();
        // Of several calls that come together, the first one may have done it.
        if current.is_due()
            && let Ok(manager) = origin.manager()
        {
            *current = Current::new(manager, current.number + 1);
        }
        current.clone()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Current> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn new(manager: ConnectionManager, number: u64) -> Self {
        Self {
            manager,
            number,
            made_at: Instant::now(),
            is_refused: false,
        }
    }

    fn is_due(&self) -> bool {
        self.is_refused && self.made_at.elapsed() >= PAUSE
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
