//! `examples/store_service.rs` on a real database.

use tests_shared::{program, servers::postgres::Postgres};

#[tokio::test]
async fn an_overloaded_store_costs_no_session() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let url = postgres.url();
    let output = program::run("store_service", folder.path(), &[("STORE", &url)]);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complained}");
    print!("PostgreSQL, overloaded: {said}");
    assert!(said.ends_with("Retry-After, 0 sessions lost\n"), "{said}");
    assert!(!said.contains(" 0 answers of 503"), "nobody was refused");
}
