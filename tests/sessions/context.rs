//! What the hook and the events are told of the request.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
};

use http::{Request, header::USER_AGENT};
use tower_bearer::{
    context::{ClientAddress, RequestContext},
    session::{
        EndReason, EndRequest, Grant, Overflow, RefreshDecision, RefreshRequest, Refusal, Reuse,
        SessionEventKind,
    },
};

use crate::{old_store::*, support::*};

/// What only the application knows of a request.
#[derive(Clone, Debug, PartialEq)]
struct Country(&'static str);

pub(crate) fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// A request of the shop's program in Switzerland, from the address with this last byte.
pub(crate) fn request_from(last: u8) -> Request<()> {
    let request = Request::post("/auth/token")
        .header(USER_AGENT, "shop/1.2")
        .extension(ClientAddress(address(last)))
        .extension(Country("CH"));
    request.body(()).unwrap()
}

/// The events by kind and address.
#[track_caller]
fn told<St: tower_bearer::store::SessionStore>(
    world: &World<St>,
    expected: &[(SessionEventKind, Option<IpAddr>)],
) {
    let events = world.events.lock().unwrap();
    let events: Vec<_> = events
        .iter()
        .map(|event| (event.kind, event.address))
        .collect();
    assert_eq!(events, expected);
}

#[tokio::test]
async fn the_hook_sees_the_request() {
    let seen = Arc::<Mutex<Vec<RequestContext>>>::default();
    let sees = Arc::clone(&seen);
    let world = world_with(|builder| {
        builder.on_refresh(move |session, context| {
            assert_eq!(session.subject, "anna");
            sees.lock().unwrap().push(context);
            async { true }
        })
    });
    let tokens = world.login().await;
    let request = RefreshRequest::new(tokens.refresh_token.clone());
    let asked = request.clone().context(&request_from(7));
    world.sessions.refresh(asked).await.unwrap();
    world.sessions.refresh(request).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].address(), Some(address(7)));
    assert_eq!(seen[0].user_agent(), Some("shop/1.2"));
    assert_eq!(seen[0].extensions().get(), Some(&Country("CH")));
    assert_eq!((seen[1].address(), seen[1].user_agent()), (None, None));
    assert!(seen[1].extensions().get::<Country>().is_none());
}

#[tokio::test]
async fn events_say_where_a_refresh_comes_from() {
    let world = world();
    let grant = Grant::new("anna").context(&request_from(1));
    let first = world.sessions.start(grant).await.unwrap();
    let present = async |last| {
        let request = RefreshRequest::new(first.refresh_token.clone());
        let request = request.context(&request_from(last));
        world.sessions.refresh(request).await
    };
    let second = present(2).await.unwrap().tokens;
    present(3).await.unwrap();
    world.wait(3600);
    let third = rotate(&world, &second).await;
    rotate(&world, &third).await;
    refused(present(4).await, Refusal::Reused);
    refused(present(5).await, Refusal::Ended);
    told(
        &world,
        &[
            (SessionEventKind::Started, Some(address(1))),
            (SessionEventKind::Rotated, Some(address(2))),
            (SessionEventKind::Neighbour, Some(address(3))),
            (SessionEventKind::Rotated, None),
            (SessionEventKind::Repeated, None),
            (SessionEventKind::Reused(Reuse::Older), Some(address(4))),
            (SessionEventKind::Ended(EndReason::Reuse), Some(address(4))),
            (SessionEventKind::Refused(Refusal::Ended), Some(address(5))),
        ],
    );
}

#[tokio::test]
async fn events_say_where_an_end_comes_from() {
    let world = world_with(|builder| builder.max_sessions(2, Overflow::EvictOldest));
    let login = async |last| {
        let grant = Grant::new("anna").context(&request_from(last));
        sid(&world.sessions.start(grant).await.unwrap())
    };
    let mut sids = Vec::new();
    for last in 1..=3 {
        sids.push(login(last).await);
        world.wait(1);
    }
    let request = EndRequest::new("anna").by_admin();
    let from = |last| request.clone().context(&request_from(last));
    assert!(world.sessions.end(sids[1], from(8)).await.unwrap());
    assert_eq!(world.sessions.end_all(from(9)).await.unwrap(), 1);
    let ended = |reason| SessionEventKind::Ended(reason);
    told(
        &world,
        &[
            (SessionEventKind::Started, Some(address(1))),
            (SessionEventKind::Started, Some(address(2))),
            (SessionEventKind::Started, Some(address(3))),
            (ended(EndReason::Evicted), Some(address(3))),
            (ended(EndReason::Admin), Some(address(8))),
            (ended(EndReason::Admin), Some(address(9))),
        ],
    );
}

#[tokio::test]
async fn events_say_where_a_refusal_of_the_hook_comes_from() {
    let world = world_with(|builder| {
        builder.on_refresh(|_, context| async move {
            match context.extensions().get() {
                Some(Country("CH")) => RefreshDecision::RefuseAndEnd,
                _ => RefreshDecision::Continue,
            }
        })
    });
    let tokens = world.login().await;
    let request = RefreshRequest::new(tokens.refresh_token).context(&request_from(6));
    refused(world.sessions.refresh(request).await, Refusal::Subject);
    let ended = SessionEventKind::Ended(EndReason::Refused);
    told(
        &world,
        &[
            (SessionEventKind::Started, None),
            (ended, Some(address(6))),
            (
                SessionEventKind::Refused(Refusal::Subject),
                Some(address(6)),
            ),
        ],
    );
}

#[tokio::test]
async fn a_takeover_comes_from_where_its_token_does() {
    let old = OldStore::with(&["uuid"]);
    let world = world_with(|builder| {
        let hook = |_, context: RequestContext| async move { context.address().is_some() };
        builder.take_over(takeover(&old)).on_refresh(hook)
    });
    let request = RefreshRequest::new(foreign("uuid")).context(&request_from(7));
    world.sessions.refresh(request).await.unwrap();
    told(
        &world,
        &[
            (SessionEventKind::Adopted, Some(address(7))),
            (SessionEventKind::Rotated, Some(address(7))),
        ],
    );
}
