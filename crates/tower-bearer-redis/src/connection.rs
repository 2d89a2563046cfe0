//! What all calls of a store share: one server, or those that share the keys, and a limit of time.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use redis::{Cmd, Value};
use tokio::time::{Instant, timeout_at};

use tower_bearer::store::{OpenError, OpenErrorKind, StoreError};

use crate::{
    error::{failed, refused},
    fleet::{Fleet, Node},
    options::Wait,
    server::{Answer, Manner, Server, each, is_lost, late, replace, those},
};

/// Where all calls of a store go.
#[derive(Clone)]
pub(super) struct Connection {
    servers: Servers,
    timeout: Duration,
    /// The command to wait for replicas that every batch ends with, if there is one.
    wait: Option<Wait>,
}

#[derive(Clone)]
enum Servers {
    One(Server),
    Fleet(Arc<Fleet>),
}

/// A server whose keys are all read.
pub(super) enum Walked {
    Server(Server),
    Node(Arc<Node>),
}

impl Walked {
    async fn send(&self, commands: &[Cmd], deadline: Instant) -> Vec<Answer> {
        let manner = Manner {
            wait: None,
            asking: false,
        };
        let sent = async {
            match self {
                Self::Server(server) => server.send(commands, manner).await,
                Self::Node(node) => node.send(commands, manner).await,
            }
        };
        let sent = timeout_at(deadline, sent).await;
        each(commands.len(), sent.unwrap_or_else(late))
    }
}

impl Connection {
    /// A connection to one server. Its calls take at most `timeout`, in addition to the `wait` if
    /// there is one.
    pub(super) fn new(server: Server, timeout: Duration, wait: Option<Wait>) -> Self {
        Self::over(Servers::One(server), timeout, wait)
    }

    /// Like [`new`](Self::new), to servers of which each has some of the keys, or one has all.
    pub(super) fn spread(fleet: Fleet, timeout: Duration, wait: Option<Wait>) -> Self {
        Self::over(Servers::Fleet(Arc::new(fleet)), timeout, wait)
    }

    fn over(servers: Servers, timeout: Duration, wait: Option<Wait>) -> Self {
        Self {
            servers,
            timeout: timeout.saturating_add(Wait::longest_of(wait)),
            wait,
        }
    }

    /// The same connection, for calls that need not wait for replicas.
    pub(super) fn without_wait(&self) -> Self {
        Self {
            wait: None,
            ..self.clone()
        }
    }

    /// Whether calls wait for replicas.
    pub(super) const fn waits(&self) -> bool {
        self.wait.is_some()
    }

    /// Whether two keys may be on two servers.
    pub(super) fn is_cluster(&self) -> bool {
        match &self.servers {
            Servers::One(_) => false,
            Servers::Fleet(fleet) => fleet.is_cluster(),
        }
    }

    /// Finds the servers where they are not given by their address.
    pub(super) async fn find(&self) -> Result<(), OpenError> {
        match &self.servers {
            Servers::One(_) => Ok(()),
            Servers::Fleet(fleet) => fleet.find(self.deadline()).await,
        }
    }

    /// Loads all scripts into the servers, and makes sure that they support the wait. Of several
    /// servers some may be down, which does not last.
    pub(super) async fn prepare(&self) -> Result<(), OpenError> {
        let deadline = self.deadline();
        let servers = self.primaries();
        let prepared = servers.iter().map(|server| async {
            let prepared = timeout_at(deadline, server.prepare(self.wait)).await;
            prepared.unwrap_or_else(late).map_err(refused)
        });
        let (mut is_one_ready, mut failure) = (false, None);
        for prepared in join_all(prepared).await {
            match prepared {
                Ok(()) => is_one_ready = true,
                Err(error) if error.kind() != OpenErrorKind::Unreachable => return Err(error),
                Err(error) => failure = Some(error),
            }
        }
        failure.filter(|_| !is_one_ready).map_or(Ok(()), Err)
    }

