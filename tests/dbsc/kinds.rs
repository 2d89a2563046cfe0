//! Sessions of devices beside sessions that are bound by DPoP: what a page is told at the token
//! endpoint, which it asks with the refresh cookie.

use http::{Request, StatusCode};
use tests_shared::proofs::ProofKey;
use tower_bearer::{
    TokenResponse,
    clock::Clock,
    dpop::DpopVerifier,
    endpoint::{EndpointOptions, TokenEndpoint},
    session::{Grant, Refusal, SessionEventKind},
};

use crate::{
    device::Device,
    world::{Answer, Browser, World, and, read, send, started},
};

const TOKEN: &str = "https://id.example/auth/token";
const UNPROVEN: SessionEventKind = SessionEventKind::Refused(Refusal::Unproven);
const UNPROVEN_DEVICE: SessionEventKind = SessionEventKind::Refused(Refusal::UnprovenDevice);

fn proof(world: &World, key: &ProofKey, url: &str) -> String {
    key.proof("POST", url)
        .at(world.clock.now().as_secs())
        .sign()
}

fn verifier(world: &World) -> DpopVerifier {
    let verifier = DpopVerifier::new("https://id.example").unwrap();
    verifier.clock(world.clock.clone())
}

/// What a page sends, with proofs by this key if it has one.
async fn by_page(
    world: &World,
    dpop: &DpopVerifier,
    browser: &Browser,
    key: Option<&ProofKey>,
) -> Answer {
    let options = EndpointOptions::new()
        .device_binding(&world.binding)
        .dpop(dpop);
    let endpoint = TokenEndpoint::new(world.sessions.clone()).options(options);
    let mut request = browser.post("/auth/token");
    if let Some(key) = key {
        request = and(request, "dpop", &proof(world, key, TOKEN));
    }
    send(endpoint, request).await
}

/// The cookies of a login whose session is bound to this key.
async fn bound_by_dpop(world: &World, key: &ProofKey) -> (TokenResponse, Browser) {
    let request = Request::post("/login");
    let request = request.header("dpop", proof(world, key, "https://id.example/login"));
    let proved = verifier(world).verify(&request.body(()).unwrap()).unwrap();
    let grant = Grant::new("alice").bound_to(proved.unwrap());
    let tokens = world.sessions.start(grant).await.unwrap();
    let mut browser = with_cookies(world, &tokens).await;
    // It is in no cookie, and tells the test which session this is.
    browser.access = tokens.access_token.expose().to_owned();
    (tokens, browser)
}

async fn with_cookies(world: &World, tokens: &TokenResponse) -> Browser {
    let offer = read(world.binding.response(&started(world).await).unwrap()).await;
    let mut browser = Browser::new(Device::new(), offer.offer());
    browser.take(&read(world.binding.response(tokens).unwrap()).await);
    world.events.lock().unwrap().clear();
    browser
}

fn told(world: &World) -> Vec<SessionEventKind> {
    std::mem::take(&mut *world.events.lock().unwrap())
}

fn is_device_bound(answer: &Answer) -> bool {
    answer.status == StatusCode::FORBIDDEN && answer.json()["reason"] == "device_bound"
}

#[tokio::test]
async fn a_session_bound_by_dpop_is_not_the_browsers_to_refresh() {
    let (world, key) = (World::new(), ProofKey::es256());
    let dpop = verifier(&world);
    let (_, browser) = bound_by_dpop(&world, &key).await;
    let row = world.row(&browser).await;

    let without = by_page(&world, &dpop, &browser, None).await;
    without.refused(400, "invalid_dpop_proof");
    let lost = by_page(&world, &dpop, &browser, Some(&ProofKey::es256())).await;
    lost.refused(400, "invalid_grant");
    assert_eq!(told(&world), [UNPROVEN, UNPROVEN]);
    assert_eq!(world.row(&browser).await, row);

    let answer = by_page(&world, &dpop, &browser, Some(&key)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.json()["token_type"], "DPoP");
}

