use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    super::{Algorithm, KeyErrorKind, KeySet, SignErrorKind, SigningKey, VerifyingKey},
    Signer, SignerOptions,
};

const KEY_PAIRS: [Algorithm; 11] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
    Algorithm::Ed25519,
];

/// Signs with a key of the test after some time, and counts who asks.
struct Slow {
    key: SigningKey,
    takes: Duration,
    asked: Arc<AtomicUsize>,
}

impl Signer for Slow {
    type Error = Infallible;

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Infallible> {
        self.asked.fetch_add(1, Relaxed);
        tokio::time::sleep(self.takes).await;
        Ok(self.key.sign(message).unwrap())
    }
}

/// Gives what the closure makes of the right signature.
struct Odd<F>(SigningKey, F);

impl<F, E> Signer for Odd<F>
where
    F: Fn(Vec<u8>) -> Result<Vec<u8>, E> + Send + Sync + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    type Error = E;

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, E> {
        (self.1)(self.0.sign(message).unwrap())
    }
}

fn es256() -> SigningKey {
    SigningKey::generate(Algorithm::ES256).unwrap()
}

fn slow(takes: Duration, options: SignerOptions) -> (KeySet, Arc<AtomicUsize>) {
    let (key, asked) = (es256(), Arc::default());
    let public = key.verifying_key();
    let signer = Slow {
        key,
        takes,
        asked: Arc::clone(&asked),
    };
    let key = SigningKey::from_signer(public, signer, options).unwrap();
    (KeySet::new(key), asked)
}

fn odd<E>(answer: impl Fn(Vec<u8>) -> Result<Vec<u8>, E> + Send + Sync + 'static) -> KeySet
where
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let key = es256();
    let public = key.verifying_key();
    let key = SigningKey::from_signer(public, Odd(key, answer), SignerOptions::new());
    KeySet::new(key.unwrap())
}

async fn kind(keys: &KeySet) -> Result<(), SignErrorKind> {
    let signed = keys.sign_async("at+jwt", b"{}").await;
    signed.map(drop).map_err(|error| error.kind().clone())
}

#[tokio::test]
async fn what_a_signer_signs_verifies_like_any_other() {
    for algorithm in KEY_PAIRS {
        let key = SigningKey::generate(algorithm).unwrap();
        let public = key.verifying_key().with_kid("of the HSM").unwrap();
        let signer = Odd(key, Ok::<_, Infallible>);
        let key = SigningKey::from_signer(public, signer, SignerOptions::new()).unwrap();
        assert_eq!((key.algorithm(), key.kid()), (algorithm, "of the HSM"));
        let keys = KeySet::new(key);
        let token = keys
            .sign_async("at+jwt", b"{\"sub\":\"anna\"}")
            .await
            .unwrap();
        let payload = keys.verifying().payload(&token, |_| true, 8192).unwrap();
        assert_eq!(payload, b"{\"sub\":\"anna\"}");
    }
}

#[tokio::test]
async fn a_key_that_is_here_signs_by_the_same_call() {
    let keys = KeySet::new(SigningKey::generate(Algorithm::HS256).unwrap());
    let token = keys.sign_async("at+jwt", b"{}").await.unwrap();
    assert_eq!(token, keys.sign("at+jwt", b"{}").unwrap());
}

#[test]
fn who_cannot_wait_is_told() {
    let (keys, asked) = slow(Duration::ZERO, SignerOptions::new());
    let error = keys.sign("at+jwt", b"{}").unwrap_err();
    assert_eq!(*error.kind(), SignErrorKind::KeyElsewhere);
    assert!(error.to_string().contains("sign_async"), "{error}");
    assert_eq!(asked.load(Relaxed), 0);
}

#[test]
fn a_secret_is_no_key_of_a_signer() {
    let public = VerifyingKey::from_secret(Algorithm::HS256, [7; 32]).unwrap();
    let signer = Odd(es256(), Ok::<_, Infallible>);
    let error = SigningKey::from_signer(public, signer, SignerOptions::new()).unwrap_err();
    assert_eq!(error.kind(), KeyErrorKind::Use);
}

