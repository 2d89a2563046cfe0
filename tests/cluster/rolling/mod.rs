//! Three servers on one PostgreSQL whose keys roll over every few seconds, while many clients log in, refresh and call
//! all three with the tokens of the others, and a resource server reads the key set of one over HTTP. Nothing is refused
//! that is good by its times.
//!
//! It takes 20 seconds, or as many as `RING_SECONDS` says.

mod client;
mod counts;
mod node;
mod resource;

use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use tests_shared::servers::postgres::Postgres;
use tokio::{task::JoinSet, time::sleep};
use tower_bearer::{
    clock::{Clock, SystemClock},
    ring::{KeyPurpose, KeyState},
};

use self::{
    client::Client,
    counts::{Counts, Retired},
    node::Node,
    resource::ResourceServer,
};

const SIGN_FOR: Duration = Duration::from_secs(4);
const PUBLISH_FOR: Duration = Duration::from_secs(2);
const LEASE: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(200);
const ACCESS_LIFETIME: Duration = Duration::from_secs(2);
const REFRESH_LIFETIME: Duration = Duration::from_secs(20);
const MAX_AGE: Duration = Duration::from_secs(1);
/// Longer than two keys sign, so that a server that has heard nothing for that long does not know the key that signs.
const AWAY: Duration = Duration::from_millis(8_500);
/// How long one round of everything that goes wrong takes.
const ROUND: Duration = Duration::from_secs(20);
const CLIENTS: u32 = 48;

/// What the clients and those who break things share.
struct World {
    nodes: [Node; 3],
    resource: ResourceServer,
    counts: Counts,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_refused_while_keys_roll_over() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let port = postgres.port();
    let nodes = [
        Node::start(port).await,
        Node::start(port).await,
        Node::start(port).await,
    ];
    let world = Arc::new(World {
        resource: ResourceServer::start(nodes[0].server().ring.keys().verifying()).await,
        nodes,
        counts: Counts::default(),
    });
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(Client::new(&world, number).run());
    }
    let asked = env::var("RING_SECONDS").ok();
    let asked = asked.map_or(20, |asked| asked.parse().expect("seconds"));
    let rounds = Duration::from_secs(asked)
        .as_secs()
        .div_ceil(ROUND.as_secs());
    for _ in 0..rounds {
        world.everything_goes_wrong().await;
    }
    clients.abort_all();
    while let Some(ended) = clients.join_next().await {
        if let Err(error) = ended
            && !error.is_cancelled()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    println!("{}", world.counts);
    world.counts.check(asked);
}

impl World {
    /// One server is cut off and comes back, another hangs, the first is started again, and a key leaks.
    async fn everything_goes_wrong(&self) {
        let from = Instant::now();
        let [_, cut, hung] = &self.nodes;
        sleep(Duration::from_secs(1)).await;
        cut.cut_off(true);
        sleep(AWAY / 2).await;
        hung.hang(AWAY);
        sleep(AWAY / 2).await;
        cut.cut_off(false);
        sleep(AWAY / 2 + LEASE).await;
        cut.restart().await;
        self.retire_signer(hung).await;
        let rest = ROUND.saturating_sub(from.elapsed());
        sleep(rest.max(2 * LEASE)).await;
    }

    /// At a time when whoever verifies knows the next key.
    async fn retire_signer(&self, node: &Node) {
        let server = node.server();
        let kid = loop {
            let keys = server.ring.status().keys;
            let in_state = |state| {
                let mut keys = keys.iter().filter(|key| key.purpose == KeyPurpose::Access);
                keys.find(|key| key.state == state)
            };
            let now = SystemClock.now();
            let is_known = in_state(KeyState::Next)
                .is_some_and(|next| next.made_at + PUBLISH_FOR <= now && now < next.signs_from);
            if let (true, Some(signer)) = (is_known, in_state(KeyState::Signing)) {
                break signer.kid.clone();
            }
            sleep(EVERY / 4).await;
        };
        self.counts.begin_to_retire(&kid);
        loop {
            let (ring, kid) = (server.ring.clone(), kid.clone());
            let retire = |_| async move { ring.retire(&kid).await };
            if let Some(Ok(_)) = node.call(retire).await {
                break;
            }
        }
        self.counts.retired(Retired::now(kid));
    }
}
