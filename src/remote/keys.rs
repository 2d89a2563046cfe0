use std::{
    fmt,
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tokio::{
    runtime::{self, Handle},
    sync::watch,
    task::AbortHandle,
    time::timeout,
};
use tower_service::Service;

use super::{
    builder::RemoteKeysBuilder,
    error::RemoteKeysError,
    schedule::Answer,
    status::RemoteKeysStatus,
    task::{self, Shared},
};
use crate::{
    clock::Timestamp,
    error::{BoxError, ConfigError, ConfigErrorKind},
    transport::Transport,
    verifier::{Fetching, IssuerKeys, Missing, Source},
};

/// The keys of an issuer, which a task fetches and keeps up to date. It is cheap to clone, and the
/// task ends with the last clone.
///
/// The task runs on the tokio runtime that this was made on. If that is shut down, or nobody drives it, the
/// next token that is verified anew moves the task to its own runtime. How long keys may be used does not depend
/// on the task.
///
/// See the [module](super) for what is fetched when, and what happens if that fails.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Fetches>);

/// The task, which is stopped when this is dropped.
struct Fetches {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
    /// Whether the runtimes that were seen last have timers.
    timers: Mutex<Vec<(runtime::Id, bool)>>,
}

struct Running {
    task: AbortHandle,
    runtime: Handle,
}

impl RemoteKeys {
    /// The keys of `issuer`, found by its metadata ([RFC 8414], [OpenID Connect Discovery 1.0]).
    ///
    /// `issuer` is the `iss` of its tokens, byte for byte: the metadata must name it so too. `http` is
    /// any HTTP client that is a Tower service of [`Request`]s, such as [`HttpClient`] (with the feature
    /// `http-client`) or the one of hyper-util; [the manual](crate::manual::remote_keys) makes one of
    /// reqwest's. It needs no limits of its own, and should not follow redirects.
    ///
    /// [RFC 8414]: https://www.rfc-editor.org/rfc/rfc8414
    /// [OpenID Connect Discovery 1.0]: https://openid.net/specs/openid-connect-discovery-1_0.html
    #[cfg_attr(feature = "http-client", doc = "[`HttpClient`]: super::HttpClient")]
    #[cfg_attr(
        not(feature = "http-client"),
        doc = "[`HttpClient`]: https://docs.rs/tower-bearer/latest/tower_bearer/remote/struct.HttpClient.html"
    )]
    pub fn discover<T, B, R>(issuer: impl Into<String>, http: T) -> RemoteKeysBuilder
    where
        T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        T::Error: Into<BoxError>,
        T::Future: Send,
        B: From<Bytes> + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        RemoteKeysBuilder::discover(issuer.into(), Transport::new(http))
    }

    /// The keys at `jwks_uri`, for issuers without metadata and for those whose keys are known to be
    /// there. `http` is as in [`discover`](Self::discover).
    pub fn at<T, B, R>(jwks_uri: impl Into<String>, http: T) -> RemoteKeysBuilder
    where
        T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        T::Error: Into<BoxError>,
        T::Future: Send,
        B: From<Bytes> + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        RemoteKeysBuilder::at(jwks_uri.into(), Transport::new(http))
    }

    /// How the fetching goes.
    pub fn status(&self) -> RemoteKeysStatus {
        self.0.shared.lock().status.clone()
    }

    pub(super) fn idle(shared: Shared) -> Self {
        Self(Arc::new(Fetches {
            shared: Arc::new(shared),
            running: Mutex::new(None),
            timers: Mutex::default(),
        }))
    }

    pub(super) fn start(&self) -> Result<(), ConfigError> {
        let outside = "keys are fetched by a task: call this within a tokio runtime with timers";
        let outside = || ConfigError::new(ConfigErrorKind::NoRuntime, outside);
        self.0.ensure_running().map(|_| ()).ok_or_else(outside)
    }

    /// Waits until the first fetch is over.
    pub(super) async fn first(&self) -> Result<(), RemoteKeysError> {
        let mut finished = self.0.shared.finished.subscribe();
        // The sender is held by `self`.
        let _ = finished.wait_for(|count| *count > 0).await;
        match self.status().last_error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Fetches {
    /// Starts the task if it does not run, or no more: its runtime may have been shut down, or nobody
    /// drives it. Gives a runtime, for a timer. `None` if there is none.
    fn ensure_running(&self) -> Option<Handle> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let current = Handle::try_current().ok().filter(|it| self.has_timers(it));
        if let Some(running) = &*running {
            let stuck = running.task.is_finished() || self.shared.is_overdue();
            if !stuck {
                return current.or_else(|| Some(running.runtime.clone()));
            }
        }
        let runtime = current?;
        if let Some(running) = &*running {
            running.task.abort();
        }
        let turn = self.shared.next_turn();
        let task = runtime.spawn(task::run(Arc::clone(&self.shared), turn));
        *running = Some(Running {
            task: task.abort_handle(),
            runtime: runtime.clone(),
        });
        Some(runtime)
    }

    /// Whether timers work on this runtime, which cannot be asked. A runtime is tried once.
    fn has_timers(&self, runtime: &Handle) -> bool {
        let mut known = self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, has)) = known.iter().find(|(id, _)| *id == runtime.id()) {
            return *has;
        }
        let has = catch_unwind(AssertUnwindSafe(|| {
            let _entered = runtime.enter();
            drop(timeout(Duration::ZERO, ready(())));
        }))
        .is_ok();
        // Programs of tests have many runtimes, one after the other.
        known.truncate(15);
        known.insert(0, (runtime.id(), has));
        has
    }

    /// Waits for the fetch that is under way or comes next, but not for long. `comes_next` says which of both.
    fn wait(&self, mut finished: watch::Receiver<u64>, comes_next: bool) -> Option<Fetching> {
        let runtime = self.ensure_running()?;
        self.shared.wake.notify_one();
        let _entered = runtime.enter();
        let patience = self.shared.patience;
        let wait = timeout(patience, async move { finished.changed().await });
        let shared = Arc::clone(&self.shared);
        Some(Box::pin(async move {
            let is_over = matches!(wait.await, Ok(Ok(())));
            is_over && comes_next && shared.lock().schedule.has_heard()
        }))
    }
}

