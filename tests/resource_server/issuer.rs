//! An issuer, good or bad, as a resource server sees it.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{self, Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

pub(crate) const AUDIENCE: &str = "https://api.example";

/// What it answers with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Good,
    Html,
    Status(u16),
    /// To another origin, where there are keys.
    Redirect,
    /// 100 MB.
    Huge,
    /// One byte a second.
    Drip,
    /// Never anything.
    Silent,
    Garbage,
    /// Breaks the connection off.
    Gone,
    /// The metadata of another issuer.
    Stranger,
    NoKeys,
    TenThousandKeys,
}

/// Which of its documents that holds for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Document {
    Metadata,
    Keys,
    Introspection,
}

pub(crate) struct Issuer {
    pub(crate) url: String,
    key: Key,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    url: String,
    jwk: Value,
    manner: Mutex<(Document, Manner)>,
    fetches: AtomicUsize,
    /// What it says of its opaque tokens.
    tokens: Mutex<HashMap<String, Value>>,
    /// The `Authorization` of whoever asked about one.
    asked_by: Mutex<String>,
}

enum Key {
    Ed25519(Ed25519KeyPair),
    Rsa(signature::RsaKeyPair),
}

impl Key {
    fn ed25519() -> (Self, Value) {
        let key = Ed25519KeyPair::generate().unwrap();
        let x = encode(key.public_key());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "x": x });
        (Self::Ed25519(key), jwk)
    }

    /// As most publish them: without an algorithm.
    fn rsa() -> (Self, Value) {
        let key = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = key.public_key();
        let n = encode(public.modulus().big_endian_without_leading_zero());
        let e = encode(public.exponent().big_endian_without_leading_zero());
        let jwk = json!({ "kty": "RSA", "use": "sig", "kid": "1", "n": n, "e": e });
        (Self::Rsa(key), jwk)
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::Rsa(_) => "RS512",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signed = vec![0; key.public_modulus_len()];
                let (padding, random) = (&signature::RSA_PKCS1_SHA512, SystemRandom::new());
                key.sign(padding, &random, message, &mut signed).unwrap();
                signed
            }
        }
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A time of a token, counted from now.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs().try_into().unwrap()
}

/// On a free port.
async fn anywhere() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        Self::listening(anywhere().await)
    }

    pub(crate) fn listening(listener: TcpListener) -> Self {
        Self::new(Key::ed25519(), listener)
    }

    pub(crate) async fn with_rsa() -> Self {
        Self::new(Key::rsa(), anywhere().await)
    }

    pub(crate) async fn bad(document: Document, manner: Manner) -> Self {
        let issuer = Self::start().await;
        issuer.turn(document, manner);
        issuer
    }

    fn new((key, jwk): (Key, Value), listener: TcpListener) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            url: url.clone(),
            jwk,
            manner: Mutex::new((Document::Keys, Manner::Good)),
            fetches: AtomicUsize::new(0),
            tokens: Mutex::default(),
            asked_by: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&serving);
                // Whoever asks may go away at any time.
                tokio::spawn(async move { drop(state.answer(stream).await) });
            }
        });
        Self {
            url,
            key,
            state,
            task,
        }
    }

    pub(crate) fn turn(&self, document: Document, manner: Manner) {
        *self.state.manner.lock().unwrap() = (document, manner);
    }

    /// How often its keys were asked for.
    pub(crate) fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// What it answers about an opaque token.
    pub(crate) fn knows(&self, token: &str, answer: &Value) {
        let mut tokens = self.state.tokens.lock().unwrap();
        tokens.insert(token.to_owned(), answer.clone());
    }

    /// The credentials of whoever asked about a token last.
    pub(crate) fn asked_by(&self) -> String {
        self.state.asked_by.lock().unwrap().clone()
    }

    /// A token of alice's (RFC 9068).
    pub(crate) fn token(&self) -> String {
        self.forge(&json!({}), &json!({}))
    }

    pub(crate) fn scoped(&self, scope: &str) -> String {
        self.forge(&json!({}), &json!({ "scope": scope }))
    }

    /// A token with these members over the usual ones, signed rightly. `null` takes one away.
    pub(crate) fn forge(&self, header: &Value, claims: &Value) -> String {
        let algorithm = self.key.algorithm();
        let header = merge(
            json!({ "alg": algorithm, "typ": "at+jwt", "kid": "1" }),
            header,
        );
        let claims = merge(
            json!({
                "iss": self.url, "sub": "alice", "aud": AUDIENCE, "exp": now() + 600, "iat": now(),
                "jti": "any", "client_id": "app", "scope": "read",
            }),
            claims,
        );
        let signed = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let signature = encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn merge(mut base: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(base.as_object_mut().unwrap().remove(name)),
            value => base[name] = value.clone(),
        }
    }
    base
}

