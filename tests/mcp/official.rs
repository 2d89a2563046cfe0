//! MCP's own client, and its own conformance tests.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tests_shared::skipped;
use tokio::process::Command;

use crate::{World, signed_in::Place};

/// Those of the conformance tests for servers that ask for nothing but what the example has. The others
/// call tools, prompts and resources of their own names, which a server has only for them.
const SCENARIOS: [&str; 4] = [
    "server-initialize",
    "ping",
    "tools-list",
    "dns-rebinding-protection",
];

/// The folder with the packages, if there is a Node.js to run them.
async fn installed() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = env::var_os("TOWER_BEARER_MCP").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| root.join("target/mcp"));
    let has_node = Command::new("node").arg("--version").output().await.is_ok();
    let packages = folder.join("node_modules/@modelcontextprotocol");
    if !has_node || !packages.join("conformance").is_dir() || !packages.join("sdk").is_dir() {
        skipped(&format!(
            "there is no node, or no MCP package in {}",
            folder.display()
        ));
        return None;
    }
    Some(folder)
}

/// What a script writes that is run where Node.js finds the packages.
async fn node(installed: &Path, script: &str, arguments: &[&str]) -> String {
    let scratch = tempfile::tempdir().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp");
    fs::copy(from.join(script), scratch.path().join(script)).expect("a copy");
    let packages = scratch.path().join("node_modules");
    std::os::unix::fs::symlink(installed.join("node_modules"), packages).expect("a link");
    let output = Command::new("node")
        .current_dir(scratch.path())
        .arg(script)
        .args(arguments)
        .kill_on_drop(true)
        .output();
    let output = output.await.expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{errors}");
    told
}

#[tokio::test]
async fn mcps_own_client_finds_its_way() {
    let Some(installed) = installed().await else {
        return;
    };
    let world = World::start(&[]);
    let alice = world.alice().await;
    let refresh_token = alice["refresh_token"].as_str().unwrap();
    let told = node(
        &installed,
        "client.mjs",
        &[&world.url("/mcp"), refresh_token],
    )
    .await;
    let learnt: Value = serde_json::from_str(&told).expect("JSON");
    let metadata = world.url("/.well-known/oauth-protected-resource/mcp");
    let expected = json!({
        "refused": { "status": 401, "resourceMetadataUrl": metadata, "scope": "read" },
        "metadata": learnt["probed"],
        "probed": {
            "resource": world.url("/mcp"),
            "authorization_servers": [world.url("")],
            "bearer_methods_supported": ["header"],
            "resource_name": "The house of the example",
            "scopes_supported": ["read"],
        },
        "without_authorization_endpoint": "ZodError",
        "audience": world.url("/mcp"),
        "other_resource": "invalid_target",
        "server": "tower-bearer-example",
        "tools": ["who_am_i", "open_the_door"],
        "said": "You are alice.",
        "door": {
            "status": 403,
            "resourceMetadataUrl": metadata,
            "scope": "admin",
            "error": "insufficient_scope",
        },
    });
    assert_eq!(learnt, expected);
    world.server.stop();
}

/// The conformance tests sign nobody in.
#[tokio::test]
async fn mcps_conformance_tests_pass() {
    let Some(installed) = installed().await else {
        return;
    };
    let place = Place::take().await;
    let public = place.url();
    let world = World::start(&[("PUBLIC_URL", &public)]);
    let alice = world.alice().await;
    place.pass_on(world.server.addr, alice["access_token"].as_str().unwrap());
    let url = format!("{public}/mcp");
    let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/node_20.mjs");
    let program = installed.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    for scenario in SCENARIOS {
        let results = tempfile::tempdir().expect("a folder");
        let output = Command::new("node")
            .current_dir(results.path())
            .arg("--import")
            .arg(&hook)
            .arg(&program)
            .args(["server", "--url", &url, "--scenario", scenario])
            .kill_on_drop(true)
            .output();
        let output = output.await.expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{scenario}\n{told}{errors}");
        assert!(told.contains("Passed: "), "{scenario}\n{told}");
        let passed = told.lines().find(|line| line.contains("Passed: "));
        println!("{scenario}: {}", passed.unwrap_or_default());
    }
    world.server.stop();
}
