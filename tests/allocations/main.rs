//! What a request with a remembered token takes from the heap: what `http::Extensions::insert`
//! takes for one value, and nothing else. It has a binary, and so an allocator, of its own.

#![allow(
    clippy::unwrap_used,
    reason = "clippy takes helpers of tests for production code"
)]

use std::{
    alloc::System,
    borrow::Borrow,
    convert::Infallible,
    future::{Ready, ready},
    pin::pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{HeaderValue, Request, Response, header};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests_shared as _;
use tower::{Layer, Service};
use tower_bearer::{
    AccessToken, Algorithm, CacheLimits, Issuer, KeySet, Scope, SigningKey, VerifiedToken,
    Verifier,
    bearer::{BearerLayer, Realm},
    clock::{Clock, SystemClock},
    error::TokenError,
};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The tests of this binary count one after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// Allocations and bytes.
type Taken = (usize, usize);

/// The test harness may allocate in the meantime, which only ever adds to what is counted.
fn least(mut run: impl FnMut() -> Taken) -> Taken {
    (0..50).map(|_| run()).min().unwrap()
}

fn counted(work: impl FnOnce()) -> Taken {
    let region = Region::new(HEAP);
    work();
    let change = region.change();
    let count = change.allocations + change.reallocations;
    (count, change.bytes_allocated)
}

#[derive(Clone)]
struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let is_let_through = request.extensions().get::<VerifiedToken>().is_some();
        assert!(is_let_through);
        ready(Ok(Response::new(())))
    }
}

/// A request with as many headers as fill the map, so that one more would make it grow.
fn request(token: &str) -> Request<()> {
    let mut request = Request::new(());
    let headers = request.headers_mut();
    headers.reserve(6);
    headers.insert(
        header::AUTHORIZATION,
        HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
    );
    for name in [
        header::HOST,
        header::ACCEPT,
        header::ACCEPT_ENCODING,
        header::USER_AGENT,
        header::CONNECTION,
    ] {
        headers.insert(name, HeaderValue::from_static("x"));
    }
    request
}

fn taken_by(layer: &BearerLayer, token: &str) -> Taken {
    let mut service = layer.layer(Inner);
    least(|| {
        let request = request(token);
        counted(|| {
            let response = pin!(service.call(request));
            let mut context = Context::from_waker(Waker::noop());
            assert!(response.poll(&mut context).is_ready());
        })
    })
}

#[test]
fn a_hit_takes_what_one_extension_takes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let algorithms = [Algorithm::HS256, Algorithm::EdDSA, Algorithm::ES256];
    for algorithm in algorithms {
        let keys = KeySet::new(SigningKey::generate(algorithm).unwrap());
        let verifier = Verifier::new("issuer", "audience", keys.verifying()).unwrap();
        let issuer = Issuer::new("issuer", "audience", keys).unwrap();
        let mut claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(600));
        claims.scope = "read write".parse().unwrap();
        claims.sid = Some("0192f0c1-2345-7abc-8def-0123456789ab".into());
        let token = issuer.sign(&claims).unwrap();
        let token = token.expose();

        let verified = verifier.verify(token).unwrap();
        let insert = least(|| {
            let mut request = request(token);
            let verified = verified.clone();
            counted(|| drop(request.extensions_mut().insert(verified)))
        });
        assert!(insert.0 > 0, "the allocator counts");
        let alone = least(|| counted(|| drop(verifier.verify(token))));
        assert_eq!(alone, (0, 0));

        let any = BearerLayer::new(verifier.clone());
        for layer in [
            any.clone(),
            any.clone().realm(Realm::from_static("example")),
            any.clone().realm(Realm::new("example").unwrap()),
            any.clone()
                .require_scope(Scope::from_static("write"))
                .require_any_scope(Scope::from_static("x read")),
            any.clone().optional(),
        ] {
            assert_eq!(taken_by(&layer, token), insert, "{algorithm}");
        }
        let fresh = BearerLayer::new(verifier.without_cache());
        assert!(taken_by(&fresh, token) > insert, "it would be noticed");
    }
}

/// Whoever may have to wait for a signer, and has the key here, pays nothing for that.
#[test]
fn a_key_that_is_here_signs_without_a_box() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for algorithm in [Algorithm::HS256, Algorithm::EdDSA] {
        let keys = KeySet::new(SigningKey::generate(algorithm).unwrap());
        let issuer = Issuer::new("issuer", "audience", keys).unwrap();
        let claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(600));
        let at_once = least(|| counted(|| drop(issuer.sign(&claims).unwrap())));
        let waiting = least(|| {
            counted(|| {
                let mut context = Context::from_waker(Waker::noop());
                assert!(
                    pin!(issuer.sign_async(&claims))
                        .poll(&mut context)
                        .is_ready()
                );
            })
        });
        assert_eq!(waiting, at_once, "{algorithm}");
    }
}

