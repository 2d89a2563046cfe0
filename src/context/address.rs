use std::net::IpAddr;

use http::Extensions;

/// The client's address, as the application knows it. It is put into the extensions of a request, before
/// the layers and endpoints of this crate see it.
///
/// ```
/// use std::net::{IpAddr, Ipv4Addr};
///
/// use http::Request;
/// use tower_bearer::context::{ClientAddress, RequestContext};
///
/// let mut request = Request::new(());
/// let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
/// request.extensions_mut().insert(ClientAddress(address));
/// assert_eq!(RequestContext::from(&request).address(), Some(address));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// The address of the client, by the rules of [this module](super).
pub(super) fn find(extensions: &Extensions) -> Option<IpAddr> {
    let told = extensions.get().map(|ClientAddress(address)| *address);
    let address = told.or_else(|| connected(extensions));
    address.map(|address| address.to_canonical())
}

/// The other end of the connection. A resource server without sessions does not build tokio for it.
#[cfg(all(feature = "axum", feature = "session"))]
fn connected(extensions: &Extensions) -> Option<IpAddr> {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;

    let peer: Option<&ConnectInfo<SocketAddr>> = extensions.get();
    peer.map(|ConnectInfo(peer)| peer.ip())
}

#[cfg(not(all(feature = "axum", feature = "session")))]
fn connected(_extensions: &Extensions) -> Option<IpAddr> {
    None
}
