//! Cases of what is kept.

use std::time::Duration;

use tower_bearer::store::{SealedRing, Swap};

use super::{
    Fixture,
    trial::{NAME, Trial, noise, ring},
};

pub(super) async fn a_ring_comes_back_as_it_was_given<F: Fixture>(trial: Trial<F>) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let documents: [&[u8]; 8] = [
        b"\0",
        b"sealed",
        &every_byte,
        b"ends with zeros\0\0\0",
        b"ends with white space \r\n",
        b"\0\0\0begins with zeros",
        b"{\"is\": \"JSON\"}",
        b"\xff\xfe\xc3\x28",
    ];
    // The versions are the caller's. They rise, but not always by one.
    let versions = [
        0,
        1,
        2,
        255,
        1 << 31,
        1 << 32,
        1 << 53,
        SealedRing::HIGHEST_VERSION,
    ];
    let mut before = None;
    for (version, bytes) in versions.into_iter().zip(documents) {
        let next = ring(version, bytes);
        let swap = trial.swap(NAME, before, &next).await;
        assert_eq!(swap, Swap::Swapped, "from version {before:?} to {version}");
        trial.assert_kept(NAME, Some(&next)).await;
        before = Some(version);
    }
}

pub(super) async fn the_longest_ring_is_kept_whole<F: Fixture>(trial: Trial<F>) {
    let edges = [
        1 << 8,
        1 << 12,
        8_000,
        1 << 14,
        1 << 16,
        SealedRing::LONGEST,
    ];
    let lengths = edges
        .into_iter()
        .flat_map(|edge| [edge - 1, edge, edge + 1]);
    let lengths = lengths.filter(|length| *length <= SealedRing::LONGEST);
    let mut before = None;
    // Longer ones, and then shorter ones over them.
    for (version, length) in (1..).zip(lengths.clone().chain(lengths.rev())) {
        let next = ring(version, noise(version, length));
        let swap = trial.swap(NAME, before, &next).await;
        assert_eq!(swap, Swap::Swapped, "{length} bytes");
        trial.assert_kept(NAME, Some(&next)).await;
        before = Some(version);
    }
    let zeros = ring(1, vec![0; SealedRing::LONGEST]);
    trial.begin("zeros", &zeros).await;
    trial.assert_kept("zeros", Some(&zeros)).await;
}

pub(super) async fn a_ring_is_kept_for_ever<F: Fixture>(trial: Trial<F>) {
    let first = ring(1, "first");
    trial.begin(NAME, &first).await;
    trial.advance(Duration::from_secs(400 * 86_400)).await;
    trial.assert_kept(NAME, Some(&first)).await;
    let second = ring(2, "second");
    assert_eq!(trial.swap(NAME, Some(1), &second).await, Swap::Swapped);
    trial.assert_kept(NAME, Some(&second)).await;
}