/// Nothing of a refused token is kept, so that nobody fills the memory with them.
#[test]
fn refused_tokens_leave_nothing_on_the_heap() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let keys = KeySet::new(SigningKey::generate(Algorithm::HS256).unwrap());
    let verifier = Verifier::new("issuer", "audience", keys.verifying()).unwrap();
    let issuer = Issuer::new("issuer", "audience", keys).unwrap();
    let claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(600));
    let token = issuer.sign(&claims).unwrap();
    let (input, signature) = token.expose().rsplit_once('.').unwrap();
    let held = least(|| {
        let region = Region::new(HEAP);
        for number in 0..100 {
            let forged = format!("{input}.{number:03}{}", signature.get(3..).unwrap());
            // One in thousands of signatures begins like that.
            if forged == token.expose() {
                continue;
            }
            assert_eq!(verifier.verify(&forged).unwrap_err(), TokenError::Signature);
        }
        let change = region.change();
        let held = change
            .bytes_allocated
            .saturating_sub(change.bytes_deallocated);
        (
            change.allocations.saturating_sub(change.deallocations),
            held,
        )
    });
    assert_eq!(held, (0, 0));
}

/// Whatever the application puts into its tokens, and however long tokens come and go.
#[test]
fn what_is_remembered_takes_no_more_than_allowed() {
    const ALLOWED: usize = 512 * 1024;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let keys = KeySet::new(SigningKey::generate(Algorithm::HS256).unwrap());
    let issuer = Issuer::new("issuer", "audience", keys.clone()).unwrap();
    let deep = |depth| (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
    for private in [
        json!({}),
        json!({ "role": "admin" }),
        json!({ "a": deep(90) }),
        json!({ "a": vec![json!({ "a": 1 }); 300] }),
        json!({ "a": vec![json!([1]); 300] }),
        (0..200).map(|name| (name.to_string(), json!(1))).collect(),
    ] {
        let verifier = Verifier::new("issuer", "audience", keys.verifying()).unwrap();
        let limits = CacheLimits::default().entries(usize::MAX).bytes(ALLOWED);
        let claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(600));
        let mut claims = claims.with_private(private.clone());
        let held = held_within(ALLOWED, || {
            let tokens = (0..2_000).map(|number| {
                claims.jti = Some(number.to_string());
                issuer.sign(&claims).unwrap()
            });
            most_held_of(tokens, &verifier.clone().cache(limits))
        });
        let share = held as f64 / ALLOWED as f64;
        assert!((0.4..1.0).contains(&share), "{share:.2} of it: {private}");
    }
}

/// A table gets twice as many places when it is full, or has been, so that some of the limits are
/// reached shortly before that and others shortly after.
#[test]
fn no_limit_is_passed_when_the_table_grows() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let keys = KeySet::new(SigningKey::generate(Algorithm::HS256).unwrap());
    let issuer = Issuer::new("issuer", "audience", keys.clone()).unwrap();
    let mut claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(600));
    let tokens: Vec<_> = (0..600)
        .map(|number| {
            claims.jti = Some(format!("{number:03}"));
            issuer.sign(&claims).unwrap()
        })
        .collect();
    let all = Verifier::new("issuer", "audience", keys.verifying()).unwrap();
    for allowed in (64 * 1024..512 * 1024).step_by(2 * 1024) {
        let limits = CacheLimits::default().bytes(allowed);
        let held = held_within(allowed, || {
            most_held_of(tokens.iter(), &all.clone().cache(limits))
        });
        assert!(held < allowed, "{held} of {allowed} bytes");
    }
}

/// What is held, measured again where it seems to be too much: the test harness may allocate in the
/// meantime.
fn held_within(allowed: usize, mut measure: impl FnMut() -> usize) -> usize {
    let mut held = measure();
    for _ in 0..5 {
        if held < allowed {
            break;
        }
        held = held.min(measure());
    }
    held
}

/// The most that a verifier has held on the heap while it saw tokens, in bytes.
fn most_held_of<T: Borrow<AccessToken>>(
    tokens: impl Iterator<Item = T>,
    verifier: &Verifier,
) -> usize {
    let region = Region::new(HEAP);
    let held = |token: T| {
        drop(verifier.verify(token.borrow().expose()).unwrap());
        drop(token);
        let change = region.change();
        // The harness may free what it had before.
        change
            .bytes_allocated
            .saturating_sub(change.bytes_deallocated)
    };
    tokens.map(held).max().unwrap()
}
