use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Uri};
use tokio::sync::Semaphore;
use tower_service::Service;

use super::{
    ClientAuthentication, Introspection,
    answer::Rules,
    asker::Asker,
    failure::FailureLog,
    flight::Flights,
    memory::{Limits, Memory},
    question::Question,
    signed::{SignedAnswers, accepted},
};
use crate::{
    error::{BoxError, ConfigError, ConfigErrorKind},
    issuer::check_names,
    profile::{Discriminator, TokenProfile},
    transport::Transport,
    verifier::IssuerKeys,
};

const LONGEST_AGE: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_NEGATIVE: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Builds an [`Introspection`]. [`issuer`](Self::issuer) and [`audience`](Self::audience) have to be
/// set.
///
/// | setting | default | least | most |
/// | --- | --- | --- | --- |
/// | [`max_age`](Self::max_age) | 30 s | 0 | 1 day |
/// | [`max_entries`](Self::max_entries) | 10 000 | 0 | |
/// | [`negative_for`](Self::negative_for) | 1 s | 0 | 60 s |
/// | [`max_negative_entries`](Self::max_negative_entries) | 10 000 | 0 | |
/// | [`stale_if_error`](Self::stale_if_error) | 0 | 0 | 1 day |
/// | [`time_limit`](Self::time_limit) | 5 s | 1 ms | 60 s |
/// | [`max_bytes`](Self::max_bytes) | 64 KiB | 1 | |
/// | [`max_concurrent`](Self::max_concurrent) | 32 | 1 | 10 000 |
/// | [`max_waiting`](Self::max_waiting) | 1000 | 0 | 1 000 000 |
#[must_use = "there is no introspection before `build`"]
pub struct IntrospectionBuilder {
    endpoint: String,
    authentication: ClientAuthentication,
    transport: Transport,
    http_too: bool,
    rules: Rules,
    signed_by: Option<IssuerKeys>,
    signed_only: bool,
    limits: Limits,
    time_limit: Duration,
    max_bytes: usize,
    concurrent: usize,
    waiting: usize,
}

impl Introspection {
    /// Asks the server at this endpoint, as this client, by any HTTP client that is a tower service.
    /// The server's metadata name the address as `introspection_endpoint` (RFC 8414 §2).
    ///
    /// The HTTP client must not follow redirects to other origins: each request has the secret of this
    /// API and a token in it.
    #[expect(clippy::new_ret_no_self, reason = "all else has a default or a name")]
    pub fn new<T, B, R>(
        endpoint: impl Into<String>,
        authentication: ClientAuthentication,
        http: T,
    ) -> IntrospectionBuilder
    where
        T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        T::Error: Into<BoxError>,
        T::Future: Send,
        B: From<Bytes> + 'static,
        R: http_body::Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        IntrospectionBuilder {
            endpoint: endpoint.into(),
            authentication,
            transport: Transport::new(http),
            http_too: false,
            rules: Rules {
                issuer: String::new(),
                audiences: Vec::new(),
                audience_required: false,
                profile: TokenProfile::jwt(Discriminator::audience()),
            },
            signed_by: None,
            signed_only: false,
            limits: Limits {
                max_age: Duration::from_secs(30),
                stale_if_error: Duration::ZERO,
                entries: 10_000,
                negative_for: Duration::from_secs(1),
                negative_entries: 10_000,
            },
            time_limit: Duration::from_secs(5),
            max_bytes: 64 * 1024,
            concurrent: 32,
            waiting: 1000,
        }
    }
}

