//! Whatever else a token says, it needs the right issuer, audience, time and mark.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::shape::{NOW, Shape, Token, all, read, sign};

const NAMES: [&str; 39] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "client_id",
    "azp",
    "cid",
    "appid",
    "appidacr",
    "azpacr",
    "scope",
    "scp",
    "permissions",
    "roles",
    "groups",
    "amr",
    "realm_access",
    "sid",
    "gen",
    "auth_time",
    "acr",
    "act",
    "cnf",
    "tid",
    "ver",
    "typ",
    "token_use",
    "session_id",
    "firebase",
    "id",
    "sts",
    "rat",
    "nonce",
    "at_hash",
    "uti",
    "x.y",
];

fn value() -> impl Strategy<Value = Value> {
    let text = "[ -~]{0,8}".prop_map(Value::from);
    let known = select(vec![
        "access",
        "Bearer",
        "2.0",
        "1.0",
        "https://api.example",
        "active",
        "c",
        "absent",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (NOW - 100..NOW + 100_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text,
        known.prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec((select(NAMES.to_vec()), inner), 0..3).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

/// What is wrong with a token, written over all else.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Issuer,
    Audience,
    Expired,
    Mark(usize),
    Type,
}

impl Wrong {
    /// `None` if this profile does not ask for it.
    fn of(self, shape: &Shape) -> Option<Value> {
        match self {
            Self::Issuer => Some(json!({ "iss": format!("{}x", shape.issuer) })),
            Self::Audience => {
                (!shape.takes_any_audience()).then(|| json!({ "aud": ["https://other.example"] }))
            }
            Self::Expired => Some(json!({ "exp": NOW - 10 })),
            Self::Mark(index) => shape.marks.get(index % shape.marks.len().max(1)).cloned(),
            Self::Type => Some(json!({})),
        }
    }
}

#[test]
fn no_odd_claim_makes_up_for_what_is_wrong() {
    let wrongs = prop_oneof![
        Just(Wrong::Issuer),
        Just(Wrong::Audience),
        Just(Wrong::Expired),
        (0..8_usize).prop_map(Wrong::Mark),
        Just(Wrong::Type),
    ];
    let odd = vec((select(NAMES.to_vec()), value()), 0..6);
    let shapes: Vec<_> = all()
        .into_iter()
        .map(|shape| (shape.verifier(), shape))
        .collect();
    let mut runner = TestRunner::new(Config {
        cases: 20_000,
        ..Config::default()
    });
    let cases = (0..shapes.len(), wrongs, odd);
    runner
        .run(&cases, |(index, wrong, odd)| {
            let (verifier, shape) = &shapes[index];
            let Some(last) = wrong.of(shape) else {
                return Ok(());
            };
            let odd: Value = odd
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            let Token(typ, claims) = shape.access.with(&odd).with(&last);
            let typ = match wrong {
                Wrong::Type => Some("logout+jwt"),
                _ => typ,
            };
            let verdict = verifier.verify(&sign(&Token(typ, claims.clone())));
            if let Ok(token) = verdict {
                panic!(
                    "{}: {wrong:?} {claims} was read as {}",
                    shape.name,
                    read(&token)
                );
            }
            Ok(())
        })
        .unwrap();
}

/// The same tokens without anything wrong do pass now and then, or the test above would show nothing.
#[test]
fn odd_claims_alone_are_often_accepted() {
    let odd = vec((select(NAMES.to_vec()), value()), 0..3);
    let shapes: Vec<_> = all()
        .into_iter()
        .map(|shape| (shape.verifier(), shape))
        .collect();
    let (mut accepted, mut seen) = (vec![0_u32; shapes.len()], 0);
    let accepted_of = std::cell::RefCell::new(&mut accepted);
    let seen_all = std::cell::RefCell::new(&mut seen);
    let mut runner = TestRunner::new(Config {
        cases: 5_000,
        ..Config::default()
    });
    runner
        .run(&(0..shapes.len(), odd), |(index, odd)| {
            let (verifier, shape) = &shapes[index];
            let odd: Value = odd
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            let verdict = verifier.verify(&sign(&shape.access.with(&odd)));
            **seen_all.borrow_mut() += 1;
            accepted_of.borrow_mut()[index] += u32::from(verdict.is_ok());
            Ok(())
        })
        .unwrap();
    assert!(
        accepted.iter().all(|count| *count > 20),
        "{accepted:?} of {seen}"
    );
}
