//! What the server says on the wire.

use serde_json::{Value, json};

use crate::World;

fn call(tool: &str) -> String {
    let params = json!({ "name": tool });
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }).to_string()
}

#[tokio::test]
async fn a_client_without_a_token_finds_the_authorization_server() {
    let world = World::start(&[]);
    let answer = world.send(world.http.post(world.url("/mcp"))).await;
    assert_eq!(answer.status, 401);
    let metadata = world.url("/.well-known/oauth-protected-resource/mcp");
    assert_eq!(
        answer.challenge,
        format!(r#"Bearer realm="api", scope="read", resource_metadata="{metadata}""#)
    );
    let resource = world.send(world.http.get(&metadata)).await.json();
    assert_eq!(resource["resource"], world.url("/mcp"));
    assert_eq!(resource["authorization_servers"], json!([world.url("")]));
    assert_eq!(resource["scopes_supported"], json!(["read"]));

    let described = world.url("/.well-known/oauth-authorization-server");
    let described = world.send(world.http.get(described)).await.json();
    assert_eq!(described["issuer"], world.url(""));
    assert_eq!(described["token_endpoint"], world.url("/auth/token"));
    world.server.stop();
}

#[tokio::test]
async fn messages_are_answered() {
    let world = World::start(&[]);
    let alice = world.alice().await;
    let hello = r#"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#;
    let answer = world.say(&alice, hello).await.json();
    assert_eq!(answer["id"], "a");
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let answer = world.say(&alice, ready).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    let answer = world
        .say(&alice, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
        .await;
    assert_eq!(
        answer.json()["result"]["tools"].as_array().unwrap().len(),
        2
    );
    let answer = world.say(&alice, &call("who_am_i")).await.json();
    assert_eq!(answer["result"]["content"][0]["text"], "You are alice.");
    for (message, status, code) in [
        ("{", 400, -32700),
        ("[]", 400, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"none"}"#, 200, -32601),
        (&call("none"), 200, -32602),
    ] {
        let answer = world.say(&alice, message).await;
        assert_eq!(answer.status, status, "{message}");
        assert_eq!(answer.json()["error"]["code"], code, "{message}");
    }
}

#[tokio::test]
async fn a_tool_that_needs_more_asks_for_more() {
    let world = World::start(&[]);
    let alice = world.alice().await;
    let answer = world.say(&alice, &call("open_the_door")).await;
    assert_eq!(answer.status, 403);
    let metadata = world.url("/.well-known/oauth-protected-resource/mcp");
    assert_eq!(
        answer.challenge,
        format!(
            r#"Bearer realm="api", error="insufficient_scope", error_description="the access token does not allow this", scope="admin", resource_metadata="{metadata}""#
        )
    );
    let bob = world.login("bob", "builder").await;
    let answer = world.say(&bob, &call("open_the_door")).await;
    assert_eq!(
        answer.json()["result"]["content"][0]["text"],
        "The door is open."
    );
}

#[tokio::test]
async fn a_refresh_is_for_this_resource_and_no_other() {
    let world = World::start(&[]);
    let alice = world.alice().await;
    let refresh = async |resource: &str| {
        let form = format!(
            "grant_type=refresh_token&refresh_token={}&resource={resource}",
            alice["refresh_token"].as_str().unwrap()
        );
        let request = world.http.post(world.url("/auth/token"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        world.send(request.body(form)).await
    };
    let answer = refresh("https://other.example").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"], "invalid_target");
    let tokens = refresh(&world.url("/mcp")).await.json();
    let answer = world.say(&tokens, &call("who_am_i")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_page_of_another_origin_is_kept_out_and_may_read_the_metadata() {
    let world = World::start(&[]);
    let post = world.http.post(world.url("/mcp"));
    let answer = world
        .send(post.header("origin", "http://evil.example"))
        .await;
    assert_eq!((answer.status, answer.challenge.as_str()), (403, ""));
    let own = world
        .http
        .post(world.url("/mcp"))
        .header("origin", world.url(""));
    assert_eq!(world.send(own).await.status, 401);

    let metadata = world
        .http
        .get(world.url("/.well-known/oauth-protected-resource/mcp"));
    let answer = metadata
        .header("origin", "http://evil.example")
        .send()
        .await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_wrong_password_gets_no_token() {
    let world = World::start(&[]);
    let request = world.http.post(world.url("/login"));
    let request = request.header("content-type", "application/json");
    let body = json!({ "username": "alice", "password": "x" }).to_string();
    assert_eq!(world.send(request.body(body)).await.status, 401);
    let nobody: Value = json!({ "access_token": "a.b.c" });
    assert_eq!(world.say(&nobody, &call("who_am_i")).await.status, 401);
}
