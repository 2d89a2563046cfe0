//! When the task begins and ends.

use std::time::Duration;

use tests_shared::issuer::{IssuerServer, KEYS, Signer};
use tokio::{
    runtime::Runtime,
    time::{Instant, advance, sleep},
};
use tower_bearer::{
    error::ConfigErrorKind,
    remote::{RemoteKeys, RemoteKeysErrorKind as Kind, Stale},
};

use crate::{
    staged::{ISSUER, Scene, Staged},
    support::{discovered, http, status, verifier},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_last_clone() {
    let issuer = Staged::new(Scene::keys(&[&Signer::new(ISSUER)]));
    let keys = issuer.keys().start().unwrap();
    let copy = keys.clone();
    let verifier = issuer.verifier(&keys);
    drop((keys, copy));
    sleep(DAY).await;
    let asked = issuer.count();
    assert!(asked > 20, "the verifier has one: {asked}");
    drop(verifier);
    sleep(DAY).await;
    assert_eq!(issuer.count(), asked);
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_in_the_middle_of_a_fetch() {
    let scene = Scene::keys(&[&Signer::new(ISSUER)]).late(Duration::from_secs(5));
    let issuer = Staged::new(scene);
    let keys = issuer.keys().start().unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(keys);
    sleep(DAY).await;
    assert_eq!(issuer.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn lazy_keys_are_fetched_for_the_first_token() {
    let key = Signer::new(ISSUER);
    let issuer = Staged::new(Scene::keys(&[&key]));
    let keys = issuer.keys().lazy().unwrap();
    let verifier = issuer.verifier(&keys);
    sleep(DAY).await;
    assert_eq!(issuer.count(), 0);
    assert!(keys.status().is_idle());
    assert_eq!(status(&verifier, "no.such.token").await, 401);
    assert_eq!(issuer.count(), 0, "what is no token asks for nothing");
    assert_eq!(status(&verifier, &issuer.token(&key)).await, 200);
    assert_eq!(issuer.count(), 1);
    sleep(DAY).await;
    assert!(issuer.count() > 20, "from then on they are kept up to date");
}

#[tokio::test(start_paused = true)]
async fn an_http_client_that_panics_does_not_end_the_task() {
    let key = Signer::new(ISSUER);
    let issuer = Staged::new(Scene::Panic);
    let keys = issuer.keys().start().unwrap();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(
        keys.status().last_error().unwrap().kind(),
        Kind::Interrupted
    );
    issuer.play(Scene::keys(&[&key]));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(
        status(&issuer.verifier(&keys), &issuer.token(&key)).await,
        200
    );
}

#[test]
fn a_runtime_is_needed_to_start() {
    let at = || RemoteKeys::at("https://id.example/keys", http());
    assert_eq!(at().start().unwrap_err().kind(), ConfigErrorKind::NoRuntime);
    assert!(at().lazy().is_ok());
}

/// Programs of tests often have a runtime for each, and keys in a static.
#[test]
fn keys_outlive_the_runtime_of_their_task() {
    let server_runtime = Runtime::new().unwrap();
    let server = server_runtime.block_on(IssuerServer::start());
    let [old, new] = [(); 2].map(|()| server.signer());
    server.publish(&[&old]);
    let first = Runtime::new().unwrap();
    let keys = first.block_on(discovered(&server).fetch()).unwrap();
    let verifier = verifier(&server, &keys);
    drop(first);
    server.publish(&[&old, &new]);
    std::thread::sleep(Duration::from_millis(1100));
    let second = Runtime::new().unwrap();
    assert_eq!(second.block_on(status(&verifier, &old.token())), 200);
    assert_eq!(second.block_on(status(&verifier, &new.token())), 200);
    assert_eq!(server.asked(KEYS), 2);
}

/// A runtime whose time does not pass by itself.
fn paused() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

/// The end of the keys' use does not wait for a task whose runtime is gone.
#[test]
fn keys_are_not_used_for_longer_without_their_task() {
    let key = Signer::new(ISSUER);
    let issuer = Staged::new(Scene::keys(&[&key]));
    let first = Runtime::new().unwrap();
    let builder = issuer.keys().stale_if_error(Stale::Never);
    let builder = builder.refresh_every(Duration::from_secs(100));
    let before = Instant::now();
    let keys = first.block_on(builder.fetch()).unwrap();
    let after = Instant::now();
    let verifier = issuer.verifier(&keys);
    let token = issuer.token(&key);
    assert_eq!(first.block_on(status(&verifier, &token)), 200);
    drop(first);
    issuer.play(Scene::status(500));
    paused().block_on(async {
        // Till here time has passed by itself.
        let to = |time: Instant| advance(time - Instant::now());
        to(before + Duration::from_secs(98)).await;
        assert_eq!(status(&verifier, &token).await, 200);
        to(after + Duration::from_secs(111)).await;
        assert_eq!(status(&verifier, &token).await, 503, "it was remembered");
        assert_eq!(keys.status().keys(), 0);
        issuer.play(Scene::keys(&[&key]));
        sleep(Duration::from_secs(61)).await;
        assert_eq!(
            status(&verifier, &issuer.token(&key)).await,
            200,
            "the task has moved here"
        );
    });
}

#[test]
fn a_runtime_that_nobody_drives_does_not_keep_new_keys_away() {
    let [old, new] = [(); 2].map(|()| Signer::new(ISSUER));
    let issuer = Staged::new(Scene::keys(&[&old]));
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let idle = builder.enable_all().build().unwrap();
    let keys = idle.block_on(issuer.keys().fetch()).unwrap();
    let verifier = issuer.verifier(&keys);
    issuer.play(Scene::keys(&[&old, &new]));
    paused().block_on(async {
        sleep(Duration::from_secs(60)).await;
        assert_eq!(status(&verifier, &issuer.token(&new)).await, 503);
        assert_eq!(status(&verifier, &issuer.token(&new)).await, 200);
    });
    drop(idle);
}

/// A runtime without its time driver makes tokio panic.
#[test]
fn a_runtime_without_timers_is_none() {
    let untimed = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let key = Signer::new(ISSUER);
    let issuer = Staged::new(Scene::keys(&[&key]));
    let started = untimed().block_on(async { issuer.keys().start() });
    assert_eq!(started.unwrap_err().kind(), ConfigErrorKind::NoRuntime);
    let keys = issuer.keys().lazy().unwrap();
    let verifier = issuer.verifier(&keys);
    assert_eq!(
        untimed().block_on(status(&verifier, &issuer.token(&key))),
        503
    );
    assert_eq!(
        paused().block_on(status(&verifier, &issuer.token(&key))),
        200
    );
}

/// A layer may be polled by another executor than tokio.
#[test]
fn a_request_waits_outside_of_the_runtime_too() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(IssuerServer::start());
    let [old, new] = [(); 2].map(|()| server.signer());
    server.publish(&[&old]);
    let keys = runtime.block_on(discovered(&server).fetch()).unwrap();
    let verifier = verifier(&server, &keys);
    server.publish(&[&old, &new]);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(block_on(status(&verifier, &new.token())), 200);
}

/// An executor that is not tokio.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
