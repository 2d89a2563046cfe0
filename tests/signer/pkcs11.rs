//! SoftHSM 2, as it is asked by PKCS#11: real keys of a token, which no program can read.

use std::{
    env,
    process::Command,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::Error,
    mechanism::{
        Mechanism, MechanismType,
        eddsa::{EddsaParams, EddsaSignatureScheme},
        rsa::{PkcsMgfType, PkcsPssParams},
    },
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests_shared::skipped;
use tokio::sync::{mpsc, oneshot};
use tower_bearer::{
    Algorithm, KeySet, SigningKey, Verifier, VerifyingKey, VerifyingKeys,
    error::BoxError,
    jws::{SignErrorKind, Signer, SignerOptions},
    session::{Grant, RefreshRequest, SessionErrorKind, SessionsBuilder},
    store::MemoryStore,
};

use crate::support::*;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "1234";
const THREADS: usize = 4;

/// A key of a token. PKCS#11 blocks, and a session of it is for one thread, so there are some threads, each with a
/// session. What nobody waits for any more is not signed. They end with the key: where one closes its session while the
/// process ends, SoftHSM crashes.
struct TokenKey {
    jobs: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

struct Job {
    message: Vec<u8>,
    answer: oneshot::Sender<Result<Vec<u8>, BoxError>>,
}

impl Signer for TokenKey {
    type Error = BoxError;

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BoxError> {
        let (answer, signature) = oneshot::channel();
        let message = message.to_vec();
        let jobs = self.jobs.as_ref().ok_or("the threads have ended")?;
        jobs.send(Job { message, answer }).await?;
        signature.await?
    }
}

impl TokenKey {
    fn new(token: &Token, algorithm: Algorithm, label: &'static str) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>(THREADS);
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..THREADS).map(|_| {
            let mut worker = Worker {
                session: token.session(),
                algorithm,
                label,
                key: None,
            };
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                loop {
                    let next = queue.lock().unwrap().blocking_recv();
                    let Some(Job { message, answer }) = next else {
                        return;
                    };
                    if !answer.is_closed() {
                        let _ = answer.send(worker.sign(&message));
                    }
                }
            })
        });
        let threads = threads.collect();
        let jobs = Some(jobs);
        Self { jobs, threads }
    }
}

impl Drop for TokenKey {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

struct Worker {
    session: Session,
    algorithm: Algorithm,
    label: &'static str,
    /// It is looked for again after an error: a handle is no longer good after a logout, even if a login follows.
    key: Option<ObjectHandle>,
}

impl Worker {
    fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, BoxError> {
        if let Some(key) = self.key
            && let Ok(signature) = self.sign_with(key, message)
        {
            return Ok(signature);
        }
        let key = self.find()?;
        let signature = self.sign_with(key, message)?;
        self.key = Some(key);
        Ok(signature)
    }

    fn find(&self) -> Result<ObjectHandle, BoxError> {
        let wanted = [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::Label(self.label.into()),
        ];
        let found = self.session.find_objects(&wanted)?;
        Ok(*found.first().ok_or("the token does not show the key")?)
    }

