use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use http::HeaderValue;

use super::{
    DpopError, KeyProof, NonceSecret, RequestHead,
    other_url::Doubt,
    seen::Seen,
    settings::{Addresses, Nonces, Settings},
    url::PlainUrl,
};
use crate::{
    clock::{Clock, SystemClock},
    error::{ConfigError, ConfigErrorKind},
    jws::{Algorithm, CryptoProvider},
    key_proof::KeyHolders,
};

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
    Algorithm::PS256,
    Algorithm::RS256,
];
const WINDOW: Duration = Duration::from_secs(60);
const MAX_WINDOW: Duration = Duration::from_secs(300);
const REPLAY_LIMIT: usize = 1_000_000;

/// Checks the proofs of clients that they hold a key (RFC 9449 §4.3). See [the policy](super).
///
/// It is cheap to clone. Give clones of one verifier to the layer, to the endpoints and to the
/// login: they share the memory of the proofs that were seen. Every method that changes it gives it an
/// empty memory of its own, so configure it before you clone it.
///
/// ```
/// use tower_bearer::{Verifier, bearer::BearerLayer, dpop::DpopVerifier, error::ConfigError};
///
/// # fn layer(verifier: Verifier) -> Result<BearerLayer, ConfigError> {
/// let dpop = DpopVerifier::new("https://api.example")?;
/// let layer = BearerLayer::new(verifier).dpop(&dpop);
/// # Ok(layer)
/// # }
/// ```
#[derive(Clone)]
pub struct DpopVerifier {
    pub(super) settings: Arc<Settings>,
    pub(super) seen: Arc<Memories>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) doubt: Arc<Doubt>,
}

/// What was seen. Anybody can make a proof that comes without a token; those shall not push out the
/// others.
pub(super) struct Memories {
    pub(super) with_token: Seen,
    pub(super) without_token: Seen,
}

impl Memories {
    fn new(settings: &Settings) -> Arc<Self> {
        let new = || Seen::new(settings.replay_limit, settings.span());
        Arc::new(Self {
            with_token: new(),
            without_token: new(),
        })
    }
}

impl DpopVerifier {
    /// A verifier for a server with this public address: what a client puts before the path of a
    /// request, as the server sees that path. Mostly that is the origin, `https://api.example`. If a
    /// proxy takes a part of the path away, that part belongs to the address:
    /// `https://api.example/v1`. What axum's `nest` takes away does too, unless the verifier is told
    /// to look at the `original_uri`.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Url`] if this is not an `http` or `https` URL, or if it has a query, a
    /// fragment or a user.
    pub fn new(address: &str) -> Result<Self, ConfigError> {
        Ok(Self::with(Addresses::Known(vec![read(address)?])))
    }

    /// A verifier for a server that does not know its own address. It takes a proof for the host that
    /// the request itself names (`Host`, or `:authority` in HTTP/2), over HTTP or HTTPS.
    ///
    /// This is dangerous: another server to which a client has sent a token and a proof can send both
    /// on to this one, for the proof no longer says for which of them it was made. It is for a
    /// first try on a developer's machine.
    #[must_use]
    pub fn danger_any_origin() -> Self {
        Self::with(Addresses::Any)
    }

    fn with(addresses: Addresses) -> Self {
        let settings = Settings {
            addresses,
            algorithms: ALGORITHMS.to_vec(),
            algorithm_names: names(&ALGORITHMS),
            window: WINDOW,
            nonces: Nonces::Never,
            required: Arc::new(KeyHolders::Only(BTreeSet::new())),
            replay_limit: REPLAY_LIMIT,
            provider: None,
            #[cfg(feature = "axum")]
            takes_original_uri: false,
        };
        Self {
            seen: Memories::new(&settings),
            settings: Arc::new(settings),
            clock: Arc::new(SystemClock),
            doubt: Arc::default(),
        }
    }

