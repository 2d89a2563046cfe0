//! A session moves while servers use it, in every order of their calls of the shards. At any moment it is live
//! in one place at most, and never lost.

use std::cell::Cell;

use super::{
    layout::{Role, Shard},
    seal::is_sealed,
    stepping::{Actor, Path, at_once, run, stepping},
    *,
};

/// What a server does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Refresh,
    /// As it does for a live check.
    Load,
    Confirm,
    End,
    EndAll,
    List,
}

/// By which step of the change a server goes.
#[derive(Clone, Copy, Debug)]
enum By {
    Announced,
    Moving,
}

struct World {
    id: SessionId,
    old: MemoryStore,
    new: MemoryStore,
    announced: ShardedStore,
    moving: ShardedStore,
    swapped: Cell<u32>,
    ended: Cell<u32>,
    /// An end was acknowledged.
    is_over: Cell<bool>,
}

impl World {
    fn new() -> Self {
        let (old, new) = (memory(), memory());
        let server = |step| {
            let shards = [("old", &old, Role::Stays), ("new", &new, Role::Joins)];
            let shards = shards.map(|(name, store, role)| Shard {
                name: name.to_owned(),
                store: AnyStore::new(stepping(store.clone())),
                role,
                is_emptied: false,
            });
            ShardedStore(Arc::new(Layout::new(shards.into(), step)))
        };
        let (announced, moving) = (server(Step::Announced), server(Step::Moving));
        let moves = |id: &SessionId| matches!(moving.0.home(*id), Some(Home::Changing { .. }));
        let id = (1..100).map(id).find(moves).unwrap();
        at_once(announced.insert(&record(id))).unwrap();
        Self {
            id,
            old: old.clone(),
            new: new.clone(),
            announced,
            moving,
            swapped: Cell::default(),
            ended: Cell::default(),
            is_over: Cell::default(),
        }
    }

    fn server(&self, by: By) -> &ShardedStore {
        match by {
            By::Announced => &self.announced,
            By::Moving => &self.moving,
        }
    }

