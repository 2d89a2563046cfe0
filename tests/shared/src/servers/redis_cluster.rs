//! A Redis Cluster of three primaries, each with a replica or without one.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::redis::{Engine, Redis};

const PRIMARIES: usize = 3;
const SLOTS: usize = 16_384;
/// How many slots each of the first primaries has.
const SHARE: usize = SLOTS.div_ceil(PRIMARIES);
const PATIENCE: Duration = Duration::from_secs(60);

/// The primaries first, and then the replica of each.
pub struct RedisCluster {
    pub nodes: Vec<Redis>,
}

impl RedisCluster {
    /// With a replica for each primary, which takes over when its primary has been silent for about
    /// a second.
    pub async fn start(engine: Engine, settings: &[(&str, &str)]) -> Option<Self> {
        Self::of(engine, 2 * PRIMARIES, "1000", settings).await
    }

    /// Without replicas, and without a failure that is ever noticed: the servers' clocks can be
    /// moved.
    pub async fn without_replicas(engine: Engine) -> Option<Self> {
        Self::of(engine, PRIMARIES, "1000000000000", &[]).await
    }

    async fn of(
        engine: Engine,
        count: usize,
        node_timeout: &str,
        settings: &[(&str, &str)],
    ) -> Option<Self> {
        let mut nodes = Vec::new();
        for _ in 0..count {
            let mut all = vec![
                ("cluster-enabled", "yes"),
                ("cluster-node-timeout", node_timeout),
                // Each gets a free one. The usual one is above 65535 for some free ports.
                ("cluster-port", "0"),
                ("cluster-replica-validity-factor", "0"),
            ];
            all.extend(settings);
            nodes.push(Redis::start_as(engine, &all).await?);
        }
        let cluster = Self { nodes };
        cluster.join().await;
        Some(cluster)
    }

