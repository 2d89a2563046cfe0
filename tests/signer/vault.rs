//! Vault's transit engine, as far as `sign` goes, by a double of ours.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Json, Router, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use http::StatusCode;
use serde_json::{Value, json};
use tower_bearer::{
    Issuer, KeySet, SigningKey, Verifier, VerifyingKey,
    clock::{Clock, SystemClock},
    error::BoxError,
    jws::{SignErrorKind, Signer, SignerOptions},
};

use crate::support::*;

const TOKEN: &str = "hvs.of the service";

/// One version of a key of the transit engine, `ecdsa-p256`.
struct TransitKey {
    http: reqwest::Client,
    url: String,
    /// Without it Vault signs with the newest version, whose public key nobody has after a rotation.
    version: Option<u32>,
}

impl Signer for TransitKey {
    type Error = BoxError;

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BoxError> {
        let body = json!({
            "input": BASE64_STANDARD.encode(message),
            "hash_algorithm": "sha2-256",
            "marshaling_algorithm": "jws",
            "key_version": self.version.unwrap_or(0),
        });
        let request = self.http.post(&self.url).header("x-vault-token", TOKEN);
        let answer = request.body(body.to_string()).send().await?;
        let status = answer.status();
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let signature = answer["data"]["signature"].as_str();
        let signature = signature.ok_or_else(|| format!("Vault: {status} {}", answer["errors"]))?;
        // vault:v1:…
        let (_, signature) = signature.rsplit_once(':').ok_or("no signature of Vault")?;
        Ok(BASE64_URL_SAFE_NO_PAD.decode(signature)?)
    }
}

#[derive(Clone)]
struct Vault {
    versions: Arc<Mutex<Vec<EcdsaKeyPair>>>,
    is_sealed: Arc<AtomicUsize>,
}

impl Vault {
    async fn start() -> (Self, String) {
        let vault = Self {
            versions: Arc::default(),
            is_sealed: Arc::default(),
        };
        vault.rotate();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let path = "/v1/transit/sign/access-tokens";
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let router = Router::new()
            .route(path, post(answer))
            .with_state(vault.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (vault, url)
    }

    fn rotate(&self) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        self.versions.lock().unwrap().push(pair);
    }

    fn newest(&self) -> VerifyingKey {
        let versions = self.versions.lock().unwrap();
        let (x, y) = versions.last().unwrap().public_key().as_ref()[1..].split_at(32);
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) });
        VerifyingKey::from_jwk(&jwk.to_string()).unwrap()
    }
}

async fn answer(State(vault): State<Vault>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let error = |status, why: &str| (status, Json(json!({ "errors": [why] })));
    if headers["x-vault-token"] != TOKEN {
        return error(StatusCode::FORBIDDEN, "permission denied");
    }
    if vault.is_sealed.load(Relaxed) > 0 {
        return error(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed");
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    if [&body["hash_algorithm"], &body["marshaling_algorithm"]] != ["sha2-256", "jws"] {
        return error(StatusCode::BAD_REQUEST, "this double knows nothing else");
    }
    let versions = vault.versions.lock().unwrap();
    let version = match body["key_version"].as_u64().unwrap() as usize {
        0 => versions.len(),
        version => version,
    };
    let message = BASE64_STANDARD
        .decode(body["input"].as_str().unwrap())
        .unwrap();
    let signature = versions[version - 1]
        .sign(&SystemRandom::new(), &message)
        .unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref());
    let signature = format!("vault:v{version}:{signature}");
    let answer = json!({ "data": { "key_version": version, "signature": signature } });
    (StatusCode::OK, Json(answer))
}

async fn world(version: Option<u32>) -> (Vault, Issuer) {
    let (vault, url) = Vault::start().await;
    let http = reqwest::Client::new();
    let signer = TransitKey { http, url, version };
    let key = SigningKey::from_signer(vault.newest(), signer, SignerOptions::new()).unwrap();
    (vault, issuer(KeySet::new(key)))
}

async fn signed(issuer: &Issuer) -> Result<(), SignErrorKind> {
    let claims = issuer.claims("anna", SystemClock.now(), Duration::from_secs(60));
    let token = issuer.sign_async(&claims).await;
    let token = token.map_err(|error| error.kind().clone())?;
    let verifier = Verifier::new(ISSUER, AUDIENCE, issuer.keys().verifying()).unwrap();
    verifier.verify(token.expose()).unwrap();
    Ok(())
}

#[tokio::test]
async fn a_version_of_a_key_signs_however_often_it_is_rotated() {
    let (vault, issuer) = world(Some(1)).await;
    assert_eq!(signed(&issuer).await, Ok(()));
    vault.rotate();
    assert_eq!(signed(&issuer).await, Ok(()));
}

/// Nobody could verify what the new version signs.
#[tokio::test]
async fn the_newest_version_is_noticed_after_a_rotation() {
    let (vault, issuer) = world(None).await;
    assert_eq!(signed(&issuer).await, Ok(()));
    vault.rotate();
    assert_eq!(signed(&issuer).await, Err(SignErrorKind::WrongSignature));
}

#[tokio::test]
async fn it_is_sealed_and_unsealed() {
    let (vault, issuer) = world(Some(1)).await;
    vault.is_sealed.store(1, Relaxed);
    assert_eq!(signed(&issuer).await, Err(SignErrorKind::SignerFailed));
    vault.is_sealed.store(0, Relaxed);
    assert_eq!(signed(&issuer).await, Ok(()));
}
