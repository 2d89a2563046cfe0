use std::{sync::Arc, time::Duration};

use super::secret::DeviceSecret;
use crate::{
    clock::{Clock, SystemClock},
    jws::CryptoProvider,
    paths::{self, DEVICE_REFRESH, DEVICE_REGISTRATION},
};

/// What a [`DeviceBinding`](super::DeviceBinding) is made of, beside the cookies. Its constructor
/// reports what is wrong with the options.
#[derive(Debug)]
#[must_use]
pub struct DeviceOptions {
    pub(super) secret: DeviceSecret,
    pub(super) registration_path: String,
    pub(super) refresh_path: String,
    pub(super) excluded: Vec<String>,
    pub(super) challenge_lifetime: Option<Duration>,
    pub(super) offer_lifetime: Duration,
    pub(super) clock: SharedClock,
    pub(super) provider: Option<CryptoProvider>,
}

/// A clock without a `Debug` of its own.
#[derive(Clone)]
pub(super) struct SharedClock(pub(super) Arc<dyn Clock>);

impl std::fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl DeviceOptions {
    /// Browsers register at `/device/register` and refresh at `/device/refresh`, offers live for five
    /// minutes, and nothing but the endpoints themselves is excluded.
    pub fn new(secret: DeviceSecret) -> Self {
        Self {
            secret,
            registration_path: DEVICE_REGISTRATION.to_owned(),
            refresh_path: DEVICE_REFRESH.to_owned(),
            excluded: Vec::new(),
            challenge_lifetime: None,
            offer_lifetime: Duration::from_secs(5 * 60),
            clock: SharedClock(Arc::new(SystemClock)),
            provider: None,
        }
    }

    /// The path below which browsers find both endpoints. `auth`, `/auth` and `/auth/` mean the same.
    ///
    /// Mostly that is the prefix of the [`Endpoints`](crate::endpoint::Endpoints::under). Where a proxy
    /// removes a part of the path, or axum's `nest` does, it starts with that part: behind
    /// `nest("/api", …)` it is `/api/auth` for endpoints under `/auth`.
    pub fn under(mut self, prefix: &str) -> Self {
        let prefix = paths::prefix(prefix);
        self.registration_path = format!("{prefix}{DEVICE_REGISTRATION}");
        self.refresh_path = format!("{prefix}{DEVICE_REFRESH}");
        self
    }

    /// Requests to this path, and to the paths below it, never wait for a refresh. Once the access cookie
    /// has run out they come without it, so exclude only what needs no access token, such as static
    /// files.
    ///
    /// Do not exclude the path at which users log out: the logout would be refused, and the session
    /// would go on. Nor the token endpoint: it takes a browser whose session is bound, and which sends
    /// neither the access cookie nor a word why, for one that has lost its key. Give no path that is
    /// below another one, since browsers disagree about which rule counts then.
    pub fn exclude(mut self, path: impl Into<String>) -> Self {
        self.excluded.push(path.into());
        self
    }

    /// How old a challenge may be that a browser has signed: by default as long as an access token
    /// lives, and a day at most, so that a browser in use refreshes with one request. With an older one
    /// it makes a second request by itself.
    ///
    /// Whoever can see a whole request to the refresh endpoint, its cookies and its proof, can repeat it
    /// for as long as this, and gets an access cookie each time.
    pub fn challenge_lifetime(mut self, lifetime: Duration) -> Self {
        self.challenge_lifetime = Some(lifetime);
        self
    }

    /// How long after a login its browser may register a key: five minutes by default.
    pub fn offer_lifetime(mut self, lifetime: Duration) -> Self {
        self.offer_lifetime = lifetime;
        self
    }

    /// The clock that offers and challenges go by. The default is the [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock(Arc::new(clock));
        self
    }

    /// Whose cryptography checks what devices sign. Without it, that is [the default](CryptoProvider::default) of
    /// the process.
    pub fn provider(mut self, provider: CryptoProvider) -> Self {
        self.provider = Some(provider);
        self
    }
}
