//! A token in `Sec-WebSocket-Protocol`.

use http::{
    HeaderName, Method, Request, Version,
    header::{
        AUTHORIZATION, CONNECTION, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use tests_shared::tokens::Tokens;
use tower_bearer::{
    Scope, VerifiedToken,
    bearer::{BearerLayer, TokenProtocol},
};

use crate::{challenge, passed, refused, user};

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone()).websocket_protocol(TokenProtocol::default())
}

/// The handshake of a WebSocket that offers these protocols, each line of which is a header.
fn handshake(offers: &[&str]) -> Request<()> {
    let mut request = Request::get("/socket")
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "keep-alive, Upgrade")
        .header(SEC_WEBSOCKET_VERSION, "13");
    for offer in offers {
        request = request.header(SEC_WEBSOCKET_PROTOCOL, *offer);
    }
    request.body(()).unwrap()
}

fn changed(offer: &str, change: impl FnOnce(&mut Request<()>)) -> Request<()> {
    let mut request = handshake(&[offer]);
    change(&mut request);
    request
}

#[tokio::test]
async fn the_token_gets_in_and_is_taken_out_of_the_offer() {
    let tokens = Tokens::new();
    let good = tokens.plain();
    for (offers, left) in [
        (vec![format!("app.v1, bearer.{good}")], "app.v1"),
        (
            vec![format!("bearer.{good},app.v1,app.v2")],
            "app.v1, app.v2",
        ),
        (
            vec!["app.v1".to_owned(), format!("bearer.{good}")],
            "app.v1",
        ),
        (vec![format!("app.v1 ,\tbearer.{good} ")], "app.v1"),
    ] {
        let offers: Vec<_> = offers.iter().map(String::as_str).collect();
        let seen = passed(layer(&tokens), handshake(&offers)).await;
        let all: Vec<_> = seen
            .headers()
            .get_all(SEC_WEBSOCKET_PROTOCOL)
            .iter()
            .collect();
        assert_eq!(all, [left]);
        assert_eq!(user(&seen), "alice");
        assert!(!format!("{seen:?}").contains(&good), "{seen:?}");
    }
}

#[tokio::test]
async fn it_is_off_unless_it_is_asked_for() {
    let tokens = Tokens::new();
    let offer = format!("app.v1, bearer.{}", tokens.plain());
    let layer = BearerLayer::new(tokens.verifier.clone());
    refused(layer, handshake(&[&offer]), 401).await;
}

