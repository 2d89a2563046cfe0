//! The document, for whoever reads it and from wherever.

use std::time::Duration;

use http::{Method, header::IF_NONE_MATCH};
use serde_json::{Value, json};
use tower_bearer::{Scope, error::ConfigErrorKind, resource::ProtectedResource};

use crate::*;

async fn document(resource: &ProtectedResource) -> Value {
    let answer = ask(resource.clone(), get(resource.path())).await;
    answer.is(200);
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_str(&answer.body).unwrap()
}

/// RFC 9728 §3.2.
#[tokio::test]
async fn the_example_of_the_rfc_can_be_said() {
    let resource = ProtectedResource::new("https://resource.example.com")
        .unwrap()
        .authorization_servers(["https://as1.example.com", "https://as2.example.net"])
        .unwrap()
        .member("bearer_methods_supported", &["header", "body"])
        .unwrap()
        .scopes_supported(Scope::from_static("profile email phone"))
        .resource_documentation("https://resource.example.com/resource_documentation.html")
        .unwrap();
    let expected = json!({
        "resource": "https://resource.example.com",
        "authorization_servers": ["https://as1.example.com", "https://as2.example.net"],
        "bearer_methods_supported": ["header", "body"],
        "scopes_supported": ["profile", "email", "phone"],
        "resource_documentation": "https://resource.example.com/resource_documentation.html",
    });
    assert_eq!(document(&resource).await, expected);
    let well_known = "https://resource.example.com/.well-known/oauth-protected-resource";
    assert_eq!(resource.metadata_url(), well_known);
    // §3.1
    let below = ProtectedResource::new("https://resource.example.com/resource1").unwrap();
    assert_eq!(below.metadata_url(), format!("{well_known}/resource1"));
}

#[tokio::test]
async fn it_says_the_least_by_default_and_nothing_that_is_empty() {
    let least =
        json!({ "resource": "https://api.example", "bearer_methods_supported": ["header"] });
    assert_eq!(document(&resource()).await, least);
    let emptied = resource()
        .authorization_servers(["https://id.example"])
        .unwrap()
        .authorization_servers([""; 0])
        .unwrap()
        .scopes_supported(Scope::empty())
        .member("x", &None::<u8>)
        .unwrap();
    assert_eq!(document(&emptied).await, least);
}

#[tokio::test]
async fn all_that_is_said_is_in_it() {
    let resource = resource()
        .resource_name("Files")
        .member("resource_name#de", &"Dateien")
        .unwrap()
        .resource_policy_uri("https://api.example/policy?v=2")
        .unwrap()
        .resource_tos_uri("https://api.example/terms")
        .unwrap()
        .jwks_uri("https://api.example/keys.json")
        .unwrap()
        .member("tls_client_certificate_bound_access_tokens", &true)
        .unwrap();
    let said = document(&resource).await;
    assert_eq!(said["resource_name"], "Files");
    assert_eq!(said["resource_name#de"], "Dateien");
    assert_eq!(
        said["resource_policy_uri"],
        "https://api.example/policy?v=2"
    );
    assert_eq!(said["resource_tos_uri"], "https://api.example/terms");
    assert_eq!(said["jwks_uri"], "https://api.example/keys.json");
    assert_eq!(said["tls_client_certificate_bound_access_tokens"], true);
}

#[cfg(feature = "dpop")]
#[tokio::test]
async fn it_says_which_proofs_are_taken_and_whether_they_must_come() {
    use tower_bearer::{Algorithm, dpop::DpopVerifier};

    let dpop = DpopVerifier::new("https://api.example").unwrap();
    let dpop = dpop
        .algorithms([Algorithm::ES256, Algorithm::ES384])
        .unwrap();
    let said = document(&resource().dpop(&dpop)).await;
    assert_eq!(
        said["dpop_signing_alg_values_supported"],
        json!(["ES256", "ES384"])
    );
    assert_eq!(said["dpop_bound_access_tokens_required"], Value::Null);
    let said = document(&resource().dpop(&dpop.require())).await;
    assert_eq!(said["dpop_bound_access_tokens_required"], true);
}

#[test]
fn what_no_client_could_use_is_refused() {
    let url = |made: Result<ProtectedResource, tower_bearer::error::ConfigError>| {
        assert_eq!(made.unwrap_err().kind(), ConfigErrorKind::Url);
    };
    url(resource().authorization_servers(["https://id.example", "id.example"]));
    url(resource().authorization_servers(["https://id.example#x"]));
    url(resource().resource_documentation("/docs"));
    url(resource().jwks_uri("file:///keys"));
    let twice = resource().member("resource", &"https://evil.example");
    assert_eq!(twice.unwrap_err().kind(), ConfigErrorKind::Metadata);
}

#[tokio::test]
async fn caches_may_keep_it() {
    let answer = ask(resource(), get("/")).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let tag = answer.header("etag").to_owned();
    assert!(tag.len() > 20, "{tag}");

    let mut again = get("/");
    again
        .headers_mut()
        .insert(IF_NONE_MATCH, tag.parse().unwrap());
    let hour = resource().max_age(Duration::from_secs(3600));
    let answer = ask(hour, again).await;
    assert_eq!(answer.is(304).body, "");
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn head_gets_the_headers_and_other_methods_a_405() {
    let whole = ask(resource(), get("/")).await;
    let head = ask(resource(), request(Method::HEAD, "/")).await;
    assert_eq!(head.is(200).body, "");
    assert_eq!(head.header("content-length"), whole.body.len().to_string());
    assert_eq!(head.header("etag"), whole.header("etag"));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let answer = ask(resource(), request(method, "/")).await;
        assert_eq!(answer.is(405).header("allow"), "GET, HEAD, OPTIONS");
    }
}

/// An MCP client in a page sends `MCP-Protocol-Version`, for which the browser asks first.
#[tokio::test]
async fn a_page_of_any_origin_may_read_it() {
    let mut preflight = request(Method::OPTIONS, "/");
    let headers = preflight.headers_mut();
    headers.insert("origin", "https://inspector.example".parse().unwrap());
    headers.insert("access-control-request-method", "GET".parse().unwrap());
    headers.insert(
        "access-control-request-headers",
        "mcp-protocol-version".parse().unwrap(),
    );
    let answer = ask(resource(), preflight).await;
    assert_eq!(answer.is(204).body, "");
    assert_eq!(answer.header("access-control-allow-headers"), "*");
    assert_eq!(
        answer.header("access-control-allow-methods"),
        "GET, HEAD, OPTIONS"
    );
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST] {
        let answer = ask(resource(), request(method, "/")).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}
