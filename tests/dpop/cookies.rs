//! A session that is bound to a key, with its refresh token in a cookie.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use tests_shared::proofs::ProofKey;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    endpoint::Endpoints,
};

use crate::support::*;

/// The names and the values of the cookies that are set.
fn cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    let lines = headers.get_all("set-cookie").iter();
    let pair = |line: &http::HeaderValue| {
        let pair = line.to_str().unwrap().split(';').next().unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    lines.map(pair).collect()
}

/// The layer takes no bound token from a cookie, so none gets there; and that of a login before, perhaps
/// of somebody else, does not stay.
#[tokio::test]
async fn an_access_token_that_needs_a_proof_gets_into_no_cookie() {
    let (world, key) = (world(), ProofKey::es256());
    let access = AccessCookie::new(CookieOptions::new()).unwrap();
    let cookie = RefreshCookie::new(&world.sessions, CookieOptions::new()).unwrap();
    let cookie = cookie.with_access_cookie(&access);
    let tokens = world.bound(&key).await;
    let login = cookies(cookie.response(&tokens).unwrap().headers());
    let removed = (access.name().to_owned(), String::new());
    let refresh = tokens.refresh_token.expose().to_owned();
    assert_eq!(
        login,
        [(cookie.name().to_owned(), refresh), removed.clone()]
    );

    let endpoints =
        Endpoints::new(&world.sessions).options(world.options().refresh_cookie(&cookie));
    let nothing = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = endpoints.layer(nothing);
    let refresh = async |token: &str| {
        let request = Request::post("/token")
            .header("cookie", format!("{}={token}", cookie.name()))
            .header("content-type", "application/json")
            .header("sec-fetch-site", "same-origin")
            .header("dpop", world.proof(&key, "POST", TOKEN).sign())
            .body(Full::from("{}"))
            .unwrap();
        let answer = Answer::of(service.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(answer.ok().json()["token_type"], "DPoP");
        cookies(&answer.headers)
    };
    let rotated = refresh(&login[0].1).await;
    assert_eq!(rotated[0].0, cookie.name());
    assert_eq!(rotated[1..], [removed]);
    // The live token again, soon: nothing is set (row 13).
    assert_eq!(refresh(&rotated[0].1).await, []);

    // A session without a key has both cookies.
    let unbound = world.unbound().await;
    let both = cookies(cookie.response(&unbound).unwrap().headers());
    assert_eq!(both[1].1, unbound.access_token.expose());
}