#[tokio::test]
async fn only_a_handshake_may_have_it() {
    let tokens = Tokens::new();
    let offer = format!("app.v1, bearer.{}", tokens.plain());
    let changes: [fn(&mut Request<()>); 9] = [
        |request| *request.method_mut() = Method::POST,
        |request| *request.method_mut() = Method::CONNECT,
        |request| *request.version_mut() = Version::HTTP_10,
        |request| *request.version_mut() = Version::HTTP_2,
        |request| drop(request.headers_mut().remove(UPGRADE)),
        |request| drop(request.headers_mut().remove(CONNECTION)),
        |request| {
            drop(
                request
                    .headers_mut()
                    .insert(UPGRADE, HeaderValue::from_static("h2c")),
            )
        },
        |request| {
            drop(
                request
                    .headers_mut()
                    .insert(UPGRADE, HeaderValue::from_static("websockets")),
            )
        },
        |request| {
            drop(
                request
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close")),
            )
        },
    ];
    for change in changes {
        let answer = refused(layer(&tokens), changed(&offer, change), 401).await;
        assert_eq!(challenge(answer.headers()), r#"Bearer realm="api""#);
    }
    let seen = passed(layer(&tokens).optional(), changed(&offer, changes[0])).await;
    assert!(seen.extensions().get::<VerifiedToken>().is_none());
    assert!(seen.headers()[SEC_WEBSOCKET_PROTOCOL].is_sensitive());
}

/// RFC 8441 §4 and §5.
#[tokio::test]
async fn a_websocket_over_http2_is_one_too() {
    let tokens = Tokens::new();
    let request = |uri: &str, version: Option<&str>| {
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .version(Version::HTTP_2);
        if let Some(version) = version {
            request = request.header(SEC_WEBSOCKET_VERSION, version);
        }
        let offer = format!("app.v1, bearer.{}", tokens.plain());
        request
            .uri(uri)
            .header(SEC_WEBSOCKET_PROTOCOL, offer)
            .body(())
            .unwrap()
    };
    passed(
        layer(&tokens),
        request("https://api.example/socket", Some("13")),
    )
    .await;
    refused(
        layer(&tokens),
        request("https://api.example/socket", None),
        401,
    )
    .await;
    refused(layer(&tokens), request("api.example:443", Some("13")), 401).await;
}

#[tokio::test]
async fn what_is_no_offer_of_one_token_is_refused() {
    let tokens = Tokens::new();
    let good = tokens.plain();
    for offer in [
        format!("bearer.{good}"),
        format!("app.v1, bearer.{good}, bearer.{good}"),
        format!("app.v1, bearer.{good}, bearer.x"),
        "app.v1, bearer.".to_owned(),
        format!("app.v1,, bearer.{good}"),
        format!(", bearer.{good}"),
        format!("app.v1, bearer.{good},"),
        format!("app v1, bearer.{good}"),
        format!("app/v1, bearer.{good}"),
        format!("app.v1, bearer.{good}="),
        format!("app.v1, bearer.{good} x"),
        format!("app.v1, bearer.{good}\"x\""),
        format!("app.v1;a=\"b, bearer.{good}\""),
        format!("\"app.v1\", bearer.{good}"),
        format!("app.v1\tapp.v2, bearer.{good}"),
        format!("äpp, bearer.{good}"),
    ] {
        let mut request = handshake(&[]);
        let value = HeaderValue::from_bytes(offer.as_bytes()).unwrap();
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, value);
        let answer = refused(layer(&tokens), request, 400).await;
        assert!(answer.body().contains("invalid_request"), "{offer}");
        assert!(!answer.body().contains(&good), "{offer}");
    }
    let two = [
        &*format!("app.v1, bearer.{good}"),
        &*format!("bearer.{good}"),
    ];
    refused(layer(&tokens), handshake(&two), 400).await;
}

#[tokio::test]
async fn an_offer_without_the_prefix_is_left_as_it_is() {
    let tokens = Tokens::new();
    let good = tokens.plain();
    for offer in [
        "app.v1,,\"x".to_owned(),
        format!("Bearer.{good}"),
        format!("bearer, {good}"),
        format!("xbearer.{good}"),
    ] {
        let seen = passed(layer(&tokens).optional(), handshake(&[&offer])).await;
        assert_eq!(seen.headers()[SEC_WEBSOCKET_PROTOCOL], offer);
        refused(layer(&tokens), handshake(&[&offer]), 401).await;
    }
    let ours = TokenProtocol::from_static("ours!");
    let layer = layer(&tokens).websocket_protocol(ours);
    passed(
        layer,
        handshake(&[&format!("app.v1, ours!{good}, bearer.x")]),
    )
    .await;
}

#[tokio::test]
async fn a_bad_token_is_refused_as_in_the_header() {
    let tokens = Tokens::new();
    let good = tokens.plain();
    let offer = |token: &str| handshake(&[&format!("app.v1, bearer.{token}")]);
    for bad in [format!("{good}A"), "x".to_owned(), "a.b.c".to_owned()] {
        let answer = refused(layer(&tokens).optional(), offer(&bad), 401).await;
        assert!(challenge(answer.headers()).contains("invalid_token"));
    }
    refused(layer(&tokens), offer(&"a".repeat(20_000)), 400).await;
    let admins = layer(&tokens).require_scope(Scope::from_static("admin"));
    refused(admins, offer(&good), 403).await;
    tokens.clock.advance(std::time::Duration::from_secs(1000));
    let answer = refused(layer(&tokens), offer(&good), 401).await;
    assert!(answer.body().contains("expired"));
}

