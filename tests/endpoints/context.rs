//! What the endpoints tell the application of a request.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
};

use http::{HeaderValue, Request, StatusCode, header::USER_AGENT};
use tower_bearer::{
    context::{ClientAddress, RequestContext},
    endpoint::{RevocationEndpoint, TokenEndpoint},
    session::{SessionEvent, Sessions},
    store::MemoryStore,
};

use crate::support::*;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

#[derive(Clone, Debug, PartialEq)]
struct Country(&'static str);

/// What the hooks saw.
#[derive(Clone, Default)]
struct Seen {
    contexts: Arc<Mutex<Vec<RequestContext>>>,
    events: Arc<Mutex<Vec<SessionEvent>>>,
}

fn watched(world: &World) -> (Sessions<MemoryStore>, Seen) {
    let seen = Seen::default();
    let Seen { contexts, events } = seen.clone();
    let sessions = builder(&world.keys, world.store.clone())
        .on_refresh(move |_, context| {
            contexts.lock().unwrap().push(context);
            async { true }
        })
        .on_event(move |event| events.lock().unwrap().push(event.clone()));
    (sessions.build().unwrap(), seen)
}

/// As a browser sends it through a proxy that the application does not know of.
fn from_client<B>(mut request: Request<B>) -> Request<B> {
    let extensions = request.extensions_mut();
    extensions.insert(ClientAddress(CLIENT));
    extensions.insert(Country("CH"));
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static("shop/1.2"));
    let claimed = HeaderValue::from_static("198.51.100.1");
    headers.insert("x-forwarded-for", claimed);
    request
}

#[tokio::test]
async fn the_hook_sees_the_request_of_a_refresh() {
    let world = world();
    let token = world.token().await;
    let (sessions, seen) = watched(&world);
    let request = from_client(post(FORM, &refresh_form(&token)));
    let answer = send(TokenEndpoint::new(sessions), request).await;
    assert_eq!(answer.status, StatusCode::OK);
    let seen = &seen.contexts.lock().unwrap()[0];
    assert_eq!(seen.address(), Some(CLIENT));
    assert_eq!(seen.user_agent(), Some("shop/1.2"));
    assert_eq!(seen.extensions().get(), Some(&Country("CH")));
}

#[tokio::test]
async fn events_tell_where_a_revocation_comes_from() {
    let world = world();
    let token = world.token().await;
    let (sessions, seen) = watched(&world);
    let request = from_client(post(FORM, &format!("token={token}")));
    let answer = send(RevocationEndpoint::new(sessions), request).await;
    assert_eq!(answer.status, StatusCode::OK);
    let events = seen.events.lock().unwrap();
    assert_eq!(events[0].kind.as_str(), "ended");
    assert_eq!(events[0].address, Some(CLIENT));
}
