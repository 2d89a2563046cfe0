//! Servers and a resource server over a long time, with everything that goes wrong: at any moment, every token that a server
//! issues is accepted by every server that can read the ring, and by a resource server that keeps the key set
//! as long as HTTP caching allows.

use std::collections::{BTreeMap, HashSet};

use tower_bearer::{
    AccessToken, Verifier, VerifyingKeys,
    clock::{Clock, Timestamp},
    ring::{KeyPurpose, KeyState},
};

use crate::support::{
    Database, EVERY, LEASE, LIFETIME, MAX_AGE, Node, PUBLISH_FOR, SIGN_FOR, kid, secs, verifier,
};

const NODES: usize = 3;
const STEPS: u32 = 600;

/// Numbers that look random (Marsaglia's xorshift), the same for each seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.throw(sides) == 0
    }
}

struct World {
    dice: Dice,
    database: Database,
    nodes: Vec<Node>,
    /// Of each key the last token that is out, and until when it lives.
    tokens: BTreeMap<String, (AccessToken, Timestamp)>,
    retired: HashSet<String>,
    /// The resource server, with the key set that it has fetched, and when that was.
    resource: (Verifier, Timestamp),
    signed: u32,
    silent: u32,
    /// What has happened, to be told if something fails.
    story: Vec<String>,
}

fn fetched(node: &Node, database: &Database) -> (Verifier, Timestamp) {
    let keys = VerifyingKeys::from_jwks(&node.jwks()).unwrap();
    (verifier(keys, &database.clock), database.clock.now())
}