/// RFC 6750 §2.
#[tokio::test]
async fn a_token_in_two_places_is_refused() {
    let tokens = Tokens::new();
    let good = tokens.plain();
    let with = |name: HeaderName, value: String| {
        changed(&format!("app.v1, bearer.{good}"), |request| {
            request.headers_mut().insert(name, value.parse().unwrap());
        })
    };
    for value in [format!("Bearer {good}"), "Bearer,".to_owned()] {
        refused(layer(&tokens), with(AUTHORIZATION, value), 400).await;
    }
    // Those are the credentials of a proxy, perhaps.
    passed(layer(&tokens), with(AUTHORIZATION, "Basic YTpi".to_owned())).await;
    // A page of another origin would have to know the token.
    passed(
        layer(&tokens),
        with(ORIGIN, "https://evil.example".to_owned()),
    )
    .await;
}

#[cfg(feature = "cookie")]
#[tokio::test]
async fn a_cookie_beside_it_counts_for_nothing() {
    use tower_bearer::cookie::{AccessCookie, CookieOptions};

    let tokens = Tokens::new();
    let cookie = AccessCookie::new(CookieOptions::new()).unwrap();
    let layer = layer(&tokens).access_cookie(&cookie);
    let request = changed(&format!("app.v1, bearer.{}", tokens.plain()), |request| {
        let headers = request.headers_mut();
        headers.insert("cookie", "__Host-access_token=x".parse().unwrap());
        headers.insert(ORIGIN, "https://evil.example".parse().unwrap());
    });
    passed(layer.clone(), request).await;
    // Without a token of its own, the page of another origin stays outside.
    let request = changed("app.v1", |request| {
        let cookie = format!("__Host-access_token={}", tokens.plain());
        let headers = request.headers_mut();
        headers.insert("cookie", cookie.parse().unwrap());
        headers.insert(ORIGIN, "https://evil.example".parse().unwrap());
    });
    refused(layer, request, 403).await;
}

#[cfg(feature = "dpop")]
#[tokio::test]
async fn a_bound_token_needs_its_proof() {
    use serde_json::json;
    use tower_bearer::dpop::DpopVerifier;

    let tokens = Tokens::new();
    let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let bound = tokens.forge(&json!({}), &json!({ "cnf": { "jkt": jkt } }));
    let offer = |token: &str| format!("app.v1, bearer.{token}");
    let dpop = DpopVerifier::new("https://api.example").unwrap();
    refused(
        layer(&tokens).dpop(&dpop),
        handshake(&[&offer(&bound)]),
        401,
    )
    .await;
    let twice = changed(&offer(&tokens.plain()), |request| {
        let value = format!("DPoP {bound}").parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
    });
    refused(layer(&tokens).dpop(&dpop), twice, 400).await;
}

#[tokio::test]
async fn a_layer_inside_another_finds_the_token_too() {
    let tokens = Tokens::new();
    let offer = format!("app.v1, bearer.{}", tokens.scoped("read"));
    let outer = layer(&tokens);
    let nested = |inner: BearerLayer| {
        let (mock, mut handle) = tower_test::mock::pair::<Request<()>, http::Response<String>>();
        let service = tower::Layer::layer(&outer, tower::Layer::layer(&inner, mock));
        let request = handshake(&[&offer]);
        async move {
            let inside = async {
                let (_, answer) = handle.next_request().await?;
                answer.send_response(http::Response::new(String::new()));
                Some(())
            };
            let (answer, _) = tokio::join!(tower::ServiceExt::oneshot(service, request), inside);
            answer.unwrap().status().as_u16()
        }
    };
    let read = Scope::from_static("read");
    let write = Scope::from_static("write");
    assert_eq!(nested(layer(&tokens).require_scope(read)).await, 200);
    assert_eq!(nested(layer(&tokens).require_scope(write)).await, 403);
    let closed = BearerLayer::new(tokens.verifier.clone());
    assert_eq!(
        nested(closed).await,
        401,
        "that one takes no token from there"
    );
    let prefix = TokenProtocol::from_static("token.");
    let other = BearerLayer::new(tokens.verifier.clone()).websocket_protocol(prefix);
    assert_eq!(nested(other).await, 401, "that one takes another prefix");
}

#[test]
fn a_prefix_is_what_a_protocol_can_begin_with() {
    for prefix in ["", "a b", "a,", "a/", "a=", "ä", "a\n"] {
        assert!(TokenProtocol::new(prefix).is_err(), "{prefix:?}");
    }
    assert_eq!("!a1.".parse::<TokenProtocol>().unwrap().as_str(), "!a1.");
}
