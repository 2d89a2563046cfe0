//! The browser client and its page in real browsers, against the built example servers.
//!
//! A test a browser: Debian's `chromium`, `firefox-esr`, and WebKitGTK by `webkit2gtk-driver` and
//! `xvfb`. They need `node` and `openssl` too, and what `tests/browser/package.json` names in the
//! folder that `TOWER_BEARER_BROWSER` names, or in `target/browser`; `scripts/test` installs it all.
//! Where something is missing a test says that it is skipped; where `CI` is set it fails.
//!
//! With `CASE=file::name` in the environment a test runs this case only.
#![cfg(all(feature = "axum", feature = "cookie", unix))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use tests_shared::{program::binary, servers::program, skipped};

/// What all tests need beside this repository.
struct Tools {
    node: PathBuf,
    modules: PathBuf,
}

impl Tools {
    /// Nothing, and a word why, where something is missing.
    fn find() -> Option<Self> {
        let folder = env::var_os("TOWER_BEARER_BROWSER").map(PathBuf::from);
        let modules = folder.unwrap_or_else(|| root().join("target/browser"));
        let node = program("node", &[]);
        if let Some(node) = node
            && modules.join("node_modules/puppeteer-core").exists()
        {
            return Some(Self { node, modules });
        }
        let modules = modules.display();
        skipped(&format!(
            "there is no node, or no puppeteer-core in {modules}"
        ));
        None
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that a test cannot do without.
fn needed(name: &str) -> Option<PathBuf> {
    let found = program(name, &[]);
    if found.is_none() {
        skipped(&format!("there is no {name}"));
    }
    found
}

/// A key and a certificate of its own for this host, as `tls.key` and `tls.crt` in the folder.
fn certificate(folder: &Path) -> Option<()> {
    let made = Command::new(needed("openssl")?)
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=localhost", "-addext"])
        .arg("subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.app.localhost")
        .args(["-keyout", "tls.key", "-out", "tls.crt"])
        .current_dir(folder)
        .output();
    assert!(made.expect("openssl runs").status.success());
    Some(())
}

/// Runs all cases in that browser.
fn run(browser: &str, driver: &str, cases: &[Case]) {
    let folder = tempfile::tempdir().expect("a folder");
    let found = || {
        let screen = match browser {
            "webkit" => Some(needed("Xvfb")?),
            _ => None,
        };
        certificate(folder.path())?;
        Some((Tools::find()?, needed(driver)?, screen))
    };
    let Some((tools, driver, screen)) = found() else {
        return;
    };
    let case = |(file, name, env): &Case| json!({ "file": file, "name": name, "env": env });
    let cases: Vec<_> = cases.iter().map(case).collect();
    let what = json!({
        "browser": browser,
        "program": driver,
        "screen": screen,
        "folder": folder.path(),
        "modules": tools.modules,
        "servers": { "browser": binary("browser"), "quickstart": binary("quickstart") },
        "cases": cases,
    });
    let status = Command::new(&tools.node)
        .arg(root().join("tests/browser/run.mjs"))
        .arg(what.to_string())
        .status();
    assert!(status.expect("node runs").success(), "in {browser}");
}

#[test]
fn chromium() {
    run("chromium", "chromium", CASES);
}

#[test]
fn firefox() {
    run("firefox", "firefox-esr", CASES);
}

#[test]
fn webkit() {
    run("webkit", "WebKitWebDriver", CASES);
}

/// Chromium again, as it is started where it binds sessions to its device, with keys in software.
#[test]
fn devices() {
    run("devices", "chromium", DEVICE_CASES);
}

/// A case: the file in `tests/browser/cases`, the function there, and what its server reads from the
/// environment.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const CASES: &[Case] = &[
    ("session", "login", &[]),
    ("session", "keyboard", &[]),
    ("session", "focus", &[]),
    ("session", "cookie_is_gone", &[]),
    ("session", "wrong_options", &[]),
    ("session", "wrong_mode", &[]),
    ("session", "no_token", &[]),
    ("session", "nothing_is_kept", &[]),
    ("session", "cookie_flags", &[]),
    ("session", "logout", &[]),
    ("session", "logout_everywhere", &[]),
    ("session", "end_another", &[]),
    ("session", "last_seen", &[("REUSE_WINDOW", "60")]),
    ("session", "ended_by_admin", &[]),
    ("refresh", "silent", &[("ACCESS_TTL", "10")]),
    ("refresh", "on_demand", &[]),
    ("refresh", "two_tabs", &[]),
    ("refresh", "three_pages", &[("ACCESS_TTL", "4")]),
    ("refresh", "refused", &[]),
    ("refresh", "refused_together", &[]),
    ("refresh", "not_repeated", &[]),
    ("refresh", "origins", &[]),
    ("refresh", "abandoned", &[]),
    ("trouble", "lost_answer", &[]),
    ("trouble", "broken_off", &[]),
    ("trouble", "redelivered", &[]),
    ("trouble", "offline", &[("ACCESS_TTL", "4")]),
    ("trouble", "unavailable", &[]),
    ("trouble", "limited", &[]),
    ("trouble", "long_retry_after", &[]),
    ("trouble", "nonsense", &[("REUSE_WINDOW", "60")]),
    ("trouble", "silence", &[]),
    ("trouble", "lifetimes", &[]),
    ("trouble", "behind", &[]),
    ("theft", "stolen", &[]),
    ("theft", "cross_origin", &[]),
    ("theft", "cross_site", &[]),
    ("theft", "planted", &[]),
    ("theft", "planted_for_a_new_tab", &[]),
    ("theft", "another_user", &[]),
    ("theft", "another_user_meanwhile", &[]),
    ("tabs", "logout_during_refresh", &[]),
    ("tabs", "logout_offline", &[]),
    ("tabs", "logout_refused", &[]),
    ("tabs", "logout_too_late", &[]),
    ("tabs", "logout_of_another", &[]),
    ("tabs", "login_of_another", &[]),
    ("tabs", "resumed_during_refresh", &[]),
    ("tabs", "closed", &[]),
    ("tabs", "stolen_lock", &[]),
    ("tabs", "late_news", &[]),
    ("tabs", "without", &[("REUSE_WINDOW", "60")]),
    ("cache", "lock_is_released", &[("REUSE_WINDOW", "60")]),
    ("cache", "waits_again", &[]),
    ("cache", "logged_out_meanwhile", &[]),
    ("cache", "shows_nothing", &[]),
    ("cache", "still_signed_in", &[]),
    ("cache", "alone", &[]),
    ("cache", "another_user_meanwhile", &[]),
    ("cache", "planted_meanwhile", &[]),
    ("cache", "late_answer", &[]),
    ("clocks", "sleeps", &[]),
    ("clocks", "stands_still", &[]),
    ("clocks", "wrong", &[("ACCESS_TTL", "4")]),
    ("clocks", "set", &[("ACCESS_TTL", "4")]),
    ("body", "rotates", &[]),
    ("body", "tabs", &[]),
    ("body", "alone", &[]),
    ("body", "logout_again", &[]),
    ("body", "back", &[]),
    ("bound", "three_tabs", &[]),
    ("bound", "copies", &[]),
    ("bound", "lost_answer", &[]),
    ("bound", "reload", &[]),
    ("bound", "back", &[]),
    ("bound", "logout", &[]),
    ("bound", "logout_offline", &[]),
    ("bound", "ended", &[]),
    ("bound", "not_extractable", &[]),
    ("bound", "wrong_clock", &[]),
    ("bound", "as_it_began", &[]),
    ("proofs", "proves", &[]),
    ("proofs", "nonces", &[]),
    ("proofs", "nonces_without_end", &[]),
    ("proofs", "wrong_clock", &[]),
    ("proofs", "clock_is_set", &[]),
    ("proofs", "refused", &[]),
    ("proofs", "sent_twice", &[]),
    ("proofs", "not_bound", &[]),
    ("proofs", "no_key", &[]),
    ("proofs", "another_origin", &[]),
    ("proofs", "two_logins", &[]),
    ("proofs", "key_is_deleted", &[]),
    ("by_browser", "left_to_the_browser", &[]),
    ("by_browser", "with_cookies", &[]),
    ("by_browser", "reload", &[]),
    ("by_browser", "tabs", &[]),
    ("by_browser", "refused", &[]),
    ("by_browser", "no_longer", &[]),
    ("by_browser", "logout", &[]),
    ("by_browser", "another_reason", &[]),
    ("prefixes", "scripts", &[]),
    ("offered", "goes_on", &BOUND),
    ("offered", "is_not_taken", &BOUND),
];

/// The server offers to bind sessions to the device.
const BOUND: [(&str, &str); 1] = [("DEVICE_BOUND", "1")];

const DEVICE_CASES: &[Case] = &[
    ("device", "page", &BOUND),
    ("device", "silent", &BOUND),
    ("device", "lost_answers", &BOUND),
    ("device", "lost_registration", &BOUND),
    ("device", "restart", &BOUND),
    ("device", "logout", &BOUND),
    ("device", "late_logout", &BOUND),
    ("device", "ended", &BOUND),
    ("device", "page_ended", &BOUND),
    ("device", "key_lost", &BOUND),
    ("device", "page_unavailable", &BOUND),
    ("device", "stolen", &BOUND),
    ("device", "unavailable", &BOUND),
    ("device", "another_login", &BOUND),
    ("device_client", "goes_on", &BOUND),
    ("device_client", "unavailable", &BOUND),
    ("device_client", "logout", &BOUND),
    ("device_client", "ended", &BOUND),
    ("remembered", "stays", &[]),
    ("remembered", "goes", &[]),
    ("remembered", "comes_again", &[]),
];

/// The module does what its declarations say, and its users are checked by them.
#[test]
fn types() {
    let Some(tools) = Tools::find() else {
        return;
    };
    let checked = Command::new(&tools.node)
        .arg(tools.modules.join("node_modules/typescript/bin/tsc"))
        .args(["--project", "tests/browser"])
        .current_dir(root())
        .status();
    assert!(checked.expect("node runs").success());
}