impl World {
    async fn new(seed: u64) -> Self {
        let database = Database::new();
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            nodes.push(Node::start(&database).await);
        }
        Self {
            dice: Dice(seed * 2 + 1),
            resource: fetched(&nodes[0], &database),
            database,
            nodes,
            tokens: BTreeMap::new(),
            retired: HashSet::new(),
            signed: 0,
            silent: 0,
            story: vec![format!("seed {seed}")],
        }
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        let started = Timestamp::from_secs(1_800_000_000);
        let at = self.now().saturating_since(started).as_secs();
        self.story.push(format!("at {at} s, {what}"));
    }

    fn now(&self) -> Timestamp {
        self.database.clock.now()
    }

    fn any_node(&mut self) -> usize {
        usize::try_from(self.dice.throw(NODES as u64)).unwrap()
    }

    async fn step(&mut self) {
        let time = secs(1 + self.dice.throw(6));
        self.database.pass(time).await;
        let node = self.any_node();
        let what = self.dice.throw(40);
        let names = [
            "cut",
            "mended",
            "lost write",
            "restart",
            "roll over",
            "retire",
            "sleep",
            "lost ring",
        ];
        match what {
            0..4 => self.tell(format_args!("{node} {}", names[0])),
            4..12 => self.tell(format_args!("{node} {}", names[1])),
            12..18 => self.tell(format_args!("{node} {}", names[what as usize - 10])),
            _ => {}
        }
        match what {
            0..4 => self.nodes[node].connection.cut(true),
            4..12 => self.nodes[node].connection.cut(false),
            12 if self.all_read() => self.database.lose_last_write(),
            13 => self.restart(node).await,
            14 => drop(self.nodes[node].ring.roll_over().await),
            15 => self.retire(node).await,
            16 if self.dice.one_in(4) => self.sleep().await,
            17 if self.all_read() => self.database.set_ring(None),
            _ => {}
        }
        self.sign();
        self.fetch();
        self.check();
    }

    /// Whether no server has an outdated view. One that has, and is the first to find the ring lost, would write that.
    fn all_read(&self) -> bool {
        let mut nodes = self.nodes.iter();
        nodes.all(|node| node.ring.status().age <= EVERY)
    }

    /// Nobody reads the ring for longer than a key signs.
    async fn sleep(&mut self) {
        self.nodes.iter().for_each(|node| node.connection.cut(true));
        self.database
            .pass(SIGN_FOR + secs(self.dice.throw(200)))
            .await;
        self.nodes
            .iter()
            .for_each(|node| node.connection.cut(false));
        self.database.pass(EVERY).await;
        self.resource = fetched(&self.nodes[0], &self.database);
    }

    async fn restart(&mut self, node: usize) {
        // What was lost is back by then.
        self.database.pass(EVERY).await;
        self.nodes[node] = Node::start(&self.database).await;
    }

    /// An emergency, with a next key that everybody knows.
    async fn retire(&mut self, node: usize) {
        let node = &self.nodes[node];
        let keys = node.keys(KeyPurpose::Access);
        let is_known = |key: &&_| {
            let key: &tower_bearer::ring::RingKeyStatus = key;
            key.state == KeyState::Next && key.made_at + PUBLISH_FOR <= self.database.clock.now()
        };
        let signer = keys.iter().find(|key| key.state == KeyState::Signing);
        if let (Some(signer), Some(_)) = (signer, keys.iter().find(is_known)) {
            self.retired.insert(signer.kid.clone());
            drop(node.ring.retire(&signer.kid).await);
        }
    }

    fn sign(&mut self) {
        let expires = self.now() + LIFETIME;
        for node in &self.nodes {
            match node.sign() {
                Some(token) => {
                    self.signed += 1;
                    self.tokens.insert(kid(&token), (token, expires));
                }
                None => self.silent += 1,
            }
        }
        let now = self.now();
        let retired = &self.retired;
        self.tokens
            .retain(|kid, (_, expires)| *expires > now && !retired.contains(kid));
    }

    /// The resource server fetches the key set anew when it may no longer keep it, from any server that can
    /// read the ring.
    fn fetch(&mut self) {
        let (_, at) = &self.resource;
        if *at + MAX_AGE > self.now() && !self.dice.one_in(5) {
            return;
        }
        let first = self.any_node();
        let mut nodes = (0..NODES).map(|offset| &self.nodes[(first + offset) % NODES]);
        if let Some(node) = nodes.find(|node| node.ring.status().age <= LEASE) {
            self.resource = fetched(node, &self.database);
        }
    }

    fn check(&self) {
        let (resource, at) = &self.resource;
        let is_fresh = *at + MAX_AGE >= self.now();
        for (kid, (token, _)) in &self.tokens {
            for (number, node) in self.nodes.iter().enumerate() {
                let reads = node.ring.status().age <= LEASE;
                assert!(
                    !reads || node.accepts(token),
                    "node {number}: {kid}\n{}",
                    self.told()
                );
            }
            let accepted = resource.verify(token.expose()).is_ok();
            assert!(
                !is_fresh || accepted,
                "the resource server: {kid}\n{}",
                self.told()
            );
        }
    }
}

impl World {
    fn told(&self) -> String {
        let last = self.story.len().saturating_sub(25);
        let started = Timestamp::from_secs(1_800_000_000);
        let secs = |time: Timestamp| time.saturating_since(started).as_secs();
        let nodes = self.nodes.iter().map(|node| {
            let keys = node.keys(KeyPurpose::Access).into_iter();
            let said = keys.map(|key| {
                let (made, signs) = (secs(key.made_at), secs(key.signs_from));
                format!(
                    "  {} {:?}: made at {made}, signs from {signs}",
                    key.kid, key.state
                )
            });
            let age = node.ring.status().age;
            format!("read {age:?} ago:\n{}", said.collect::<Vec<_>>().join("\n"))
        });
        let story = [&self.story[..1], &self.story[last..]].concat();
        story
            .into_iter()
            .chain(nodes)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[tokio::test(start_paused = true)]
async fn every_token_is_accepted_by_everybody_at_any_moment() {
    let (mut signed, mut silent, mut retired) = (0, 0, 0);
    for seed in 0..12 {
        let mut world = World::new(seed).await;
        for _ in 0..STEPS {
            world.step().await;
        }
        signed += world.signed;
        silent += world.silent;
        retired += world.retired.len();
    }
    println!("{signed} tokens, {silent} times no key could sign, {retired} keys retired");
    assert!(signed > 10_000 && retired > 20 && silent > 100);
}
