//! [`Servers`]: those of a store, which can be killed and cut off.

use tests_shared::servers::{
    mariadb::MariaDb,
    postgres::Postgres,
    proxy::{Proxy, Traffic},
    redis::Redis,
    redis_cluster::RedisCluster,
};

use crate::{engine::BETWEEN, nx27017::Nx27017};

pub(crate) trait Servers {
    /// Where they are, for [`sessions`](crate::engine::sessions).
    fn address(&self) -> String;

    /// The ports of the address, if a relay may take their place.
    fn ports(&self) -> Vec<u16>;

    /// `kill -9`.
    fn kill(&mut self);

    /// Starts them again where they were, once they were killed, and waits until they serve.
    async fn restart(&mut self);
}

macro_rules! one_server {
    ($($server:ty)+) => {
        $(
            impl Servers for $server {
                fn address(&self) -> String {
                    self.url()
                }

                fn ports(&self) -> Vec<u16> {
                    vec![self.port()]
                }

                fn kill(&mut self) {
                    self.kill9();
                }

                async fn restart(&mut self) {
                    self.restart().await;
                }
            }
        )+
    };
}

one_server!(MariaDb Nx27017 Postgres Redis);

/// Shards.
impl<S: Servers> Servers for Vec<S> {
    fn address(&self) -> String {
        let addresses = self.iter().map(Servers::address);
        addresses.collect::<Vec<_>>().join(BETWEEN)
    }

    fn ports(&self) -> Vec<u16> {
        self.iter().flat_map(Servers::ports).collect()
    }

    fn kill(&mut self) {
        for server in self {
            server.kill();
        }
    }

    async fn restart(&mut self) {
        for server in self {
            server.restart().await;
        }
    }
}

impl Servers for RedisCluster {
    fn address(&self) -> String {
        self.url()
    }

    /// None: its servers tell clients where the others are, and so lead them past any relay.
    fn ports(&self) -> Vec<u16> {
        Vec::new()
    }

    fn kill(&mut self) {
        self.nodes.kill();
    }

    async fn restart(&mut self) {
        self.nodes.restart().await;
        self.whole().await;
    }
}

/// What the connections of some clients go through.
pub(crate) struct Relays {
    address: String,
    relays: Vec<Proxy>,
}

impl Relays {
    pub(crate) async fn before(address: &str, ports: &[u16]) -> Self {
        let (mut address, mut relays) = (address.to_owned(), Vec::new());
        for port in ports {
            let relay = Proxy::before(*port).await;
            let place = |port: u16| format!("127.0.0.1:{port}");
            address = address.replace(&place(*port), &place(relay.port()));
            relays.push(relay);
        }
        Self { address, relays }
    }

    /// Where the servers are, by way of the relays.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn are_there(&self) -> bool {
        !self.relays.is_empty()
    }

    /// From now on nothing comes through, and nothing breaks.
    pub(crate) fn cut(&self) {
        self.set(Traffic::Stalled);
    }

    pub(crate) fn heal(&self) {
        self.set(Traffic::Flows);
    }

    fn set(&self, traffic: Traffic) {
        for relay in &self.relays {
            relay.set(traffic);
        }
    }
}
