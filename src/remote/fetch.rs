//! One fetch of the keys: discovery where it is needed, redirects, limits.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Uri,
    header::{ACCEPT, CACHE_CONTROL, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER, USER_AGENT},
};

use tokio::time::timeout;

use super::{
    discovery::{jwks_uri, redirected},
    error::{RemoteKeysError, RemoteKeysErrorKind as Kind},
    freshness,
    schedule::{CEILING, FLOOR},
    set,
};
use crate::{
    clock::Timestamp,
    jws::{JwkSet, JwkSetReader},
    trace,
    transport::Transport,
    uri,
};

const MAX_REDIRECTS: usize = 3;
const AGENT: &str = concat!("tower-bearer/", env!("CARGO_PKG_VERSION"));
const METADATA: &str = "application/json, */*;q=0.1";
const KEYS: &str = "application/jwk-set+json, application/json;q=0.9, */*;q=0.1";

/// Where keys are fetched, and within which limits.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub(super) transport: Transport,
    pub(super) origin: Origin,
    pub(super) http_too: bool,
    pub(super) answer_limit: usize,
    pub(super) reader: JwkSetReader,
    /// The lifetime of an answer that says nothing.
    pub(super) refresh_every: Duration,
    /// How long the place of the keys is believed while the metadata cannot be had.
    pub(super) place_for: Duration,
    /// How long a fetch may take.
    pub(super) time_limit: Duration,
}

#[derive(Debug)]
pub(super) enum Origin {
    /// The name of the issuer, and where its metadata may be.
    Issuer {
        name: String,
        places: Vec<Uri>,
    },
    KeySet(Uri),
}

/// What one fetch has learnt for the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Learnt {
    /// Where the keys are.
    found: Option<Place>,
    /// Why the metadata could not be had when it was asked for last.
    pub(super) trouble: Option<RemoteKeysError>,
    /// The version of the keys that are held.
    etag: Option<(Uri, HeaderValue)>,
}

#[derive(Clone, Debug)]
struct Place {
    uri: Uri,
    /// Until when it is believed without asking again.
    until: Duration,
    /// Until when it is believed where nobody answers.
    at_most: Duration,
}

/// How a fetch begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    /// The time, as in the schedule.
    pub(super) now: Duration,
    /// The time of day.
    pub(super) at: Timestamp,
    /// Whether a token has asked for it.
    pub(super) asked: bool,
}

/// What a fetch has brought.
#[derive(Debug)]
pub(super) struct Fetched {
    /// `None` if nothing has changed.
    pub(super) set: Option<JwkSet>,
    /// How long the issuer says that it is good.
    pub(super) lifetime: Option<Duration>,
    /// How long the answer has been in caches.
    pub(super) age: Duration,
    pub(super) learnt: Learnt,
}

/// A fetch that has failed, and the pause that the issuer asks for.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: RemoteKeysError,
    pub(super) retry_after: Option<Duration>,
}

impl Learnt {
    /// The fetch has failed, so that the keys may be elsewhere.
    pub(super) fn doubt_place(&mut self) {
        if let Some(place) = &mut self.found {
            place.until = Duration::ZERO;
        }
    }

    /// The keys are no longer held.
    pub(super) fn forget_version(&mut self) {
        self.etag = None;
    }
}

impl Fetcher {
    /// The issuer, or the address of the keys.
    pub(super) fn name(&self) -> String {
        match &self.origin {
            Origin::Issuer { name, .. } => name.clone(),
            Origin::KeySet(uri) => uri::shown_uri(uri),
        }
    }

    /// The issuer, if the keys are found by its metadata.
    pub(super) fn issuer(&self) -> Option<&str> {
        match &self.origin {
            Origin::Issuer { name, .. } => Some(name),
            Origin::KeySet(_) => None,
        }
    }

    /// The address of the keys, if that is what was configured.
    pub(super) fn jwks_uri(&self) -> Option<String> {
        match &self.origin {
            Origin::Issuer { .. } => None,
            Origin::KeySet(uri) => Some(uri.to_string()),
        }
    }

    pub(super) fn timed_out(&self) -> RemoteKeysError {
        let error = RemoteKeysError::new(Kind::TimedOut);
        match &self.origin {
            Origin::Issuer { places, .. } => places.iter().fold(error, RemoteKeysError::at),
            Origin::KeySet(uri) => error.at(uri),
        }
    }

