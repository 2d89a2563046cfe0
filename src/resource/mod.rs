//! What a resource server tells of itself: the metadata of a protected resource (RFC 9728).
//!
//! A client that knows nothing but the address of an API learns here which authorization servers give
//! tokens for it, and which scopes there are. Clients of MCP servers find their way like this.
//!
//! 1. [`ProtectedResource`] is the document, and the service that shows it. It lies at a path that is
//!    made of the resource's own address (RFC 9728 §3.1).
//! 2. GET and HEAD get the document, with an entity tag and the time for which caches may keep it.
//!    OPTIONS gets what a browser asks before it lets a page read it. Other methods get a 405.
//! 3. Each answer has `Access-Control-Allow-Origin: *`, so that pages of any origin can read it: MCP
//!    clients may run in a browser. This gives nothing away: the document is the same for everybody and
//!    lies open, no cookie and no token is looked at, and a browser sends none along to an answer with
//!    a `*`.
//! 4. [`BearerLayer::resource`](crate::bearer::BearerLayer::resource) names the document in each
//!    challenge (RFC 9728 §5.1).
//!
//! # Example
//!
//! ```
//! use std::convert::Infallible;
//!
//! use http::{Request, Response, StatusCode, header::WWW_AUTHENTICATE};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_bearer::{
//!     Algorithm, KeySet, SigningKey, Verifier, bearer::BearerLayer, resource::ProtectedResource,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?).verifying();
//! let resource = ProtectedResource::new("https://api.example/mcp")?
//!     .authorization_servers(["https://id.example"])?;
//! let verifier = Verifier::new("https://id.example", resource.resource(), keys)?;
//!
//! let service = ServiceBuilder::new()
//!     .layer(resource.clone())
//!     .layer(BearerLayer::new(verifier).resource(&resource))
//!     .service(service_fn(async |_: Request<String>| {
//!         Ok::<_, Infallible>(Response::new(String::new()))
//!     }));
//!
//! // A client without a token learns where to read on …
//! let response = service.clone().oneshot(Request::post("/mcp").body(String::new())?).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! let metadata = "https://api.example/.well-known/oauth-protected-resource/mcp";
//! assert_eq!(
//!     response.headers()[WWW_AUTHENTICATE],
//!     format!(r#"Bearer realm="api", resource_metadata="{metadata}""#)
//! );
//!
//! // … and needs no token for that.
//! let response = service.oneshot(Request::get(metadata).body(String::new())?).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! # Ok(())
//! # }
//! ```

mod layer;
mod metadata;
#[cfg(feature = "axum")]
mod router;
mod service;

pub use crate::{reply::ResponseFuture, serving::LayeredFuture};
pub use layer::WithResource;
pub use metadata::ProtectedResource;
