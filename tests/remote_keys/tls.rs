//! The HTTP client of the crate: certificates and proxies. Each case is a process of its own, since its
//! settings come from the environment.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tests_shared::issuer::{IssuerServer, KEYS};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tower_bearer::remote::{HttpClient, RemoteKeys, RemoteKeysError, RemoteKeysErrorKind as Kind};

/// A name that only the proxy knows.
const HOST: &str = "issuer.test";
const PROXIES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// An issuer with TLS, whose certificate is self-made and good for the host's name and `localhost`.
struct World {
    server: IssuerServer,
    address: SocketAddr,
    certificate: String,
    tasks: JoinSet<()>,
}

async fn world() -> World {
    let server = IssuerServer::start().await;
    server.publish(&[&server.signer()]);
    let names = [HOST.to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(unwrap_tls(
        listener,
        TlsAcceptor::from(Arc::new(config)),
        server.address(),
    ));
    World {
        server,
        address,
        certificate: made.cert.pem(),
        tasks,
    }
}

/// Takes TLS off, and passes on what is inside.
async fn unwrap_tls(listener: TcpListener, tls: TlsAcceptor, to: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let tls = tls.clone();
        connections.spawn(async move {
            let Ok(mut outside) = tls.accept(stream).await else {
                return;
            };
            let mut inside = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut outside, &mut inside).await;
        });
    }
}

/// A proxy that makes tunnels to the issuer, whatever the name is, and writes down what it was asked.
async fn proxy(world: &mut World) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (address, asked) = (
        listener.local_addr().unwrap(),
        Arc::new(Mutex::new(Vec::new())),
    );
    let (to, heads) = (world.address, Arc::clone(&asked));
    world.tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut outside, _)) = listener.accept().await {
            let heads = Arc::clone(&heads);
            connections.spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(outside.read_u8().await.unwrap());
                }
                heads.lock().unwrap().push(String::from_utf8(head).unwrap());
                let mut inside = TcpStream::connect(to).await.unwrap();
                outside.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (address, asked)
}

/// What a process with this environment gets from the address: the number of keys, or the error.
async fn fetched(address: &str, roots: Option<&str>, variables: &[(&str, &str)]) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "tls::child", "--nocapture"]);
    for name in PROXIES {
        child.env_remove(name);
    }
    child.env("TOWER_BEARER_FETCH", address);
    child.env("TOWER_BEARER_ROOTS", roots.unwrap_or_default());
    child
        .envs(variables.iter().copied())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = String::from_utf8(child.output().await.unwrap().stdout).unwrap();
    let answer = output.lines().find_map(|line| line.split_once("FETCHED "));
    answer.unwrap_or_else(|| panic!("{output}")).1.to_owned()
}

#[tokio::test]
async fn child() {
    let Ok(address) = env::var("TOWER_BEARER_FETCH") else {
        return;
    };
    let roots = env::var("TOWER_BEARER_ROOTS").unwrap();
    let client = match roots.as_str() {
        "" => HttpClient::new(),
        roots => HttpClient::with_roots(roots),
    };
    let fetch = match client {
        Ok(client) => {
            RemoteKeys::at(address, client)
                .timeout(Duration::from_secs(30))
                .fetch()
                .await
        }
        Err(error) => Err(RemoteKeysError::from(error)),
    };
    match fetch {
        Ok(keys) => println!("FETCHED {} keys", keys.status().keys()),
        Err(error) => println!("FETCHED {:?} {error:?}", error.kind()),
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused() {
    let [world, other] = [world().await, world().await];
    let address = format!("https://localhost:{}{KEYS}", world.address.port());
    let refused = fetched(&address, Some(&other.certificate), &[]).await;
    assert!(
        refused.starts_with(&format!("{:?}", Kind::Unreachable)),
        "{refused}"
    );
    assert!(
        refused.contains("UnknownIssuer") || refused.contains("BadSignature"),
        "{refused}"
    );
    assert_eq!(world.server.asked_in_all(), 0);

    let trusted = fetched(&address, Some(&world.certificate), &[]).await;
    assert_eq!(trusted, "1 keys");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let world = world().await;
    let address = format!("https://127.0.0.1:{}{KEYS}", world.address.port());
    let refused = fetched(&address, Some(&world.certificate), &[]).await;
    assert!(refused.contains("NotValidForName"), "{refused}");
    assert_eq!(world.server.asked_in_all(), 0);
}

#[tokio::test]
async fn the_roots_of_the_system_are_those_that_the_environment_names() {
    let [world, other] = [world().await, world().await];
    let address = format!("https://localhost:{}{KEYS}", world.address.port());
    let folder = tempfile::tempdir().unwrap();
    let file = |world: &World| {
        let path = folder.path().join(world.address.port().to_string());
        std::fs::write(&path, &world.certificate).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let nothing = folder.path().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    let nothing = nothing.to_str().unwrap();
    let with = async |path: String| {
        let variables = [("SSL_CERT_FILE", &*path), ("SSL_CERT_DIR", nothing)];
        fetched(&address, None, &variables).await
    };
    assert_eq!(with(file(&world)).await, "1 keys");
    assert!(with(file(&other)).await.starts_with("Unreachable"));
    let none = with(empty.to_str().unwrap().to_owned()).await;
    assert!(
        none.starts_with("Config") && none.contains("ca-certificates"),
        "{none}"
    );
}

#[tokio::test]
async fn the_environment_names_a_proxy() {
    let mut world = world().await;
    let (proxy, asked) = proxy(&mut world).await;
    let address = format!("https://{HOST}:4443{KEYS}");
    let roots = Some(world.certificate.clone());
    let with =
        async |variables: &[(&str, &str)]| fetched(&address, roots.as_deref(), variables).await;

    let plain = format!("http://{proxy}");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        assert_eq!(with(&[(name, &plain)]).await, "1 keys", "{name}");
        let head = asked.lock().unwrap().pop().unwrap();
        assert!(
            head.starts_with(&format!("CONNECT {HOST}:4443 HTTP/1.1\r\n")),
            "{head}"
        );
        assert!(
            !head.contains(KEYS) && !head.to_lowercase().contains("authorization"),
            "{head}"
        );
    }
    let with_password = format!("http://anna:s3cret@{proxy}");
    assert_eq!(with(&[("HTTPS_PROXY", &with_password)]).await, "1 keys");
    let head = asked.lock().unwrap().pop().unwrap();
    assert!(
        head.contains("Proxy-Authorization: Basic YW5uYTpzM2NyZXQ=\r\n"),
        "{head}"
    );

    // Without the proxy nobody knows the name.
    for variables in [
        &[("HTTPS_PROXY", &*plain), ("NO_PROXY", HOST)][..],
        &[("HTTPS_PROXY", &*plain), ("no_proxy", ".test")],
        &[("HTTP_PROXY", &*plain)],
        &[],
    ] {
        let refused = with(variables).await;
        assert!(
            refused.starts_with("Unreachable"),
            "{variables:?}: {refused}"
        );
    }
    assert!(asked.lock().unwrap().is_empty());
    let socks = with(&[("HTTPS_PROXY", "socks5://127.0.0.1:1")]).await;
    assert!(socks.starts_with("Config"), "{socks}");
}

#[test]
fn roots_are_certificates() {
    for pem in [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let error = HttpClient::with_roots(pem).unwrap_err();
        assert_eq!(
            error.kind(),
            tower_bearer::error::ConfigErrorKind::Tls,
            "{pem:?}"
        );
    }
}
