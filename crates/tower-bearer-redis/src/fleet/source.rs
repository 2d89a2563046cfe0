//! Who tells where the keys are: the servers of a cluster, or sentinels.

use std::{sync::Arc, time::Duration};

use redis::{Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, RedisResult, Value, cmd};

use tower_bearer::store::{OpenError, OpenErrorKind};

use super::{
    node::{Node, Place},
    slot,
};
use crate::{
    error::refused,
    server::{Manner, Server},
};

/// Which question is asked.
#[derive(Clone)]
pub(crate) enum Kind {
    /// Who serves which slots?
    Cluster,
    /// Who is the primary of this name?
    Sentinel(String),
}

/// Those who are asked, and how the servers that they name are reached.
pub(crate) struct Source {
    kind: Kind,
    given: Vec<Arc<Node>>,
    /// How to reach a server, but for its place.
    server: ConnectionInfo,
    timeout: Duration,
}

/// A range of slots, and the server that has them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) place: Place,
}

impl Source {
    /// Asks those who are `given`, and reaches servers as `server` says.
    pub(crate) fn new(
        kind: Kind,
        given: &[ConnectionInfo],
        server: ConnectionInfo,
        timeout: Duration,
    ) -> RedisResult<Self> {
        let given = given.iter().map(|given| {
            let node = Node::new(place(given)?, given.clone(), timeout)?;
            Ok(Arc::new(node))
        });
        Ok(Self {
            kind,
            given: given.collect::<RedisResult<_>>()?,
            server,
            timeout,
        })
    }

    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster)
    }

    /// How long one of those who are asked may take, so that others can be asked in time.
    pub(super) fn patience(&self) -> Duration {
        self.timeout / 4
    }

    /// Whom to ask, those first who are not in doubt.
    pub(super) fn to_ask(&self, known: Vec<Arc<Node>>) -> Vec<Arc<Node>> {
        let mut all = match self.kind {
            Kind::Cluster => known,
            // Only sentinels know.
            Kind::Sentinel(_) => Vec::new(),
        };
        all.extend(self.given.iter().cloned());
        all.sort_by_cached_key(|node| node.is_in_doubt());
        all
    }

    pub(super) async fn ask(&self, node: &Node) -> RedisResult<Vec<Told>> {
        let manner = Manner {
            wait: None,
            asking: false,
        };
        let answers = node.send(&[self.question()], manner).await?;
        let answer = answers.into_iter().next().unwrap_or(Ok(Value::Nil))?;
        match &self.kind {
            Kind::Cluster => slots(answer, &node.place),
            Kind::Sentinel(_) => primary(answer),
        }
    }

    fn question(&self) -> Cmd {
        match &self.kind {
            Kind::Cluster => cmd("CLUSTER").arg("SLOTS").take(),
            Kind::Sentinel(name) => cmd("SENTINEL")
                .arg("GET-MASTER-ADDR-BY-NAME")
                .arg(name)
                .take(),
        }
    }

    /// A server at a place.
    pub(super) fn node(&self, place: Place) -> RedisResult<Node> {
        let (host, port) = (place.host.clone(), place.port);
        let address = match self.server.addr().clone() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure,
                tls_params,
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        Node::new(place, self.server.clone().set_addr(address), self.timeout)
    }

    /// The error of opening a store, if nobody could tell.
    pub(super) fn refused(&self, error: RedisError) -> OpenError {
        let why = match (&self.kind, error.kind()) {
            (_, ErrorKind::MasterNameNotFoundBySentinel) => {
                "its sentinels know no primary of this name"
            }
            (Kind::Cluster, ErrorKind::Server(_) | ErrorKind::Extension) => {
                "its servers are no cluster, or do not tell the user of it"
            }
            (Kind::Sentinel(_), ErrorKind::Server(_) | ErrorKind::Extension) => {
                "its sentinels are none, or do not tell the user of their primary"
            }
            (Kind::Cluster, ErrorKind::ClusterConnectionNotFound) => "its cluster has no slots",
            _ => return refused(error),
        };
        match error.code() {
            Some("NOAUTH" | "WRONGPASS") => refused(error),
            _ => OpenError::new(OpenErrorKind::Unsuitable, why).with_source(error),
        }
    }
}

/// Whether a server has only a part of the keys, and others the rest.
pub(crate) async fn has_only_a_part(server: &Server) -> bool {
    let question = cmd("CLUSTER").arg("SLOTS").take();
    let Ok(answers) = server.exchange(&[question]).await else {
        return false;
    };
    // A server that is in no cluster answers with an error.
    let answer = answers.into_iter().next().and_then(Result::ok);
    let nowhere = Place {
        host: String::new(),
        port: 0,
    };
    let told = answer.and_then(|answer| slots(answer, &nowhere).ok());
    let told = told.unwrap_or_default();
    let first = told.first();
    told.iter()
        .any(|it| first.is_some_and(|first| first.place != it.place))
}

fn place(server: &ConnectionInfo) -> RedisResult<Place> {
    match server.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => Ok(Place {
            host: host.clone(),
            port: *port,
        }),
        _ => Err((ErrorKind::InvalidClientConfig, "it has no host").into()),
    }
}

/// Reads the answer of `CLUSTER SLOTS`: for each range its first and last slot, its primary, and
/// replicas.
fn slots(answer: Value, from: &Place) -> RedisResult<Vec<Told>> {
    let Value::Array(ranges) = answer else {
        return Err(unexpected());
    };
    let told = ranges.iter().map(|range| range_of(range, from));
    let told: Vec<_> = told.collect::<Option<_>>().ok_or_else(unexpected)?;
    match told.is_empty() {
        true => Err(super::unserved()),
        false => Ok(told),
    }
}

fn range_of(range: &Value, from: &Place) -> Option<Told> {
    let Value::Array(range) = range else {
        return None;
    };
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(primary),
        ..,
    ] = range.as_slice()
    else {
        return None;
    };
    let [host, Value::Int(port), ..] = primary.as_slice() else {
        return None;
    };
    // A server that does not know its own host gives none, or a question mark.
    let host = match host {
        Value::Nil => from.host.clone(),
        host => match text(host)? {
            "" | "?" => from.host.clone(),
            host => host.to_owned(),
        },
    };
    let told = Told {
        first: u16::try_from(*first).ok()?,
        last: u16::try_from(*last).ok()?,
        place: Place {
            host,
            port: u16::try_from(*port).ok()?,
        },
    };
    (told.first <= told.last && told.last < slot::COUNT).then_some(told)
}

/// Reads a sentinel's answer: the primary's host and port, or nothing if it knows none of the name.
fn primary(answer: Value) -> RedisResult<Vec<Told>> {
    let place = match &answer {
        Value::Nil => {
            let unknown = ErrorKind::MasterNameNotFoundBySentinel;
            return Err((unknown, "the sentinel knows no primary of this name").into());
        }
        Value::Array(place) => match place.as_slice() {
            [host, port] => text(host).zip(text(port)),
            _ => None,
        },
        _ => None,
    };
    let (host, port) = place.ok_or_else(unexpected)?;
    Ok(vec![Told {
        first: 0,
        last: slot::COUNT - 1,
        place: Place {
            host: host.to_owned(),
            port: port.parse().map_err(|_| unexpected())?,
        },
    }])
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn unexpected() -> RedisError {
    let what = "the servers are told of in another way than Redis does";
    (ErrorKind::UnexpectedReturnType, what).into()
}
