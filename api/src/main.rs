//! Prints the public API of a crate, one item a line, from rustdoc's JSON of it; or the types and
//! traits of other crates in it, but for the standard library's.

use std::{
    collections::{BTreeSet, HashSet},
    env,
    error::Error,
};

use public_api::Builder;

const STANDARD: [&str; 3] = ["alloc", "core", "std"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["items", json] => {
            for item in items(json)? {
                println!("{item}");
            }
        }
        ["foreign", json] => {
            for path in foreign(&items(json)?) {
                println!("{path}");
            }
        }
        _ => return Err("usage: tower-bearer-api items|foreign JSON".into()),
    }
    Ok(())
}

/// What is public, one item a line; the first names the crate. Functions of a trait's implementation
/// are left out, for the trait says what they are.
fn items(json: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .build()?;
    let mut of_traits = HashSet::new();
    let mut items = Vec::new();
    for item in api.items() {
        let text = item.to_string();
        if text.starts_with("impl") && text.contains(" for ") {
            of_traits.insert(item.id());
        }
        let of_trait = item
            .parent_id()
            .is_some_and(|parent| of_traits.contains(&parent));
        let is_function = text.contains("fn ") && text.starts_with("pub ");
        if !(of_trait && is_function || is_taken_for_granted(&text)) {
            items.push(text);
        }
    }
    Ok(items)
}

/// Implementations that say nothing of a type which `Send` and `Sync` do not say.
fn is_taken_for_granted(item: &str) -> bool {
    let traits = [
        "core::marker::Freeze",
        "core::marker::StructuralPartialEq",
        "core::marker::Unpin",
        "core::marker::UnsafeUnpin",
        "core::panic::unwind_safe::RefUnwindSafe",
        "core::panic::unwind_safe::UnwindSafe",
    ];
    let implemented = item.split(" for ").next().unwrap_or_default();
    item.starts_with("impl") && traits.iter().any(|name| implemented.ends_with(name))
}

/// The full paths in a listing that lead out of the crate.
fn foreign(items: &[String]) -> BTreeSet<&str> {
    let own = items.first().and_then(|line| line.strip_prefix("pub mod "));
    items
        .iter()
        .flat_map(|item| item.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')))
        .filter(|path| {
            let root = path.split("::").next().unwrap_or_default();
            let is_crate = path.contains("::") && root.starts_with(char::is_lowercase);
            is_crate && Some(root) != own && !STANDARD.contains(&root)
        })
        .map(|path| path.trim_end_matches(':'))
        .collect()
}