    async fn join(&self) {
        let [first, others @ ..] = self.nodes.as_slice() else {
            unreachable!("there are servers");
        };
        for (epoch, node) in self.nodes.iter().enumerate() {
            let () = node
                .run(&format!("CLUSTER SET-CONFIG-EPOCH {}", epoch + 1))
                .await;
        }
        for (number, node) in self.nodes.iter().take(PRIMARIES).enumerate() {
            let (from, to) = (number * SHARE, (SLOTS - 1).min((number + 1) * SHARE - 1));
            let () = node
                .run(&format!("CLUSTER ADDSLOTSRANGE {from} {to}"))
                .await;
        }
        let bus: Vec<String> = first.run("CONFIG GET cluster-port").await;
        let bus = bus.last().expect("a port");
        for other in others {
            let () = other
                .run(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", first.port()))
                .await;
        }
        let known = format!("cluster_known_nodes:{}", self.nodes.len());
        self.until(|told| told.contains(&known)).await;
        for (number, replica) in self.nodes.iter().skip(PRIMARIES).enumerate() {
            let primary = self.id(number).await;
            let () = replica.run(&format!("CLUSTER REPLICATE {primary}")).await;
        }
        self.whole().await;
        for replica in self.nodes.iter().skip(PRIMARIES) {
            let link = "master_link_status:up";
            self.wait_for(|| async { replica.info("replication").await.contains(link) })
                .await;
        }
        for primary in self.nodes.iter().take(self.nodes.len() - PRIMARIES) {
            let with = "state=online";
            self.wait_for(|| async { primary.info("replication").await.contains(with) })
                .await;
        }
    }

    /// Waits until all servers serve, as they do some time after one of them has been started again.
    pub async fn whole(&self) {
        self.until(|told| told.contains("cluster_state:ok")).await;
    }

    /// Waits until each of the servers tells this of the cluster.
    async fn until(&self, is_so: impl Fn(&str) -> bool) {
        for node in &self.nodes {
            self.wait_for(|| async { is_so(&node.run::<String>("CLUSTER INFO").await) })
                .await;
        }
    }

    async fn wait_for<F: Future<Output = bool>>(&self, is_so: impl Fn() -> F) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so().await {
            assert!(Instant::now() < deadline, "the cluster does not come up");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where the cluster is: all servers are given, so that any of them may be down.
    pub fn url(&self) -> String {
        let places = self
            .nodes
            .iter()
            .map(|it| format!("127.0.0.1:{}", it.port()));
        format!("redis+cluster://{}", places.collect::<Vec<_>>().join(","))
    }

    async fn id(&self, number: usize) -> String {
        self.nodes[number].run("CLUSTER MYID").await
    }

    /// Which of the servers has the slot of a key, as the first one that is asked tells it.
    pub async fn owner(&self, asked: usize, key: &str) -> usize {
        let slot: u16 = self.slot(asked, key).await;
        let nodes: String = self.nodes[asked].run("CLUSTER NODES").await;
        let port = nodes.lines().find_map(|line| {
            let mut words = line.split(' ');
            let place = words.nth(1)?;
            let ranges = words.skip(6);
            let has = |range: &str| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let bounds = first.parse::<u16>().ok().zip(last.parse::<u16>().ok());
                bounds.is_some_and(|(first, last)| (first..=last).contains(&slot))
            };
            let mut ranges = ranges;
            ranges.any(has).then(|| {
                let port = place.split(['@', ',']).next()?.rsplit(':').next()?;
                port.parse::<u16>().ok()
            })?
        });
        let port = port.expect("somebody has it");
        let at = self.nodes.iter().position(|node| node.port() == port);
        at.expect("one of them")
    }

    pub async fn slot(&self, asked: usize, key: &str) -> u16 {
        self.nodes[asked]
            .run(&format!("CLUSTER KEYSLOT {key}"))
            .await
    }

    /// Begins to move a slot: from now on a key that is not at `from` any more is asked for at `to`.
    pub async fn begin_to_move(&self, slot: u16, from: usize, to: usize) {
        let (source, target) = (self.id(from).await, self.id(to).await);
        let importing = format!("CLUSTER SETSLOT {slot} IMPORTING {source}");
        let () = self.nodes[to].run(&importing).await;
        let migrating = format!("CLUSTER SETSLOT {slot} MIGRATING {target}");
        let () = self.nodes[from].run(&migrating).await;
    }

    /// Moves the keys of a slot that is being moved, one after the other.
    pub async fn move_keys(&self, slot: u16, from: usize, to: usize) {
        loop {
            let next = format!("CLUSTER GETKEYSINSLOT {slot} 1");
            let keys: Vec<String> = self.nodes[from].run(&next).await;
            let Some(key) = keys.first() else { return };
            let port = self.nodes[to].port();
            let migrate = format!("MIGRATE 127.0.0.1 {port} {key} 0 20000");
            let _: String = self.nodes[from].run(&migrate).await;
        }
    }

    /// Moves a slot and its keys, as `redis-cli --cluster reshard` does.
    pub async fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_to_move(slot, from, to).await;
        self.move_keys(slot, from, to).await;
        let target = self.id(to).await;
        for number in [to, from] {
            let done = format!("CLUSTER SETSLOT {slot} NODE {target}");
            let () = self.nodes[number].run(&done).await;
        }
    }

    /// Waits until a server that was a replica has taken over.
    pub async fn taken_over(&self, by: usize) {
        let node = &self.nodes[by];
        self.wait_for(|| async {
            node.info("replication").await.contains("role:master")
                && node
                    .run::<String>("CLUSTER INFO")
                    .await
                    .contains("cluster_state:ok")
        })
        .await;
    }

    /// Waits until a server follows another one and has all that it has.
    pub async fn following(&self, number: usize) {
        let node = &self.nodes[number];
        let link = "master_link_status:up";
        self.wait_for(|| async { node.info("replication").await.contains(link) })
            .await;
    }
}
