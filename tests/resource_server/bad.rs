//! Issuers that do not answer as they should. None of them makes a request fail with a 401, keeps the
//! server from starting, or is in the way of another one.

use serde_json::json;
use tests_shared::client::get;
use tokio::{net::TcpSocket, task::JoinSet, time::Instant};

use crate::{
    Site,
    issuer::{Document, Issuer, Manner, now},
};

const MANNERS: [(Document, Manner); 19] = [
    (Document::Metadata, Manner::Html),
    (Document::Metadata, Manner::Status(404)),
    (Document::Metadata, Manner::Status(500)),
    (Document::Metadata, Manner::Redirect),
    (Document::Metadata, Manner::Huge),
    (Document::Metadata, Manner::Drip),
    (Document::Metadata, Manner::Silent),
    (Document::Metadata, Manner::Garbage),
    (Document::Metadata, Manner::Stranger),
    (Document::Keys, Manner::Html),
    (Document::Keys, Manner::Status(404)),
    (Document::Keys, Manner::Status(500)),
    (Document::Keys, Manner::Redirect),
    (Document::Keys, Manner::Huge),
    (Document::Keys, Manner::Drip),
    (Document::Keys, Manner::Silent),
    (Document::Keys, Manner::Gone),
    (Document::Keys, Manner::NoKeys),
    (Document::Keys, Manner::TenThousandKeys),
];

#[tokio::test]
async fn bad_issuers_are_in_nobodys_way() {
    let good = Issuer::start().await;
    let mut bad = Vec::new();
    for (document, manner) in MANNERS {
        bad.push(Issuer::bad(document, manner).await);
    }
    let mut urls: Vec<_> = bad.iter().map(|issuer| issuer.url.as_str()).collect();
    urls.push(&good.url);
    let site = Site::start(&urls.join(";"), &[]);
    site.me_at_last(&good.token()).await.is(200);
    site.client.send(get("/health")).await.is(200);

    // All of them at once, since some let their requests wait.
    let mut asked = JoinSet::new();
    for (issuer, manner) in bad.iter().zip(MANNERS) {
        let (client, token) = (site.client.clone(), issuer.token());
        asked.spawn(async move { (manner, client.send(get("/me").bearer(&token)).await) });
    }
    site.me(&good.token()).await.is(200);
    for (manner, answer) in asked.join_all().await {
        assert_eq!(answer.status, 503, "{manner:?}: {answer:?}");
        assert!(answer.header("retry-after").is_some(), "{manner:?}");
        assert!(answer.header("www-authenticate").is_none(), "{manner:?}");
    }

    // They recover, and the server finds out by itself.
    for issuer in &bad {
        issuer.turn(Document::Keys, Manner::Good);
    }
    for (issuer, manner) in bad.iter().zip(MANNERS) {
        let answer = site.me_at_last(&issuer.token()).await;
        assert_eq!(answer.status, 200, "{manner:?}: {answer:?}");
        assert!(issuer.fetches() <= 12, "{manner:?}: {}", issuer.fetches());
    }
    assert_eq!(good.fetches(), 1);
}

#[tokio::test]
async fn an_issuer_that_starts_later() {
    // The port is taken, and nobody listens there yet.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let site = Site::start(&url, &[]);
    let stranger = Issuer::start().await;
    // Tokens tell their time in seconds, and the keys may come within the one of now.
    let issued = json!({ "iss": url, "iat": now() - 1 });
    let early = stranger.forge(&json!({}), &issued);
    let answer = site.me(&early).await.is(503);
    assert!(answer.header("retry-after").is_some());

    let issuer = Issuer::listening(socket.listen(1024).unwrap());
    site.me_at_last(&issuer.token()).await.is(200);
    // By now it is known that this one is forged.
    site.me(&early).await.is(401);
    site.server.stop();
}

/// However many tokens name keys that nobody has, the issuer is asked once in a cool-down.
#[tokio::test]
async fn unknown_keys_cause_no_storm() {
    let issuer = Issuer::start().await;
    let began = Instant::now();
    let site = Site::start(&issuer.url, &[]);
    site.me_at_last(&issuer.token()).await.is(200);
    let mut clients = JoinSet::new();
    for client in 0..64 {
        let tokens: Vec<_> = (0..32)
            .map(|number| issuer.forge(&json!({ "kid": format!("{client} {number}") }), &json!({})))
            .collect();
        let site = site.client.clone();
        clients.spawn(async move {
            // Of the keys of some of them the issuer was asked after they came.
            for token in tokens {
                let answer = site.send(get("/me").bearer(&token)).await;
                assert!([401, 503].contains(&answer.status), "{answer:?}");
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
        site.me(&issuer.token()).await.is(200);
    }
    // The first fetch, and one in each cool-down of 30 s that has begun.
    let cooldowns = 1 + began.elapsed().as_secs() as usize / 30;
    assert!(issuer.fetches() <= 1 + cooldowns, "{}", issuer.fetches());
}

/// The server has just started, and the token is as young as that.
#[tokio::test]
async fn a_key_that_nobody_has_is_no_reason_to_try_again() {
    let issuer = Issuer::start().await;
    let site = Site::start(&issuer.url, &[]);
    site.me_at_last(&issuer.token()).await.is(200);
    let stranger = issuer.forge(&json!({ "kid": "nobody's" }), &json!({}));
    site.me(&stranger).await.is(401);
    site.server.stop();
}
