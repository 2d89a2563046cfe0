use std::{
    collections::VecDeque,
    future::pending,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use tokio::sync::Semaphore;
use tower::Service;
use tower_bearer::store::{
    MemoryStore, StoreError,
    service::{StoreRequest, StoreResponse, StoreService},
};

/// What becomes of a request.
#[derive(Clone)]
pub(crate) enum Fate {
    /// It is lost on the way to the store.
    Lost,
    /// The store does it, and the answer is lost.
    Unanswered,
    /// It waits for a permit.
    Held(Arc<Semaphore>),
}

/// A store in memory, far away over a bad line. Clones share the line.
#[derive(Clone)]
pub(crate) struct Gate {
    store: StoreService<MemoryStore>,
    line: Arc<Line>,
}

#[derive(Default)]
struct Line {
    /// Which of the next requests meet a fate: those that it fits.
    fates: Mutex<VecDeque<(Fits, Fate)>>,
    seen: Mutex<Vec<StoreRequest>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

pub(crate) type Fits = fn(&StoreRequest) -> bool;

impl Gate {
    pub(crate) fn new(store: MemoryStore) -> Self {
        Self {
            store: StoreService::new(store),
            line: Arc::default(),
        }
    }

    /// The next request that fits meets this fate.
    pub(crate) fn next(&self, fits: Fits, fate: Fate) {
        self.line.fates.lock().unwrap().push_back((fits, fate));
    }

    /// How many requests there were of those that fit.
    pub(crate) fn count(&self, fits: Fits) -> usize {
        let seen = self.line.seen.lock().unwrap();
        seen.iter().filter(|request| fits(request)).count()
    }

    pub(crate) fn under_way(&self) -> usize {
        self.line.under_way.load(SeqCst)
    }

    /// The most that were under way at a time.
    pub(crate) fn most(&self) -> usize {
        self.line.most.load(SeqCst)
    }

    fn fate(&self, request: &StoreRequest) -> Option<Fate> {
        let mut fates = self.line.fates.lock().unwrap();
        let met = fates.iter().position(|(fits, _)| fits(request))?;
        fates.remove(met).map(|(_, fate)| fate)
    }
}

impl Service<StoreRequest> for Gate {
    type Response = StoreResponse;
    type Error = StoreError;
    type Future = Pin<Box<dyn Future<Output = Result<StoreResponse, StoreError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StoreError>> {
        self.store.poll_ready(cx)
    }

    fn call(&mut self, request: StoreRequest) -> Self::Future {
        let fate = self.fate(&request);
        self.line.seen.lock().unwrap().push(request.clone());
        let (mut store, passing) = (self.store.clone(), Passing::enter(&self.line));
        Box::pin(async move {
            let _passing = passing;
            match fate {
                Some(Fate::Lost) => pending().await,
                Some(Fate::Unanswered) => {
                    store.call(request).await?;
                    pending().await
                }
                Some(Fate::Held(permits)) => {
                    permits.acquire().await.unwrap().forget();
                    store.call(request).await
                }
                None => store.call(request).await,
            }
        })
    }
}

/// A request under way, until it is answered or dropped.
struct Passing(Arc<Line>);

impl Passing {
    fn enter(line: &Arc<Line>) -> Self {
        let now = line.under_way.fetch_add(1, SeqCst) + 1;
        line.most.fetch_max(now, SeqCst);
        Self(line.clone())
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, SeqCst);
    }
}