    fn actor(&self, act: Act, by: By) -> Actor<'_> {
        let server = self.server(by);
        match act {
            Act::Refresh => Box::pin(self.refresh(server)),
            Act::Load => Box::pin(async {
                server.load(self.id).await.unwrap();
            }),
            Act::Confirm => Box::pin(async {
                server.confirm(&[(self.id, 0)]).await.unwrap();
            }),
            Act::End => Box::pin(async {
                let ended = server.end(self.id, EndReason::Logout).await.unwrap();
                self.over(u32::from(ended));
            }),
            Act::EndAll => Box::pin(async {
                let ended = server.end_all(ISSUER, "anna", None, EndReason::Logout);
                self.over(u32::try_from(ended.await.unwrap().len()).unwrap());
            }),
            Act::List => Box::pin(self.list(server)),
        }
    }

    async fn refresh(&self, server: &ShardedStore) {
        let was_over = self.is_over.get();
        let Loaded { record, now } = server.load(self.id).await.unwrap();
        let state = record.expect("it is lost").state;
        assert!(!is_sealed(&state), "a seal was shown");
        if state.ended.is_some() {
            return;
        }
        assert!(!was_over, "it is live after its end was acknowledged");
        let next = SessionState {
            version: state.next_version(now),
            generation: state.generation + 1,
            ..state.clone()
        };
        let swap = server.swap(self.id, state.version, &next).await.unwrap();
        self.swapped
            .set(self.swapped.get() + u32::from(swap == Swap::Swapped));
    }

    async fn list(&self, server: &ShardedStore) {
        let ends = self.ended.get();
        let listed = server.list(ISSUER, "anna", None, 10).await.unwrap();
        let ids: Vec<_> = listed
            .records
            .iter()
            .map(|record| record.session.id)
            .collect();
        let shown: Vec<_> = listed.records.iter().map(|record| &record.state).collect();
        assert!(
            !shown.iter().any(|state| is_sealed(state)),
            "a seal was shown"
        );
        match (ends, self.ended.get()) {
            (0, 0) => assert_eq!(ids, [self.id]),
            (0, _) => assert!(ids.is_empty() || ids == [self.id]),
            _ => assert_eq!(ids, [], "it is shown after its end"),
        }
    }

    fn over(&self, ended: u32) {
        self.ended.set(self.ended.get() + ended);
        self.is_over.set(true);
    }

    /// The rows of the session at both shards.
    fn rows(&self) -> [Option<Record>; 2] {
        [&self.old, &self.new].map(|shard| at_once(shard.load(self.id)).unwrap().record)
    }

    fn check(&self) {
        let rows = self.rows();
        let open: Vec<_> = rows
            .iter()
            .flatten()
            .filter(|row| row.state.ended.is_none())
            .collect();
        let live = open.iter().filter(|row| !is_sealed(&row.state)).count();
        assert!(live <= 1, "it is live in two places");
        let has_ended = rows.iter().flatten().any(|row| {
            let ended = row.state.ended;
            ended.is_some_and(|ended| ended.reason != EndReason::Moved)
        });
        assert!(!open.is_empty() || has_ended, "it is lost");
    }

    /// What every server makes of it in the end.
    fn settle(&self) {
        for by in [By::Announced, By::Moving] {
            let server = self.server(by);
            let record = at_once(server.load(self.id)).unwrap().record;
            let record = record.expect("it is lost");
            let (state, wins) = (&record.state, self.swapped.get());
            assert_eq!(state.generation, wins, "a swap is lost");
            if self.is_over.get() {
                assert!(state.ended.is_some(), "an end was undone");
            }
            assert!(self.ended.get() <= 1, "it was ended twice");
            let told = at_once(server.ended_since(Timestamp::from_secs(0), None, 10)).unwrap();
            let listed = at_once(server.list(ISSUER, "anna", None, 10))
                .unwrap()
                .records;
            match state.ended {
                Some(ended) => {
                    assert_eq!(
                        (told.contains(&(self.id, ended.at)), listed.len()),
                        (true, 0)
                    );
                }
                None => {
                    assert_eq!(told, [], "an end is told of that was none");
                    assert_eq!(listed.len(), 1);
                }
            }
        }
        assert!(
            self.rows()[1].is_some() || self.is_over.get(),
            "it has not moved"
        );
    }
}

/// Tries every order, and gives their number.
fn every_order(acts: &[(Act, By)], mortal: bool) -> usize {
    let (mut path, mut orders) = (Path::default(), 0);
    loop {
        let world = World::new();
        let actors = acts.iter().map(|&(act, by)| world.actor(act, by)).collect();
        run(&mut path, actors, mortal, || world.check());
        world.settle();
        orders += 1;
        if !path.next() {
            println!(
                "{acts:?}{}: {orders} orders",
                if mortal { ", the first may die" } else { "" }
            );
            return orders;
        }
    }
}

const BESIDE: [(Act, By); 9] = [
    (Act::Refresh, By::Announced),
    (Act::Refresh, By::Moving),
    (Act::Confirm, By::Announced),
    (Act::Confirm, By::Moving),
    (Act::End, By::Announced),
    (Act::End, By::Moving),
    // It does the same by both steps, and has the most orders.
    (Act::EndAll, By::Moving),
    (Act::List, By::Announced),
    (Act::List, By::Moving),
];

/// Each act beside a refresh that moves the session.
#[test]
fn whatever_happens_beside_a_move() {
    for beside in BESIDE {
        assert!(every_order(&[(Act::Refresh, By::Moving), beside], false) > 20);
    }
}

/// And if that server dies at any point, others finish what it has begun.
#[test]
fn a_server_dies_while_it_moves_a_session() {
    for beside in BESIDE {
        assert!(every_order(&[(Act::Load, By::Moving), beside], true) > 20);
    }
}

#[test]
fn two_ends_at_once() {
    let end = (Act::End, By::Moving);
    for beside in [end, (Act::End, By::Announced), (Act::EndAll, By::Moving)] {
        assert!(every_order(&[end, beside], false) > 20);
    }
}
