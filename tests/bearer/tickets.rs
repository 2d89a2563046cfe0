//! Tickets: once, for seconds, for one path, for a GET.

use std::time::Duration;

use http::{Method, Request, Uri, Version, header::AUTHORIZATION};
use tests_shared::tokens::{Tokens, bearer};
use tower::{Layer, ServiceExt};
use tower_bearer::{
    Scope, VerifiedToken,
    bearer::{Admission, BearerLayer, Rejection, SessionGuard, Unavailable},
    clock::Clock,
    context::RequestHead,
    ticket::{TicketErrorKind, TicketSecret, Tickets},
};

use crate::{challenge, passed, refused, user};

#[cfg(feature = "dpop")]
mod bound;

fn tickets(tokens: &Tokens) -> Tickets {
    of(tokens, [7; 32])
}

fn of(tokens: &Tokens, secret: [u8; 32]) -> Tickets {
    let secret = TicketSecret::from_secret(secret).unwrap();
    Tickets::new(secret).clock(tokens.clock.clone())
}

fn layer(tokens: &Tokens, tickets: &Tickets) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone()).tickets(tickets)
}

/// The token as a handler has it.
async fn verified(layer: BearerLayer, request: Request<()>) -> VerifiedToken {
    let seen = passed(layer, request).await;
    seen.extensions().get::<VerifiedToken>().unwrap().clone()
}

/// A ticket that was issued for a token in the header.
async fn issued(tokens: &Tokens, tickets: &Tickets, path: &str) -> String {
    let token = verified(layer(tokens, tickets), bearer(&tokens.plain())).await;
    tickets.issue(&token, path).unwrap().expose().to_owned()
}

fn get(uri: &str) -> Request<()> {
    Request::get(uri).body(()).unwrap()
}

#[tokio::test]
async fn it_opens_its_path_once() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ticket = issued(&tokens, &tickets, "/events").await;
    let uri = format!("/events?a=1&access_ticket={ticket}&b=%20");
    let seen = passed(layer(&tokens, &tickets), get(&uri)).await;
    assert_eq!(*seen.uri(), "/events?a=1&b=%20");
    assert_eq!(user(&seen), "alice");
    assert!(!format!("{seen:?}").contains(&ticket));

    for _ in 0..2 {
        let answer = refused(layer(&tokens, &tickets), get(&uri), 401).await;
        assert!(challenge(answer.headers()).contains("invalid_token"));
        assert!(!answer.body().contains(&ticket));
    }
    refused(layer(&tokens, &tickets).optional(), get(&uri), 401).await;
}

#[tokio::test]
async fn it_is_off_unless_it_is_asked_for() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ticket = issued(&tokens, &tickets, "/events").await;
    let without = BearerLayer::new(tokens.verifier.clone());
    refused(
        without.clone(),
        get(&format!("/events?access_ticket={ticket}")),
        401,
    )
    .await;
    let token = verified(without, bearer(&tokens.plain())).await;
    let refused = tickets.issue(&token, "/events").unwrap_err();
    assert_eq!(refused.kind(), TicketErrorKind::Token);
}

#[tokio::test]
async fn it_is_for_the_very_path() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ticket = issued(&tokens, &tickets, "/a/b").await;
    for path in [
        "/",
        "/a",
        "/a/",
        "/a/b/",
        "//a/b",
        "/a//b",
        "/a/./b",
        "/a/b/../b",
        "/a/c/../b",
        "/a%2fb",
        "/a%2Fb",
        "/%61/b",
        "/A/b",
        "/a/b;x",
        "/a/b/c",
        "/a/b%20",
        "/a\\b",
    ] {
        let Ok(uri) = format!("{path}?access_ticket={ticket}").parse::<Uri>() else {
            continue;
        };
        let mut request = Request::new(());
        *request.uri_mut() = uri;
        refused(layer(&tokens, &tickets), request, 401).await;
    }
    // None of those has used it up.
    passed(
        layer(&tokens, &tickets),
        get(&format!("/a/b?access_ticket={ticket}")),
    )
    .await;

    let escaped = issued(&tokens, &tickets, "/a%2fb").await;
    let request = |path| get(&format!("{path}?access_ticket={escaped}"));
    refused(layer(&tokens, &tickets), request("/a%2Fb"), 401).await;
    passed(layer(&tokens, &tickets), request("/a%2fb")).await;
}