    /// The servers that have keys.
    pub(super) fn primaries(&self) -> Vec<Server> {
        match &self.servers {
            Servers::One(server) => vec![server.clone()],
            Servers::Fleet(fleet) => fleet.primaries(),
        }
    }

    /// The servers that have keys, in an order, and a number that is another one once other servers have
    /// them.
    pub(super) async fn walkable(&self) -> (Vec<Walked>, u32) {
        match &self.servers {
            Servers::One(server) => (vec![Walked::Server(server.clone())], 0),
            Servers::Fleet(fleet) => {
                let (nodes, number) = fleet.walkable(self.deadline()).await;
                (nodes.into_iter().map(Walked::Node).collect(), number)
            }
        }
    }

    /// Like [`read_one`](Self::read_one), at the server that is given.
    pub(super) async fn read_at(&self, server: &Walked, command: Cmd) -> Result<Value, StoreError> {
        let deadline = self.deadline();
        let command = [command];
        let mut answers = server.send(&command, deadline).await;
        if answers.iter().any(is_lost) {
            answers = server.send(&command, deadline).await;
        }
        only(answers)
    }

    /// A key of each server that has keys. A text in the key's braces chooses the server.
    pub(super) fn one_key_each(&self, key: impl Fn(&str) -> Vec<u8>) -> Vec<Vec<u8>> {
        match &self.servers {
            Servers::One(_) => vec![key("0")],
            Servers::Fleet(fleet) => fleet.one_key_each(key),
        }
    }

    /// Sends commands that change nothing. Those whose connection turns out to be lost are sent
    /// again over a new one.
    pub(super) async fn read(&self, commands: &[Cmd]) -> Vec<Answer> {
        let deadline = self.deadline();
        let mut answers = self.send(commands, deadline).await;
        let lost = those(commands, &answers, is_lost);
        if !lost.is_empty() {
            let again = self.send(&lost, deadline).await;
            replace(&mut answers, again, is_lost);
        }
        answers
    }

    /// Sends commands that write. They are never sent again, because a command that got no answer
    /// may have been executed.
    pub(super) async fn write(&self, commands: &[Cmd]) -> Vec<Answer> {
        self.send(commands, self.deadline()).await
    }

    /// Like [`write`](Self::write), where the commands `then` must not be executed before the
    /// commands `first`. To one server all go in one batch. There is no batch over the servers of a
    /// cluster: there the second ones are sent when the first ones have been answered.
    pub(super) async fn write_in_order(&self, first: &[Cmd], then: &[Cmd]) -> Vec<Answer> {
        if !self.is_cluster() {
            return self.write(&[first, then].concat()).await;
        }
        let mut answers = self.write(first).await;
        answers.extend(self.write(then).await);
        answers
    }

    /// Like [`read`](Self::read), with one command.
    pub(super) async fn read_one(&self, command: Cmd) -> Result<Value, StoreError> {
        only(self.read(&[command]).await)
    }

    /// Like [`write`](Self::write), with one command.
    pub(super) async fn write_one(&self, command: Cmd) -> Result<Value, StoreError> {
        only(self.write(&[command]).await)
    }

    /// The answer to each of the commands, or why there is none.
    async fn send(&self, commands: &[Cmd], deadline: Instant) -> Vec<Answer> {
        match &self.servers {
            Servers::One(server) => {
                let manner = Manner {
                    wait: self.wait,
                    asking: false,
                };
                let sent = timeout_at(deadline, server.send(commands, manner)).await;
                each(commands.len(), sent.unwrap_or_else(late))
            }
            Servers::Fleet(fleet) => fleet.send(commands, self.wait, deadline).await,
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }
}

fn only(answers: Vec<Answer>) -> Result<Value, StoreError> {
    let answer = answers.into_iter().next();
    answer.unwrap_or(Ok(Value::Nil)).map_err(failed)
}
