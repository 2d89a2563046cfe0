//! What a URL leads to: a server, the servers of a cluster, or sentinels.

use redis::{ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError, RedisResult};

use crate::fleet::Kind;

/// Where a sentinel listens if the URL does not say so.
const SENTINEL_PORT: u16 = 26_379;

pub(super) enum Address {
    One(ConnectionInfo),
    Several {
        kind: Kind,
        /// Those who are asked where the keys are.
        given: Vec<ConnectionInfo>,
        /// How to reach a server, but for its host and port.
        server: ConnectionInfo,
    },
}

/// The parts of a URL of several hosts.
struct Parts<'a> {
    scheme: &'a str,
    /// The user and the password, with the `@` after them.
    user: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
    /// With the `?` or `#` before it.
    query: &'a str,
}

impl Address {
    pub(super) fn parse(url: &str) -> RedisResult<Self> {
        match url.split_once("://") {
            Some(("redis+cluster", rest)) => cluster(&Parts::new("redis", rest)?),
            Some(("rediss+cluster", rest)) => cluster(&Parts::new("rediss", rest)?),
            Some(("redis+sentinel", rest)) => sentinel(&Parts::new("redis", rest)?),
            Some(("rediss+sentinel", rest)) => sentinel(&Parts::new("rediss", rest)?),
            _ => url.into_connection_info().map(Self::One),
        }
    }

    /// Whether a URL asks for TLS, and the crate `redis` was built without.
    pub(super) fn lacks_tls(url: &str) -> bool {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let asks = matches!(
            scheme,
            Some("rediss" | "valkeys" | "rediss+cluster" | "rediss+sentinel")
        );
        asks && "rediss://localhost/".into_connection_info().is_err()
    }

    pub(super) fn is_database_of_cluster(&self) -> bool {
        match self {
            Self::Several {
                kind: Kind::Cluster,
                server,
                ..
            } => server.redis_settings().db() != 0,
            _ => false,
        }
    }
}

impl<'a> Parts<'a> {
    fn new(scheme: &'a str, rest: &'a str) -> RedisResult<Self> {
        let (rest, query) = split_before(rest, &['?', '#']);
        let (authority, path) = split_before(rest, &['/']);
        let at = authority.rfind('@').map_or(0, |at| at + 1);
        let (user, hosts) = authority.split_at(at);
        let hosts: Vec<_> = hosts.split(',').collect();
        match hosts.iter().any(|host| host.is_empty()) {
            true => Err(malformed("a host is missing")),
            false => Ok(Self {
                scheme,
                user,
                hosts,
                path,
                query,
            }),
        }
    }

    fn server(&self, user: &str, host: &str, path: &str) -> RedisResult<ConnectionInfo> {
        let Self { scheme, query, .. } = self;
        format!("{scheme}://{user}{host}{path}{query}").into_connection_info()
    }
}

/// `redis+cluster://[user][:password@]host[:port],…`
fn cluster(parts: &Parts<'_>) -> RedisResult<Address> {
    let given = parts
        .hosts
        .iter()
        .map(|host| parts.server(parts.user, host, parts.path));
    let given: Vec<_> = given.collect::<RedisResult<_>>()?;
    let server = given.first().cloned();
    Ok(Address::Several {
        kind: Kind::Cluster,
        given,
        server: server.ok_or_else(|| malformed("a host is missing"))?,
    })
}

/// `redis+sentinel://[user][:password@]host[:port],…/name[/database]`. User, password and database
/// are those of the server that the sentinels name.
fn sentinel(parts: &Parts<'_>) -> RedisResult<Address> {
    let path = parts.path.trim_start_matches('/');
    let (name, database) = split_before(path, &['/']);
    if name.is_empty() {
        return Err(malformed("the name of the primary is missing"));
    }
    let hosts = parts.hosts.iter().map(|host| with_port(host));
    let given = hosts.map(|host| parts.server("", &host, "/"));
    Ok(Address::Several {
        kind: Kind::Sentinel(name.to_owned()),
        given: given.collect::<RedisResult<_>>()?,
        server: parts.server(parts.user, "primary", database)?,
    })
}

fn with_port(host: &str) -> String {
    let (_, after) = host.rsplit_once(']').unwrap_or(("", host));
    match after.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:{SENTINEL_PORT}"),
    }
}

/// The text before the first of the marks, and the rest from there on.
fn split_before<'a>(text: &'a str, marks: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(marks).unwrap_or(text.len()))
}

fn malformed(what: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, what).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several(url: &str) -> (Option<String>, Vec<String>, ConnectionInfo) {
        match Address::parse(url).unwrap() {
            Address::One(_) => panic!("{url} leads to one server"),
            Address::Several {
                kind,
                given,
                server,
            } => {
                let name = match kind {
                    Kind::Cluster => None,
                    Kind::Sentinel(name) => Some(name),
                };
                let places = given.iter().map(|given| given.addr().to_string());
                (name, places.collect(), server)
            }
        }
    }

    #[test]
    fn a_cluster_is_given_by_some_of_its_servers() {
        let (name, places, server) =
            several("redis+cluster://app:p%40ss@a:1,b,[::1]:3?protocol=resp3");
        assert_eq!(name, None);
        assert_eq!(places, ["a:1", "b:6379", "::1:3"]);
        let settings = server.redis_settings();
        assert_eq!(settings.username(), Some("app"));
        assert_eq!(settings.password(), Some("p@ss"));
    }

    #[test]
    fn a_primary_is_given_by_its_sentinels_and_its_name() {
        let (name, places, server) = several("redis+sentinel://:secret@a,b:2,[::1]/main/7");
        assert_eq!(name.as_deref(), Some("main"));
        assert_eq!(places, ["a:26379", "b:2", "::1:26379"]);
        let settings = server.redis_settings();
        assert_eq!((settings.db(), settings.password()), (7, Some("secret")));
    }

    #[test]
    fn hosts_and_names_are_not_left_out() {
        for url in [
            "redis+cluster://",
            "redis+cluster://a,,b",
            "redis+cluster://user@",
            "redis+cluster://a:port",
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis+sentinel:///main",
            "redis+sentinel://a/main/database",
            "redis+proxy://a",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