#[tokio::test]
async fn it_is_for_a_get() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ticket = issued(&tokens, &tickets, "/events").await;
    let uri = format!("/events?access_ticket={ticket}");
    for method in [
        Method::POST,
        Method::HEAD,
        Method::OPTIONS,
        Method::DELETE,
        Method::CONNECT,
    ] {
        let request = Request::builder()
            .method(method)
            .uri(&uri)
            .body(())
            .unwrap();
        refused(layer(&tokens, &tickets), request, 401).await;
    }
    // A WebSocket over HTTP/2 opens with a CONNECT (RFC 8441).
    let request = Request::builder()
        .method(Method::CONNECT)
        .version(Version::HTTP_2)
        .uri(format!("https://api.example{uri}"))
        .header("sec-websocket-version", "13");
    passed(layer(&tokens, &tickets), request.body(()).unwrap()).await;
}

#[tokio::test]
async fn it_lives_for_seconds_and_not_longer_than_its_token() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let token = verified(layer(&tokens, &tickets), bearer(&tokens.plain())).await;
    let issue = || tickets.issue(&token, "/events");
    let request = |ticket: &str| get(&format!("/events?access_ticket={ticket}"));
    let ticket = issue().unwrap();
    assert_eq!(ticket.expires_in(), Duration::from_secs(30));
    tokens.clock.advance(Duration::from_secs(30));
    refused(layer(&tokens, &tickets), request(ticket.expose()), 401).await;

    let ticket = issue().unwrap();
    tokens.clock.advance(Duration::from_secs(29));
    passed(layer(&tokens, &tickets), request(ticket.expose())).await;

    tokens.clock.advance(Duration::from_secs(231));
    let ticket = issue().unwrap();
    assert_eq!(ticket.expires_in(), Duration::from_secs(10));
    tokens.clock.advance(Duration::from_secs(10));
    refused(layer(&tokens, &tickets), request(ticket.expose()), 401).await;
    assert_eq!(issue().unwrap_err().kind(), TicketErrorKind::Expired);
}

#[tokio::test]
async fn what_is_no_ticket_is_refused() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ticket = issued(&tokens, &tickets, "/events").await;
    let flipped = ticket.replace(
        &ticket[40..41],
        if &ticket[40..41] == "A" { "B" } else { "A" },
    );
    for (bad, status) in [
        (tokens.plain(), 401),
        (flipped, 401),
        (ticket[1..].to_owned(), 401),
        (format!("{ticket}="), 401),
        (ticket.replace(['-', '_'], "%2D"), 401),
        ("a".repeat(30_000), 401),
        (String::new(), 400),
        (format!("{ticket}&access_ticket={ticket}"), 400),
        (format!("{ticket}&access_ticket"), 400),
    ] {
        // It may happen to have no such characters, and then it is good.
        if bad == ticket {
            continue;
        }
        let request = get(&format!("/events?access_ticket={bad}"));
        refused(layer(&tokens, &tickets), request, status).await;
    }
    passed(
        layer(&tokens, &tickets),
        get(&format!("/events?access_ticket={ticket}")),
    )
    .await;
    // That is the way of RFC 6750 §2.3, which nobody may go.
    let request = get(&format!("/events?access_token={}", tokens.plain()));
    refused(layer(&tokens, &tickets), request, 401).await;
}

#[tokio::test]
async fn another_way_beside_it_is_refused() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let uri = format!(
        "/events?access_ticket={}",
        issued(&tokens, &tickets, "/events").await
    );
    let request = Request::get(&uri).header(AUTHORIZATION, format!("Bearer {}", tokens.plain()));
    refused(layer(&tokens, &tickets), request.body(()).unwrap(), 400).await;
    // It has not used the ticket up.
    passed(layer(&tokens, &tickets), get(&uri)).await;
}

/// Somebody may have a browser go to a ticket of their own.
#[tokio::test]
async fn a_link_of_another_site_is_refused_and_does_not_use_it_up() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ticket = issued(&tokens, &tickets, "/events").await;
    let request = |site: &str, mode: &str| {
        let request = Request::get(format!("/events?access_ticket={ticket}"));
        let request = request.header("sec-fetch-site", site);
        request.header("sec-fetch-mode", mode).body(()).unwrap()
    };
    let link = request("cross-site", "navigate");
    let answer = refused(layer(&tokens, &tickets), link, 403).await;
    assert!(answer.body().contains("access_denied"));
    passed(layer(&tokens, &tickets), request("cross-site", "cors")).await;
    for site in ["same-origin", "same-site", "none"] {
        let ticket = issued(&tokens, &tickets, "/events").await;
        let mut link = request(site, "navigate");
        *link.uri_mut() = format!("/events?access_ticket={ticket}").parse().unwrap();
        passed(layer(&tokens, &tickets), link).await;
    }
}