    /// ECDSA is given a hash, and the others the message. All give what JWS has, ECDSA too.
    fn sign_with(&self, key: ObjectHandle, message: &[u8]) -> Result<Vec<u8>, Error> {
        let session = &self.session;
        match self.algorithm {
            Algorithm::ES256 => session.sign(&Mechanism::Ecdsa, key, &Sha256::digest(message)),
            Algorithm::RS256 => session.sign(&Mechanism::Sha256RsaPkcs, key, message),
            Algorithm::PS256 => {
                let params = PkcsPssParams {
                    hash_alg: MechanismType::SHA256,
                    mgf: PkcsMgfType::MGF1_SHA256,
                    s_len: 32.into(),
                };
                session.sign(&Mechanism::Sha256RsaPkcsPss(params), key, message)
            }
            _ => {
                let params = EddsaParams::new(EddsaSignatureScheme::Pure);
                session.sign(&Mechanism::Eddsa(params), key, message)
            }
        }
    }
}

/// A token of SoftHSM, to which the user has logged in.
struct Token {
    pkcs11: Pkcs11,
    slot: Slot,
    /// The login lasts as long as one session is open.
    held: Session,
}

impl Token {
    fn open() -> Self {
        let pkcs11 = Pkcs11::new(MODULE).unwrap();
        let flags = CInitializeFlags::OS_LOCKING_OK;
        pkcs11.initialize(CInitializeArgs::new(flags)).unwrap();
        let slot = pkcs11.get_slots_with_initialized_token().unwrap()[0];
        let held = pkcs11.open_rw_session(slot).unwrap();
        let token = Self { pkcs11, slot, held };
        token.login();
        token
    }

    fn login(&self) {
        let pin = AuthPin::new(PIN.into());
        self.held.login(UserType::User, Some(&pin)).unwrap();
    }

    fn session(&self) -> Session {
        self.pkcs11.open_ro_session(self.slot).unwrap()
    }

    /// Makes a key pair. The private key does not leave the token; the public one is given as a JWK.
    fn generate(&self, algorithm: Algorithm, label: &'static str) -> Value {
        let (mechanism, params) = match algorithm {
            Algorithm::ES256 => {
                let p256 = vec![0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
                (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(p256)])
            }
            Algorithm::RS256 | Algorithm::PS256 => (
                Mechanism::RsaPkcsKeyPairGen,
                vec![
                    Attribute::ModulusBits(2048.into()),
                    Attribute::PublicExponent(vec![1, 0, 1]),
                ],
            ),
            _ => {
                let ed25519 = [&[0x13, 12], &b"edwards25519"[..]].concat();
                (
                    Mechanism::EccEdwardsKeyPairGen,
                    vec![Attribute::EcParams(ed25519)],
                )
            }
        };
        let public = [
            params,
            vec![Attribute::Token(true), Attribute::Verify(true)],
        ]
        .concat();
        let private = [
            Attribute::Label(label.into()),
            Attribute::Token(true),
            Attribute::Sign(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
        ];
        let (public, _) = self
            .held
            .generate_key_pair(&mechanism, &public, &private)
            .unwrap();
        self.jwk(algorithm, public)
    }

    fn jwk(&self, algorithm: Algorithm, public: ObjectHandle) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => {
                let n = self.bytes(public, AttributeType::Modulus);
                let e = self.bytes(public, AttributeType::PublicExponent);
                json!({ "kty": "RSA", "n": text(&n), "e": text(&e), "alg": algorithm.as_str() })
            }
            Algorithm::ES256 => {
                let point = self.bytes(public, AttributeType::EcPoint);
                let [0x04, 65, 0x04, ref xy @ ..] = point[..] else {
                    panic!("no uncompressed point: {point:x?}");
                };
                let (x, y) = xy.split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })
            }
            _ => {
                let point = self.bytes(public, AttributeType::EcPoint);
                let [0x04, 32, ref x @ ..] = point[..] else {
                    panic!("no Ed25519 key: {point:x?}");
                };
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(x) })
            }
        }
    }

    fn bytes(&self, object: ObjectHandle, wanted: AttributeType) -> Vec<u8> {
        let found = self.held.get_attributes(object, &[wanted]).unwrap();
        match found.into_iter().next() {
            Some(
                Attribute::Modulus(bytes)
                | Attribute::PublicExponent(bytes)
                | Attribute::EcPoint(bytes),
            ) => bytes,
            other => panic!("{other:?}"),
        }
    }
}

