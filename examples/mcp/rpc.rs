//! As much of MCP as two tools need (revisions 2025-06-18 and 2025-11-25).

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use tower_bearer::{Scope, VerifiedToken, bearer::Rejection};

const ADMIN: Scope = Scope::from_static("admin");

/// It is offered to a client of any other.
const NEWEST: &str = "2025-11-25";
const VERSIONS: [&str; 2] = [NEWEST, "2025-06-18"];

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;

pub(crate) enum Answer {
    Response(Value),
    /// To a notification, which has no answer.
    Accepted,
    Unreadable(Value),
}

#[derive(Deserialize)]
struct Message {
    jsonrpc: String,
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

/// Whether the client goes on in a revision that was agreed on. One that names none is an older one.
pub(crate) fn speaks(headers: &HeaderMap) -> bool {
    let named = headers.get("mcp-protocol-version");
    named.is_none_or(|named| VERSIONS.iter().any(|known| named == known))
}

/// # Errors
///
/// If the token does not allow what the message asks for.
pub(crate) fn answer(body: &[u8], token: &VerifiedToken) -> Result<Answer, Rejection> {
    let message: Message = match serde_json::from_slice(body) {
        Ok(message) => message,
        Err(error) if error.is_data() => {
            return Ok(Answer::Unreadable(failure(&Value::Null, INVALID_REQUEST)));
        }
        Err(_) => return Ok(Answer::Unreadable(failure(&Value::Null, PARSE_ERROR))),
    };
    let Some(id) = message.id else {
        return Ok(Answer::Accepted);
    };
    if message.jsonrpc != "2.0" {
        return Ok(Answer::Unreadable(failure(&id, INVALID_REQUEST)));
    }
    let result = match message.method.as_str() {
        "initialize" => initialize(&message.params),
        "ping" => json!({}),
        "tools/list" => json!({ "tools": tools() }),
        "tools/call" => match message.params.get("name").and_then(Value::as_str) {
            Some("who_am_i") => text(&format!("You are {}.", token.claims().sub)),
            Some("open_the_door") => {
                token.require_scope(&ADMIN)?;
                text("The door is open.")
            }
            _ => return Ok(Answer::Response(failure(&id, INVALID_PARAMS))),
        },
        _ => return Ok(Answer::Response(failure(&id, METHOD_NOT_FOUND))),
    };
    let response = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    Ok(Answer::Response(response))
}

fn initialize(params: &Value) -> Value {
    let asked = params.get("protocolVersion").and_then(Value::as_str);
    let version = VERSIONS.into_iter().find(|known| asked == Some(known));
    json!({
        "protocolVersion": version.unwrap_or(NEWEST),
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "tower-bearer-example", "version": env!("CARGO_PKG_VERSION") },
    })
}

fn tools() -> Value {
    let no_arguments = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    json!([
        {
            "name": "who_am_i",
            "description": "Tells as whom the client is signed in.",
            "inputSchema": no_arguments,
        },
        {
            "name": "open_the_door",
            "description": "Opens the door. It needs the scope admin.",
            "inputSchema": no_arguments,
        },
    ])
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": false })
}

fn failure(id: &Value, code: i32) -> Value {
    let message = match code {
        PARSE_ERROR => "the body is not JSON",
        INVALID_REQUEST => "the body is not one message of JSON-RPC 2.0",
        METHOD_NOT_FOUND => "there is no such method",
        _ => "there is no such tool",
    };
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}
