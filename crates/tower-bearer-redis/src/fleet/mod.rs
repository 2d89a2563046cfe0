//! Several servers as one: the primaries of a Redis Cluster, each with some of the slots, or the
//! server that Sentinel names the primary of the moment, with all of them.
//!
//! The `redis` crate has clients for both. The one of clusters sends commands again by itself when a
//! connection is lost, and a swap that is executed twice answers its own winner that it was lost. So
//! a store finds its servers itself:
//!
//! 1. It knows who serves a slot from what a server of the cluster, or a sentinel, has told.
//! 2. A server that gives no answer, or that answers that it does not serve, is in doubt. The next
//!    call that would go to it asks anew who serves its slot. Calls to other servers do not notice.
//! 3. A command that is answered by a redirection was not executed, so it is sent where the answer
//!    leads (`MOVED`, which is remembered, and `ASK`, which is not). No other command is sent again.
//! 4. A batch is taken apart by servers. What goes to the same server stays in its order, and the
//!    wait for replicas travels with the writes that it is about.

mod map;
mod node;
mod slot;
mod source;

use std::{
    mem,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use futures_util::future::join_all;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout, timeout_at},
};

use tower_bearer::store::OpenError;

use crate::{
    options::Wait,
    server::{Answer, Manner, Server, each, late},
};
use map::Map;
pub(super) use node::Node;
use node::Place;
use source::Told;
pub(super) use source::{Kind, Source, has_only_a_part};

/// How many times in a row a command follows where it is sent.
const REDIRECTIONS: usize = 5;
/// How long what was told of the servers is not asked for again.
const PAUSE: Duration = Duration::from_millis(100);

/// Several servers that share the keys, or of which one has them all.
pub(super) struct Fleet {
    source: Source,
    map: RwLock<Map>,
    /// When the map was last asked for. Who holds it is asking.
    asked: Mutex<Option<Instant>>,
}

/// A command that has no final answer yet.
struct Due<'a> {
    index: usize,
    command: &'a Cmd,
    /// The server that is only about to get the command's slot.
    ask: Option<Arc<Node>>,
}

/// The commands that go to one server together.
struct Batch<'a> {
    node: Arc<Node>,
    asking: bool,
    due: Vec<Due<'a>>,
}

