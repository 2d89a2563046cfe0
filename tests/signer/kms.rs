//! AWS KMS, as far as `Sign` goes, by a double of ours: its requests, answers and errors, without their signature
//! (SigV4), for which an application takes the SDK.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{
    digest::{Digest, SHA256, digest},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Json, Router, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use http::StatusCode;
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier, VerifyingKey,
    clock::{Clock, SystemClock},
    error::BoxError,
    jws::{SignErrorKind, Signer, SignerOptions},
};

use crate::support::*;

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";

/// An asymmetric key of KMS, `ECC_NIST_P256`.
struct KmsKey {
    http: reqwest::Client,
    endpoint: String,
    id: &'static str,
}

impl Signer for KmsKey {
    type Error = BoxError;

    /// A message of `RAW` has at most 4096 bytes, which a token may exceed, so the hash is made here.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BoxError> {
        let hash = digest(&SHA256, message);
        let body = json!({
            "KeyId": self.id,
            "Message": BASE64_STANDARD.encode(hash),
            "MessageType": "DIGEST",
            "SigningAlgorithm": "ECDSA_SHA_256",
        });
        let request = self.http.post(&self.endpoint).body(body.to_string());
        let request = request
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "TrentService.Sign");
        let answer = request.send().await?;
        let status = answer.status();
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        match answer["Signature"].as_str() {
            Some(signature) if status.is_success() => {
                let der = BASE64_STANDARD.decode(signature)?;
                let signature = Algorithm::ES256.signature_from_der(&der);
                Ok(signature.ok_or("KMS gave no ECDSA signature")?)
            }
            _ => Err(format!("KMS answered {status}: {}", answer["__type"]).into()),
        }
    }
}

#[derive(Clone)]
struct Kms {
    pair: Arc<EcdsaKeyPair>,
    /// The next answers, of errors.
    errors: Arc<Mutex<Vec<(u16, &'static str)>>>,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Kms {
    async fn start() -> (Self, String) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let kms = Self {
            pair: Arc::new(pair),
            errors: Arc::default(),
            seen: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/", post(answer))
            .with_state(kms.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (kms, endpoint)
    }

    fn public(&self) -> VerifyingKey {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) });
        VerifyingKey::from_jwk(&jwk.to_string()).unwrap()
    }
}

async fn answer(State(kms): State<Kms>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let error = |status, kind: &str| (status, Json(json!({ "__type": kind, "message": "no" })));
    if headers["x-amz-target"] != "TrentService.Sign"
        || headers["content-type"] != "application/x-amz-json-1.1"
    {
        return error(StatusCode::BAD_REQUEST, "UnknownOperationException");
    }
    if let Some((status, kind)) = kms.errors.lock().unwrap().pop() {
        return error(StatusCode::from_u16(status).unwrap(), kind);
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    let message = BASE64_STANDARD
        .decode(body["Message"].as_str().unwrap())
        .unwrap();
    let hash = match body["MessageType"].as_str() {
        Some("DIGEST") if message.len() == 32 => {
            Digest::import_less_safe(&message, &SHA256).unwrap()
        }
        _ => return error(StatusCode::BAD_REQUEST, "ValidationException"),
    };
    let signature = kms.pair.sign_digest(&hash).unwrap();
    kms.seen.lock().unwrap().push(body.clone());
    let answer = json!({
        "KeyId": body["KeyId"],
        "Signature": BASE64_STANDARD.encode(signature.as_ref()),
        "SigningAlgorithm": body["SigningAlgorithm"],
    });
    (StatusCode::OK, Json(answer))
}

async fn world() -> (Kms, Issuer) {
    let (kms, endpoint) = Kms::start().await;
    let signer = KmsKey {
        http: reqwest::Client::new(),
        endpoint,
        id: KEY,
    };
    let key = SigningKey::from_signer(kms.public(), signer, SignerOptions::new()).unwrap();
    (kms, issuer(KeySet::new(key)))
}

#[tokio::test]
async fn a_digest_is_signed_and_comes_as_der() {
    let (kms, issuer) = world().await;
    let verifier = Verifier::new(ISSUER, AUDIENCE, issuer.keys().verifying()).unwrap();
    // Some hundred: r or s has a leading zero then, in either form.
    for number in 0..300 {
        let minute = std::time::Duration::from_secs(60);
        let claims = issuer.claims(format!("user {number}"), SystemClock.now(), minute);
        // Above what KMS takes as `RAW`.
        let claims = claims.with_private(json!({ "notes": "x".repeat(4096) }));
        let token = issuer.sign_async(&claims).await.unwrap();
        verifier.verify(token.expose()).unwrap();
    }
    let seen = kms.seen.lock().unwrap();
    assert_eq!((seen.len(), &seen[0]["KeyId"]), (300, &json!(KEY)));
    assert_eq!(seen[0]["SigningAlgorithm"], "ECDSA_SHA_256");
}

#[tokio::test]
async fn its_errors_are_errors_of_the_signer() {
    let (kms, issuer) = world().await;
    let claims = issuer.claims(
        "anna",
        SystemClock.now(),
        std::time::Duration::from_secs(60),
    );
    for (status, kind) in [
        (400, "ThrottlingException"),
        (400, "AccessDeniedException"),
        (400, "KMSInvalidStateException"),
        (500, "KMSInternalException"),
    ] {
        kms.errors.lock().unwrap().push((status, kind));
        let error = issuer.sign_async(&claims).await.unwrap_err();
        assert_eq!(*error.kind(), SignErrorKind::SignerFailed);
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains(kind), "{why}");
        issuer.sign_async(&claims).await.unwrap();
    }
}
