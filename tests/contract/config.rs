//! Settings that cannot be used.

use std::{fs, path::Path};

use tests_shared::program::{Server, run};

const SHORT: &str = "too-short-to-be-a-secret";

/// One line on stderr, nothing on stdout, exit code 2, and no secret in any of it.
#[track_caller]
fn refused(example: &str, folder: &Path, env: &[(&str, &str)]) {
    let output = run(example, folder, env);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{env:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{env:?}: {stderr}");
    assert!(
        !stderr.contains("panicked") && stderr.len() > 10,
        "{env:?}: {stderr}"
    );
    assert!(
        !stderr.contains(SHORT) && !stderr.contains("hunter2"),
        "{env:?}: {stderr}"
    );
    assert!(output.stdout.is_empty(), "{env:?}");
}

pub(crate) fn walk(example: &str, folder: &Path) {
    for (name, value) in [
        ("ADDR", "nonsense"),
        ("ADDR", "127.0.0.1:99999"),
        ("STORE", ""),
        ("STORE", "mongo:sessions"),
        ("STORE", "sqlite:"),
        ("STORE", "sqlite::memory:"),
        ("STORE", "sqlite:no/such/folder/app.db"),
        ("STORE", "postgres://app:hunter2@localhost/app"),
        ("STORE", "mysql://app:hunter2@localhost:1/app"),
        ("STORE", "redis://:hunter2@localhost"),
        ("STORE", "mongodb://:hunter2@localhost"),
        ("ACCESS_TTL", "soon"),
        ("ACCESS_TTL", "-1"),
        ("ACCESS_TTL", "0"),
        ("ACCESS_TTL", "99999999999999999999"),
        ("ACCESS_TTL", "18446744073709551615"),
        ("REFRESH_IDLE_TTL", "0"),
        ("SESSION_TTL", "0"),
        ("SESSION_TTL", "18446744073709551615"),
        ("REUSE_WINDOW", "86400"),
        ("ACCESS_ALG", "none"),
        ("CRYPTO_PROVIDER", "openssl"),
        ("ACCESS_ALG", "HS1024"),
        ("DPOP", "maybe"),
        ("PUBLIC_ORIGIN", "api.example"),
        ("PUBLIC_ORIGIN", "ftp://api.example"),
        ("KEY_ENCRYPTION_SECRET", SHORT),
        ("KEY_ENCRYPTION_SECRET", ""),
        ("ACCESS_KEY_FILE", "access.pem"),
        (
            "REFRESH_TOKEN_SECRET",
            "a secret of thirty-two bytes, or so",
        ),
    ] {
        refused(example, folder, &[(name, value)]);
    }
    let inverted = [("ACCESS_TTL", "600"), ("REFRESH_IDLE_TTL", "60")];
    refused(example, folder, &inverted);
    refused(
        example,
        folder,
        &[("REFRESH_IDLE_TTL", "600"), ("SESSION_TTL", "60")],
    );
}

/// An address that another server has.
pub(crate) fn taken(example: &str, folder: &Path) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let addr = listener.local_addr().expect("an address").to_string();
    refused(example, folder, &[("ADDR", &addr), ("STORE", "memory")]);
}

/// A secret that the owner names is used, and none is made. Another one does not open what it has sealed.
pub(crate) fn named(example: &str, folder: &Path) {
    let env = |secret| {
        [
            ("STORE", "sqlite:named.db"),
            ("KEY_ENCRYPTION_SECRET", secret),
        ]
    };
    Server::start(example, folder, &env("a secret of thirty-two bytes, or so")).stop();
    let kept = fs::read_dir(folder).expect("readable").map(|entry| {
        let name = entry.expect("readable").file_name();
        name.into_string().expect("UTF-8")
    });
    assert_eq!(
        kept.collect::<Vec<_>>(),
        ["named.db"],
        "nothing else is kept"
    );
    refused(example, folder, &env("another secret of thirty-two bytes"));
}
