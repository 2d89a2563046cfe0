//! The `Cookie` header: ours among others, once, and nothing odd in it.

use crate::support::*;

/// What becomes of a refresh with these `Cookie` headers; `TOKEN` stands for a good one.
async fn with_lines(world: &World, lines: &[&str]) -> Answer {
    let token = world.token().await;
    let lines: Vec<_> = lines
        .iter()
        .map(|line| line.replace("TOKEN", &token))
        .collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let answer = send(world.endpoint(), and_cookies(post(None, ""), &lines)).await;
    if answer.status == 400 {
        assert!(world.lives(&token).await, "nothing was done with the token");
    }
    answer
}

/// Refused for the cookie, not because there is no token elsewhere.
#[track_caller]
fn is_malformed(answer: &Answer) {
    answer.refused(400, "invalid_request");
    let why = &answer.json()["error_description"];
    assert_eq!(why, "the cookie is repeated or malformed");
}

#[tokio::test]
async fn other_cookies_do_not_matter() {
    let world = world();
    for lines in [
        ["__Host-refresh_token=TOKEN"].as_slice(),
        &["a=b; __Host-refresh_token=TOKEN; c=d"],
        &["a=b;__Host-refresh_token=TOKEN;c=d;"],
        &["a=\"x y\"; __Host-refresh_token=TOKEN; b={\"c\":1}; d"],
        &["; ;; __Host-refresh_token=TOKEN;"],
        &["x__Host-refresh_token=a; __Host-refresh_token=TOKEN; __Host-refresh_tokens=b"],
        &["a=__Host-refresh_token=b; __Host-refresh_token=TOKEN"],
        // As HTTP/2 may split it (RFC 9113 §8.2.3).
        &["a=b", "__Host-refresh_token=TOKEN", "c=d"],
        &["a=b; a=c", "a=d; __Host-refresh_token=TOKEN"],
    ] {
        let answer = with_lines(&world, lines).await;
        answer.granted();
        assert_eq!(answer.cookie().name, NAME, "{lines:?}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_in_another_cookie_do_not_matter() {
    let world = world();
    let mut line = b"a=\xff\xfe; ".to_vec();
    line.extend(format!("{NAME}={}", world.token().await).into_bytes());
    let mut request = post(None, "");
    let line = http::HeaderValue::from_bytes(&line).unwrap();
    request.headers_mut().insert("cookie", line);
    send(world.endpoint(), request).await.granted();
}

#[tokio::test]
async fn two_of_the_name_are_refused() {
    let world = world();
    for lines in [
        ["__Host-refresh_token=TOKEN; __Host-refresh_token=planted"].as_slice(),
        &["__Host-refresh_token=planted; __Host-refresh_token=TOKEN"],
        &["__Host-refresh_token=TOKEN; __Host-refresh_token=TOKEN"],
        &["__Host-refresh_token=TOKEN", "__Host-refresh_token=TOKEN"],
        &[
            "__Host-refresh_token=TOKEN; a=b",
            "c=d; __Host-refresh_token=",
        ],
        &["__Host-refresh_token=TOKEN; __Host-refresh_token"],
        &["__Host-refresh_token=TOKEN; __Host-refresh_token =planted"],
    ] {
        is_malformed(&with_lines(&world, lines).await);
    }
}

/// It is not passed over either, as if there were no cookie.
#[tokio::test]
async fn two_of_the_name_are_refused_beside_a_token_in_the_body() {
    let world = world();
    let token = world.token().await;
    let request = post(Some(JSON), &format!(r#"{{"refresh_token":"{token}"}}"#));
    let lines = ["__Host-refresh_token=planted; __Host-refresh_token=planted"];
    is_malformed(&send(world.endpoint(), and_cookies(request, &lines)).await);
    assert!(world.lives(&token).await);
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused() {
    let world = world();
    for line in [
        "__Host-refresh_token=",
        "__Host-refresh_token",
        "__Host-refresh_token=\"TOKEN\"",
        "__Host-refresh_token= TOKEN",
        "__Host-refresh_token=TOKEN TOKEN",
        "__Host-refresh_token=TOKEN,a=b",
        "__Host-refresh_token=a%2Eb",
    ] {
        is_malformed(&with_lines(&world, &[line]).await);
    }
}

#[tokio::test]
async fn names_are_compared_byte_for_byte() {
    let world = world();
    for line in ["__secure-refresh_token=TOKEN", "refresh_token=TOKEN"] {
        let answer = with_lines(&world, &[line]).await;
        answer.misses_a_token();
    }
}

#[tokio::test]
async fn too_many_cookies_are_refused() {
    let world = world();
    let padded = |bytes: usize| format!("__Host-refresh_token=TOKEN; a={}", "b".repeat(bytes));
    with_lines(&world, &[&padded(60_000)]).await.granted();
    is_malformed(&with_lines(&world, &[&padded(70_000)]).await);
    is_malformed(&with_lines(&world, &[&padded(40_000), &"c".repeat(40_000)]).await);
}

#[tokio::test]
async fn a_token_that_is_too_long_is_no_grant() {
    let world = world();
    let long = format!("{}.a.b", "a".repeat(8_000));
    world.refresh(&long).await.refused(400, "invalid_grant");
}