impl State {
    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let request = Request::read(&mut stream).await?;
        let document = match request.path.as_str() {
            "/.well-known/openid-configuration" => Document::Metadata,
            "/keys" => Document::Keys,
            "/introspect" => Document::Introspection,
            _ => return send(&mut stream, "404 Not Found", "text/plain", b"nothing").await,
        };
        if document == Document::Keys {
            self.fetches.fetch_add(1, Ordering::SeqCst);
        }
        let (of, manner) = *self.manner.lock().unwrap();
        let manner = if of == document { manner } else { Manner::Good };
        let good = match document {
            Document::Metadata => {
                json!({ "issuer": self.url, "jwks_uri": format!("{}/keys", self.url) })
            }
            Document::Keys => json!({ "keys": [self.jwk] }),
            Document::Introspection => self.introspect(&request),
        };
        self.send(&mut stream, good, manner).await
    }

    fn introspect(&self, request: &Request) -> Value {
        self.asked_by
            .lock()
            .unwrap()
            .clone_from(&request.authorization);
        let mut members = form_urlencoded::parse(&request.body);
        let token = members.find(|(name, _)| name == "token").unwrap().1;
        let known = self.tokens.lock().unwrap().get(token.as_ref()).cloned();
        known.unwrap_or_else(|| json!({ "active": false }))
    }

    async fn send(&self, stream: &mut TcpStream, good: Value, manner: Manner) -> io::Result<()> {
        let body = match manner {
            Manner::Good => good.to_string().into_bytes(),
            Manner::Html => return send(stream, "200 OK", "text/html", b"<p>Log in</p>").await,
            Manner::Status(status) => {
                return send(stream, &format!("{status} So"), "text/plain", b"no").await;
            }
            Manner::Redirect => return redirect(stream).await,
            Manner::Huge => vec![b' '; 100_000_000],
            Manner::Drip => return drip(stream).await,
            Manner::Silent => {
                sleep(Duration::from_secs(3600)).await;
                return Ok(());
            }
            Manner::Garbage => b"{\"keys\":".to_vec(),
            Manner::Gone => return Ok(()),
            Manner::Stranger => {
                let mut stranger = good;
                stranger["issuer"] = "https://other.example".into();
                stranger.to_string().into_bytes()
            }
            Manner::NoKeys => json!({ "keys": [] }).to_string().into_bytes(),
            Manner::TenThousandKeys => {
                let keys = vec![self.jwk.clone(); 10_000];
                json!({ "keys": keys }).to_string().into_bytes()
            }
        };
        send(stream, "200 OK", "application/json", &body).await
    }
}

/// What is read of a request.
#[derive(Default)]
struct Request {
    path: String,
    authorization: String,
    body: Vec<u8>,
}

impl Request {
    async fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut request = Self::default();
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).await?;
        request.path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        loop {
            line.clear();
            reader.read_line(&mut line).await?;
            match line.trim_end().split_once(": ") {
                None => break,
                Some((name, value)) => match name.to_ascii_lowercase().as_str() {
                    "authorization" => request.authorization = value.to_owned(),
                    "content-length" => length = value.parse().unwrap(),
                    _ => {}
                },
            }
        }
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).await?;
        Ok(request)
    }
}

async fn send(stream: &mut TcpStream, status: &str, kind: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await
}

async fn redirect(stream: &mut TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 302 Found\r\nlocation: https://other.example/keys\r\n\
                content-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await
}

async fn drip(stream: &mut TcpStream) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    loop {
        stream.write_all(b" ").await?;
        sleep(Duration::from_secs(1)).await;
    }
}
