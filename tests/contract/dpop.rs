//! Sessions that are bound to a key (RFC 9449), in each mode of the servers.

use std::path::Path;

use tests_shared::{
    client::{Answer, Call, Tokens, get, payload, post},
    proofs::ProofKey,
};

use super::site::{Site, login, refresh_call};

const MEMORY: (&str, &str) = ("STORE", "memory");

/// A client with a key, and where it believes the server to be.
struct Holder<'a> {
    site: &'a Site,
    origin: String,
    key: ProofKey,
}

impl<'a> Holder<'a> {
    fn new(site: &'a Site) -> Self {
        Self {
            site,
            origin: format!("http://{}", site.server.addr),
            key: ProofKey::es256(),
        }
    }

    fn at(self, origin: &str) -> Self {
        let origin = origin.to_owned();
        Self { origin, ..self }
    }

    fn proof(&self, method: &str, path: &str) -> String {
        let url = format!("{}{path}", self.origin);
        self.key.proof(method, &url).sign()
    }

    async fn log_in(&self) -> Answer {
        let proof = self.proof("POST", "/auth/login");
        let call = login("alice", "wonderland").header("dpop", &proof);
        self.site.send(call).await
    }

    async fn refresh(&self, tokens: &Tokens) -> Answer {
        let proof = self.proof("POST", "/auth/token");
        let call = refresh_call(&tokens.refresh).header("dpop", &proof);
        self.site.send(call).await
    }

    /// The request with the token and a proof for it.
    fn proved(&self, call: Call, method: &str, path: &str, tokens: &Tokens) -> Call {
        let url = format!("{}{path}", self.origin);
        let proof = self.key.proof(method, &url).token(&tokens.access).sign();
        call.header("authorization", &format!("DPoP {}", tokens.access))
            .header("dpop", &proof)
    }

    async fn me(&self, tokens: &Tokens) -> Answer {
        let call = self.proved(get("/me"), "GET", "/me", tokens);
        self.site.send(call).await
    }
}

#[track_caller]
fn bound(answer: Answer, key: &ProofKey) -> Tokens {
    let tokens = answer.tokens_of_type("DPoP");
    assert_eq!(payload(&tokens.access)["cnf"]["jkt"], key.thumbprint());
    tokens
}

pub(crate) async fn accepted(example: &str, folder: &Path) {
    let site = Site::start(example, folder, &[MEMORY]);
    let holder = Holder::new(&site);
    let tokens = bound(holder.log_in().await, &holder.key);
    let claims = holder.me(&tokens).await.is(200).json();
    assert_eq!(claims, payload(&tokens.access));

    // By itself the token is refused, and so is each token of the endpoint without the key.
    let refused = site.me(&tokens.access).await.is(401).error("invalid_token");
    assert_eq!(refused.challenges().len(), 2, "{refused:?}");
    let refused = site.refresh(&tokens.refresh).await.is(400).unchallenged();
    refused.error("invalid_dpop_proof");
    let thief = Holder::new(&site);
    thief.me(&tokens).await.is(401).error("invalid_token");
    thief.refresh(&tokens).await.is(400).error("invalid_grant");
    let renewed = bound(holder.refresh(&tokens).await, &holder.key);
    holder.me(&renewed).await.is(200);

    // A copy of the client, with the token from before, later than any window.
    let again = bound(holder.refresh(&tokens).await, &holder.key);
    holder.me(&again).await.is(200);

    let replay = holder.proof("POST", "/auth/token");
    let call = || refresh_call(&tokens.refresh).header("dpop", &replay);
    site.send(call()).await.is(200);
    site.send(call()).await.is(400).error("invalid_dpop_proof");

    // Without a proof all is as ever.
    let plain = site.alice().await;
    site.me(&plain.access).await.is(200);
    site.refresh(&plain.refresh).await.tokens();

    let logout = holder.proved(post("/auth/logout"), "POST", "/auth/logout", &again);
    site.send(logout).await.is(204);
    holder.refresh(&again).await.is(400).error("invalid_grant");
    let revoked = bound(holder.log_in().await, &holder.key);
    let form = format!("token={}", revoked.refresh);
    site.send(post("/auth/revoke").form(form)).await.is(200);
    holder
        .refresh(&revoked)
        .await
        .is(400)
        .error("invalid_grant");
    let algorithms = "dpop_signing_alg_values_supported";
    let metadata = site
        .send(get("/.well-known/oauth-authorization-server"))
        .await;
    assert_eq!(metadata.is(200).json()[algorithms][0], "ES256");
    site.server.stop();
}

pub(crate) async fn required(example: &str, folder: &Path) {
    let site = Site::start(example, folder, &[MEMORY, ("DPOP", "require")]);
    let refused = site.send(login("alice", "wonderland")).await.is(400);
    refused.unchallenged().error("invalid_dpop_proof");
    let nothing = site.send(get("/me")).await.is(401);
    assert_eq!(nothing.challenges().len(), 1, "{nothing:?}");
    assert!(
        nothing.challenge().starts_with("DPoP realm="),
        "{nothing:?}"
    );

    let holder = Holder::new(&site);
    let tokens = bound(holder.log_in().await, &holder.key);
    holder.me(&tokens).await.is(200);
    bound(holder.refresh(&tokens).await, &holder.key);
    site.server.stop();
}

pub(crate) async fn off(example: &str, folder: &Path) {
    let env = [("STORE", "sqlite:dpop.db"), ("DPOP", "off")];
    let site = Site::start(example, folder, &env);
    let holder = Holder::new(&site);
    // The header means nothing, and nothing is bound.
    let plain = holder.log_in().await.tokens();
    assert!(payload(&plain.access)["cnf"].is_null());
    site.me(&plain.access).await.is(200);
    let refused = holder.me(&plain).await.is(401).error("unauthorized");
    assert_eq!(refused.challenges().len(), 1, "{refused:?}");
    site.server.stop();

    // A session that was bound before is left alone, and of no use meanwhile. Its client is not told that
    // it is over, or it would throw it away with its key.
    let site = Site::start(example, folder, &[("STORE", "sqlite:dpop.db")]);
    let holder = Holder::new(&site);
    let tokens = bound(holder.log_in().await, &holder.key);
    let key = holder.key;
    site.server.stop();
    let without = Site::start(example, folder, &env);
    without
        .me(&tokens.access)
        .await
        .is(401)
        .error("invalid_token");
    without
        .refresh(&tokens.refresh)
        .await
        .is(400)
        .error("invalid_dpop_proof");
    without.server.stop();
    let site = Site::start(example, folder, &[("STORE", "sqlite:dpop.db")]);
    let holder = Holder {
        key,
        ..Holder::new(&site)
    };
    bound(holder.refresh(&tokens).await, &holder.key);
    site.server.stop();
}

pub(crate) async fn at_a_public_origin(example: &str, folder: &Path) {
    const ORIGIN: &str = "https://api.example/shop";
    let site = Site::start(example, folder, &[MEMORY, ("PUBLIC_ORIGIN", ORIGIN)]);
    // What the server is reached at from here plays no part any more.
    let refused = Holder::new(&site).log_in().await.is(400);
    refused.error("invalid_dpop_proof");
    let holder = Holder::new(&site).at(ORIGIN);
    let tokens = bound(holder.log_in().await, &holder.key);
    holder.me(&tokens).await.is(200);
    bound(holder.refresh(&tokens).await, &holder.key);
    site.server.stop();
}