/// SoftHSM reads its settings from the environment, so this test is a process of its own.
#[test]
fn soft_hsm() {
    if !std::path::Path::new(MODULE).exists() {
        return skipped("SoftHSM 2 is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let settings = folder.path().join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\n", tokens.display());
    std::fs::write(&settings, text).unwrap();
    let made = Command::new("softhsm2-util")
        .args([
            "--init-token",
            "--free",
            "--label",
            "test",
            "--so-pin",
            PIN,
            "--pin",
            PIN,
        ])
        .env("SOFTHSM2_CONF", &settings)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let run = Command::new(env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "pkcs11::with_a_token",
        ])
        .env("SOFTHSM2_CONF", &settings)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    println!("{out}{err}");
    assert!(run.status.success(), "{}", run.status);
    assert!(out.contains("1 passed"));
}

#[tokio::test]
#[ignore = "`soft_hsm` runs it, with a token"]
async fn with_a_token() {
    let token = Token::open();
    for algorithm in [
        Algorithm::ES256,
        Algorithm::EdDSA,
        Algorithm::RS256,
        Algorithm::PS256,
    ] {
        sessions_are_signed_by(&token, algorithm).await;
    }
    another_key_is_noticed(&token).await;
}

async fn sessions_are_signed_by(token: &Token, algorithm: Algorithm) {
    let jwk = token.generate(algorithm, algorithm.as_str());
    let public = VerifyingKey::from_jwk(&jwk.to_string()).unwrap();
    // All 64 wait for a few threads, on a machine that may have much else to do.
    let (window, timeout) = (Duration::from_secs(60), Duration::from_secs(14));
    let options = SignerOptions::new().max_calls(THREADS).timeout(timeout);
    let key = SigningKey::from_signer(
        public,
        TokenKey::new(token, algorithm, algorithm.as_str()),
        options,
    );
    let keys = KeySet::new(key.unwrap());
    let published = VerifyingKeys::from_jwks(&keys.verifying().jwks()).unwrap();
    let verifier = Verifier::new(ISSUER, AUDIENCE, published).unwrap();
    let builder = SessionsBuilder::new(issuer(keys), refresh_key(), MemoryStore::new());
    let sessions = builder.reuse_window(window).build().unwrap();

    let begun = Instant::now();
    let all: Vec<_> = (0..64)
        .map(|number| {
            let sessions = sessions.clone();
            tokio::spawn(async move {
                let login = sessions
                    .start(Grant::new(format!("user {number}")))
                    .await
                    .unwrap();
                let request = RefreshRequest::new(login.refresh_token);
                sessions.refresh(request).await.unwrap().tokens
            })
        })
        .collect();
    for task in all {
        let tokens = task.await.unwrap();
        verifier.verify(tokens.access_token.expose()).unwrap();
    }
    println!("{algorithm}: 128 signatures in {:?}", begun.elapsed());

    // The token is taken away from this program, and comes back.
    let login = sessions.start(Grant::new("anna")).await.unwrap();
    let refresh = || RefreshRequest::new(login.refresh_token.clone());
    token.held.logout().unwrap();
    for _ in 0..5 {
        let error = sessions.refresh(refresh()).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    }
    token.login();
    let tokens = sessions.refresh(refresh()).await.unwrap().tokens;
    verifier.verify(tokens.access_token.expose()).unwrap();
}

/// Somebody has configured the public key of another key pair.
async fn another_key_is_noticed(token: &Token) {
    token.generate(Algorithm::ES256, "one");
    let other = token.generate(Algorithm::ES256, "other");
    let public = VerifyingKey::from_jwk(&other.to_string()).unwrap();
    let signer = TokenKey::new(token, Algorithm::ES256, "one");
    let key = SigningKey::from_signer(public, signer, SignerOptions::new()).unwrap();
    let issuer = issuer(KeySet::new(key));
    let now = tower_bearer::clock::Timestamp::from_secs(1_800_000_000);
    let claims = issuer.claims("anna", now, Duration::from_secs(60));
    let error = issuer.sign_async(&claims).await.unwrap_err();
    assert_eq!(*error.kind(), SignErrorKind::WrongSignature);
}