    /// Fetches the keys.
    pub(super) async fn fetch(&self, mut learnt: Learnt, begin: Begin) -> Result<Fetched, Failure> {
        let Begin { now, at, asked } = begin;
        let uri = self.key_set(&mut learnt, now, at).await?;
        let held = learnt.etag.as_ref();
        let held = held.and_then(|(of, etag)| (*of == uri).then_some(etag));
        let mut headers = HeaderMap::new();
        if let Some(etag) = held {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        if asked {
            // What is in a cache does not have the key (RFC 9111 §5.2.1.4).
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        let answer = self.get(&uri, KEYS, headers).await?;
        let set = match answer.status() {
            StatusCode::OK => {
                let set = set::read(answer.body(), &self.reader);
                Some(set.map_err(|error| error.at(&uri))?)
            }
            StatusCode::NOT_MODIFIED if held.is_some() => None,
            _ => return Err(refused(&answer, &uri)),
        };
        if set.is_some() {
            let etag = answer.headers().get(ETAG).cloned();
            learnt.etag = etag.map(|etag| (uri, etag));
        }
        Ok(Fetched {
            set,
            lifetime: freshness::lifetime(answer.headers(), at),
            age: freshness::age(answer.headers()),
            learnt,
        })
    }

    /// The address of the keys, from the issuer's metadata if need be. If that cannot be had for now, the
    /// keys are looked for where they were.
    async fn key_set(
        &self,
        learnt: &mut Learnt,
        now: Duration,
        at: Timestamp,
    ) -> Result<Uri, Failure> {
        let (name, places) = match &self.origin {
            Origin::KeySet(uri) => return Ok(uri.clone()),
            Origin::Issuer { name, places } => (name, places),
        };
        let search = self.search(name, places);
        let searched = match &learnt.found {
            Some(place) if now < place.until => return Ok(place.uri.clone()),
            Some(place) if now < place.at_most => {
                let searched = timeout(self.time_limit / 2, search).await;
                match searched.unwrap_or_else(|_| Err(self.timed_out().into())) {
                    Err(failure) if !failure.is_of_this_place_only() => {
                        trace::warn!(
                            issuer = %self.name(),
                            error = &failure.error as &dyn std::error::Error,
                            "the metadata could not be fetched, and the keys are looked for where they were"
                        );
                        learnt.trouble = Some(failure.error);
                        return Ok(place.uri.clone());
                    }
                    searched => searched,
                }
            }
            _ => search.await,
        };
        let (uri, headers) = searched?;
        let told = freshness::lifetime(&headers, at).unwrap_or(self.refresh_every);
        learnt.trouble = None;
        learnt.found = Some(Place {
            uri: uri.clone(),
            until: now.saturating_add(told.clamp(FLOOR, CEILING)),
            at_most: now.saturating_add(self.place_for),
        });
        Ok(uri)
    }

    /// Looks for the metadata in all places.
    async fn search(&self, name: &str, places: &[Uri]) -> Result<(Uri, HeaderMap), Failure> {
        let mut first: Option<Failure> = None;
        for place in places {
            match self.metadata(place, name).await {
                Err(failure) if failure.is_of_this_place_only() => match &first {
                    Some(other) if other.tells_more_than(&failure) => {}
                    _ => first = Some(failure),
                },
                searched => return searched,
            }
        }
        Err(first.unwrap_or_else(|| Kind::Metadata.into()))
    }

    async fn metadata(&self, place: &Uri, issuer: &str) -> Result<(Uri, HeaderMap), Failure> {
        let answer = self.get(place, METADATA, HeaderMap::new()).await?;
        if answer.status() != StatusCode::OK {
            return Err(refused(&answer, place));
        }
        let uri = jwks_uri(answer.body(), issuer, self.http_too);
        let uri = uri.map_err(|error| error.at(place))?;
        Ok((uri, answer.into_parts().0.headers))
    }

    /// Gets an address, and follows redirects within its origin.
    async fn get(
        &self,
        uri: &Uri,
        accept: &'static str,
        more: HeaderMap,
    ) -> Result<Response<Bytes>, Failure> {
        let mut at = uri.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = Request::new(Bytes::new());
            *request.uri_mut() = at.clone();
            let headers = request.headers_mut();
            headers.extend(more.clone());
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
            let answer = self.transport.send(request, self.answer_limit).await;
            let answer = answer.map_err(|error| RemoteKeysError::from(error).at(&at))?;
            let status = answer.status();
            if !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let location = answer.headers().get(LOCATION);
            let location = location.and_then(|location| location.to_str().ok());
            match location.and_then(|location| redirected(&at, location)) {
                Some(next) => at = next,
                None => {
                    return Err(RemoteKeysError::with_status(Kind::Redirected, status)
                        .at(&at)
                        .into());
                }
            }
        }
        let many = "more than 3 redirects";
        Err(RemoteKeysError::with_flaw(Kind::Redirected, many)
            .at(uri)
            .into())
    }
}

impl Failure {
    /// Whether the metadata may still be in another place.
    fn is_of_this_place_only(&self) -> bool {
        match self.error.kind() {
            Kind::Redirected | Kind::NotJson | Kind::Metadata | Kind::WrongIssuer => true,
            Kind::Status => self.error.status().is_some_and(|status| {
                status.is_client_error()
                    && status != StatusCode::REQUEST_TIMEOUT
                    && status != StatusCode::TOO_MANY_REQUESTS
            }),
            _ => false,
        }
    }

    /// Of several places, that with the wrong name says most, and one where nothing is says least.
    fn tells_more_than(&self, other: &Self) -> bool {
        let rank = |failure: &Self| match failure.error.kind() {
            Kind::WrongIssuer => 3,
            Kind::Metadata => 2,
            Kind::Status => 0,
            _ => 1,
        };
        rank(self) >= rank(other)
    }
}

fn refused(answer: &Response<Bytes>, uri: &Uri) -> Failure {
    let seconds = answer.headers().get(RETRY_AFTER);
    let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    Failure {
        error: RemoteKeysError::with_status(Kind::Status, answer.status()).at(uri),
        retry_after: seconds.map(Duration::from_secs),
    }
}

impl<E: Into<RemoteKeysError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            retry_after: None,
        }
    }
}
