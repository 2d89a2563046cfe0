use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use super::{
    KeyEncryptionKey, KeyRing, KeyRingError,
    document::Policies,
    keeper::{Keeper, Settings},
    schedule::Policy,
    series::MOMENT,
};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    jws::{Algorithm, CryptoProvider, KeyError, KeyErrorKind, SigningKey, long_enough},
    store::{AnyRingStore, RingStore, SealedRing},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A thousand years. Times beyond it would not fit into every database.
const LONGEST: Duration = Duration::from_secs(1000 * 365 * 24 * 60 * 60);
/// So many keys of a series verify at once, beside the one that signs and the next one. Of the largest kind they fill half
/// of what a store takes.
const MOST_KEYS: u32 = 30;

/// Configures a [`KeyRing`]. Every setting has a default; the store and the key-encryption key have to be given.
#[must_use]
pub struct KeyRingBuilder {
    store: AnyRingStore,
    key: KeyEncryptionKey,
    name: String,
    algorithm: Algorithm,
    provider: Option<CryptoProvider>,
    access_keys: Vec<SigningKey>,
    refresh_secrets: Vec<Zeroizing<Vec<u8>>>,
    sign_for: Duration,
    publish_for: Duration,
    access_lifetime: Duration,
    refresh_sign_for: Duration,
    refresh_lifetime: Duration,
    lease: Duration,
    every: Duration,
    store_timeout: Duration,
}

impl KeyRingBuilder {
    pub(super) fn new(store: impl RingStore, key: KeyEncryptionKey) -> Self {
        Self {
            store: AnyRingStore::new(store),
            key,
            name: "default".to_owned(),
            algorithm: Algorithm::ES256,
            provider: None,
            access_keys: Vec::new(),
            refresh_secrets: Vec::new(),
            sign_for: 30 * DAY,
            publish_for: DAY,
            access_lifetime: HOUR,
            refresh_sign_for: 90 * DAY,
            refresh_lifetime: 180 * DAY,
            lease: HOUR,
            every: Duration::from_secs(1),
            store_timeout: Duration::from_secs(5),
        }
    }

    /// The name that the store keeps the ring by: `default` by default, and 1 to
    /// [`LONGEST_NAME`](SealedRing::LONGEST_NAME) bytes. Issuers that share a database have each a name of their own.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What the next access keys are made for: [`Algorithm::ES256`] by default, which nearly
    /// [every verifier](crate::manual::keys) knows. All servers of the issuer have to know it, by their
    /// [cryptography](Self::provider): one that cannot read a key cannot read the ring. Keys that there are stay. So a change
    /// counts from the key after the next one on; [`roll_over`](KeyRing::roll_over) twice, with the time of a
    /// [publication](Self::publish_for) between, does not wait for it.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Whose cryptography the keys of the ring use in this process: by default that of the
    /// [process](CryptoProvider::default). Servers of one ring may use different ones, as what is kept names none. The ring is
    /// encrypted and decrypted by the default of the process in any case.
    pub fn provider(mut self, provider: CryptoProvider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The access key that the ring begins with, instead of one that it makes: the key that the servers have signed with
    /// so far. So those that have the ring and those that do not have it yet accept each other's tokens, and nobody notices that
    /// a [ring takes over](crate::manual::keys#from-keys-of-your-own-to-a-ring). A ring that has keys already takes it to verify
    /// only, and keeps it as long as the program gives it. The key after it is made for the
    /// [algorithm](Self::algorithm) of the ring. In this process it uses its own [cryptography](SigningKey::provider).
    /// Called again, it adds a key that verifies.
    ///
    /// # Errors
    ///
    /// [`Use`](crate::jws::KeyErrorKind::Use) if the key is with a [signer](crate::jws::Signer): a ring keeps its keys.
    pub fn first_access_key(mut self, key: SigningKey) -> Result<Self, KeyError> {
        if key.export_private().is_none() {
            let elsewhere = "a ring keeps its keys, and this one is with a signer";
            return Err(KeyError::new(KeyErrorKind::Use, elsewhere));
        }
        self.access_keys.push(key);
        Ok(self)
    }

    /// The secret of refresh tokens that the ring begins with, instead of one that it makes: that of
    /// [`RefreshKey::from_secret`](crate::session::RefreshKey::from_secret), so that the refresh tokens that are out stay good.
    /// Called again, it adds a previous secret, which verifies. It signs only where the secret after it is
    /// [retired](KeyRing::retire) before the next one is known to all. A ring that has secrets already takes each to
    /// verify. It keeps them as long as the program gives them.
    ///
    /// # Errors
    ///
    /// [`Weak`](crate::jws::KeyErrorKind::Weak) if it is shorter than 32 bytes.
    pub fn first_refresh_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = long_enough("refresh secret", secret.as_ref())?;
        self.refresh_secrets.push(Zeroizing::new(secret.to_vec()));
        Ok(self)
    }

    /// How long an access key signs before the next one takes over: 30 days by default.
    pub fn sign_for(mut self, time: Duration) -> Self {
        self.sign_for = time;
        self
    }

    /// How long a new access key is published at least before it signs: a day by default. Usually it is much longer, as a key is made
    /// when its predecessor begins to sign.
    ///
    /// It has to be longer than those who verify keep the key set, the
    /// [`max-age`](crate::endpoint::JwksEndpoint::max_age) of the endpoint, together with the [lease](Self::lease) and the 30
    /// seconds for which [some readers](crate::manual::keys#what-a-roll-over-costs) do not ask again. The endpoint's `max-age` is at most what is
    /// left beside the lease, and 30 seconds less where that is more than a minute; its `stale-if-error` is cut likewise.
    pub fn publish_for(mut self, time: Duration) -> Self {
        self.publish_for = time;
        self
    }

