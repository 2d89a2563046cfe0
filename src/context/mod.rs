//! What is known of a request besides its tokens: where it comes from, which program sends it, and what the
//! application has put into its extensions.
//!
//! A [`RequestContext`] is a copy that lives as long as it is needed. Logins and refreshes have one, and the
//! [refresh hook](crate::session::SessionsBuilder::on_refresh) sees it. A [`RequestHead`] borrows, for what is
//! asked on each request.
//!
//! # The address
//!
//! It is the first of these that there is:
//!
//! 1. the extension [`ClientAddress`], which the application or its layer for proxies puts into the request;
//! 2. with the features `axum` and `session`, axum's `ConnectInfo<SocketAddr>`, which is there if the application is served by
//!    `into_make_service_with_connect_info`: the other end of the connection.
//!
//! Headers such as `Forwarded` (RFC 7239) and `X-Forwarded-For` are never read here. Whoever sends a request
//! can write them, and only the application knows how many of their entries its own proxies have added.
//! [The manual](crate::manual::context#the-address-behind-a-proxy) shows how to read them there.
//!
//! An IPv4 address that came in IPv6's form (`::ffff:192.0.2.1`), as a socket for both gives it, is given as IPv4.
//!
//! # The user agent
//!
//! It is the `User-Agent` header, of which the first 1024 bytes are kept. Characters other than printable ASCII
//! are not allowed in it, and a header that has them counts as none.
//!
//! Both are what a client says of itself, or at least what its network does: good enough to show a user their
//! devices and to ask for a login once more than needed, and never a proof of who is there.

mod address;
mod head;
mod request;

pub use address::ClientAddress;
pub use head::RequestHead;
pub use request::RequestContext;
