//! The metadata in front of a service, and in a router.

use http::Method;
use tests_shared::tokens::Tokens;
#[cfg(feature = "axum")]
use tower::ServiceExt;
use tower::{Layer, service_fn};
use tower_bearer::{bearer::BearerLayer, resource::ProtectedResource};

use crate::*;

fn mcp() -> ProtectedResource {
    ProtectedResource::new("https://api.example/mcp").unwrap()
}

#[tokio::test]
async fn the_layer_answers_at_its_path_and_passes_all_else_on() {
    let inner = service_fn(async |request: Request<()>| {
        Ok::<_, Infallible>(Response::new(request.uri().path().to_owned()))
    });
    let service = mcp().layer(inner);
    let path = "/.well-known/oauth-protected-resource/mcp";
    let answer = ask(service.clone(), get(path)).await;
    assert!(answer.is(200).body.contains("https://api.example/mcp"));
    let answer = ask(service.clone(), get(&format!("{path}?x=y"))).await;
    assert!(answer.is(200).body.contains("https://api.example/mcp"));
    for other in [
        "/mcp",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp/",
        "/.well-known/oauth-protected-resource/%6dcp",
    ] {
        let answer = ask(service.clone(), get(other)).await;
        assert_eq!(answer.is(200).body, other);
    }
}

/// The order of the layers by which a client without a token finds its way.
#[tokio::test]
async fn who_has_no_token_can_read_what_the_challenge_names() {
    let (tokens, resource) = (Tokens::new(), mcp());
    let bearer = BearerLayer::new(tokens.verifier.clone()).resource(&resource);
    let inner =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new("inside".to_owned())));
    let service = resource.layer(bearer.layer(inner));
    let answer = ask(service.clone(), request(Method::POST, "/mcp")).await;
    let challenge = answer.is(401).header("www-authenticate");
    let named = challenge.split('"').nth(3).unwrap().to_owned();
    let answer = ask(service, get(&named)).await;
    assert!(
        answer
            .is(200)
            .body
            .contains(r#""resource":"https://api.example/mcp""#)
    );
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_router_has_it_at_its_path() {
    use axum::{Router, body::Body};

    for path in ["", "/mcp", "/{a}", "/:b/*c"] {
        let resource = ProtectedResource::new(&format!("https://api.example{path}"));
        // Braces are no characters of a URL.
        let Ok(resource) = resource else {
            assert!(path.contains('{'));
            continue;
        };
        let router: Router = Router::new().merge(resource.clone().into_router());
        for (method, status) in [("GET", 200), ("HEAD", 200), ("OPTIONS", 204), ("PUT", 405)] {
            let request = Request::builder().method(method).uri(resource.path());
            let answer = router.clone().oneshot(request.body(Body::empty()).unwrap());
            assert_eq!(answer.await.unwrap().status(), status, "{method} {path}");
        }
        let root = Request::get("/").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(root).await.unwrap().status(), 404);
    }
}
