//! Any text as a scope: what is taken for one is the same after it was written and read, and is the
//! set of its tokens.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_bearer::Scope;

fuzz_target!(|text: &str| {
    let Ok(scope) = text.parse::<Scope>() else {
        return;
    };
    let again: Scope = scope.to_string().parse().expect("its own text");
    assert_eq!(scope, again);
    assert!(scope.iter().all(|token| scope.contains(token)));
    assert!(
        text.split(' ')
            .all(|token| token.is_empty() || scope.contains(token))
    );
    assert!(scope.is_subset(&again) && again.is_subset(&scope));
    assert_eq!(scope.clone().union(&again), scope);
});