#[test]
fn it_cannot_be_exported_and_shows_nothing() {
    let signer = Odd(es256(), Ok::<_, Infallible>);
    let public = es256().verifying_key().with_kid("hsm").unwrap();
    let key = SigningKey::from_signer(public, signer, SignerOptions::new()).unwrap();
    assert!(key.export_private().is_none());
    assert_eq!(
        format!("{key:?}"),
        r#"SigningKey { kid: "hsm", algorithm: ES256, .. }"#
    );
}

#[tokio::test]
async fn a_wrong_signature_does_not_leave() {
    let wrong: [fn(Vec<u8>) -> Vec<u8>; 7] = [
        |_| vec![],
        |_| vec![0; 64],
        |right| right[..63].to_vec(),
        |right| [right.as_slice(), &[0]].concat(),
        |mut right| {
            right[40] ^= 1;
            right
        },
        |right| [&right[32..], &right[..32]].concat(),
        |_| vec![7; 16 * 1024 * 1024],
    ];
    for change in wrong {
        let keys = odd(move |right| Ok::<_, Infallible>(change(right)));
        assert_eq!(kind(&keys).await, Err(SignErrorKind::WrongSignature));
    }
}

#[tokio::test]
async fn a_signature_of_another_key_does_not_leave() {
    let other = es256();
    let keys = odd(move |_| other.sign(b"something").map_err(|_| io::Error::other("no")));
    assert_eq!(kind(&keys).await, Err(SignErrorKind::WrongSignature));
}

/// What KMS and HSM give for ECDSA, and how somebody finds out.
#[tokio::test]
async fn a_signature_in_der_says_what_to_do() {
    let keys = odd(|right| Ok::<_, Infallible>(der(&right)));
    let error = keys.sign_async("at+jwt", b"{}").await.unwrap_err();
    assert_eq!(*error.kind(), SignErrorKind::WrongSignature);
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("signature_from_der"), "{why}");

    let keys = odd(|right| {
        let read = Algorithm::ES256.signature_from_der(&der(&right));
        read.ok_or("it is no DER")
    });
    assert_eq!(kind(&keys).await, Ok(()));
}

fn der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let number = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap();
        let sign = if bytes[start] > 0x7f { &[0][..] } else { &[] };
        let bytes = [sign, &bytes[start..]].concat();
        [&[2, bytes.len() as u8], bytes.as_slice()].concat()
    };
    let both = [number(r), number(s)].concat();
    [&[0x30, both.len() as u8], both.as_slice()].concat()
}

#[test]
fn a_signature_in_der_is_read_strictly() {
    let read = |der: &[u8]| Algorithm::ES256.signature_from_der(der);
    let good = der(&[[1; 32], [0xff; 32]].concat());
    assert_eq!(read(&good).unwrap(), [[1; 32], [0xff; 32]].concat());
    for cut in 0..good.len() {
        assert_eq!(read(&good[..cut]), None, "{cut}");
    }
    let odd: [&[u8]; 7] = [
        &[0x30, 0x80, 2, 1, 7, 2, 1, 9, 0, 0],
        &[0x30, 6, 2, 1, 7, 2, 1, 9, 0],
        &[0x30, 7, 2, 1, 7, 2, 1, 9, 0],
        &[0x30, 7, 2, 2, 0, 7, 2, 1, 9],
        &[0x30, 6, 2, 1, 0x80, 2, 1, 9],
        &[0x30, 0x81, 6, 2, 1, 7, 2, 1, 9],
        &[0x31, 6, 2, 1, 7, 2, 1, 9],
    ];
    for odd in odd {
        assert_eq!(read(odd), None, "{odd:x?}");
    }
    assert_eq!(read(&der(&[1; 66])), None, "33 bytes each");
    assert_eq!(
        Algorithm::ES384.signature_from_der(&good).unwrap().len(),
        96
    );
    assert_eq!(
        Algorithm::ES512.signature_from_der(&good).unwrap().len(),
        132
    );
    assert_eq!(Algorithm::EdDSA.signature_from_der(&good), None);
    assert_eq!(Algorithm::RS256.signature_from_der(&good), None);
}

