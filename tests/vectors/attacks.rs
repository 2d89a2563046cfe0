//! Every `access` case of `attacks.jsonl`, at the level of claims.

use std::collections::BTreeMap;

use serde_json::Value;
use tower_bearer::error::ErrorCode;

use crate::{configuration, material::World, recipe};

const CASES: &str = include_str!("attacks.jsonl");

/// What a case came to: accepted, or refused with a status.
type Outcome = Result<(), Option<u16>>;

#[test]
fn access_cases_end_as_they_must() {
    let world = World::new();
    let mut counts = BTreeMap::<String, usize>::new();
    let mut faults = Vec::new();
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["target"] != "access" {
            continue;
        }
        let confidence = case["confidence"].as_str().unwrap();
        *counts.entry(confidence.to_owned()).or_default() += 1;
        let outcome = run(&world, &case);
        let as_wanted = is_as_wanted(&case, outcome);
        if confidence == "choice" {
            println!("{}: {outcome:?}, as hinted: {as_wanted}", case["id"]);
        } else if !as_wanted {
            faults.push(format!(
                "{} ({confidence}): {outcome:?}, {}",
                case["id"], case["title"]
            ));
        }
    }
    println!("{counts:?}");
    assert!(faults.is_empty(), "{faults:#?}");
    let expected = [("choice", 23), ("must", 178), ("should", 11)];
    assert!(
        counts
            .iter()
            .map(|(name, n)| (name.as_str(), *n))
            .eq(expected),
        "{counts:?}"
    );
}

fn run(world: &World, case: &Value) -> Outcome {
    if let Some(config) = case["build"].get("config") {
        return configuration::run(world, config);
    }
    let token = recipe::build(world, &case["build"]);
    let mut verifier = world.verifier();
    if let Some(leeway) = case["needs"].get("leeway") {
        assert_eq!(leeway, 0);
        verifier = verifier.leeway(std::time::Duration::ZERO).unwrap();
    }
    let verified = verifier
        .verify(&token)
        .map_err(|error| Some(ErrorCode::from(error).status().as_u16()))?;
    // What a route does with the scope is the layer's; here the scope itself is asked.
    match case["needs"]
        .get("route_scope")
        .map(|scope| scope.as_str().unwrap())
    {
        Some(scope) if !verified.claims().scope.contains(scope) => Err(Some(403)),
        _ => Ok(()),
    }
}

fn is_as_wanted(case: &Value, outcome: Outcome) -> bool {
    match (case["expect"].as_str().unwrap(), outcome) {
        ("accept", Ok(())) => true,
        ("reject", Err(None)) => true,
        ("reject", Err(Some(status))) => case["status"]
            .as_array()
            .unwrap()
            .iter()
            .any(|allowed| *allowed == status),
        _ => false,
    }
}
