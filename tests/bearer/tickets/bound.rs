//! Tickets for tokens that are bound to a key, or have to be.

use serde_json::{Value, json};
use tests_shared::proofs::ProofKey;
use tower_bearer::{clock::Clock, dpop::DpopVerifier};

use super::*;

/// A layer that checks proofs.
fn strict(tokens: &Tokens, tickets: &Tickets) -> BearerLayer {
    let dpop = DpopVerifier::new("https://api.example").unwrap();
    layer(tokens, tickets).dpop(&dpop.clock(tokens.clock.clone()))
}

fn bound(tokens: &Tokens, cnf: &Value) -> String {
    tokens.forge(&json!({}), &json!({ "cnf": cnf }))
}

/// A request with the token and a proof of its key.
fn proved(tokens: &Tokens, key: &ProofKey, token: &str) -> Request<()> {
    let now = tokens.clock.now().as_secs();
    let proof = key.proof("GET", "https://api.example/");
    let proof = proof.at(now).token(token).sign();
    let request = Request::get("/").header(AUTHORIZATION, format!("DPoP {token}"));
    request.header("dpop", proof).body(()).unwrap()
}

/// A ticket for a token that this layer has let through, as a request to its path.
async fn by_ticket(layer: BearerLayer, tickets: &Tickets, request: Request<()>) -> Request<()> {
    let token = verified(layer, request).await;
    let ticket = tickets.issue(&token, "/events").unwrap();
    get(&format!("/events?access_ticket={}", ticket.expose()))
}

#[tokio::test]
async fn a_bound_token_opens_by_a_ticket_what_it_has_proved_itself_for() {
    let (tokens, key) = (Tokens::new(), ProofKey::es256());
    let tickets = tickets(&tokens);
    let strict = strict(&tokens, &tickets);
    let token = bound(&tokens, &json!({ "jkt": key.thumbprint() }));
    refused(strict.clone(), bearer(&token), 401).await;
    for opens in [strict.clone(), layer(&tokens, &tickets)] {
        let request = proved(&tokens, &key, &token);
        passed(opens, by_ticket(strict.clone(), &tickets, request).await).await;
    }
}

/// The layer where the ticket is asked for may be more lenient than the one where it is used.
#[tokio::test]
async fn a_bound_token_without_a_proof_opens_by_a_ticket_only_what_needs_none() {
    let (tokens, key) = (Tokens::new(), ProofKey::es256());
    let tickets = tickets(&tokens);
    let lenient = layer(&tokens, &tickets).danger_accept_bound_tokens_without_proof();
    let token = bound(&tokens, &json!({ "jkt": key.thumbprint() }));
    for (opens, status) in [
        (strict(&tokens, &tickets), 401),
        (layer(&tokens, &tickets), 401),
        (lenient.clone(), 200),
    ] {
        let request = by_ticket(lenient.clone(), &tickets, bearer(&token)).await;
        match status {
            200 => drop(passed(opens, request).await),
            status => drop(refused(opens, request, status).await),
        }
    }
}

#[tokio::test]
async fn the_proof_of_one_key_is_not_that_of_two() {
    let (tokens, key) = (Tokens::new(), ProofKey::es256());
    let tickets = tickets(&tokens);
    let strict = strict(&tokens, &tickets);
    let lenient = strict.clone().danger_accept_bound_tokens_without_proof();
    let two = json!({ "jkt": key.thumbprint(), "x5t#S256": "a" });
    let request = proved(&tokens, &key, &bound(&tokens, &two));
    refused(strict, by_ticket(lenient, &tickets, request).await, 401).await;
}

#[tokio::test]
async fn a_client_that_has_to_bind_its_tokens_cannot_get_around_it_by_a_ticket() {
    let tokens = Tokens::new();
    let tickets = tickets(&tokens);
    let dpop = DpopVerifier::new("https://api.example").unwrap();
    let requires = layer(&tokens, &tickets).dpop(&dpop.require());
    let request = by_ticket(layer(&tokens, &tickets), &tickets, bearer(&tokens.plain())).await;
    refused(requires, request, 401).await;
}