#[tokio::test]
async fn an_error_is_told_and_the_next_call_is_made() {
    let tries = AtomicUsize::new(0);
    let keys = odd(move |right| match tries.fetch_add(1, Relaxed) {
        0 => Err(io::Error::other("the session is closed")),
        _ => Ok(right),
    });
    let error = keys.sign_async("at+jwt", b"{}").await.unwrap_err();
    assert_eq!(*error.kind(), SignErrorKind::SignerFailed);
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(why, "the session is closed");
    assert!(!error.to_string().contains("closed"), "{error}");
    assert_eq!(kind(&keys).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_timeout() {
    const TIMEOUT: Duration = Duration::from_millis(700);
    let options = SignerOptions::new().max_calls(1).timeout(TIMEOUT);
    let (keys, asked) = slow(Duration::from_secs(3600), options);
    let begun = Instant::now();
    let (first, second) = tokio::join!(kind(&keys), kind(&keys));
    assert_eq!(first, Err(SignErrorKind::SignerTimeout));
    assert_eq!(second, Err(SignErrorKind::SignerTimeout), "in the queue");
    assert_eq!(begun.elapsed().as_millis(), TIMEOUT.as_millis());
    assert!(asked.load(Relaxed) <= 2);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_asked_and_wait_and_all_others_are_refused_at_once() {
    let second = Duration::from_secs(1);
    let options = SignerOptions::new()
        .max_calls(3)
        .max_waiting(4)
        .timeout(10 * second);
    let (keys, asked) = slow(second, options);
    let all: Vec<_> = (0..10)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { kind(&keys).await })
        })
        .collect();
    tokio::time::sleep(second / 2).await;
    assert_eq!(asked.load(Relaxed), 3);
    let refused = all.iter().filter(|task| task.is_finished()).count();
    assert_eq!(refused, 3);
    let begun = Instant::now();
    let mut busy = 0;
    for task in all {
        match task.await.unwrap() {
            Ok(()) => {}
            Err(kind) => {
                assert_eq!(kind, SignErrorKind::SignerBusy);
                busy += 1;
            }
        }
    }
    assert_eq!((busy, asked.load(Relaxed)), (3, 7));
    // Three at a time: the last of seven is done after three seconds.
    assert_eq!(begun.elapsed().as_millis(), 2_500);
    assert_eq!(kind(&keys).await, Ok(()), "there is room again");
}

/// Clients that hang up take no place away from others.
#[tokio::test(start_paused = true)]
async fn who_hangs_up_leaves_its_place() {
    let options = SignerOptions::new().max_calls(1).max_waiting(1);
    let (keys, _) = slow(Duration::from_secs(1), options);
    for _ in 0..100 {
        let short = Duration::from_millis(1);
        let (one, two) = (keys.clone(), keys.clone());
        let both = async { tokio::join!(kind(&one), kind(&two)) };
        assert!(tokio::time::timeout(short, both).await.is_err());
    }
    assert_eq!(kind(&keys).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn without_room_to_wait_nobody_waits() {
    let options = SignerOptions::new().max_calls(0).max_waiting(0);
    let (keys, _) = slow(Duration::from_secs(1), options);
    let (first, second) = tokio::join!(kind(&keys), kind(&keys));
    assert_eq!([first, second], [Ok(()), Err(SignErrorKind::SignerBusy)]);
}

#[tokio::test]
async fn a_roll_over_leads_to_a_signer_and_back() {
    let keys = KeySet::new(es256());
    let hsm = es256();
    let public = hsm.verifying_key();
    let signer = Odd(hsm, Ok::<_, Infallible>);
    let hsm = SigningKey::from_signer(public, signer, SignerOptions::new()).unwrap();
    keys.add_verifying(hsm.verifying_key()).unwrap();
    keys.roll_over(hsm).unwrap();
    assert_eq!(kind(&keys).await, Ok(()));
    assert!(keys.sign("at+jwt", b"{}").is_err());
    keys.roll_over(es256()).unwrap();
    assert!(keys.sign("at+jwt", b"{}").is_ok());
}
