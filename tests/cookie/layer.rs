//! The layer with an access cookie.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::COOKIE};
use http_body_util::Full;
use tower::{Layer, service_fn};
use tower_bearer::{
    Scope, VerifiedToken,
    bearer::BearerLayer,
    cookie::{AccessCookie, CookieOptions},
    endpoint::Endpoints,
    session::Grant,
};

use crate::support::*;

const ACCESS: &str = "__Host-access_token";

fn cookie() -> AccessCookie {
    AccessCookie::new(CookieOptions::new()).unwrap()
}

fn layer(world: &World) -> BearerLayer {
    BearerLayer::new(world.verifier()).access_cookie(&cookie())
}

/// The subject that a handler sees, or the refusal.
async fn call<B>(layer: BearerLayer, request: Request<B>) -> Answer {
    let inner = service_fn(async |request: Request<B>| {
        for name in ["cookie", "authorization"] {
            let mut values = request.headers().get_all(name).iter();
            assert!(values.all(|value| value.is_sensitive()), "{name}");
        }
        let token = request.extensions().get::<VerifiedToken>();
        let name = token.map_or("nobody".to_owned(), |token| token.claims().sub.clone());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(name))))
    });
    let service = layer.layer(inner);
    let response = tower::ServiceExt::oneshot(service, request).await.unwrap();
    read(response).await
}

fn get(lines: &[&str]) -> Request<()> {
    let request = Request::get("/page").header("host", "id.example").body(());
    and_cookies(request.unwrap(), lines)
}

async fn access(world: &World, subject: &str) -> String {
    let grant = Grant::new(subject).scope(Scope::from_static("read"));
    let tokens = world.sessions.start(grant).await.unwrap();
    tokens.access_token.expose().to_owned()
}

#[track_caller]
fn is(answer: &Answer, subject: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body, subject);
}

#[tokio::test]
async fn the_cookie_is_read_where_the_layer_was_told_so() {
    let world = world();
    let line = format!("a=b; {ACCESS}={}", access(&world, "alice").await);
    is(&call(layer(&world), get(&[&line])).await, "alice");
    is(&call(layer(&world), get(&["a=b", &line])).await, "alice");

    let plain = BearerLayer::new(world.verifier());
    let inner = service_fn(async |request: Request<()>| {
        // Nor is the header touched.
        let is_sensitive = request.headers()[COOKIE].is_sensitive();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(
            is_sensitive.to_string(),
        ))))
    });
    let answer = call(plain.clone(), get(&[&line])).await;
    answer.refused(401, "unauthorized");
    let service = plain.optional().layer(inner);
    let response = tower::ServiceExt::oneshot(service, get(&[&line])).await;
    assert_eq!(read(response.unwrap()).await.body, "false");
}

#[tokio::test]
async fn what_the_cookie_holds_is_judged_like_a_header() {
    let world = world();
    let token = access(&world, "alice").await;
    let line = format!("{ACCESS}={token}");
    let admins = layer(&world).require_scope(Scope::from_static("admin"));
    call(admins, get(&[&line]))
        .await
        .refused(403, "insufficient_scope");
    let forged = call(layer(&world), get(&[&format!("{line}A")])).await;
    forged.refused(401, "invalid_token");
    let refresh = format!("{ACCESS}={}", world.token().await);
    call(layer(&world), get(&[&refresh]))
        .await
        .refused(401, "invalid_token");
    let long = format!("{ACCESS}={}.b.c", "a".repeat(9_000));
    call(layer(&world), get(&[&long]))
        .await
        .refused(400, "invalid_request");

    let none = call(layer(&world), get(&["a=b"])).await;
    none.refused(401, "unauthorized");
    assert_eq!(none.headers["www-authenticate"], r#"Bearer realm="api""#);
    is(
        &call(layer(&world).optional(), get(&["a=b"])).await,
        "nobody",
    );

    world.clock.advance(std::time::Duration::from_secs(3600));
    let expired = call(layer(&world), get(&[&line])).await;
    expired.refused(401, "invalid_token");
    let challenge = expired.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("expired"), "{challenge}");
    let optional = call(layer(&world).optional(), get(&[&line])).await;
    optional.refused(401, "invalid_token");
}

#[tokio::test]
async fn a_session_that_has_ended_is_refused() {
    let world = world();
    let tokens = world.start().await;
    let line = format!("{ACCESS}={}", tokens.access_token.expose());
    let layer = layer(&world).sessions(&world.sessions);
    is(&call(layer.clone(), get(&[&line])).await, "alice");
    world.sessions.end_all("alice").await.unwrap();
    call(layer, get(&[&line]))
        .await
        .refused(401, "invalid_token");
}

