//! The manual: how the crate works, what it protects against and how to run it.
//!
//! - [`recipes`]: short answers, each of them compiled
//! - [`flows`]: who sends what to whom, as pictures
//! - [`security`]: what is protected, against whom, and what is not
//! - [`protocol`]: how refresh tokens rotate without logging honest clients out
//! - [`proof`]: what a model checker has tried against that
//! - [`keys`]: choosing, keeping and rolling over keys
//! - [`signers`]: access tokens signed by a KMS, an HSM or an agent: what that costs, and what happens if it is away
//! - [`remote_keys`]: keys that are fetched from an issuer: when, and what happens if that fails
//! - [`providers`]: tokens of other issuers: what to configure for each provider, and what you lose by it
//! - [`stores`]: choosing one, what each keeps when it fails, sizing, writing your own
//! - [`deployment`]: lifetimes, several servers, clean-up, shutdown, cookies, rendering servers
//! - [`context`]: addresses and user agents: who sees them, a page of devices, logins that look odd;
//!   who acts for a user; roles that change at once; cookies that end with the browser;
//!   authenticating again
//! - [`limits`]: limits for those who come too often, by address and by session, none of which logs anybody out
//! - [`observability`]: metrics, events and lines of the log: what each means, alarms, a dashboard
//! - [`scale`]: what a million, a hundred million and a billion sessions need, and what a lost region does
//! - [`dpop`]: sessions that are bound to a key of the client, and what that costs
//! - [`clients`]: what libraries of others do as clients and as verifiers, with their versions
//! - [`browsers`]: sessions that are bound to a device, prefixes of cookie names, what each browser does
//! - [`streams`]: WebSocket and server-sent events: how the token comes, what ends them, what each client does
//! - [`introspection`]: tokens that a server is asked about, on both sides, and for how long a revoked one lives
//! - [`mcp`]: a resource server for clients that do not know it; step-up; tokens for some resources only
//! - [`grpc`]: how a gRPC request is refused, and why so; claims in a tonic service
//! - [`from_jsonwebtoken`]: what takes the place of what, and what passes there only
//! - [`taking_over`]: from another program to this crate with nobody logged out
//! - [`testing`]: how to test an application that uses this, with an example for each kind of one
//! - [`glossary`]: what each term of the field means here
//!
#![cfg_attr(
    not(feature = "testing"),
    doc = "
[`testing`]: https://docs.rs/tower-bearer/latest/tower_bearer/manual/testing/
"
)]

#[doc = include_str!("browsers.md")]
pub mod browsers {}

#[doc = include_str!("clients.md")]
pub mod clients {}

#[doc = include_str!("context.md")]
pub mod context {}

#[doc = include_str!("deployment.md")]
pub mod deployment {}

#[doc = include_str!("dpop.md")]
pub mod dpop {}

pub mod flows;

#[doc = include_str!("from_jsonwebtoken.md")]
pub mod from_jsonwebtoken {}

#[doc = include_str!("glossary.md")]
pub mod glossary {}

#[doc = include_str!("grpc.md")]
pub mod grpc {}

#[doc = include_str!("introspection.md")]
pub mod introspection {}

#[doc = include_str!("keys.md")]
pub mod keys {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("mcp.md")]
pub mod mcp {}

#[doc = include_str!("observability.md")]
pub mod observability {}

#[doc = include_str!("proof.md")]
pub mod proof {}

#[doc = include_str!("protocol.md")]
pub mod protocol {}

#[doc = include_str!("providers.md")]
pub mod providers {}

#[doc = include_str!("recipes.md")]
pub mod recipes {}

#[doc = include_str!("remote_keys.md")]
pub mod remote_keys {}

#[doc = include_str!("scale.md")]
pub mod scale {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("signers.md")]
pub mod signers {}

#[doc = include_str!("stores.md")]
pub mod stores {}

#[doc = include_str!("streams.md")]
pub mod streams {}

#[doc = include_str!("taking_over.md")]
pub mod taking_over {}

#[cfg(feature = "testing")]
#[doc = include_str!("testing.md")]
pub mod testing {}