impl IntrospectionBuilder {
    /// The issuer whose tokens these are. An answer that names another is refused, and one that names
    /// none is this issuer's: [`Claims::iss`](crate::Claims::iss) is its name then.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuer = issuer.into();
        self
    }

    /// The name of this API, or one more of them. An answer that names other audiences only is
    /// refused. One that names none is accepted, unless an audience is
    /// [required](Self::require_audience).
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.push(audience.into());
        self
    }

    /// Refuses answers that name no audience.
    ///
    /// Use it if the server names audiences. If it does not, it should answer each API only for its own
    /// tokens: otherwise any token of the server opens this API.
    pub fn require_audience(mut self) -> Self {
        self.rules.audience_required = true;
        self
    }

    /// In which members the client, the scope and so on are, if not in those of RFC 7662. What a profile
    /// says of types and [discriminators](TokenProfile::discriminator) does not count here: the server
    /// has looked at the token itself.
    pub fn profile(mut self, profile: TokenProfile) -> Self {
        self.rules.profile = profile;
        self
    }

    /// Asks for signed answers, and verifies them with these keys of the issuer (RFC 9701). A fixed
    /// set, or one that is fetched.
    pub fn signed_by(mut self, keys: impl Into<IssuerKeys>) -> Self {
        self.signed_by = Some(keys.into());
        self
    }

    /// Takes no answer that is not signed. It needs [keys](Self::signed_by).
    pub fn require_signed(mut self) -> Self {
        self.signed_only = true;
        self
    }

    /// For how long a good answer is remembered, from the question on: 30 seconds by default. For so
    /// long a token is accepted that has been revoked. With zero, the server is asked at each request.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.limits.max_age = age;
        self
    }

    /// How many good answers are remembered: 10 000 by default. One takes about 1 KiB.
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.limits.entries = entries;
        self
    }

    /// For how long a bad answer is remembered, from the question on: 1 second by default.
    pub fn negative_for(mut self, age: Duration) -> Self {
        self.limits.negative_for = age;
        self
    }

    /// How many bad answers are remembered: 10 000 by default. They take about 100 bytes each, and no
    /// room from good ones.
    pub fn max_negative_entries(mut self, entries: usize) -> Self {
        self.limits.negative_entries = entries;
        self
    }

    /// For how long after [`max_age`](Self::max_age) a good answer still counts if the server cannot be
    /// asked: not at all by default. Whoever can keep this API from the server can use a revoked token
    /// for that much longer. No token is accepted beyond its `exp`.
    pub fn stale_if_error(mut self, time: Duration) -> Self {
        self.limits.stale_if_error = time;
        self
    }

    /// How long an answer may take in all: 5 seconds by default.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// The largest answer in bytes: 64 KiB by default.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How many questions are on their way to the server at once: 32 by default.
    pub fn max_concurrent(mut self, questions: usize) -> Self {
        self.concurrent = questions;
        self
    }

    /// How many questions wait for one of those to be answered: 1000 by default. Beyond that, requests
    /// get a 503 at once.
    pub fn max_waiting(mut self, questions: usize) -> Self {
        self.waiting = questions;
        self
    }

    /// Also takes an endpoint without TLS.
    ///
    /// This is dangerous: whoever is on the way reads the tokens and this API's secret, and can call
    /// any token active. It is for servers on the same machine, and for tests.
    pub fn danger_accept_http(mut self) -> Self {
        self.http_too = true;
        self
    }

    /// Checks the settings. Nothing is sent before the first token comes.
    ///
    /// # Errors
    ///
    /// - [`Url`](ConfigErrorKind::Url) if the endpoint cannot be used or is not https.
    /// - [`EmptyIssuer`](ConfigErrorKind::EmptyIssuer), [`EmptyAudience`](ConfigErrorKind::EmptyAudience)
    ///   or [`EmptyClientId`](ConfigErrorKind::EmptyClientId) if a name is missing or empty.
    /// - [`Lifetime`](ConfigErrorKind::Lifetime) or [`Limit`](ConfigErrorKind::Limit) if a setting is out
    ///   of the range that the [table](Self) has.
    /// - [`NoKeys`](ConfigErrorKind::NoKeys) if signed answers are required and there are no keys.
    /// - [`Credentials`](ConfigErrorKind::Credentials) if a bearer token cannot be sent in a header.
    pub fn build(self) -> Result<Introspection, ConfigError> {
        let endpoint = endpoint(&self.endpoint, self.http_too)?;
        self.check()?;
        let first = self.rules.audiences.first().cloned().unwrap_or_default();
        let recipient = self.authentication.client_id().map_or(first, str::to_owned);
        let signed = self.signed_by.map(|keys| SignedAnswers {
            keys,
            recipient,
            required: self.signed_only,
        });
        Ok(Introspection(Arc::new(Asker {
            question: Question {
                endpoint,
                authorization: self.authentication.header()?,
                parameters: self.authentication.parameters(),
                accept: accepted(signed.as_ref()),
            },
            transport: self.transport,
            rules: self.rules,
            signed,
            time_limit: self.time_limit,
            max_bytes: self.max_bytes,
            memory: Memory::new(self.limits),
            flights: Flights::default(),
            under_way: Semaphore::new(self.concurrent),
            places: Arc::new(Semaphore::new(self.concurrent + self.waiting)),
            failures: FailureLog::default(),
        })))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let first = self.rules.audiences.first().map_or("", String::as_str);
        check_names(&self.rules.issuer, first)?;
        for audience in &self.rules.audiences {
            check_names(&self.rules.issuer, audience)?;
        }
        let limits = &self.limits;
        let lifetimes_fit = limits.max_age <= LONGEST_AGE
            && limits.stale_if_error <= LONGEST_AGE
            && limits.negative_for <= LONGEST_NEGATIVE
            && (Duration::from_millis(1)..=LONGEST_WAIT).contains(&self.time_limit);
        if !lifetimes_fit {
            let what = "max_age and stale_if_error are at most a day, negative_for at most 60 seconds, and \
                        time_limit is 1 millisecond to 60 seconds";
            return Err(ConfigError::new(ConfigErrorKind::Lifetime, what));
        }
        let counts_fit = self.max_bytes > 0
            && (1..=10_000).contains(&self.concurrent)
            && self.waiting <= 1_000_000;
        if !counts_fit {
            let what = "max_bytes is at least 1, max_concurrent is 1 to 10 000, and max_waiting at most \
                        1 000 000";
            return Err(ConfigError::new(ConfigErrorKind::Limit, what));
        }
        if self.signed_only && self.signed_by.is_none() {
            let what =
                "signed answers are required, and there are no keys to verify them: call signed_by";
            return Err(ConfigError::new(ConfigErrorKind::NoKeys, what));
        }
        Ok(())
    }
}

fn endpoint(text: &str, http_too: bool) -> Result<Uri, ConfigError> {
    let refused = |what: String| ConfigError::new(ConfigErrorKind::Url, what);
    let uri: Uri = text
        .parse()
        .map_err(|error| refused(format!("{text:?} is no URL")).with_source(error))?;
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    match uri.scheme_str() {
        Some("https") if has_host => Ok(uri),
        Some("http") if has_host && http_too => Ok(uri),
        Some("http") if has_host => Err(refused(format!(
            "{text:?} is not https; danger_accept_http is for servers on the same machine, and for tests"
        ))),
        _ => Err(refused(format!("{text:?} is no https URL"))),
    }
}

impl fmt::Debug for IntrospectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionBuilder")
            .field("endpoint", &self.endpoint)
            .field("authentication", &self.authentication)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