/// Two servers, of which each remembers for itself.
#[tokio::test]
async fn servers_with_the_same_secret_take_it_once_each() {
    let tokens = Tokens::new();
    let (here, there, elsewhere) = (tickets(&tokens), tickets(&tokens), of(&tokens, [8; 32]));
    let ticket = issued(&tokens, &here, "/events").await;
    let request = || get(&format!("/events?access_ticket={ticket}"));
    refused(layer(&tokens, &elsewhere), request(), 401).await;
    for tickets in [&here, &there] {
        passed(layer(&tokens, tickets), request()).await;
        refused(layer(&tokens, tickets), request(), 401).await;
        refused(layer(&tokens, &tickets.clone()), request(), 401).await;
    }
}

/// A layer inside another goes by what that one has found, but only if it would have taken the ticket itself.
#[tokio::test]
async fn a_layer_inside_takes_no_ticket_of_another_secret() {
    let tokens = Tokens::new();
    let (outside, inside) = (tickets(&tokens), of(&tokens, [8; 32]));
    let same = tickets(&tokens);
    for (inside, status) in [(&outside, 200), (&same, 200), (&inside, 401)] {
        let ticket = issued(&tokens, &outside, "/events").await;
        let inner = tower::service_fn(async |_: Request<()>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        });
        let both = layer(&tokens, &outside).layer(layer(&tokens, inside).layer(inner));
        let request = get(&format!("/events?access_ticket={ticket}"));
        let answer = both.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
    }
}

/// What the process before has taken, the one after it does not know.
#[tokio::test]
async fn a_ticket_from_before_a_restart_is_refused() {
    let tokens = Tokens::new();
    let before = tickets(&tokens);
    let ticket = issued(&tokens, &before, "/events").await;
    let request = || get(&format!("/events?access_ticket={ticket}"));
    passed(layer(&tokens, &before), request()).await;
    tokens.clock.advance(Duration::from_millis(1));
    let after = tickets(&tokens);
    refused(layer(&tokens, &after), request(), 401).await;
    let ticket = issued(&tokens, &after, "/events").await;
    let uri = format!("/events?access_ticket={ticket}");
    passed(layer(&tokens, &after), get(&uri)).await;
}

#[tokio::test]
async fn all_tickets_of_one_secret_share_a_memory() {
    let tokens = Tokens::new();
    let secret = TicketSecret::from_secret([7; 32]).unwrap();
    let made = || Tickets::new(secret.clone()).clock(tokens.clock.clone());
    let ticket = issued(&tokens, &made(), "/events").await;
    let request = || get(&format!("/events?access_ticket={ticket}"));
    passed(layer(&tokens, &made()), request()).await;
    let longer = made().lifetime(Duration::from_secs(60)).unwrap();
    for other in [made(), made().limit(10), longer] {
        refused(layer(&tokens, &other), request(), 401).await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_makes_none_good_again() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ticket = issued(&tokens, &tickets, "/events").await;
    let request = |ticket: &str| get(&format!("/events?access_ticket={ticket}"));
    passed(layer(&tokens, &tickets), request(&ticket)).await;
    let now = tokens.clock.now();
    // One that is used later makes the memory forget what is old.
    tokens.clock.advance(Duration::from_secs(200));
    let later = issued(&tokens, &tickets, "/events").await;
    passed(layer(&tokens, &tickets), request(&later)).await;
    tokens.clock.set(now);
    refused(layer(&tokens, &tickets), request(&ticket), 401).await;
}

#[tokio::test]
async fn a_ticket_of_a_longer_life_than_is_remembered_is_refused() {
    let tokens = Tokens::new();
    let five_minutes = tickets(&tokens).lifetime(Duration::from_secs(300)).unwrap();
    let ticket = issued(&tokens, &five_minutes, "/events").await;
    let request = || get(&format!("/events?access_ticket={ticket}"));
    refused(layer(&tokens, &tickets(&tokens)), request(), 401).await;
    passed(layer(&tokens, &five_minutes), request()).await;
}

#[tokio::test]
async fn a_flood_is_refused_and_opens_nothing_twice() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens).limit(2);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(issued(&tokens, &tickets, "/events").await);
    }
    let request = |ticket: &str| get(&format!("/events?access_ticket={ticket}"));
    for (ticket, status) in all.iter().zip([200, 200, 503, 503]) {
        let layer = layer(&tokens, &tickets);
        match status {
            200 => drop(passed(layer, request(ticket)).await),
            status => {
                let answer = refused(layer, request(ticket), status).await;
                assert_eq!(answer.headers()["retry-after"], "1");
            }
        }
    }
    refused(layer(&tokens, &tickets), request(&all[0]), 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_gets_in() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    for _ in 0..50 {
        let ticket = issued(&tokens, &tickets, "/events").await;
        let uses = [(); 8].map(|()| {
            let (layer, uri) = (
                layer(&tokens, &tickets),
                format!("/events?access_ticket={ticket}"),
            );
            tokio::spawn(async move { crate::send(layer, get(&uri)).await.0.status() })
        });
        let mut passed = 0;
        for one in uses {
            passed += usize::from(one.await.unwrap().is_success());
        }
        assert_eq!(passed, 1);
    }
}

