use std::{fmt, sync::Arc, time::Duration};

use super::{
    discovery,
    error::RemoteKeysError,
    fetch::{Fetcher, Origin},
    keys::RemoteKeys,
    schedule::{CEILING, Rules, Schedule},
    task::{Shared, Times},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{ConfigError, ConfigErrorKind},
    jws::{Algorithm, CryptoProvider, JwkSetReader},
    transport::Transport,
    uri,
};

const LEAST_COOLDOWN: Duration = Duration::from_secs(1);
const LEAST_REFRESH: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long keys are used that are stale and cannot be fetched again.
///
/// Keys are stale when the lifetime is over that the issuer gave them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stale {
    /// Not at all. While the issuer cannot be reached, requests get a 503.
    Never,
    /// For this long. Then requests get a 503.
    For(Duration),
    /// For as long as it takes. Whoever can keep this server from reaching the issuer keeps a key in
    /// use that the issuer has removed.
    Forever,
}

/// Builds [`RemoteKeys`]. It ends with [`start`](Self::start), [`fetch`](Self::fetch) or
/// [`lazy`](Self::lazy).
///
/// | setting | default | least | most |
/// | --- | --- | --- | --- |
/// | [`cooldown`](Self::cooldown) | 30 s | 1 s | 1 day |
/// | [`refresh_every`](Self::refresh_every) | 1 hour | 10 s | 1 day |
/// | [`stale_if_error`](Self::stale_if_error) | for 1 day | | |
/// | [`keep_removed`](Self::keep_removed) | 0 | 0 | 30 days |
/// | [`wait_timeout`](Self::wait_timeout) | 2 s | 0 | 60 s |
/// | [`timeout`](Self::timeout) | 10 s | 1 ms | 60 s |
/// | [`answer_limit`](Self::answer_limit) | 1 MiB | 1 | |
/// | [`max_keys`](Self::max_keys) | 1000 | 1 | |
#[must_use = "nothing is fetched before `start`, `fetch` or `lazy`"]
pub struct RemoteKeysBuilder {
    transport: Transport,
    target: Target,
    http_too: bool,
    rsa: Algorithm,
    provider: Option<CryptoProvider>,
    rules: Rules,
    patience: Duration,
    keep_removed: Duration,
    answer_limit: usize,
    max_keys: usize,
    clock: Arc<dyn Clock>,
}

enum Target {
    Issuer(String),
    KeySet(String),
}

impl RemoteKeysBuilder {
    pub(super) fn discover(issuer: String, transport: Transport) -> Self {
        Self::new(Target::Issuer(issuer), transport)
    }

    pub(super) fn at(jwks_uri: String, transport: Transport) -> Self {
        Self::new(Target::KeySet(jwks_uri), transport)
    }

    fn new(target: Target, transport: Transport) -> Self {
        Self {
            transport,
            target,
            http_too: false,
            rsa: Algorithm::RS256,
            provider: None,
            rules: Rules {
                cooldown: Duration::from_secs(30),
                refresh_every: Duration::from_secs(60 * 60),
                stale: Stale::For(Duration::from_secs(24 * 60 * 60)),
                time_limit: Duration::from_secs(10),
            },
            patience: Duration::from_secs(2),
            keep_removed: Duration::ZERO,
            answer_limit: 1024 * 1024,
            max_keys: 1000,
            clock: Arc::new(SystemClock),
        }
    }

    /// The algorithm of RSA keys that name none (RFC 7517 §4.4), as most servers publish them. A key
    /// has one algorithm, so that a token cannot choose (RFC 8725 §3.1). The default is RS256.
    pub fn rsa_algorithm(self, algorithm: Algorithm) -> Self {
        Self {
            rsa: algorithm,
            ..self
        }
    }

    /// Whose cryptography the keys use. Without it, that is [the default](CryptoProvider::default) of the process.
    pub fn provider(self, provider: CryptoProvider) -> Self {
        Self {
            provider: Some(provider),
            ..self
        }
    }

