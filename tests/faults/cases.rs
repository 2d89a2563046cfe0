//! What happens to a store's server, and what must not follow from it.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tests_shared::servers::proxy::{Proxy, Traffic};
use tokio::time::{Instant, sleep};
use tower_bearer::store::SessionStore;

use super::{application::STORE_TIMEOUT, clients::Load};

const FAULTS: u64 = 4;

/// Each case that every kind of server can meet. Who uses it uses `cases` too.
macro_rules! faults_on {
    ($backend:ty: $($case:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                cases::$case::<$backend>().await;
            }
        )+
    };
    ($backend:ty) => {
        faults_on! {
            $backend: killed cut_mid_statement slow_then_silent restored failed_over
        }
    };
}

pub(crate) use faults_on;

/// A real server and the stores that reach it.
pub(crate) trait Backend: Sized {
    const NAME: &str;
    type Store: SessionStore + Clone;
    type Copy;

    /// Nothing, and a word of it, where it is not installed.
    async fn start() -> Option<Self>;

    fn port(&self) -> u16;

    /// A store over connections of its own to this port.
    async fn store(&self, port: u16) -> Self::Store;

    fn kill(&mut self);

    /// Starts it again after it was killed, with its data and at its port.
    async fn restart(&mut self);

    /// Copies the data while the server runs.
    async fn copy(&self) -> Self::Copy;

    /// Kills the server and starts it with the data of then.
    async fn restart_with(&mut self, copy: Self::Copy);

    /// A server that follows this one.
    async fn follower(&self) -> Self;

    /// Makes a follower go on alone.
    async fn promote(&self);
}

/// Clients at two application servers, and those at the store's server behind the proxy.
pub(crate) struct Scene<B: Backend> {
    pub(crate) backend: B,
    proxy: Proxy,
    pub(crate) load: Load<B::Store>,
}

impl<B: Backend> Scene<B> {
    pub(crate) async fn set() -> Option<Self> {
        Some(Self::with(B::start().await?).await)
    }

    pub(crate) async fn with(backend: B) -> Self {
        let proxy = Proxy::before(backend.port()).await;
        let stores = [
            backend.store(proxy.port()).await,
            backend.store(proxy.port()).await,
        ];
        let load = Load::on(stores).await;
        Self {
            backend,
            proxy,
            load,
        }
    }

    pub(crate) async fn settle(self, what: &str) {
        self.load.settle(&format!("{}, {what}", B::NAME)).await;
    }

    /// From now on, or no longer: a logout would be lost too, so nobody logs out.
    fn loses_writes(&self, loses: bool) {
        let ledger = &self.load.ledger;
        ledger.store_loses_writes.store(loses, Relaxed);
        ledger.nobody_leaves.store(loses, Relaxed);
    }

    /// How many sessions were found behind their clients.
    fn restored(&self) -> usize {
        self.load.application.restored()
    }

    pub(crate) fn unavailable(&self) -> usize {
        self.load.ledger.unavailable.load(Relaxed)
    }

    /// Waits until so many more answers than `before` were a 503: a fault ends only when it has hit somebody.
    async fn told(&self, before: usize, more: usize) {
        let is_told = async {
            while self.unavailable() < before + more {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(60), is_told).await;
        told.expect("clients are told in time that the store does not answer");
    }
}

pub(crate) async fn killed<B: Backend>() {
    let Some(mut scene) = Scene::<B>::set().await else {
        return;
    };
    for fault in 0..FAULTS {
        // Not always at the same point of the clients' round.
        sleep(Duration::from_micros(3_701 * (fault + 1))).await;
        let before = scene.unavailable();
        scene.backend.kill();
        scene.told(before, 1).await;
        scene.backend.restart().await;
        scene.load.enough().await;
    }
    scene
        .settle(&format!("killed and restarted {FAULTS} times"))
        .await;
}

pub(crate) async fn cut_mid_statement<B: Backend>() {
    let Some(mut scene) = Scene::<B>::set().await else {
        return;
    };
    for fault in 0..FAULTS {
        let before = scene.unavailable();
        scene.proxy.set(Traffic::BreaksBeforeAnswers);
        sleep(Duration::from_millis(5 * (fault + 1))).await;
        scene.told(before, 1).await;
        scene.proxy.set(Traffic::Flows);
        scene.load.enough().await;
    }
    scene
        .settle(&format!("cut off before its answers {FAULTS} times"))
        .await;
}

pub(crate) async fn slow_then_silent<B: Backend>() {
    let Some(mut scene) = Scene::<B>::set().await else {
        return;
    };
    let (before, delay) = (scene.unavailable(), Duration::from_millis(20));
    scene.proxy.set(Traffic::Slow(delay));
    scene.load.enough().await;
    assert_eq!(scene.unavailable(), before, "slow is not down");

    scene.proxy.set(Traffic::Stalled);
    let since = Instant::now();
    scene.told(before, 16).await;
    let told_after = since.elapsed();
    // Some calls ask the store more than once.
    assert!(told_after < 10 * STORE_TIMEOUT, "{told_after:?}");
    scene.proxy.set(Traffic::Flows);
    scene.load.enough().await;
    let what = format!(
        "slow, then silent, told after {} ms",
        told_after.as_millis()
    );
    scene.settle(&what).await;
}

/// Row 11 of the protocol: the clients are ahead of the store.
pub(crate) async fn restored<B: Backend>() {
    let Some(mut scene) = Scene::<B>::set().await else {
        return;
    };
    let clients = scene.load.pause().await;
    scene.loses_writes(true);
    let copy = scene.backend.copy().await;
    scene.load.resume(clients);
    scene.load.enough().await;

    let mut clients = scene.load.pause().await;
    scene.backend.restart_with(copy).await;
    for client in &mut clients {
        client.refresh().await;
    }
    assert_eq!(
        scene.restored(),
        clients.len(),
        "each session is told of once"
    );
    scene.load.resume(clients);
    scene.load.enough().await;
    scene.loses_writes(false);
    scene.settle("taken back to an earlier copy").await;
}

/// A follower that lags takes over: what it had not heard is lost.
pub(crate) async fn failed_over<B: Backend>() {
    let Some(mut scene) = Scene::<B>::set().await else {
        return;
    };
    // It has all of the sessions, and then lags behind what becomes of them.
    let clients = scene.load.pause().await;
    let follower = scene.backend.follower().await;
    scene.loses_writes(true);
    scene.load.resume(clients);
    scene.load.enough().await;
    scene.backend.kill();
    follower.promote().await;
    scene.proxy.lead_to(follower.port());
    scene.load.enough().await;
    let lost = scene.restored();
    scene.loses_writes(false);
    let what = format!("failed over, {lost} sessions behind their clients");
    scene.settle(&what).await;
}
