use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use redis::{Cmd, ConnectionInfo, ErrorKind, RedisResult, ServerErrorKind};

use crate::server::{Answer, Manner, Server};

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

/// A server of several.
pub(crate) struct Node {
    pub(super) place: Place,
    pub(super) server: Server,
    /// Whether another server may serve in its place.
    in_doubt: AtomicBool,
}

/// Doubts a server, unless it answers before this is dropped.
struct Watch<'a> {
    node: &'a Node,
    is_serving: bool,
}

impl Place {
    /// Reads `host:port`. A server that does not know its own host leaves it out: it is that of
    /// `from`, who told of it.
    pub(super) fn parse(text: &str, from: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host {
            "" | "?" => &from.host,
            host => host,
        };
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }
}

impl Node {
    /// It is connected to when it is first used.
    pub(super) fn new(
        place: Place,
        connection: ConnectionInfo,
        timeout: Duration,
    ) -> RedisResult<Self> {
        Ok(Self {
            place,
            server: Server::lazy(connection, timeout)?,
            in_doubt: AtomicBool::new(false),
        })
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Relaxed)
    }

    /// Sends commands. A server that does not answer, or that says that it does not serve, is in
    /// doubt from then on, also if the caller has gone away meanwhile.
    pub(crate) async fn send(&self, commands: &[Cmd], manner: Manner) -> RedisResult<Vec<Answer>> {
        let mut watch = Watch {
            node: self,
            is_serving: false,
        };
        let answers = self.server.send(commands, manner).await?;
        watch.is_serving = !answers.iter().any(is_out_of_service);
        Ok(answers)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.node.in_doubt.store(!self.is_serving, Relaxed);
    }
}

/// Whether the server says that it does not serve at present: it is starting, a replica, cut off
/// from the others, or without enough replicas, as a primary is whose place another has taken.
fn is_out_of_service(answer: &Answer) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly};
    let error = answer.as_ref().err();
    error.is_some_and(|error| match error.kind() {
        ErrorKind::Server(kind) => {
            matches!(kind, BusyLoading | ClusterDown | MasterDown | ReadOnly)
        }
        _ => error.code() == Some("NOREPLICAS"),
    })
}
