//! Requests that no browser sends: each gets an answer, none of them a 5xx, and nothing is written.

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use serde_json::{Value, json};

use crate::{
    device::{Device, base64url},
    world::{Answer, Browser, ID, PROOF, World, and, without},
};

/// Proofs by this device that are wrong in one way each. With a `jwk` they are registrations.
fn proofs(device: &Device, jti: &str, offer: &str, jwk: bool) -> Vec<String> {
    let other = Device::new();
    let header = |change: fn(&mut Value)| {
        let mut header = json!({ "alg": device.alg(), "typ": "dbsc+jwt" });
        if jwk {
            header["jwk"] = device.jwk();
        }
        change(&mut header);
        header
    };
    let right = header(|_| {});
    let payload = json!({ "jti": jti, "authorization": offer });
    let good = device.jws(&right, &payload);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let headers: [fn(&mut Value); 12] = [
        |header| header["typ"] = "dpop+jwt".into(),
        |header| header["typ"] = Value::Null,
        |header| header["alg"] = "none".into(),
        |header| header["alg"] = "HS256".into(),
        |header| header["alg"] = "RS256".into(),
        |header| header["crit"] = json!(["exp"]),
        |header| header["jku"] = "https://evil.example".into(),
        |header| header["jwk"] = json!({}),
        |header| header["jwk"] = json!({ "kty": "oct", "k": "AAAA" }),
        |header| header["jwk"]["d"] = "AAAA".into(),
        |header| header["jwk"] = Device::new().jwk(),
        |header| header["jwk"] = "key".into(),
    ];
    let payloads = [
        json!({}),
        json!({ "jti": 7, "authorization": offer }),
        json!({ "jti": jti, "authorization": [offer] }),
        json!({ "jti": "", "authorization": offer }),
        json!({ "jti": "a".repeat(4000), "authorization": offer }),
        json!([jti, offer]),
    ];
    let long = device.jws(
        &right,
        &json!({ "jti": jti, "authorization": offer, "x": "x".repeat(64 * 1024) }),
    );
    let twice = format!(r#"{{"jti":"{jti}","authorization":"{offer}","jti":"{jti}"}}"#);
    let mut all = vec![
        "a".into(),
        "a.b.c".into(),
        "a".repeat(64 * 1024),
        long,
        format!("{signed}."),
        format!("{signed}.{}", base64url([0; 64])),
        format!("{good}="),
        format!("{good}.{good}"),
        format!("({good})"),
        format!("{good};a=b"),
        format!("\"{good}"),
        format!("\"{good}\", \"{good}\""),
        format!(
            "{}.{}.{}",
            base64url(right.to_string()),
            base64url(twice),
            base64url([1; 64])
        ),
        other.jws(&right, &payload),
    ];
    all.extend(headers.map(|change| device.jws(&header(change), &payload)));
    all.extend(payloads.iter().map(|payload| device.jws(&right, payload)));
    all
}

fn with_proof(request: Request<Empty<Bytes>>, proof: &str) -> Request<Empty<Bytes>> {
    and(without(request, PROOF), PROOF, proof)
}

#[tokio::test]
async fn wrong_proofs_register_nothing() {
    let world = World::new();
    let browser = world.login().await;
    let row = world.row(&browser).await;
    let (jti, offer) = (&browser.offer.challenge, &browser.offer.authorization);
    for proof in proofs(&browser.device, jti, offer, true) {
        let answer = world
            .send_registration(with_proof(browser.registration(), &proof))
            .await;
        answer.refused(400, "invalid_request");
    }
    let twice = and(
        browser.registration(),
        PROOF,
        &browser.device.registration(jti, offer),
    );
    world
        .send_registration(twice)
        .await
        .refused(400, "invalid_request");
    let none = without(browser.registration(), PROOF);
    world
        .send_registration(none)
        .await
        .refused(400, "invalid_request");
    assert_eq!(world.row(&browser).await, row);
    assert!(world.register(&browser).await.status.is_success());
}

#[tokio::test]
async fn wrong_proofs_refresh_nothing() {
    let world = World::new();
    let browser = world.bound().await;
    let row = world.row(&browser).await;
    for proof in proofs(&browser.device, &browser.challenge, "", false) {
        world
            .send_refresh(with_proof(browser.refresh(), &proof))
            .await
            .challenges();
    }
    let with_key = browser.device.registration(&browser.challenge, "");
    world
        .send_refresh(with_proof(browser.refresh(), &with_key))
        .await
        .challenges();
    let twice = and(
        browser.refresh(),
        PROOF,
        &browser.device.refresh(&browser.challenge),
    );
    world.send_refresh(twice).await.challenges();
    assert_eq!(world.row(&browser).await, row);
    assert!(world.refresh(&browser).await.status.is_success());
}

/// As the specification has them, and as Chromium sends them.
#[tokio::test]
async fn quotes_make_no_difference() {
    let world = World::new();
    let browser = world.login().await;
    let quoted = |request: Request<Empty<Bytes>>, name: &'static str| {
        let value = format!("\"{}\"", request.headers()[name].to_str().unwrap());
        and(without(request, name), name, &value)
    };
    let answer = world
        .send_registration(quoted(browser.registration(), PROOF))
        .await;
    assert!(answer.status.is_success(), "{answer:?}");
    let browser = world.bound().await;
    let answer = world
        .send_refresh(quoted(quoted(browser.refresh(), PROOF), ID))
        .await;
    assert!(answer.status.is_success(), "{answer:?}");
}