    /// How much time lies at least between two fetches that tokens with an unknown key bring forward. One that was due
    /// anyway does not count, unless it fails.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.rules.cooldown = cooldown;
        self
    }

    /// The lifetime of keys whose answer says nothing of caching. What it does say holds otherwise,
    /// but no less than 5 minutes (or this, if that is less), and no more than a day.
    pub fn refresh_every(mut self, lifetime: Duration) -> Self {
        self.rules.refresh_every = lifetime;
        self
    }

    /// How long keys are used that are stale and cannot be fetched again.
    pub fn stale_if_error(mut self, stale: Stale) -> Self {
        self.rules.stale = stale;
        self
    }

    /// How long a key is still used that is no longer published. By default it goes at once, as it
    /// may have leaked. Some issuers remove a key while tokens of it are still in use.
    pub fn keep_removed(self, keep: Duration) -> Self {
        Self {
            keep_removed: keep,
            ..self
        }
    }

    /// How long a request waits for a fetch. After that it gets a 503.
    pub fn wait_timeout(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How long a fetch may take, with discovery and all redirects.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.rules.time_limit = limit;
        self
    }

    /// How many bytes an answer may have.
    pub fn answer_limit(self, bytes: usize) -> Self {
        Self {
            answer_limit: bytes,
            ..self
        }
    }

    /// How many keys a set may have, whether they can be used or not. Removed keys that are kept count too:
    /// where there are more, those that were removed first go first.
    pub fn max_keys(self, keys: usize) -> Self {
        Self {
            max_keys: keys,
            ..self
        }
    }

    /// The clock that says when a fetch began, which is compared with the `iat` of tokens. The default
    /// is the [`SystemClock`].
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// Fetches from `http` addresses too. Whoever is between this server and the issuer can then give
    /// it keys of their own, and sign any token. For tests, and for issuers on the same machine.
    pub fn danger_allow_plain_http(self) -> Self {
        Self {
            http_too: true,
            ..self
        }
    }

    /// Starts a task that fetches at once, and tries again until it succeeds. Until then, requests with
    /// a token wait for it, and get a 503 if it does not succeed in time.
    ///
    /// # Errors
    ///
    /// [`Url`](ConfigErrorKind::Url) if the address cannot be used or is not https,
    /// [`Lifetime`](ConfigErrorKind::Lifetime), [`Limit`](ConfigErrorKind::Limit) or
    /// [`Algorithm`](ConfigErrorKind::Algorithm) if a setting is out of its range, and
    /// [`NoRuntime`](ConfigErrorKind::NoRuntime) outside of a tokio runtime.
    pub fn start(self) -> Result<RemoteKeys, ConfigError> {
        let keys = self.build(true)?;
        keys.start()?;
        Ok(keys)
    }

    /// Like [`start`](Self::start), but waits for the first fetch, and fails if that does.
    ///
    /// # Errors
    ///
    /// Those of the fetch; [`Config`](super::RemoteKeysErrorKind::Config) in the cases in which
    /// `start` fails.
    pub async fn fetch(self) -> Result<RemoteKeys, RemoteKeysError> {
        let keys = self.start()?;
        keys.first().await?;
        Ok(keys)
    }

    /// Fetches nothing before the first token comes, and then as after [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// Those of `start`, except that no runtime is needed yet.
    pub fn lazy(self) -> Result<RemoteKeys, ConfigError> {
        self.build(false)
    }

    fn build(self, at_once: bool) -> Result<RemoteKeys, ConfigError> {
        self.check()?;
        let mut reader = JwkSetReader::new()
            .max_keys(self.max_keys)
            .without_secrets();
        if let Some(provider) = self.provider {
            reader = reader.provider(provider);
        }
        let reader = reader.rsa_algorithm(self.rsa).map_err(|error| {
            let other = "the algorithm of RSA keys is one of RSA";
            ConfigError::new(ConfigErrorKind::Algorithm, other).with_source(error)
        })?;
        let origin = match self.target {
            Target::Issuer(name) => Origin::Issuer {
                places: discovery::places(&name, self.http_too)?,
                name,
            },
            Target::KeySet(uri) => Origin::KeySet(uri::address(&uri, self.http_too)?),
        };
        let fetcher = Fetcher {
            transport: self.transport,
            origin,
            http_too: self.http_too,
            answer_limit: self.answer_limit,
            reader,
            refresh_every: self.rules.refresh_every,
            place_for: match self.rules.stale {
                Stale::Never => CEILING,
                Stale::For(more) => CEILING.max(more),
                Stale::Forever => Duration::MAX,
            },
            time_limit: self.rules.time_limit,
        };
        let times = Times {
            schedule: Schedule::new(self.rules, at_once),
            patience: self.patience,
            keep_removed: self.keep_removed,
            max_keys: self.max_keys,
            clock: self.clock,
        };
        Ok(RemoteKeys::idle(Shared::new(fetcher, times)))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refused = |kind, what: &'static str| Err(ConfigError::new(kind, what));
        let lifetime = |what| refused(ConfigErrorKind::Lifetime, what);
        if !(LEAST_COOLDOWN..=CEILING).contains(&self.rules.cooldown) {
            return lifetime("the cool-down is 1 second to 1 day");
        }
        if !(LEAST_REFRESH..=CEILING).contains(&self.rules.refresh_every) {
            return lifetime("keys are refreshed every 10 seconds to every day");
        }
        if self.keep_removed > LONGEST_KEEP {
            return lifetime("removed keys are kept for at most 30 days");
        }
        if self.patience > LONGEST_WAIT {
            return lifetime("a request waits for at most 60 seconds");
        }
        let least = Duration::from_millis(1);
        if !(least..=LONGEST_WAIT).contains(&self.rules.time_limit) {
            return lifetime("a fetch takes at least 1 millisecond and at most 60 seconds");
        }
        if self.answer_limit == 0 || self.max_keys == 0 {
            return refused(ConfigErrorKind::Limit, "a limit of 0 lets no key in");
        }
        Ok(())
    }
}

impl fmt::Debug for RemoteKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match &self.target {
            Target::Issuer(target) | Target::KeySet(target) => target,
        };
        f.debug_struct("RemoteKeysBuilder")
            .field("target", &uri::shown(target))
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
