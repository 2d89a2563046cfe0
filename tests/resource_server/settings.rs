//! Settings that cannot be used: one line on stderr, and exit code 2.

use std::path::Path;

use tests_shared::program::run;

#[track_caller]
fn refused(env: &[(&str, &str)], name: &str) -> String {
    let output = run("resource_server", Path::new("."), env);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{env:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{env:?}: {stderr}");
    // By either of its names.
    let option = format!("--{}", name.to_lowercase().replace('_', "-"));
    let is_named = stderr.contains(name) || stderr.contains(&option);
    assert!(is_named, "{env:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{env:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{env:?}");
    stderr
}

#[test]
fn what_is_missing() {
    refused(&[], "ISSUER");
    refused(&[("ISSUER", "https://id.example")], "AUDIENCE");
    refused(&[("AUDIENCE", "https://api.example")], "ISSUER");
}

#[test]
fn what_cannot_be_used() {
    for (name, value) in [
        ("ADDR", "nonsense"),
        ("ADDR", "127.0.0.1:99999"),
        ("ISSUER", "id.example"),
        ("ISSUER", "ftp://id.example"),
        // Plain HTTP has to be asked for.
        ("ISSUER", "http://127.0.0.1:1"),
        ("ISSUER", "https://id.example;https://id.example"),
        ("AUDIENCE", "a;b"),
        ("PROFILE", "nobody"),
        ("PROFILE", "rfc9068;rfc9068"),
        ("JWKS_URL", "nonsense"),
        ("JWKS_URL", "http://127.0.0.1:1/keys"),
        (
            "JWKS_URL",
            "https://id.example/keys;https://id.example/keys",
        ),
        ("RSA_ALG", "ES256"),
        ("RSA_ALG", "none"),
        ("INSECURE_HTTP", "maybe"),
        ("CLIENT_ID", "api"),
    ] {
        let mut env = vec![
            ("ISSUER", "https://id.example"),
            ("AUDIENCE", "https://api.example"),
        ];
        env.push((name, value));
        refused(&env, name);
    }
}

#[test]
fn what_introspection_needs() {
    let mut env = vec![
        ("ISSUER", "https://id.example"),
        ("AUDIENCE", "https://api.example"),
        ("INTROSPECTION_URL", "https://id.example/introspect"),
    ];
    refused(&env, "CLIENT_ID");
    env.push(("CLIENT_ID", "api"));
    refused(&env, "CLIENT_SECRET");
    env.push(("CLIENT_SECRET", "hunter2"));
    // Plain HTTP has to be asked for.
    for url in ["nonsense", "http://id.example/introspect"] {
        env.push(("INTROSPECTION_URL", url));
        let output = refused(&env, "INTROSPECTION_URL");
        assert!(!output.contains("hunter2"), "{output}");
    }
}