#[tokio::test]
async fn unreadable_identifiers_are_of_no_session() {
    let world = World::new();
    let browser = world.bound().await;
    let row = world.row(&browser).await;
    let (voucher, key) = browser.identifier.split_once('.').unwrap();
    let private = {
        let mut jwk = browser.device.jwk();
        jwk["kty"] = "oct".into();
        base64url(jwk.to_string())
    };
    let wrong = [
        "a".to_owned(),
        ".".to_owned(),
        format!("{voucher}."),
        format!("{voucher}.{key}.{key}"),
        format!("{voucher}.{}", base64url("{}")),
        format!("{voucher}.{private}"),
        format!("{voucher}.{}", base64url(Device::new().jwk().to_string())),
        format!("{voucher}.{}", base64url(Device::rsa().jwk().to_string())),
        "a.".repeat(32 * 1024),
        "(a)".to_owned(),
    ];
    for identifier in wrong {
        let request = and(without(browser.refresh(), ID), ID, &identifier);
        world.send_refresh(request).await.is_of_another_key();
    }
    let twice = and(browser.refresh(), ID, &browser.identifier);
    world.send_refresh(twice).await.is_of_another_key();
    assert_eq!(world.row(&browser).await, row);
}

/// One that somebody else may have planted, from a subdomain, must not make the browser forget its key.
#[tokio::test]
async fn unreadable_cookies_are_of_no_session() {
    let world = World::new();
    let browser = world.bound().await;
    let row = world.row(&browser).await;
    let access = &browser.access;
    for (cookie, may_be_planted) in [
        ("__Host-refresh_token=".to_owned(), true),
        ("__Host-refresh_token=a b".to_owned(), true),
        ("__Host-refresh_token=a.b.c".to_owned(), false),
        (format!("__Host-refresh_token={access}"), false),
        (
            format!(
                "__Host-refresh_token={}; __Host-refresh_token=x",
                browser.refresh
            ),
            true,
        ),
    ] {
        let with_cookie = |mut request: Request<Empty<Bytes>>| {
            request
                .headers_mut()
                .insert("cookie", cookie.parse().unwrap());
            request
        };
        let answer = world.send_refresh(with_cookie(browser.refresh())).await;
        match may_be_planted {
            true => answer.refused(503, "temporarily_unavailable"),
            false => answer.is_of_another_key(),
        }
        let answer: Answer = world
            .send_registration(with_cookie(browser.registration()))
            .await;
        assert_eq!(answer.status.as_u16(), 400, "{answer:?}");
    }
    assert_eq!(world.row(&browser).await, row);
}

/// The same proof comes a thousand times within the life of its challenge. It brings access cookies, as
/// after lost answers, and ends nothing.
#[tokio::test]
async fn replays_end_nothing() {
    let world = World::new();
    let browser: Browser = world.bound().await;
    for _ in 0..1000 {
        assert!(world.refresh(&browser).await.status.is_success());
    }
    let state = world.row(&browser).await.state;
    assert_eq!(state.ended, None);
    assert!(state.generation <= 2, "{}", state.generation);
}
