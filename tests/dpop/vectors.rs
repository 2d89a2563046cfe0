//! The examples of RFC 9449, as they are published.

use std::path::PathBuf;

use http::Request;
use serde_json::Value;
use tests_shared::{proofs::ProofKey, skipped};
use tower_bearer::{
    clock::{ManualClock, Timestamp},
    dpop::{DpopErrorKind, DpopVerifier},
};

use crate::support::*;

/// The thumbprint of the key of all examples (RFC 9449 §6.1).
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// The access token of RFC 9449 §7.1, whose hash its proof has.
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn examples() -> Option<Vec<Value>> {
    let root = std::env::var_os("TOWER_BEARER_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"),
        PathBuf::from,
    );
    let file = root.join("rfc9449/dpop_examples.json");
    let Ok(text) = std::fs::read(&file) else {
        skipped(&format!("{} is missing", file.display()));
        return None;
    };
    let examples: Value = serde_json::from_slice(&text).unwrap();
    Some(examples["cases"].as_array().unwrap().clone())
}

fn verifier(origin: &str, now: i64) -> DpopVerifier {
    let clock = ManualClock::new(Timestamp::from_secs(now));
    DpopVerifier::new(origin).unwrap().clock(clock)
}

#[test]
fn proofs_of_the_token_endpoint_and_of_a_resource() {
    let Some(examples) = examples() else { return };
    let proofs: Vec<_> = examples
        .iter()
        .filter(|case| case["payload"]["htm"].is_string())
        .collect();
    assert_eq!(proofs.len(), 2);
    for case in proofs {
        let (proof, payload) = (case["token"].as_str().unwrap(), &case["payload"]);
        let url: http::Uri = payload["htu"].as_str().unwrap().parse().unwrap();
        let origin = format!("https://{}", url.authority().unwrap());
        let iat = payload["iat"].as_i64().unwrap();
        let request = Request::builder()
            .method(payload["htm"].as_str().unwrap())
            .uri(url.path())
            .header("dpop", proof)
            .body(())
            .unwrap();
        let proved = verifier(&origin, iat + 30)
            .verify(&request)
            .unwrap()
            .unwrap();
        assert_eq!(proved.thumbprint().to_string(), JKT);
        // Today it is an old one, and at another server it was never good.
        let late = verifier(&origin, iat + 61).verify(&request).unwrap_err();
        assert_eq!(late.kind(), DpopErrorKind::Time);
        let elsewhere = verifier(API, iat).verify(&request).unwrap_err();
        assert_eq!(elsewhere.kind(), DpopErrorKind::Url);
    }
}

/// The hash of the token, as the example of RFC 9449 §7.1 has it.
#[test]
fn the_hash_of_the_token() {
    let Some(examples) = examples() else { return };
    let with_hash = examples
        .iter()
        .find(|case| case["payload"]["ath"].is_string());
    let key = ProofKey::es256();
    let ours = key
        .proof("GET", "https://resource.example.org/")
        .token(TOKEN);
    assert_eq!(ours.claims["ath"], with_hash.unwrap()["payload"]["ath"]);
}

/// No example is an access token of ours, whatever scheme it comes by.
#[tokio::test]
async fn a_proof_is_no_access_token() {
    let Some(examples) = examples() else { return };
    let world = world();
    assert_eq!(examples.len(), 3);
    for case in examples {
        let token = case["token"].as_str().unwrap();
        world
            .ask(world.layer(), bearer(token))
            .await
            .refused(401, "invalid_token");
        world.me(token, token).await.refused(401, "invalid_token");
    }
}
