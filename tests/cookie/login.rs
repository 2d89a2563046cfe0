//! The answer to a login, and that all answers write the same cookie.

use tower_bearer::{
    cookie::{AccessCookie, CookieOptions, RefreshCookie, SameSite},
    endpoint::EndpointOptions,
};

use crate::support::*;

#[tokio::test]
async fn a_login_sets_the_cookie_and_shows_the_access_token_only() {
    let world = world();
    let tokens = world.start().await;
    let answer = read(world.cookie.response(&tokens).unwrap()).await;
    let json = answer.granted();
    assert_eq!(json["access_token"], tokens.access_token.expose());
    assert_eq!(json["scope"], "read write");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["pragma"], "no-cache");
    let cookie = answer.cookie();
    assert_eq!(cookie.token, tokens.refresh_token.expose());
    assert_eq!(cookie.max_age, IDLE.as_secs());
    world.refresh(&cookie.token).await.granted();
}

#[tokio::test]
async fn set_refreshed_and_cleared_cookies_have_the_same_attributes() {
    for options in [
        CookieOptions::new,
        || CookieOptions::new().path("/auth"),
        || CookieOptions::new().same_site(SameSite::Lax),
        || {
            CookieOptions::new()
                .path("/auth")
                .danger_insecure_over_http()
        },
    ] {
        let world = world_with(options());
        let set = read(world.cookie.response(&world.start().await).unwrap()).await;
        let set = set.cookie();
        let name = world.cookie.name();
        let refreshed = send(world.endpoint(), with_cookie(name, &set.token)).await;
        let refreshed = refreshed.cookie();
        let ended = send(world.revocation(), with_cookie(name, &refreshed.token)).await;
        let mut headers = http::HeaderMap::new();
        world.cookie.clear().append_to(&mut headers);
        let cleared = [ended.cookie(), cookies(&headers).remove(0)];

        for cookie in cleared.iter().chain([&refreshed]) {
            assert_eq!(cookie.name, set.name);
            assert_eq!(cookie.attributes, set.attributes);
        }
        for cookie in cleared {
            assert_eq!((cookie.token.as_str(), cookie.max_age), ("", 0));
        }
    }
}

/// An application that has changed name and path of its cookie gets rid of the one before.
#[tokio::test]
async fn a_login_can_remove_the_cookie_of_an_earlier_path() {
    let world = world();
    let earlier = CookieOptions::new().path("/auth/token");
    let earlier = RefreshCookie::new(&world.sessions, earlier).unwrap();
    let mut response = world.cookie.response(&world.start().await).unwrap();
    earlier.clear().append_to(response.headers_mut());
    let set = cookies(&read(response).await.headers);
    assert_eq!(set[0].name, NAME);
    assert!(set[0].max_age > 0);
    assert_eq!(set[1].name, "__Secure-refresh_token");
    assert_eq!(set[1].attributes[0], "Path=/auth/token");
    assert_eq!(set[1].max_age, 0);
}

#[tokio::test]
async fn an_access_cookie_goes_with_it() {
    let world = world();
    let access = AccessCookie::new(CookieOptions::new()).unwrap();
    let cookie = world.cookie.clone().with_access_cookie(&access);
    let tokens = world.start().await;
    let answer = read(cookie.response(&tokens).unwrap()).await;
    answer.granted();
    let set = cookies(&answer.headers);
    assert_eq!(set[0].name, NAME);
    assert_eq!(set[1].name, "__Host-access_token");
    assert_eq!(set[1].token, tokens.access_token.expose());
    assert_eq!(set[1].max_age, 600);

    let options = EndpointOptions::new().refresh_cookie(&cookie);
    let endpoint = world.endpoint().options(options.clone());
    let rotated = send(endpoint.clone(), with_cookie(NAME, &set[0].token)).await;
    let json = rotated.granted();
    let [refresh, access] = &cookies(&rotated.headers)[..] else {
        panic!("{rotated:?}")
    };
    assert_eq!(json["access_token"], access.token);

    // Row 5: a fresh access token, and no refresh token.
    let again = send(endpoint, with_cookie(NAME, &refresh.token)).await;
    again.granted();
    assert_eq!(again.cookie().name, "__Host-access_token");

    let revocation = world.revocation().options(options);
    let answer = send(revocation, with_cookie(NAME, &refresh.token)).await;
    let cleared = cookies(&answer.headers);
    let names: Vec<_> = cleared.iter().map(|cookie| cookie.name.as_str()).collect();
    assert_eq!(names, [NAME, "__Host-access_token"]);
    assert!(cleared.iter().all(|cookie| cookie.max_age == 0));
    assert_eq!(cleared[1].attributes, access.attributes);
}

#[tokio::test]
async fn nothing_shows_a_token_in_debug() {
    let world = world();
    let tokens = world.start().await;
    let response = world.cookie.response(&tokens).unwrap();
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        world.cookie.set(&tokens).unwrap(),
        world.cookie,
        tokens,
        response.headers(),
        world.endpoint(),
    );
    for token in [tokens.refresh_token.expose(), tokens.access_token.expose()] {
        for part in token.split('.') {
            assert!(!shown.contains(part), "{shown}");
        }
    }
}