/// A guard that knows of one ended session, or of none.
#[derive(Clone)]
struct Guard(Admission);

impl SessionGuard for Guard {
    fn admit(&self, _: &VerifiedToken, _: RequestHead<'_>) -> Admission {
        self.0
    }

    async fn is_live(&self, _: tower_bearer::SessionId) -> Result<bool, Unavailable> {
        Ok(false)
    }
}

#[tokio::test]
async fn its_token_is_judged_as_any_other() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ended = layer(&tokens, &tickets).sessions(&Guard(Admission::Ended));
    let admins = layer(&tokens, &tickets).require_scope(Scope::from_static("admin"));
    for (layer, status) in [(ended, 401), (admins, 403)] {
        let ticket = issued(&tokens, &tickets, "/events").await;
        let request = || get(&format!("/events?access_ticket={ticket}"));
        refused(layer, request(), status).await;
        refused(self::layer(&tokens, &tickets), request(), 401).await;
    }
}

#[tokio::test]
async fn a_token_that_came_by_a_ticket_gets_no_other() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let ticket = issued(&tokens, &tickets, "/events").await;
    let request = get(&format!("/events?access_ticket={ticket}"));
    let token = verified(layer(&tokens, &tickets), request).await;
    let refused = tickets.issue(&token, "/events").unwrap_err();
    assert_eq!(refused.kind(), TicketErrorKind::ByTicket);
    assert_eq!(Rejection::from(refused).status(), 401);
}

#[tokio::test]
async fn nothing_of_it_is_shown() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let token = verified(layer(&tokens, &tickets), bearer(&tokens.plain())).await;
    let ticket = tickets.issue(&token, "/events").unwrap();
    let response = ticket.to_response();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({ "access_ticket": ticket.expose(), "expires_in": 30 })
    );
    let shown = format!("{ticket:?} {tickets:?} {token:?}");
    assert_eq!(
        shown,
        r#"Ticket(…) Tickets { lifetime: 30s, .. } VerifiedToken("alice")"#
    );
    let too_long = tickets.issue(&token, &"/a".repeat(1000)).unwrap_err();
    assert_eq!(too_long.kind(), TicketErrorKind::Path);
    assert_eq!(Rejection::from(too_long).status(), 400);
}

#[tokio::test]
async fn a_token_that_is_too_long_gets_none() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let mut claims = tokens.claims();
    claims.sub = "a".repeat(9_000);
    let verifier = tokens.verifier.clone().max_token_bytes(20_000);
    let layer = BearerLayer::new(verifier).tickets(&tickets);
    let token = verified(layer, bearer(&tokens.sign(&claims))).await;
    let refused = tickets.issue(&token, "/events").unwrap_err();
    assert_eq!(refused.kind(), TicketErrorKind::TooLong);
    assert_eq!(Rejection::from(refused).status(), 400);
}

#[cfg(feature = "cookie")]
#[tokio::test]
async fn it_is_issued_for_a_cookie_and_counts_before_one() {
    use tower_bearer::cookie::{AccessCookie, CookieOptions};

    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let cookie = AccessCookie::new(CookieOptions::new()).unwrap();
    let layer = layer(&tokens, &tickets).access_cookie(&cookie);
    let request = |uri: &str, token: &str| {
        let cookie = format!("__Host-access_token={token}");
        Request::get(uri).header("cookie", cookie).body(()).unwrap()
    };
    let token = verified(layer.clone(), request("/", &tokens.plain())).await;
    let ticket = tickets.issue(&token, "/events").unwrap();
    let uri = format!("/events?access_ticket={}", ticket.expose());
    passed(layer.clone(), request(&uri, "x")).await;
    refused(layer, request(&uri, &tokens.plain()), 401).await;
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn in_a_nested_router_the_path_is_the_whole_one_and_no_address_has_the_ticket() {
    use axum::{Router, extract::OriginalUri, routing::get};
    use http_body_util::BodyExt;

    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let seen = async |OriginalUri(original): OriginalUri, uri: Uri| format!("{original} {uri}");
    let inner = Router::new().route("/events", get(seen));
    let layered = inner
        .layer(layer(&tokens, &tickets))
        .layer(layer(&tokens, &tickets));
    let app = Router::new().nest("/api", layered);
    for (path, expected) in [("/api/events", 200), ("/events", 401)] {
        let ticket = issued(&tokens, &tickets, path).await;
        let request = Request::get(format!("/api/events?access_ticket={ticket}&a=1"));
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), expected, "{path}");
        if expected == 200 {
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "/api/events?a=1 /events?a=1");
        }
    }
}