    /// The longest that an access token lives: an hour by default. After a key has signed for the last time, it verifies
    /// for this long and a [lease](Self::lease). Sessions whose tokens live longer are
    /// [refused](crate::session::SessionsBuilder::build), and so are longer tokens that an
    /// [`Issuer`](crate::Issuer::sign) is given: nothing could verify them once their key has gone.
    pub fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_lifetime = lifetime;
        self
    }

    /// How long a refresh secret signs before the next one takes over: 90 days by default.
    pub fn refresh_sign_for(mut self, time: Duration) -> Self {
        self.refresh_sign_for = time;
        self
    }

    /// The longest that a refresh token lives unused: 180 days by default. After a secret has signed for the last time,
    /// it verifies for this long and a [lease](Self::lease). Sessions with a longer
    /// [idle lifetime](crate::session::SessionsBuilder::idle_lifetime) are refused.
    pub fn refresh_lifetime(mut self, lifetime: Duration) -> Self {
        self.refresh_lifetime = lifetime;
        self
    }

    /// How long this process may sign after it has last read the ring: an hour by default. Where the store cannot be reached for
    /// longer, signing fails until it can. Much earlier, after ten seconds or three [intervals](Self::every), tokens of keys
    /// that this process does not know get a 503 and not a 401: others may have made the key in an emergency. A process
    /// signs with a key that others have [retired](KeyRing::retire) for no longer than this. It accepts that key's tokens
    /// until it has read the ring again, however long that takes.
    pub fn lease(mut self, time: Duration) -> Self {
        self.lease = time;
        self
    }

    /// How long after a read the next one begins: a second by default. A retired key is refused in other processes after
    /// this time, and that of a read, if they can read the ring.
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// How long the answer to a store operation is waited for: 5 seconds by default.
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Reads the ring, or makes it if the store has none of this name, and keeps it up to date from then on in a task
    /// of its own.
    ///
    /// # Errors
    ///
    /// [`Config`](super::KeyRingErrorKind::Config) if a time is below a millisecond or above a thousand years, the publication is not
    /// longer than the lease or is longer than a key signs, a refresh secret signs for no longer than the lease, the lease is not longer than the interval of reads, keys
    /// would verify for more than 30 times as long as they sign, the
    /// name is empty or too long, or there is no tokio runtime;
    /// and the errors of [`KeyRing::read`].
    pub async fn open(self) -> Result<KeyRing, KeyRingError> {
        self.check()?;
        let provider = self.provider.unwrap_or_default();
        let reader = SigningKey::with_provider(provider);
        let secrets = self.refresh_secrets.iter();
        let secrets = secrets.map(|secret| reader.from_secret(Algorithm::HS256, secret));
        let policies = Policies {
            provider,
            access: Policy {
                sign_for: self.sign_for,
                publish_for: self.publish_for,
                keep_for: up_to_a_millisecond(self.kept_for(self.access_lifetime)),
            },
            refresh: Policy {
                sign_for: self.refresh_sign_for,
                // Nobody but the servers has to learn of a secret.
                publish_for: self.lease.saturating_add(MINUTE).min(self.refresh_sign_for),
                keep_for: up_to_a_millisecond(self.kept_for(self.refresh_lifetime)),
            },
            algorithm: self.algorithm,
            own_access: self.access_keys,
            own_refresh: secrets.collect::<Result<_, _>>()?,
        };
        let settings = Settings {
            name: self.name,
            key: self.key,
            policies,
            access_lifetime: self.access_lifetime,
            refresh_lifetime: self.refresh_lifetime,
            lease: self.lease,
            every: self.every,
            store_timeout: self.store_timeout,
        };
        let keeper = Keeper::new(self.store, settings);
        KeyRing::begin(keeper).await
    }

    /// How long a key verifies after it has signed, whose tokens live as long as this.
    fn kept_for(&self, lifetime: Duration) -> Duration {
        lifetime.saturating_add(self.lease)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let times = [
            self.sign_for,
            self.publish_for,
            self.access_lifetime,
            self.refresh_sign_for,
            self.refresh_lifetime,
            self.lease,
            self.every,
            self.store_timeout,
        ];
        let wrong = if times.iter().any(|time| !(MOMENT..=LONGEST).contains(time)) {
            "a time of a key ring must not be below a millisecond, or above a thousand years"
        } else if self.publish_for <= self.lease {
            "publish_for, a day by default, must be longer than the lease, an hour by default"
        } else if self.sign_for < self.publish_for {
            "sign_for, 30 days by default, must not be shorter than publish_for, a day by default"
        } else if self.refresh_sign_for <= self.lease {
            "refresh_sign_for, 90 days by default, must be longer than the lease, an hour by default"
        } else if self.lease <= self.every {
            "the lease, an hour by default, must be longer than the interval of reads"
        } else if self.kept_for(self.access_lifetime) / MOST_KEYS > self.sign_for {
            "access keys would verify for more than 30 times as long as they sign: the ring would grow too large"
        } else if self.kept_for(self.refresh_lifetime) / MOST_KEYS > self.refresh_sign_for {
            "refresh secrets would verify for more than 30 times as long as they sign: the ring would grow too large"
        } else {
            return self.check_name();
        };
        Err(ConfigError::new(ConfigErrorKind::Lifetime, wrong))
    }

    fn check_name(&self) -> Result<(), ConfigError> {
        if !(1..=SealedRing::LONGEST_NAME).contains(&self.name.len()) {
            let wrong = "the name of a key ring has 1 to 256 bytes";
            return Err(ConfigError::new(ConfigErrorKind::Limit, wrong));
        }
        Ok(())
    }
}

/// A ring keeps whole milliseconds.
fn up_to_a_millisecond(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

impl fmt::Debug for KeyRingBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRingBuilder")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
