//! Which shard a session belongs to.

use super::{
    layout::{
        Role::{Joins, Leaves, Stays},
        Shard,
    },
    *,
};

fn layout(names: &[(&str, layout::Role)]) -> Layout {
    let shards = names.iter().map(|&(name, role)| Shard {
        name: name.to_owned(),
        store: AnyStore::new(memory()),
        role,
        is_emptied: false,
    });
    Layout::new(shards.collect(), Step::Moving)
}

fn name(home: Option<Home<'_>>) -> String {
    match home.unwrap() {
        Home::Settled(shard) => shard.name.clone(),
        Home::Changing { source, target } => format!("{} to {}", source.name, target.name),
    }
}

/// Databases hold sessions where these say.
#[test]
fn homes_never_change() {
    let three = layout(&[("one", Stays), ("two", Stays), ("three", Stays)]);
    let homes = (0..12).map(|number| name(three.home(id(number << 64 | number))));
    assert_eq!(
        homes.collect::<Vec<_>>().join(" "),
        "two one three three one three two one three one two three"
    );
    assert_eq!(
        rendezvous::of_all(["one", "two"].into_iter()),
        1_906_037_108
    );
}

#[test]
fn the_order_of_the_shards_has_no_meaning() {
    let one = layout(&[("one", Stays), ("two", Stays), ("three", Joins)]);
    let other = layout(&[("three", Joins), ("two", Stays), ("one", Stays)]);
    for number in 0..1_000 {
        assert_eq!(name(one.home(id(number))), name(other.home(id(number))));
    }
    let sets = [["one", "two"], ["two", "one"]].map(|names| rendezvous::of_all(names.into_iter()));
    assert_eq!(sets[0], sets[1]);
    assert_ne!(sets[0], rendezvous::of_all(["one", "twp"].into_iter()));
}

#[test]
fn each_shard_has_its_share() {
    let three = layout(&[("one", Stays), ("two", Stays), ("three", Stays)]);
    let mut shares = std::collections::BTreeMap::<_, u32>::new();
    for _ in 0..30_000 {
        let home = three.home(SessionId::from_uuid(Uuid::now_v7()));
        *shares.entry(name(home)).or_default() += 1;
    }
    for (shard, share) in shares {
        assert!(
            (9_600..10_400).contains(&share),
            "{shard} has {share} of 30 000"
        );
    }
}

#[test]
fn sessions_move_only_to_a_shard_that_joins_or_from_one_that_leaves() {
    let grows = layout(&[("one", Stays), ("two", Stays), ("three", Joins)]);
    let shrinks = layout(&[("one", Stays), ("two", Stays), ("three", Leaves)]);
    let mut moved = 0;
    for number in 0..3_000_u128 {
        let id = id(number);
        match (grows.home(id).unwrap(), shrinks.home(id).unwrap()) {
            (Home::Settled(one), Home::Settled(other)) => assert_eq!(one.name, other.name),
            (
                Home::Changing { source, target },
                Home::Changing {
                    source: from,
                    target: to,
                },
            ) => {
                moved += 1;
                assert_eq!(
                    (target.name.as_str(), from.name.as_str()),
                    ("three", "three")
                );
                assert_eq!(source.name, to.name);
            }
            _ => panic!("{id} moves in one direction only"),
        }
    }
    assert!((900..1_100).contains(&moved), "{moved} of 3 000 moved");
}
