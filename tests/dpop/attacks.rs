//! Each check of RFC 9449 §4.3, broken one at a time, at a resource and at the token endpoint. The
//! answer is the same for almost all of them, and no row changes.

use http::HeaderValue;
use serde_json::{Value, json};
use tests_shared::proofs::{Proof, ProofKey, text};

use crate::support::*;

const INVALID: &str = "invalid_dpop_proof";

type Broken = Box<dyn Fn(&World, &ProofKey, Proof<'_>) -> Vec<String>>;

/// A proof that is broken in one place.
fn one(make: impl Fn(Proof<'_>) -> Proof<'_> + 'static) -> Broken {
    Box::new(move |_, _, proof| vec![make(proof).sign()])
}

/// A proof whose header or claims are not what a JSON library writes.
fn spelled(make: impl Fn(&mut String, &mut String) + 'static) -> Broken {
    Box::new(move |_, key, proof| {
        let (mut header, mut claims) = (proof.header_text(), proof.claims_text());
        make(&mut header, &mut claims);
        vec![key.sign(&header, &claims)]
    })
}

/// A proof whose text is changed after it was signed.
fn cut(make: impl Fn(String) -> Vec<String> + 'static) -> Broken {
    Box::new(move |_, _, proof| make(proof.sign()))
}

fn headers() -> Vec<(&'static str, Broken)> {
    vec![
        ("no proof", cut(|_| vec![])),
        ("an empty one", cut(|_| vec![String::new()])),
        (
            "two",
            Box::new(|_, _, p| vec![p.sign(), p.claim("jti", "other").sign()]),
        ),
        ("the same twice", cut(|proof| vec![proof.clone(), proof])),
        (
            "two in one line",
            cut(|proof| vec![format!("{proof}, {proof}")]),
        ),
        ("folded", cut(|proof| vec![proof.replacen('.', ".\t", 1)])),
        ("64 KiB of nothing", cut(|_| vec!["a".repeat(64 * 1024)])),
        ("64 KiB of dots", cut(|_| vec![".".repeat(64 * 1024)])),
        (
            "64 KiB of claims",
            one(|p| p.claim("more", "a".repeat(64 * 1024))),
        ),
        (
            "above 8 KiB",
            one(|p| p.claim("more", "a".repeat(8 * 1024))),
        ),
        (
            "no signature",
            cut(|proof| vec![proof.rsplit_once('.').unwrap().0.to_owned()]),
        ),
        (
            "an empty signature",
            cut(|proof| vec![format!("{}.", proof.rsplit_once('.').unwrap().0)]),
        ),
        ("four segments", cut(|proof| vec![format!("{proof}.AAAA")])),
        ("padding", cut(|proof| vec![format!("{proof}=")])),
        ("a word", cut(|_| vec!["proof".to_owned()])),
    ]
}

fn jws() -> Vec<(&'static str, Broken)> {
    vec![
        ("no typ", one(|p| p.without_member("typ"))),
        ("typ JWT", one(|p| p.member("typ", "JWT"))),
        ("typ of an access token", one(|p| p.member("typ", "at+jwt"))),
        ("typ of DBSC", one(|p| p.member("typ", "dbsc+jwt"))),
        (
            "a typ that is a list",
            one(|p| p.member("typ", json!(["dpop+jwt"]))),
        ),
        ("no alg", one(|p| p.without_member("alg"))),
        ("alg none", one(|p| p.member("alg", "none"))),
        (
            "alg none, unsigned",
            Box::new(|_, _, p| {
                let header = text(p.member("alg", "none").header_text().as_bytes());
                vec![format!("{header}.{}.", text(b"{}"))]
            }),
        ),
        ("another alg", one(|p| p.member("alg", "ES384"))),
        ("HMAC", one(|p| p.member("alg", "HS256"))),
        (
            "HMAC with a secret",
            one(|p| {
                p.member("alg", "HS256")
                    .member("jwk", json!({ "kty": "oct", "k": text(&[7; 32]) }))
            }),
        ),
        (
            "an alg that is not allowed",
            Box::new(|_, _, p| {
                let key = ProofKey::new("RS256");
                let rs512 = p.member("alg", "RS512").member("jwk", key.jwk());
                vec![key.sign(&rs512.header_text(), &rs512.claims_text())]
            }),
        ),
        ("no jwk", one(|p| p.without_member("jwk"))),
        ("a jwk that is null", one(|p| p.member("jwk", Value::Null))),
        (
            "a jwk in a list",
            one(|p| {
                let jwk = p.header["jwk"].clone();
                p.member("jwk", json!([jwk]))
            }),
        ),
        (
            "a private jwk",
            one(|p| with_in_jwk(p, "d", json!(text(&[7; 32])))),
        ),
        (
            "a private jwk of RSA",
            one(|p| with_in_jwk(p, "dp", json!("AQAB"))),
        ),
        (
            "a secret in the jwk",
            one(|p| with_in_jwk(p, "k", json!("AAAA"))),
        ),
        (
            "a jwk for encryption",
            one(|p| with_in_jwk(p, "use", json!("enc"))),
        ),
        (
            "a point off the curve",
            one(|p| with_in_jwk(p, "x", json!(text(&[7; 32])))),
        ),
        (
            "another's jwk",
            one(|p| p.member("jwk", ProofKey::es256().jwk())),
        ),
        (
            "a kid instead",
            one(|p| p.without_member("jwk").member("kid", "a")),
        ),
        ("jku", one(|p| p.member("jku", "https://evil.example/jwks"))),
        ("x5c", one(|p| p.member("x5c", json!(["AAAA"])))),
        ("crit", one(|p| p.member("crit", json!(["exp"])))),
        ("an empty crit", one(|p| p.member("crit", json!([])))),
        ("b64", one(|p| p.member("b64", false))),
        (
            "two algs",
            spelled(|header, _| *header = header.replacen('{', r#"{"alg":"ES256","#, 1)),
        ),
        (
            "two members in the jwk",
            spelled(|header, _| {
                *header = header.replacen(r#""kty":"#, r#""kty":"EC","kty":"#, 1);
            }),
        ),
        (
            "a signature of other claims",
            Box::new(|_, _, p| {
                let other = p.clone().claim("jti", "other").sign();
                let signature = other.rsplit_once('.').unwrap().1;
                vec![format!(
                    "{}.{signature}",
                    p.sign().rsplit_once('.').unwrap().0
                )]
            }),
        ),
        (
            "a signature of zeros",
            cut(|proof| {
                vec![format!(
                    "{}.{}",
                    proof.rsplit_once('.').unwrap().0,
                    text(&[0; 64])
                )]
            }),
        ),
    ]
}

fn with_in_jwk<'a>(proof: Proof<'a>, name: &str, value: Value) -> Proof<'a> {
    let mut jwk = proof.header["jwk"].clone();
    jwk[name] = value;
    proof.member("jwk", jwk)
}

fn claims() -> Vec<(&'static str, Broken)> {
    vec![
        ("no jti", one(|p| p.without("jti"))),
        ("an empty jti", one(|p| p.claim("jti", ""))),
        ("a jti that is a number", one(|p| p.claim("jti", 7))),
        (
            "a jti of 257 bytes",
            one(|p| p.claim("jti", "a".repeat(257))),
        ),
        ("no htm", one(|p| p.without("htm"))),
        ("htm DELETE", one(|p| p.claim("htm", "DELETE"))),
        (
            "htm in lower case",
            one(|p| {
                let m = p.claims["htm"].as_str().unwrap().to_lowercase();
                p.claim("htm", m)
            }),
        ),
        (
            "htm in a list",
            one(|p| {
                let m = p.claims["htm"].clone();
                p.claim("htm", json!([m]))
            }),
        ),
        ("no htu", one(|p| p.without("htu"))),
        (
            "htu of another path",
            one(|p| p.claim("htu", "https://api.example/other")),
        ),
        (
            "htu of another host",
            one(|p| with_in_htu(p, "api.example", "evil.example")),
        ),
        (
            "htu of another port",
            one(|p| with_in_htu(p, "api.example", "api.example:8443")),
        ),
        (
            "htu of another scheme",
            one(|p| with_in_htu(p, "https:", "http:")),
        ),
        (
            "htu with a user",
            one(|p| with_in_htu(p, "api.example", "a@api.example")),
        ),
        (
            "a relative htu",
            one(|p| with_in_htu(p, "https://api.example", "")),
        ),
        (
            "a longer htu",
            one(|p| {
                let u = format!("{}/", p.claims["htu"].as_str().unwrap());
                p.claim("htu", u)
            }),
        ),
        ("no iat", one(|p| p.without("iat"))),
        (
            "an iat in quotes",
            one(|p| {
                let at = p.claims["iat"].to_string();
                p.claim("iat", at)
            }),
        ),
        ("an iat that is null", one(|p| p.claim("iat", Value::Null))),
        (
            "no number",
            spelled(|_, claims| *claims = claims.replacen(r#""iat":"#, r#""iat":1e999,"x":"#, 1)),
        ),
        (
            "a stale iat",
            Box::new(|w, _, p| vec![p.at(w.now() - 61).sign()]),
        ),
        (
            "an iat in the future",
            Box::new(|w, _, p| vec![p.at(w.now() + 61).sign()]),
        ),
        (
            "an hour behind",
            Box::new(|w, _, p| vec![p.at(w.now() - 3600).sign()]),
        ),
        (
            "an hour ahead",
            Box::new(|w, _, p| vec![p.at(w.now() + 3600).sign()]),
        ),
        ("the end of time", one(|p| p.claim("iat", i64::MAX))),
        ("the beginning of time", one(|p| p.claim("iat", i64::MIN))),
        (
            "two iats",
            spelled(|_, claims| *claims = claims.replacen('{', r#"{"iat":1,"#, 1)),
        ),
        (
            "two members deep inside",
            spelled(|_, claims| *claims = claims.replacen('{', r#"{"a":{"b":1,"b":2},"#, 1)),
        ),
        (
            "claims in a list",
            spelled(|_, claims| *claims = format!("[{claims}]")),
        ),
        (
            "claims that are no JSON",
            spelled(|_, claims| claims.push('x')),
        ),
        (
            "claims that are no UTF-8",
            spelled(|_, claims| *claims = claims.replacen("proof-", "\\ud800", 1)),
        ),
    ]
}

fn with_in_htu<'a>(proof: Proof<'a>, from: &str, to: &str) -> Proof<'a> {
    let url = proof.claims["htu"].as_str().unwrap().replacen(from, to, 1);
    proof.claim("htu", url)
}

fn of_tokens() -> Vec<(&'static str, Broken)> {
    vec![
        ("no ath", one(|p| p.without("ath"))),
        ("an empty ath", one(|p| p.claim("ath", ""))),
        ("ath of another token", one(|p| p.token("other"))),
        (
            "ath with padding",
            one(|p| {
                let a = format!("{}=", p.claims["ath"].as_str().unwrap());
                p.claim("ath", a)
            }),
        ),
        ("an ath that is null", one(|p| p.claim("ath", Value::Null))),
        (
            "a proof of the token endpoint",
            one(|p| p.without("ath").claim("htm", "POST").claim("htu", TOKEN)),
        ),
    ]
}

#[tokio::test]
async fn at_a_resource() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let row = world.row(&tokens).await;
    for (name, broken) in [headers(), jws(), claims(), of_tokens()]
        .into_iter()
        .flatten()
    {
        let mut request = me(token, "");
        request.headers_mut().remove("dpop");
        for proof in broken(&world, &key, world.for_me(&key, token)) {
            let proof = HeaderValue::from_str(&proof).unwrap();
            request.headers_mut().append("dpop", proof);
        }
        let answer = world.ask(world.layer(), request).await;
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
        assert_eq!(answer.json()["error"], INVALID, "{name}: {answer:?}");
        let [challenge] = answer.challenges()[..] else {
            panic!("{name}: {answer:?}")
        };
        assert!(
            challenge.starts_with("DPoP realm=\"api\", algs=\"ES256 "),
            "{name}: {challenge}"
        );
        assert!(
            challenge.contains("error=\"invalid_dpop_proof\""),
            "{name}: {challenge}"
        );
    }
    assert_eq!(world.row(&tokens).await, row);
    world.me_by(token, &key).await.ok();
}

#[tokio::test]
async fn at_the_token_endpoint() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let row = world.row(&tokens).await;
    for (name, broken) in [headers(), jws(), claims()].into_iter().flatten() {
        let proofs = broken(&world, &key, world.proof(&key, "POST", TOKEN));
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        let answer = world.refresh(&tokens, &proofs).await;
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert_eq!(answer.json()["error"], INVALID, "{name}: {answer:?}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{name}");
        assert!(answer.challenges().is_empty(), "{name}: {answer:?}");
        assert_eq!(world.row(&tokens).await, row, "{name}");
    }
    world.refresh_by(&tokens, &key).await.ok();
}

/// Nothing but what the client can mend is told.
#[tokio::test]
async fn a_wrong_signature_looks_like_a_wrong_url() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let good = || world.for_me(&key, token);
    let mut told = std::collections::BTreeSet::new();
    for proof in [
        good().claim("htu", "https://evil.example/me"),
        good().member("jwk", ProofKey::es256().jwk()),
        good().member("alg", "none"),
        good().without("jti"),
        good().token("other"),
    ] {
        let answer = world.me(token, &proof.sign()).await;
        told.insert(answer.json()["error_description"].to_string());
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn a_proof_that_is_no_text() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let mut request = me(tokens.access_token.expose(), "");
    let bytes = HeaderValue::from_bytes(b"a\xff.b.c").unwrap();
    request.headers_mut().insert("dpop", bytes);
    world
        .ask(world.layer(), request)
        .await
        .refused(401, INVALID);
}

#[tokio::test]
async fn claims_of_other_specifications_are_ignored() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let proof = world
        .for_me(&key, token)
        .claim("exp", 1)
        .claim("sub", json!({"a": 1}));
    let proof = proof.member("kid", "mine").member("more", 7);
    world.me(token, &proof.sign()).await.ok();
    // A nonce of another server means nothing to one that gives out none.
    let proof = world.for_me(&key, token).nonce("theirs");
    world.me(token, &proof.sign()).await.ok();
}