impl Fleet {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            map: RwLock::default(),
            asked: Mutex::default(),
        }
    }

    pub(super) const fn is_cluster(&self) -> bool {
        self.source.is_cluster()
    }

    /// Asks who serves which slot, for the first time.
    pub(super) async fn find(&self, deadline: Instant) -> Result<(), OpenError> {
        let found = timeout_at(deadline, self.refresh()).await;
        let found = found.unwrap_or_else(late);
        found.map_err(|error| self.source.refused(error))
    }

    pub(super) fn primaries(&self) -> Vec<Server> {
        let nodes = self.read().primaries();
        nodes.iter().map(|node| node.server.clone()).collect()
    }

    /// Those that have keys, by the slots that they serve, and a number that tells one assignment of the
    /// slots from another. Asks anew if one of them is in doubt.
    pub(super) async fn walkable(&self, deadline: Instant) -> (Vec<Arc<Node>>, u32) {
        if self
            .read()
            .primaries()
            .iter()
            .any(|node| node.is_in_doubt())
        {
            let _ = timeout_at(deadline, self.refresh()).await;
        }
        let map = self.read();
        (map.primaries(), map.number())
    }

    pub(super) fn one_key_each(&self, key: impl Fn(&str) -> Vec<u8>) -> Vec<Vec<u8>> {
        let map = self.read();
        let (mut without, mut keys) = (map.primaries(), Vec::new());
        for tag in slot::tags() {
            if without.is_empty() {
                break;
            }
            let at = map.serving(Some(slot::of_key(tag.as_bytes())));
            let before = without.len();
            without.retain(|node| at.as_ref().is_none_or(|at| !Arc::ptr_eq(at, node)));
            if without.len() < before {
                keys.push(key(&tag));
            }
        }
        keys
    }

    /// The answer to each of the commands, or why there is none.
    pub(super) async fn send(
        &self,
        commands: &[Cmd],
        wait: Option<Wait>,
        deadline: Instant,
    ) -> Vec<Answer> {
        let mut answers: Vec<_> = commands.iter().map(|_| Err(unserved())).collect();
        let due = commands.iter().enumerate().map(|(index, command)| Due {
            index,
            command,
            ask: None,
        });
        let mut due: Vec<_> = due.collect();
        for _ in 0..=REDIRECTIONS {
            let batches = self.batches(mem::take(&mut due), deadline).await;
            let sent = batches.into_iter().map(|batch| async move {
                let sent = batch.send(wait, deadline).await;
                (batch, sent)
            });
            for (batch, sent) in join_all(sent).await {
                for (command, answer) in batch.due.into_iter().zip(sent) {
                    let again = self.redirection(&batch.node, &answer);
                    if let Some(kept) = answers.get_mut(command.index) {
                        *kept = answer;
                    }
                    due.extend(again.map(|ask| Due { ask, ..command }));
                }
            }
            if due.is_empty() {
                break;
            }
        }
        answers
    }

    /// Puts together what goes to the same server. A command that no server is known for is left
    /// out. All are routed by the same knowledge: what belongs together must not be spread over an old
    /// and a new primary.
    async fn batches<'a>(&self, due: Vec<Due<'a>>, deadline: Instant) -> Vec<Batch<'a>> {
        self.be_sure(&due, deadline).await;
        let map = self.read();
        let mut batches: Vec<Batch<'a>> = Vec::new();
        for due in due {
            let (node, asking) = match &due.ask {
                Some(node) => (Arc::clone(node), true),
                None => match map.serving(slot::of(due.command)) {
                    Some(node) => (node, false),
                    None => continue,
                },
            };
            let same = batches
                .iter_mut()
                .find(|batch| batch.asking == asking && Arc::ptr_eq(&batch.node, &node));
            match same {
                Some(batch) => batch.due.push(due),
                None => batches.push(Batch {
                    node,
                    asking,
                    due: vec![due],
                }),
            }
        }
        batches
    }

    /// Asks anew who serves which slot, if that is in doubt for any of the commands.
    async fn be_sure(&self, due: &[Due<'_>], deadline: Instant) {
        let is_in_doubt = {
            let map = self.read();
            let mut routed = due.iter().filter(|due| due.ask.is_none());
            routed.any(|due| {
                let node = map.serving(slot::of(due.command));
                node.is_none_or(|node| node.is_in_doubt())
            })
        };
        if is_in_doubt {
            // Who was known last may still serve, or serve again.
            let _ = timeout_at(deadline, self.refresh()).await;
        }
    }

    /// Asks who serves which slot, unless somebody else has just done so.
    async fn refresh(&self) -> RedisResult<()> {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| at.elapsed() < PAUSE) {
            return Ok(());
        }
        let known = self.read().primaries();
        let (mut kept, mut failure) = (None, unserved());
        for node in self.source.to_ask(known) {
            let answer = timeout(self.source.patience(), self.source.ask(&node)).await;
            match answer.unwrap_or_else(late) {
                Ok(told) if self.names_a_doubted(&told) => kept = kept.or(Some(told)),
                Ok(told) => {
                    *asked = Some(Instant::now());
                    return self.write().replace(told, &self.source);
                }
                Err(error) => failure = error,
            }
        }
        *asked = Some(Instant::now());
        kept.map_or(Err(failure), |told| {
            self.write().replace(told, &self.source)
        })
    }

    /// Whether slots are said to be served by a server that is in doubt. Who says so may be cut off from the
    /// others, of whom the next may know better.
    fn names_a_doubted(&self, told: &[Told]) -> bool {
        let map = self.read();
        let doubted = |told: &Told| map.at(&told.place).is_some_and(|node| node.is_in_doubt());
        told.iter().any(doubted)
    }

    /// Where the answer sends its command, if it does: to the server that is given, or to whom the
    /// map names now.
    fn redirection(&self, from: &Node, answer: &Answer) -> Option<Option<Arc<Node>>> {
        let error = answer.as_ref().err()?;
        let (place, slot) = error.redirect_node()?;
        let place = Place::parse(place, &from.place)?;
        let mut map = self.write();
        let node = map.node(place, &self.source).ok()?;
        if error.kind() == ErrorKind::Server(ServerErrorKind::Ask) {
            return Some(Some(node));
        }
        map.assign(slot, slot, &node);
        Some(None)
    }

    fn read(&self) -> RwLockReadGuard<'_, Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Map> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch<'_> {
    async fn send(&self, wait: Option<Wait>, deadline: Instant) -> Vec<Answer> {
        let commands: Vec<_> = self.due.iter().map(|due| due.command.clone()).collect();
        let asking = self.asking;
        let sending = self.node.send(&commands, Manner { wait, asking });
        let sent = timeout_at(deadline, sending).await;
        each(commands.len(), sent.unwrap_or_else(late))
    }
}

fn unserved() -> RedisError {
    RedisError::from((
        ErrorKind::ClusterConnectionNotFound,
        "no server is known for the key",
    ))
}
