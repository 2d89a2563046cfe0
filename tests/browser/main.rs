//! The browser client and its page in a real browser, against the built example server.
//!
//! It needs Debian's `chromium`, `node`, and what `tests/browser/package.json` names in the folder
//! that `TOWER_BEARER_BROWSER` names, or in `target/browser`; `scripts/test` installs them. Without
//! them the tests say that they are skipped; where `CI` is set they fail.
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

use tests_shared::{program::Server, servers::program, skipped};

/// What the tests need beside this repository.
struct Tools {
    node: PathBuf,
    chromium: PathBuf,
    modules: PathBuf,
}

impl Tools {
    /// Nothing, and a word why, where something is missing.
    fn find() -> Option<Self> {
        let folder = env::var_os("TOWER_BEARER_BROWSER").map(PathBuf::from);
        let modules = folder.unwrap_or_else(|| root().join("target/browser"));
        let found = || {
            let has_modules = modules.join("node_modules/playwright-core").exists();
            Some(Self {
                node: program("node", &[])?,
                chromium: program("chromium", &[])?,
                modules: has_modules.then(|| modules.clone())?,
            })
        };
        if found().is_none() {
            skipped(&format!(
                "there is no chromium, no node, or no playwright-core in {}",
                modules.display()
            ));
        }
        found()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the function of that name in `tests/browser/cases`.
#[track_caller]
fn run(file: &str, case: &str, env: &[(&str, &str)]) {
    let Some(tools) = Tools::find() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    // Without a window each refresh rotates: two at once would be the end.
    let mut settings = vec![
        ("STORE", "memory"),
        ("RUST_LOG", "error"),
        ("REUSE_WINDOW", "0"),
    ];
    settings.extend(env);
    let page = Server::start("browser", folder.path(), &settings);
    let quickstart =
        (file == "body").then(|| Server::start("quickstart", folder.path(), &settings));
    let status = Command::new(&tools.node)
        .arg(root().join("tests/browser/run.mjs"))
        .args([&tools.modules, &tools.chromium])
        .args([&format!("http://{}", page.addr), file, case])
        .args(
            quickstart
                .iter()
                .map(|server| format!("http://{}", server.addr)),
        )
        .status();
    assert!(status.expect("node runs").success(), "{file}::{case}");
    page.stop();
}

/// One test a case, with what its server reads from the environment.
macro_rules! cases {
    ($($file:ident: { $($case:ident $env:tt)* })*) => {$(
        mod $file {
            $(
                #[test]
                fn $case() {
                    super::run(stringify!($file), stringify!($case), &$env);
                }
            )*
        }
    )*};
}

cases! {
    session: {
        login []
        keyboard []
        focus []
        cookie_is_gone [("ACCESS_TTL", "2")]
        wrong_options []
        wrong_mode []
        no_token [("ACCESS_TTL", "2")]
        nothing_is_kept [("ACCESS_TTL", "1")]
        cookie_flags [("ACCESS_TTL", "1")]
        logout []
        logout_everywhere []
        end_another []
    }
    refresh: {
        silent [("ACCESS_TTL", "4")]
        on_demand [("ACCESS_TTL", "2")]
        two_tabs [("ACCESS_TTL", "2")]
        three_pages [("ACCESS_TTL", "2")]
        refused []
        refused_together []
        not_repeated []
        origins []
        abandoned [("ACCESS_TTL", "1")]
    }
    trouble: {
        lost_answer [("ACCESS_TTL", "4")]
        redelivered [("ACCESS_TTL", "2")]
        offline [("ACCESS_TTL", "2")]
        unavailable [("ACCESS_TTL", "2")]
        long_retry_after [("ACCESS_TTL", "1")]
        nonsense [("REUSE_WINDOW", "60")]
        silence []
        lifetimes []
        behind [("ACCESS_TTL", "2")]
    }
    theft: {
        stolen [("ACCESS_TTL", "3"), ("REUSE_WINDOW", "1")]
        cross_origin []
        cross_site []
        planted [("ACCESS_TTL", "2")]
        planted_for_a_new_tab []
        another_user [("ACCESS_TTL", "1")]
        another_user_meanwhile [("ACCESS_TTL", "1")]
    }
    tabs: {
        logout_during_refresh [("ACCESS_TTL", "2")]
        logout_offline []
        logout_refused [("ACCESS_TTL", "600")]
        logout_too_late [("ACCESS_TTL", "600")]
        logout_of_another [("ACCESS_TTL", "1")]
        login_of_another [("ACCESS_TTL", "2")]
        resumed_during_refresh [("ACCESS_TTL", "2")]
        closed [("ACCESS_TTL", "1")]
        stolen_lock []
        late_news [("ACCESS_TTL", "2")]
        without [("ACCESS_TTL", "2"), ("REUSE_WINDOW", "60")]
    }
    cache: {
        lock_is_released []
        waits_again []
        logged_out_meanwhile []
        shows_nothing []
        still_signed_in []
        alone []
        another_user_meanwhile []
        planted_meanwhile []
        late_answer [("ACCESS_TTL", "2")]
    }
    clocks: {
        sleeps [("ACCESS_TTL", "600")]
        stands_still [("ACCESS_TTL", "600")]
        wrong [("ACCESS_TTL", "3")]
        set [("ACCESS_TTL", "2")]
    }
    body: {
        rotates [("ACCESS_TTL", "1")]
        tabs [("ACCESS_TTL", "1")]
        alone []
        logout_again [("ACCESS_TTL", "1")]
        back [("ACCESS_TTL", "1")]
    }
}

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