#[tokio::test]
async fn nor_is_its_browser_offered_to_register_a_key() {
    let (world, key) = (World::new(), ProofKey::es256());
    let (tokens, _) = bound_by_dpop(&world, &key).await;
    let answer = read(world.binding.response(&tokens).unwrap()).await;
    assert_eq!(answer.cookies().len(), 2);
    let offer = answer.headers.get("secure-session-registration");
    assert_eq!(offer, None);
}

#[tokio::test]
async fn nor_where_proofs_of_dpop_are_not_taken() {
    let (world, key) = (World::new(), ProofKey::es256());
    let (_, browser) = bound_by_dpop(&world, &key).await;
    let answer = world.by_script(&browser).await;
    answer.refused(400, "invalid_dpop_proof");
    assert_eq!(told(&world), [UNPROVEN]);
}

/// The row tells, if the token is older than the binding.
#[tokio::test]
async fn a_later_binding_by_dpop_counts_as_one_at_the_login() {
    let (world, key) = (World::new(), ProofKey::es256());
    let dpop = verifier(&world);
    let browser = world.login().await;
    let session = world.row(&browser).await.session.id;
    let request = Request::post("/bind");
    let request = request.header("dpop", proof(&world, &key, "https://id.example/bind"));
    let proved = dpop.verify(&request.body(()).unwrap()).unwrap().unwrap();
    assert!(world.sessions.bind(session, &proved).await.unwrap());
    let answer = by_page(&world, &dpop, &browser, None).await;
    answer.refused(400, "invalid_dpop_proof");
}

#[tokio::test]
async fn a_session_of_a_device_asks_for_no_proof_of_dpop() {
    let world = World::new();
    let dpop = verifier(&world);
    let browser = world.bound().await;
    told(&world);
    let answer = by_page(&world, &dpop, &browser, None).await;
    assert!(is_device_bound(&answer), "{answer:?}");
    assert_eq!(told(&world), [], "a page asks each time that it is opened");

    let answer = by_page(&world, &dpop, &browser, Some(&ProofKey::es256())).await;
    answer.refused(400, "invalid_grant");
    assert_eq!(told(&world), [UNPROVEN_DEVICE]);
}

/// The browser has not got the answer that told of the binding.
#[tokio::test]
async fn nor_with_a_cookie_from_before_the_binding() {
    let world = World::new();
    let dpop = verifier(&world);
    let browser = world.registered().await;
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
    let answer = by_page(&world, &dpop, &browser, None).await;
    assert!(is_device_bound(&answer), "{answer:?}");
}

/// The refresh cookie of a device is out of its browser.
#[tokio::test]
async fn the_token_of_a_device_in_a_body_is_stolen() {
    let world = World::new();
    let dpop = verifier(&world);
    let browser = world.bound().await;
    told(&world);
    let options = EndpointOptions::new()
        .device_binding(&world.binding)
        .dpop(&dpop);
    let endpoint = TokenEndpoint::new(world.sessions.clone()).options(options);
    let token = &browser.refresh;
    let request = Request::post("/auth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("grant_type=refresh_token&refresh_token={token}"))
        .unwrap();
    send(endpoint, request).await.refused(400, "invalid_grant");
    assert_eq!(told(&world), [UNPROVEN_DEVICE]);
}

#[tokio::test]
async fn a_session_that_is_over_is_over_for_both() {
    let (world, key) = (World::new(), ProofKey::es256());
    let dpop = verifier(&world);
    let (_, by_dpop) = bound_by_dpop(&world, &key).await;
    let of_device = world.bound().await;
    for browser in [by_dpop, of_device] {
        let session = world.row(&browser).await.session;
        let ended = world
            .sessions
            .end(session.id, session.subject.as_str())
            .await;
        assert!(ended.unwrap());
        let answer = by_page(&world, &dpop, &browser, None).await;
        answer.refused(400, "invalid_grant");
    }
}

/// By either kind of key. One that is not bound is over.
#[tokio::test]
async fn where_all_have_to_be_bound_a_device_does() {
    let world = World::new();
    let dpop = verifier(&world).require();
    let unbound = world.login().await;
    let answer = by_page(&world, &dpop, &unbound, None).await;
    answer.refused(400, "invalid_grant");
    let of_device = world.bound().await;
    let answer = by_page(&world, &dpop, &of_device, None).await;
    assert!(is_device_bound(&answer), "{answer:?}");
}
