//! Prints the public API of a crate, one item a line, from rustdoc's JSON of it; or the types and
//! traits of other crates in it, but for the standard library's.

use std::{collections::BTreeSet, env, error::Error};

use public_api::{Builder, PublicApi};

const STANDARD: [&str; 3] = ["alloc", "core", "std"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["items", json] => print!("{}", read(json)?),
        ["foreign", json] => {
            for path in foreign(&read(json)?.to_string()) {
                println!("{path}");
            }
        }
        _ => return Err("usage: tower-bearer-api items|foreign JSON".into()),
    }
    Ok(())
}

fn read(json: &str) -> Result<PublicApi, Box<dyn Error>> {
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .include_function_parameter_names(true)
        .build()?;
    Ok(api)
}

/// The full paths in a listing, whose first line names the crate, that lead out of it.
fn foreign(listing: &str) -> BTreeSet<&str> {
    let own = listing
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("pub mod "));
    listing
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter(|path| {
            let root = path.split("::").next().unwrap_or_default();
            let is_crate = path.contains("::") && root.starts_with(|c: char| c.is_lowercase());
            is_crate && Some(root) != own && !STANDARD.contains(&root)
        })
        .map(|path| path.trim_end_matches(':'))
        .collect()
}
