use crate::support::world;

/// Whichever byte of a remembered token is changed, and however: the result is another token.
#[test]
fn no_other_spelling_passes_for_a_remembered_token() {
    let world = world();
    let token = world.token("alice");
    let good = world.accept(&token);
    for at in 0..token.len() {
        for to in ["A", "b", "_", ".", " "] {
            if token[at..=at] == *to {
                continue;
            }
            let mut other = token.clone();
            other.replace_range(at..=at, to);
            assert!(world.verifier.verify(&other).is_err(), "{at} {to:?}");
        }
        assert!(world.verifier.verify(&token[..at]).is_err(), "{at}");
        assert!(world.verifier.verify(&token[at + 1..]).is_err(), "{at}");
    }
    for other in [
        format!("{token}="),
        format!(" {token}"),
        format!("A{token}"),
    ] {
        assert!(world.verifier.verify(&other).is_err(), "{other}");
    }
    assert_eq!(world.accept(&token).claims(), good.claims());
}

/// What is refused leaves nothing behind, in whatever order good and bad ones come.
#[test]
fn a_refused_token_is_refused_again() {
    let world = world();
    let token = world.token("alice");
    let (input, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(43));
    for _ in 0..3 {
        assert!(world.verifier.verify(&forged).is_err());
        assert!(world.verifier.verify(&token).is_ok());
    }
}
