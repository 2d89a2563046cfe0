//! The URL of a proof, and that of the request as the client sees it.

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use tests_shared::proofs::ProofKey;
use tower_bearer::{TokenResponse, dpop::DpopVerifier};

use crate::support::*;

/// A request for this target, with this `Host`, and a proof for this URL.
async fn asked(
    world: &World,
    key: &ProofKey,
    tokens: &TokenResponse,
    (target, hosts, url): (&str, &[&str], &str),
) -> u16 {
    let token = tokens.access_token.expose();
    let proof = world.proof(key, "GET", url).token(token).sign();
    let mut request: Request<Full<Bytes>> = me(token, &proof);
    *request.uri_mut() = target.parse::<Uri>().unwrap();
    for host in hosts {
        request.headers_mut().append("host", host.parse().unwrap());
    }
    world.ask(world.layer(), request).await.status.as_u16()
}

#[tokio::test]
async fn one_url_in_many_spellings() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    for (target, url, status) in [
        ("/me", "https://api.example/me", 200),
        ("/me", "HTTPS://API.example:443/me", 200),
        ("/me?a=b", "https://api.example/me", 200),
        ("/me", "https://api.example/me?a=b#c", 200),
        ("/~me", "https://api.example/%7Eme", 200),
        ("/a%2fb", "https://api.example/a%2Fb", 200),
        ("/a/me", "https://api.example/a/./b/%2E./me", 200),
        ("/", "https://api.example", 200),
        ("/me/", "https://api.example/me", 401),
        ("/ME", "https://api.example/me", 401),
        ("/a/b", "https://api.example/a%2Fb", 401),
        ("/me", "https://api.example./me", 401),
    ] {
        let got = asked(&world, &key, &tokens, (target, &["proxy:3000"], url)).await;
        assert_eq!(got, status, "{target} {url}");
    }
}

/// Routers take dot segments literally: what answers is not what the proof is for.
#[tokio::test]
async fn a_request_for_a_path_with_dot_segments() {
    let key = ProofKey::es256();
    for dpop in [
        DpopVerifier::new("https://api.example/v1").unwrap(),
        DpopVerifier::danger_any_origin(),
    ] {
        let base = world();
        let clock = base.clock.clone();
        let tokens = base.bound(&key).await;
        let world = base.with(|_| dpop.clock(clock));
        for (target, url) in [
            ("/files/../../other/me", "https://api.example/other/me"),
            ("/files/%2e%2e/%2E%2e/me", "https://api.example/me"),
            ("/files/..", "https://api.example/v1/"),
            ("/files/..", "https://api.example/"),
            ("/./me", "https://api.example/v1/me"),
            ("/me/%2E", "https://api.example/me/"),
            ("/files/../me", "https://api.example/v1/files/../me"),
            ("/files/../me", "https://api.example/files/../me"),
        ] {
            let got = asked(&world, &key, &tokens, (target, &["api.example"], url)).await;
            assert_eq!(got, 401, "{target} {url}");
        }
    }
}

#[tokio::test]
async fn several_addresses_and_a_path_that_a_proxy_takes_away() {
    let world = world().with(|dpop| {
        let dpop = dpop.also_at("http://localhost:3000/v1").unwrap();
        dpop.also_at("https://other.example").unwrap()
    });
    let key = ProofKey::es256();
    let tokens = world.bound(&key).await;
    for (url, status) in [
        ("https://api.example/me", 200),
        ("http://localhost:3000/v1/me", 200),
        ("https://other.example/me", 200),
        ("http://localhost:3000/me", 401),
        ("https://other.example/v1/me", 401),
        ("http://other.example/me", 401),
    ] {
        // The host that the proxy sends plays no part.
        let got = asked(&world, &key, &tokens, ("/me", &["other.example"], url)).await;
        assert_eq!(got, status, "{url}");
    }
}

#[tokio::test]
async fn whatever_host_was_asked_for() {
    let base = world();
    let clock = base.clock.clone();
    let key = ProofKey::es256();
    let tokens = base.bound(&key).await;
    let world = base.with(|_| DpopVerifier::danger_any_origin().clock(clock));
    let target = |target, hosts, url| (target, hosts, url);
    for (request, status) in [
        (
            target("/me", &["127.0.0.1:3000"][..], "http://127.0.0.1:3000/me"),
            200,
        ),
        (target("/me", &["LOCALHOST"], "https://localhost/me"), 200),
        (
            target("/me", &["localhost:443"], "https://localhost/me"),
            200,
        ),
        (target("/me", &["localhost:80"], "http://localhost/me"), 200),
        // HTTP/2 has the host in the target, which counts.
        (
            target("https://api.example/me", &[], "https://api.example/me"),
            200,
        ),
        (
            target(
                "http://api.example:8080/me",
                &["x"],
                "http://api.example:8080/me",
            ),
            200,
        ),
        (
            target("https://api.example/me", &["x"], "https://x/me"),
            401,
        ),
        (
            target("/me", &["localhost:80"], "https://localhost/me"),
            401,
        ),
        (target("/me", &[], "http://localhost/me"), 401),
        (target("/me", &["a", "a"], "http://a/me"), 401),
        (target("/me", &["a/me"], "http://a/me"), 401),
        (target("/me", &["u@a"], "http://u@a/me"), 401),
        (target("/me", &[""], "http:///me"), 401),
    ] {
        let got = asked(&world, &key, &tokens, request).await;
        assert_eq!(got, status, "{request:?}");
    }
}

/// A server that was sent a token and a proof cannot use them at another.
#[tokio::test]
async fn a_proof_for_another_server() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let evil = ("/me", &["evil.example"][..], "https://evil.example/me");
    assert_eq!(asked(&world, &key, &tokens, evil).await, 401);
    let http2 = (
        "https://evil.example/me",
        &[][..],
        "https://evil.example/me",
    );
    assert_eq!(asked(&world, &key, &tokens, http2).await, 401);
    let http2 = ("https://proxy.internal/me", &[][..], ME);
    assert_eq!(asked(&world, &key, &tokens, http2).await, 200);
}
