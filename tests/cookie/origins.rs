//! Who may use the cookie: the check of `Sec-Fetch-Site` and `Origin`.

use http::Request;
use tower_bearer::cookie::CookieOptions;

use crate::support::*;

const OWN: &str = "https://id.example";
const APP: &str = "https://app.example";

struct Case {
    site: Option<&'static str>,
    origin: Option<&'static str>,
    is_admitted: bool,
}

fn case(site: &'static str, origin: &'static str, is_admitted: bool) -> Case {
    let some = |text: &'static str| Some(text).filter(|text| *text != "-");
    Case {
        site: some(site),
        origin: some(origin),
        is_admitted,
    }
}

/// Sends each case with a fresh token: admitted, it is refreshed; else nothing happens to it.
async fn run(world: &World, cases: impl IntoIterator<Item = Case>) {
    for Case {
        site,
        origin,
        is_admitted,
    } in cases
    {
        let tokens = world.start().await;
        let mut request = with_cookie(NAME, tokens.refresh_token.expose());
        for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
            if let Some(value) = value {
                request = and(request, name, value);
            }
        }
        let answer = send(world.endpoint(), request).await;
        println!("{site:?} {origin:?}: {}", answer.status);
        if is_admitted {
            answer.granted();
        } else {
            answer.refused(403, "access_denied");
            assert_eq!(answer.headers["pragma"], "no-cache");
            assert!(!answer.headers.contains_key("www-authenticate"));
            let row = world.row(&tokens).await;
            assert_eq!(
                (row.state.generation, row.state.version),
                (0, 0),
                "nothing was written"
            );
        }
    }
}

#[tokio::test]
async fn pages_of_this_origin_and_no_pages_at_all() {
    let world = world();
    run(
        &world,
        [
            case("same-origin", OWN, true),
            case("same-origin", "-", true),
            // Typed by the user, or by no browser.
            case("none", "-", true),
            case("-", "-", true),
            // Browsers without Sec-Fetch-Site.
            case("-", OWN, true),
            // A proxy may have changed the host.
            case("same-origin", "https://public.example", true),
        ],
    )
    .await;
}

#[tokio::test]
async fn pages_of_other_origins() {
    let world = world();
    run(
        &world,
        [
            case("cross-site", "https://evil.example", false),
            case("cross-site", "-", false),
            case("cross-site", "null", false),
            case("same-site", "https://other.id.example", false),
            case("same-site", OWN, false),
            case("Same-Origin", "-", false),
            case("anything", OWN, false),
            case("-", "https://evil.example", false),
            case("-", "https://id.example.evil.example", false),
            case("-", "https://id.example:8443", false),
            case("-", "null", false),
            case("-", "id.example", false),
            case("-", APP, false),
        ],
    )
    .await;
}

#[tokio::test]
async fn allowed_origins_are_compared_whole() {
    let world = world_with(CookieOptions::new().allow_origin(APP));
    run(
        &world,
        [
            case("same-site", APP, true),
            case("cross-site", APP, true),
            case("-", APP, true),
            case("-", OWN, true),
            case("cross-site", "https://app.example.evil.example", false),
            case("cross-site", "http://app.example", false),
            case("cross-site", "https://app.example:8443", false),
            case("cross-site", "https://APP.example", false),
            case("cross-site", "null", false),
            case("cross-site", "-", false),
        ],
    )
    .await;
}

/// HTTP/2 has the host in the target, and that counts where there is one.
#[tokio::test]
async fn the_targets_host_counts_before_the_header() {
    let world = world();
    for (uri, is_admitted) in [
        ("https://id.example/auth/token", true),
        ("https://evil.example/auth/token", false),
    ] {
        let token = world.token().await;
        let mut request = and(with_cookie(NAME, &token), "origin", OWN);
        *request.uri_mut() = uri.parse().unwrap();
        let answer = send(world.endpoint(), request).await;
        assert_eq!(answer.status == 200, is_admitted, "{uri}: {answer:?}");
    }
}

/// Whatever stands in the way may go by the other one.
#[tokio::test]
async fn headers_that_come_twice_are_refused() {
    let world = world();
    for (name, first, second) in [
        ("sec-fetch-site", "same-origin", "cross-site"),
        ("origin", OWN, "https://evil.example"),
        ("host", "id.example", "evil.example"),
    ] {
        let token = world.token().await;
        let mut request = and(with_cookie(NAME, &token), name, first);
        request.headers_mut().append(name, second.parse().unwrap());
        let answer = send(world.endpoint(), request).await;
        answer.refused(403, "access_denied");
        assert!(world.lives(&token).await, "nothing was done with the token");
    }
}

/// What is wrong with the rest of the request is not even looked at.
#[tokio::test]
async fn the_check_comes_first() {
    let world = world();
    let cross = |request: Request<_>| and(request, "sec-fetch-site", "cross-site");
    for request in [
        with_cookie(NAME, "no token"),
        and_cookies(
            post(None, ""),
            &["__Host-refresh_token=a; __Host-refresh_token=b"],
        ),
        and_cookies(post(Some("text/plain"), "x"), &["__Host-refresh_token=a"]),
        and(with_cookie(NAME, "a"), "authorization", "Basic !"),
    ] {
        let answer = send(world.endpoint(), cross(request)).await;
        answer.refused(403, "access_denied");
    }
}
