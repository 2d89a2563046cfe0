//! What may be in a request's body, and how much of it.

use http::{Request, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use proptest::prelude::*;
use tower_bearer::endpoint::EndpointOptions;

use crate::support::*;

const KIB: usize = 1024;

fn request<B: Body>(content_type: Option<&str>, body: B) -> Request<B> {
    let request = Request::post("/");
    let request = match content_type {
        Some(content_type) => request.header("content-type", content_type),
        None => request,
    };
    request.body(body).unwrap()
}

fn padded(form: &str, length: usize) -> String {
    let pad = length - form.len() - "&pad=".len();
    format!("{form}&pad={}", "x".repeat(pad))
}

#[tokio::test]
async fn content_types_compare_without_case_and_parameters() {
    let world = world();
    let form = refresh_form(&world.token().await);
    for accepted in [
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded; charset=utf-8; foo=\"a;b\"",
        "Application/X-WWW-Form-URLEncoded",
        "application/x-www-form-urlencoded ;charset=iso-8859-1",
    ] {
        send(world.endpoint(), post(accepted, &form))
            .await
            .granted();
    }
    for other in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded2",
        "application/x-www-form-urlencoded, application/json",
        "multipart/form-data; boundary=x",
        "application/jwt",
        "application/json+x",
    ] {
        send(world.endpoint(), post(other, &form))
            .await
            .refused(415, "invalid_request");
        send(world.revocation(), post(other, "token=a"))
            .await
            .refused(415, "invalid_request");
    }
    let token = world.token().await;
    let json = format!("{{\"refreshToken\":\"{token}\"}}");
    send(
        world.endpoint(),
        post("application/JSON; charset=utf-8", &json),
    )
    .await
    .granted();
}

#[tokio::test]
async fn only_an_empty_body_may_lack_a_content_type() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let answer = send(world.endpoint(), request(None, form)).await;
    answer.refused(415, "invalid_request");
    let answer = send(world.endpoint(), request(None, String::new())).await;
    answer.misses_a_token();

    let mut twice = request(Some(FORM), String::new());
    twice
        .headers_mut()
        .append("content-type", JSON.parse().unwrap());
    send(world.endpoint(), twice)
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn the_limit_is_16_kib_and_can_be_set() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let fits = padded(&form, 16 * KIB);
    send(world.endpoint(), post(FORM, &fits)).await.granted();
    let over = padded(&form, 16 * KIB + 1);
    send(world.endpoint(), post(FORM, &over))
        .await
        .refused(413, "invalid_request");
    send(world.revocation(), post(FORM, &over))
        .await
        .refused(413, "invalid_request");

    let limit = |bytes| EndpointOptions::new().body_limit(bytes);
    let endpoint = world.endpoint().options(limit(form.len()));
    send(endpoint.clone(), post(FORM, &form)).await.granted();
    send(endpoint, post(FORM, &padded(&form, form.len() + 5)))
        .await
        .refused(413, "invalid_request");
    let revocation = world.revocation().options(limit(8));
    send(revocation, post(FORM, "token=abc"))
        .await
        .refused(413, "invalid_request");
}

#[tokio::test]
async fn the_limit_holds_whatever_the_length_is_said_to_be() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let pad = "x".repeat(KIB);
    let long = || std::iter::once(form.as_str()).chain(std::iter::repeat_n(pad.as_str(), 32));

    let chunked = request(Some(FORM), Pieces::of(long()));
    send(world.endpoint(), chunked)
        .await
        .refused(413, "invalid_request");

    let mut lying = request(Some(FORM), Pieces::of(long()));
    lying
        .headers_mut()
        .insert("content-length", "10".parse().unwrap());
    send(world.endpoint(), lying)
        .await
        .refused(413, "invalid_request");

    // Said to be too long, it is not even read.
    let declared = Pieces::of([form.as_str()]).declaring(u64::MAX);
    send(world.endpoint(), request(Some(FORM), declared))
        .await
        .refused(413, "invalid_request");
    let mut declared = request(Some(FORM), Pieces::of([form.as_str()]));
    declared
        .headers_mut()
        .insert("content-length", "16385".parse().unwrap());
    send(world.endpoint(), declared)
        .await
        .refused(413, "invalid_request");
    assert!(world.works(form.rsplit('=').next().unwrap()).await);
}

/// As frameworks wrap what their bodies fail with.
#[derive(Debug, thiserror::Error)]
#[error("wrapped")]
struct Wrapped(#[source] Box<dyn std::error::Error + Send + Sync>);

#[tokio::test]
async fn an_outer_limit_is_a_413_too() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let body = http_body_util::Limited::new(form, 100).map_err(Wrapped);
    send(world.endpoint(), request(Some(FORM), body))
        .await
        .refused(413, "invalid_request");
}

#[tokio::test]
async fn a_body_may_come_slowly_and_in_any_pieces() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let letters: Vec<String> = form.chars().map(String::from).collect();
    let body = Pieces::of(letters.iter().map(String::as_str));
    assert!(body.left() > 100);
    send(world.endpoint(), request(Some(FORM), body))
        .await
        .granted();
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_408_and_does_nothing() {
    let world = world();
    let token = world.token().await;
    let form = refresh_form(&token);
    let body = Pieces::of([form.as_str()]).then_break();
    send(world.endpoint(), request(Some(FORM), body))
        .await
        .refused(408, "temporarily_unavailable");
    let form = format!("token={token}");
    let body = Pieces::of([form.as_str()]).then_break();
    send(world.revocation(), request(Some(FORM), body))
        .await
        .refused(408, "temporarily_unavailable");
    assert!(world.works(&token).await);
}

proptest! {
    /// Whatever comes is refused by a 4xx: no panic, no 5xx, no token.
    #[test]
    fn no_noise_gets_through(
        content_type in prop_oneof![Just(FORM), Just(JSON)],
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "(grant_type=refresh_token&|refresh_token=|client_id=|[%&=+a-f0-9.]{0,6}){0,12}"
                .prop_map(String::into_bytes),
            r#"(\{|\}|"refreshToken"|"refresh_token"|:|,|"[a-z.]{0,9}"|\[|\]|1e9|null){0,12}"#
                .prop_map(String::into_bytes),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let status = runtime.block_on(async {
            let world = world();
            let body = http_body_util::Full::<bytes::Bytes>::from(body);
            send(world.endpoint(), request(Some(content_type), body)).await.status
        });
        prop_assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}