#[tokio::test]
async fn the_header_wins() {
    let world = world();
    let own = format!("{ACCESS}={}", access(&world, "alice").await);
    let bearer = format!("Bearer {}", access(&world, "bob").await);
    for lines in [
        [own.as_str()].as_slice(),
        &[&own, &own],
        &["__Host-access_token=garbage"],
    ] {
        let request = and(get(lines), "authorization", &bearer);
        is(&call(layer(&world), request).await, "bob");
        // It did not come by itself, so that it does not matter who sent it.
        let mut request = and(get(lines), "authorization", &bearer);
        *request.method_mut() = Method::POST;
        let request = and(request, "sec-fetch-site", "cross-site");
        is(&call(layer(&world), request).await, "bob");
    }
    for (value, status, error) in [
        ("Bearer a.b.c", 401, "invalid_token"),
        ("Bearer,", 400, "invalid_request"),
    ] {
        let request = and(get(&[&own]), "authorization", value);
        call(layer(&world), request).await.refused(status, error);
    }
    // A header that holds no bearer token is none.
    for value in ["Basic YTpi", "Bearer"] {
        let request = and(get(&[&own]), "authorization", value);
        is(&call(layer(&world), request).await, "alice");
    }
}

#[tokio::test]
async fn two_cookies_or_an_odd_one_are_malformed() {
    let world = world();
    let token = access(&world, "alice").await;
    let own = format!("{ACCESS}={token}");
    let twice = format!("{own}; {own}");
    let planted = format!("{ACCESS}=garbage; {own}");
    let quoted = format!("{ACCESS}=\"{token}\"");
    let empty = format!("{ACCESS}=");
    for lines in [
        [twice.as_str()].as_slice(),
        &[&planted],
        &[&own, &own],
        &[&quoted],
        &[&empty],
    ] {
        for layer in [layer(&world), layer(&world).optional()] {
            let answer = call(layer, get(lines)).await;
            answer.refused(400, "invalid_request");
            let challenge = answer.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.contains("invalid_request"), "{challenge}");
        }
    }
}

#[tokio::test]
async fn unsafe_requests_come_from_this_origin() {
    let world = world();
    let line = format!("{ACCESS}={}", access(&world, "alice").await);
    let allowed = AccessCookie::new(CookieOptions::new().allow_origin("https://app.example"));
    let allowing = BearerLayer::new(world.verifier()).access_cookie(&allowed.unwrap());
    let send = async |layer: &BearerLayer, method: &Method, site: &str, origin: &str| {
        let mut request = and(get(&[&line]), "sec-fetch-site", site);
        *request.method_mut() = method.clone();
        call(layer.clone(), and(request, "origin", origin)).await
    };
    let (own, app, evil) = (
        "https://id.example",
        "https://app.example",
        "https://evil.example",
    );
    let strict = layer(&world);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        is(&send(&strict, &method, "cross-site", evil).await, "alice");
    }
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::TRACE,
    ] {
        is(&send(&strict, &method, "same-origin", own).await, "alice");
        is(&send(&allowing, &method, "cross-site", app).await, "alice");
        for refused in [
            send(&strict, &method, "cross-site", evil).await,
            send(&strict, &method, "cross-site", "null").await,
            send(&strict, &method, "same-site", app).await,
            send(&strict, &method, "cross-site", app).await,
            send(&allowing, &method, "cross-site", evil).await,
        ] {
            refused.refused(403, "access_denied");
            assert_eq!(refused.headers["cache-control"], "no-store");
            assert!(!refused.headers.contains_key("www-authenticate"));
        }
    }
    let optional = layer(&world).optional();
    let refused = send(&optional, &Method::POST, "cross-site", evil).await;
    refused.refused(403, "access_denied");
}

/// CORS does not hold back a WebSocket, and it opens with a GET.
#[tokio::test]
async fn web_sockets_are_opened_by_this_origin() {
    let world = world();
    let line = format!("{ACCESS}={}", access(&world, "alice").await);
    let open = |origin| and(and(get(&[&line]), "upgrade", "websocket"), "origin", origin);
    let own = open("https://id.example");
    is(&call(layer(&world), own).await, "alice");
    let sibling = "https://forum.id.example";
    for request in [
        open(sibling),
        and(open(sibling), "sec-fetch-site", "same-site"),
    ] {
        for layer in [layer(&world), layer(&world).optional()] {
            let answer = call(layer, request.clone()).await;
            answer.refused(403, "access_denied");
        }
    }
}

/// A cross-origin request is refused before the token is looked at, and by the hook's words.
#[tokio::test]
async fn a_cross_origin_request_learns_nothing_of_the_token() {
    let world = world();
    let mut request = get(&["__Host-access_token=a.b.c"]);
    *request.method_mut() = Method::POST;
    let request = and(request, "sec-fetch-site", "cross-site");
    let layer = layer(&world).on_rejection(|rejection, _| {
        assert_eq!(rejection.cause(), None);
        let mut response = Response::new(Bytes::from(rejection.to_string()));
        *response.status_mut() = rejection.code().status();
        response
    });
    let answer = call(layer, request).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.body, "the request comes from another origin");
}

#[tokio::test]
async fn the_layer_serves_endpoints_with_their_own_cookie() {
    let world = world();
    let endpoints = Endpoints::new(&world.sessions)
        .under("/auth")
        .options(world.options());
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let request = with_cookie(NAME, &world.token().await);
    let response =
        tower::ServiceExt::oneshot(endpoints.layer(layer(&world).layer(inner)), request).await;
    let answer = read(response.unwrap()).await;
    answer.granted();
    assert_eq!(answer.cookie().name, NAME);
}