    /// Changes the settings. The memory is a new one: what the old one holds was judged by others.
    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        change(settings);
        self.seen = Memories::new(settings);
        self.doubt = Arc::default();
        self
    }

    /// Also takes proofs for this public address, for a server that has several. A verifier that takes
    /// [any](Self::danger_any_origin) stays as it is.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn also_at(self, address: &str) -> Result<Self, ConfigError> {
        let address = read(address)?;
        Ok(self.change(|settings| {
            if let Addresses::Known(all) = &mut settings.addresses {
                all.push(address);
            }
        }))
    }

    /// Compares proofs with the path that a request had before nested axum routers, which is in its
    /// extension [`OriginalUri`](axum::extract::OriginalUri). One verifier then serves routes at
    /// every depth. Without this call the path is the one that the request arrives with, and what a
    /// `nest` takes away belongs to the [public address](Self::new), as what a proxy takes away does.
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn original_uri(self) -> Self {
        self.change(|settings| settings.takes_original_uri = true)
    }

    /// How far the `iat` of a proof may be from the time of this server, in either direction: 60
    /// seconds by default. It is more than zero and at most 5 minutes.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Lifetime`] if it is not.
    pub fn window(self, window: Duration) -> Result<Self, ConfigError> {
        if window.is_zero() || window > MAX_WINDOW {
            let what = "the window of DPoP proofs is more than zero and at most 5 minutes";
            return Err(ConfigError::new(ConfigErrorKind::Lifetime, what));
        }
        Ok(self.change(|settings| settings.window = window))
    }

    /// The algorithms that proofs may be signed with: ES256, ES384, EdDSA, PS256 and RS256 by
    /// default. They are named in challenges and in the metadata, in this order. `EdDSA` and `Ed25519`
    /// are one algorithm (RFC 9864 §2.2), which is accepted and named under both.
    ///
    /// # Errors
    ///
    /// [`ConfigErrorKind::Algorithm`] if there is none, or if one of them is HMAC: a secret that the
    /// server knows too proves nothing (RFC 9449 §4.3). Also if one is ML-DSA-65 or ML-DSA-87, whose proofs are
    /// above the 8 KiB that are accepted.
    pub fn algorithms(
        self,
        algorithms: impl IntoIterator<Item = Algorithm>,
    ) -> Result<Self, ConfigError> {
        let algorithms: Vec<_> = algorithms.into_iter().collect();
        if algorithms.is_empty() || algorithms.iter().any(|algorithm| algorithm.is_hmac()) {
            let what = "DPoP proofs need at least one algorithm, and none of HMAC";
            return Err(ConfigError::new(ConfigErrorKind::Algorithm, what));
        }
        if let Some(long) = algorithms.iter().find(|algorithm| !algorithm.fits_proofs()) {
            let what = format!("a DPoP proof of {long} is above 8 KiB, which are the most");
            return Err(ConfigError::new(ConfigErrorKind::Algorithm, what));
        }
        Ok(self.change(|settings| {
            settings.algorithm_names = names(&algorithms);
            settings.algorithms = algorithms;
        }))
    }

    /// Whose cryptography checks the signatures of proofs. Without it, that is [the
    /// default](CryptoProvider::default) of the process.
    #[must_use]
    pub fn provider(self, provider: CryptoProvider) -> Self {
        self.change(|settings| settings.provider = Some(provider))
    }

    /// How many proofs are remembered, so that none is accepted twice: a million by default, for
    /// requests with an access token and for those without one each. One takes about 20 bytes.
    ///
    /// A proof is forgotten once it can no longer be used. If there are more than this in that time
    /// (twice the window, or five and a half minutes with nonces, whichever is longer), the oldest are
    /// forgotten, half of the memory at once, and a warning is logged. The memory is this process's own: a proof can be used once at each server
    /// of a cluster, and once more after a restart.
    #[must_use]
    pub fn replay_limit(self, proofs: usize) -> Self {
        self.change(|settings| settings.replay_limit = proofs)
    }

    /// Asks for a nonce in every proof (RFC 9449 §8). A proof without one, or with one that is older
    /// than 5 minutes, is answered with `use_dpop_nonce` and a new nonce. An answer to a proof whose
    /// nonce is half as old has a new one too.
    ///
    /// A proof then cannot be made in advance, and the `iat` no longer counts, so that the clock of
    /// the client may be wrong. Each client needs one more round trip at its start. All servers that a
    /// client may meet share the secret.
    #[must_use]
    pub fn nonces(self, secret: &NonceSecret) -> Self {
        let nonces = Nonces::Always(secret.clone());
        self.change(|settings| settings.nonces = nonces)
    }

    /// Asks for a nonce only if the `iat` of a proof is outside the [window](Self::window), so that
    /// a client with a wrong clock can use this server too. All others are spared the round trip: where
    /// the `iat` is right, it does not matter which nonce comes along.
    #[must_use]
    pub fn nonces_for_wrong_clocks(self, secret: &NonceSecret) -> Self {
        let nonces = Nonces::OutsideTheWindow(secret.clone());
        self.change(|settings| settings.nonces = nonces)
    }

    /// Requires a proof of everybody: at logins and token requests, and at resources, where tokens
    /// that are not bound to a key are refused. Without this call, a client may bind its session or
    /// not.
    #[must_use]
    pub fn require(self) -> Self {
        self.change(|settings| settings.required = Arc::new(KeyHolders::All))
    }

    /// Requires a proof of these clients, by the `client_id` of the session and of the token
    /// (`dpop_bound_access_tokens` of RFC 9449 §5.2). The application's login, which alone knows the
    /// client, asks [`is_required_for`](Self::is_required_for).
    #[must_use]
    pub fn require_for<C: Into<String>>(self, clients: impl IntoIterator<Item = C>) -> Self {
        let clients = clients.into_iter().map(Into::into);
        self.change(|settings| {
            if let KeyHolders::Only(known) = Arc::make_mut(&mut settings.required) {
                known.extend(clients);
            }
        })
    }

    /// The source of time. The default is the [`SystemClock`].
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self.change(|_| {})
        }
    }

    /// Whether this client has to prove that it holds a key.
    pub fn is_required_for(&self, client_id: Option<&str>) -> bool {
        self.settings.required.include(client_id)
    }

    /// Checks the proof of a login, if the request has one. If it has none, that is an error only
    /// where [everybody](Self::require) needs one. Bind the session to the key of the proof with
    /// `Grant::bound_to`.
    ///
    /// The layer and the endpoints check proofs themselves. A proof is good for one request, and a
    /// second call for the same one refuses it. Behind a layer with a clone of this verifier, which
    /// has accepted the proof, each call accepts it too: the layer has noted that in the extensions of
    /// the request.
    ///
    #[cfg_attr(feature = "session", doc = include_str!("login.md"))]
    ///
    /// # Errors
    ///
    /// A [`DpopError`] to answer the request with.
    pub fn verify<'a>(
        &self,
        request: impl Into<RequestHead<'a>>,
    ) -> Result<Option<KeyProof>, DpopError> {
        let request = request.into();
        match self.check(request, None)? {
            Some(checked) => Ok(Some(checked.proof)),
            None if self.is_required_for(None) => Err(DpopError::missing(request.uri().path())),
            None => Ok(None),
        }
    }

    /// A new nonce, for an answer of the application's own: the value of its header `DPoP-Nonce`.
    /// `None` if this verifier asks for none.
    pub fn nonce(&self) -> Option<HeaderValue> {
        self.settings.nonces.secret()?.issue(self.clock.now())
    }

    /// The clients that have to prove that they hold a key.
    #[cfg(feature = "session")]
    pub(crate) fn key_holders(&self) -> &Arc<KeyHolders> {
        &self.settings.required
    }

    /// The names of the algorithms, separated by spaces.
    pub(crate) fn algorithm_names(&self) -> &Arc<str> {
        &self.settings.algorithm_names
    }
}

impl fmt::Debug for DpopVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopVerifier")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn names(algorithms: &[Algorithm]) -> Arc<str> {
    let names = algorithms.iter().enumerate().filter_map(|(at, known)| {
        let named = algorithms.iter().take(at).any(|other| other.is(*known));
        match known {
            _ if named => None,
            // Clients know it by the one name or the other (RFC 9864 §2.2).
            Algorithm::EdDSA | Algorithm::Ed25519 => Some("EdDSA Ed25519"),
            known => Some(known.as_str()),
        }
    });
    let names: Vec<_> = names.collect();
    names.join(" ").into()
}

fn read(address: &str) -> Result<PlainUrl, ConfigError> {
    const FORM: &str =
        "a public address is http(s)://host[:port][/path], without a query, a fragment and a user";
    PlainUrl::read(address)
        .filter(|_| !address.contains(['?', '#']))
        .ok_or_else(|| ConfigError::new(ConfigErrorKind::Url, FORM))
}
