//! Which sessions a list shows, and on which page.

use tower_bearer::session::{Grant, ListRequest, Overflow, SessionPage};

use crate::support::*;

async fn logins(world: &World, count: usize) -> Vec<tower_bearer::SessionId> {
    let mut sids = Vec::new();
    for _ in 0..count {
        sids.push(sid(&world.login().await));
    }
    sids
}

fn sids(page: &SessionPage) -> Vec<tower_bearer::SessionId> {
    page.sessions.iter().map(|session| session.sid).collect()
}

#[tokio::test]
async fn the_newest_of_more_sessions_than_a_page_holds_come_first() {
    let world = world();
    let all = logins(&world, 1200).await;
    let newest_first: Vec<_> = all.iter().rev().copied().collect();

    let page = world.sessions.list("anna").await.unwrap();
    assert_eq!(sids(&page), newest_first[..100]);
    assert_eq!(page.next, Some(newest_first[99]));

    let most = ListRequest::new("anna").limit(usize::MAX);
    let page = world.sessions.list(most).await.unwrap();
    assert_eq!(sids(&page), newest_first[..1000]);
}

#[tokio::test]
async fn the_current_session_is_first_on_the_first_page_and_on_no_other() {
    let world = world();
    let all = logins(&world, 7).await;
    for own in 0..7 {
        let others: Vec<_> = (0..7).rev().filter(|it| *it != own).collect();
        let (mut request, mut seen) = (ListRequest::new("anna").limit(2), Vec::new());
        let mut pages = 0;
        loop {
            let asked = request.clone().current(all[own]);
            let page = world.sessions.list(asked).await.unwrap();
            assert_eq!(page.sessions.len(), if pages == 0 { 3 } else { 2 });
            seen.extend(sids(&page));
            pages += 1;
            match page.next {
                Some(next) => request = request.before(next),
                None => break,
            }
        }
        let expected: Vec<_> = std::iter::once(own)
            .chain(others)
            .map(|it| all[it])
            .collect();
        assert_eq!((seen, pages), (expected, 3), "session {own} asks");
    }
}

#[tokio::test]
async fn there_is_no_next_page_where_nothing_is_left() {
    let world = world();
    let all = logins(&world, 3).await;
    let asking = |limit| ListRequest::new("anna").limit(limit).current(all[0]);
    for (limit, next) in [(1, Some(all[2])), (2, None), (3, None)] {
        let page = world.sessions.list(asking(limit)).await.unwrap();
        assert_eq!(page.next, next, "of pages of {limit}");
    }
    let page = world.sessions.list("nobody").await.unwrap();
    assert_eq!((page.sessions.len(), page.next), (0, None));
    // Out of range counts as the nearest.
    let page = world.sessions.list(ListRequest::new("anna").limit(0)).await;
    assert_eq!(sids(&page.unwrap()), [all[2]]);
}

#[tokio::test]
async fn only_a_live_session_of_the_subject_can_ask() {
    let world = world();
    let own = logins(&world, 2).await;
    let bob = world.sessions.start(Grant::new("bob")).await.unwrap();
    let ended = sid(&world.login().await);
    world.sessions.end(ended, "anna").await.unwrap();
    for asking in [sid(&bob), ended] {
        let request = ListRequest::new("anna").current(asking);
        let page = world.sessions.list(request).await.unwrap();
        assert_eq!(sids(&page), [own[1], own[0]]);
    }
}

#[tokio::test]
async fn a_page_is_json_with_its_cursor() {
    let world = world();
    let all = logins(&world, 2).await;
    let page = world.sessions.list(ListRequest::new("anna").limit(1)).await;
    let json = serde_json::to_value(page.unwrap()).unwrap();
    assert_eq!(json["next"], all[1].to_string());
    assert_eq!(json["sessions"][0]["sid"], all[1].to_string());
    let json = serde_json::to_value(world.sessions.list("anna").await.unwrap()).unwrap();
    assert!(json.get("next").is_none());
}

#[tokio::test]
async fn end_others_keeps_the_session_that_asks() {
    let world = world();
    let all = logins(&world, 5).await;
    let bob = world.sessions.start(Grant::new("bob")).await.unwrap();
    assert_eq!(world.sessions.end_others("anna", all[2]).await.unwrap(), 4);
    assert_eq!(sids(&world.sessions.list("anna").await.unwrap()), [all[2]]);
    assert_eq!(world.sessions.list("bob").await.unwrap().sessions.len(), 1);
    // Another's session keeps nothing of hers.
    assert_eq!(
        world.sessions.end_others("anna", sid(&bob)).await.unwrap(),
        1
    );
    rotate(&world, &bob).await;
}

#[tokio::test]
async fn a_maximum_evicts_the_oldest_and_lists_the_rest() {
    let world = world_with(|builder| builder.max_sessions(2, Overflow::EvictOldest));
    let all = logins(&world, 4).await;
    assert_eq!(
        sids(&world.sessions.list("anna").await.unwrap()),
        [all[3], all[2]]
    );
}