impl Source for Fetches {
    fn usable_for(&self) -> Option<Duration> {
        if self.shared.is_overdue() {
            self.ensure_running();
        }
        self.shared.usable_for()
    }

    fn issuer(&self) -> Option<&str> {
        self.shared.fetcher.issuer()
    }

    fn missing(&self, issued_at: Option<Timestamp>) -> Missing {
        let mut state = self.shared.lock();
        let answer = state.schedule.ask(self.shared.now(), issued_at);
        self.shared.note(&state);
        // Before the fetch can be over.
        let finished = self.shared.finished.subscribe();
        drop(state);
        match answer {
            Answer::Unknown => Missing::Unknown,
            Answer::Unavailable => Missing::Unavailable,
            Answer::Wait | Answer::WaitForNext => self
                .wait(finished, answer == Answer::WaitForNext)
                .map_or(Missing::Unavailable, Missing::Fetching),
        }
    }

    fn doubted(&self, issued_at: Option<Timestamp>) -> Option<Fetching> {
        let mut state = self.shared.lock();
        let fetches = state.schedule.doubt(self.shared.now(), issued_at);
        self.shared.note(&state);
        let finished = self.shared.finished.subscribe();
        drop(state);
        fetches.then(|| self.wait(finished, true))?
    }
}

impl Drop for Fetches {
    fn drop(&mut self) {
        let running = self.running.get_mut();
        if let Some(running) = running.unwrap_or_else(PoisonError::into_inner) {
            running.task.abort();
        }
    }
}

impl From<RemoteKeys> for IssuerKeys {
    fn from(keys: RemoteKeys) -> Self {
        let set = keys.0.shared.keys.clone();
        Self::from_source(set, keys.0)
    }
}

impl fmt::Debug for Fetches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("of", &self.0.shared.fetcher.name())
            .field("keys", &self.0.shared.keys)
            .finish_non_exhaustive()
    }
}
