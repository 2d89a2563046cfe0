//! The users of the tutorial's program, which is run as it is, move to a server of this crate while they are
//! at work: `examples/takeover` has both programs.
//!
//! It needs `node` and the packages in the folder that `TOWER_BEARER_TAKEOVER` names, or in `target/takeover`,
//! and nx-27017; `scripts/test` installs them. Without them the tests say that they are skipped; where
//! `CI` is set they fail.

mod device;
mod old;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use tests_shared::{
    client::{Answer, Client, get, post},
    program::Server,
};
use tokio::task::JoinSet;

use crate::server::Nx27017;
use device::{Device, Known, Tally};
use old::{Express, SECRET, packages};

const USERS: usize = 12;

/// For how long a repeated token is answered, in seconds.
const WINDOW: &str = "10";

/// The database with its users, both programs, and where the new one keeps its sessions.
struct World {
    mongodb: Nx27017,
    packages: PathBuf,
    folder: tempfile::TempDir,
    new: Server,
}

impl World {
    async fn start(reuse_window: &str) -> Option<Self> {
        let (packages, mongodb) = (packages()?, Nx27017::start().await?);
        let users = (0..USERS).map(|number| {
            doc! { "name": format!("user-{number}"), "password": "secret", "refreshTokens": [] }
        });
        let held = mongodb.database().await.collection::<Document>("users");
        held.insert_many(users).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let new = new_program(&mongodb, folder.path(), "127.0.0.1:0", reuse_window);
        Some(Self {
            mongodb,
            packages,
            folder,
            new,
        })
    }

    /// The old program, which hands on what it does not know, or does not.
    fn old(&self, forward_to: Option<SocketAddr>) -> Express {
        Express::start(&self.packages, &self.mongodb.url(), forward_to)
    }

    /// How many tokens the old program still has.
    async fn left(&self) -> usize {
        let users = self
            .mongodb
            .database()
            .await
            .collection::<Document>("users");
        let mut users = users.find(doc! {}).await.unwrap();
        let mut left = 0;
        while users.advance().await.unwrap() {
            let user = users.deserialize_current().unwrap();
            left += user.get_array("refreshTokens").unwrap().len();
        }
        left
    }
}

fn new_program(mongodb: &Nx27017, folder: &Path, addr: &str, reuse_window: &str) -> Server {
    let mongodb = mongodb.url();
    let secrets = ["a".repeat(32), "b".repeat(32)];
    let env = [
        ("ADDR", addr),
        ("MONGODB_URL", &mongodb),
        ("JWT_SECRET", SECRET),
        ("TAKEOVER_SECRET", &secrets[0]),
        ("REFRESH_TOKEN_SECRET", &secrets[1]),
        ("REUSE_WINDOW", reuse_window),
        ("TAKEOVER_UNTIL", "4000000000"),
        ("OLD_ACCESS_UNTIL", "4000000000"),
    ];
    Server::start("takeover", folder, &env)
}

/// Express names a character set too.
fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

async fn log_in(old: SocketAddr, user: usize) -> (String, String) {
    let body = json!({ "username": format!("user-{user}"), "password": "secret" });
    loop {
        let answer = Client::new(old)
            .send(post("/login").json(body.to_string()))
            .await;
        // Mongoose refuses to write a document that another login has just written.
        if answer.status == 200 {
            let tokens = json(&answer);
            let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
            return (text("accessToken"), text("refreshToken"));
        }
        assert_eq!(answer.status, 503);
    }
}

async fn refresh(at: SocketAddr, token: &str) -> (u16, Option<String>) {
    let body = json!({ "refreshToken": token }).to_string();
    let answer = Client::new(at)
        .send(post("/refresh-token").json(body))
        .await;
    let token = json(&answer)["refreshToken"].as_str().map(str::to_owned);
    (answer.status, token)
}

/// What the users are moved away from.
#[tokio::test]
async fn the_old_program_logs_out_whom_it_lost_an_answer_for() {
    let Some(world) = World::start(WINDOW).await else {
        return;
    };
    let old = world.old(None);
    let (_, token) = log_in(old.addr, 0).await;
    assert_eq!(refresh(old.addr, &token).await.0, 200);
    assert_eq!(refresh(old.addr, &token).await.0, 403);
}

#[tokio::test]
async fn a_stolen_token_of_the_old_program_is_seen() {
    let Some(world) = World::start("0").await else {
        return;
    };
    let old = world.old(Some(world.new.addr));
    let (access, stolen) = log_in(old.addr, 0).await;
    let me = get("/me").bearer(&access);
    let me = Client::new(world.new.addr).send(me).await.is(200);
    assert_eq!(me.json()["name"], "user-0", "the old access token is good");
    let mut held = stolen.clone();
    for _ in 0..3 {
        held = refresh(world.new.addr, &held).await.1.unwrap();
    }
    // It comes by way of the old program.
    assert_eq!(refresh(old.addr, &stolen).await.0, 400);
    assert_eq!(refresh(world.new.addr, &held).await.0, 400);
}

/// Two devices for each user, whose tokens the old program keeps in one document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_logged_out_by_the_move() {
    let Some(mut world) = World::start(WINDOW).await else {
        return;
    };
    let addr = world.new.addr;
    let old = world.old(Some(addr));
    let tally = Arc::new(Tally::default());
    let known = Arc::new(Known {
        old: old.addr,
        new: addr,
        percent: AtomicU32::new(0),
        stops: AtomicBool::new(false),
    });
    let mut devices = JoinSet::new();
    for number in 0..2 * USERS {
        let (_, token) = log_in(old.addr, number % USERS).await;
        let device = Device::new(number, token, known.clone(), tally.clone());
        devices.spawn(device.work());
    }
    for percent in [0, 10, 50, 90] {
        known.percent.store(percent, Ordering::SeqCst);
        tally.some_more(100).await;
        if percent == 50 {
            world.new.signal("KILL");
            world.new.wait();
            world.new = new_program(
                &world.mongodb,
                world.folder.path(),
                &addr.to_string(),
                WINDOW,
            );
        }
    }
    known.percent.store(100, Ordering::SeqCst);
    tokio::task::block_in_place(|| old.stop());
    tally.some_more(200).await;
    known.stops.store(true, Ordering::SeqCst);
    while let Some(done) = devices.join_next().await {
        done.unwrap();
    }
    println!("{tally:?}");
    assert_eq!(world.left().await, 0, "all were taken over");
    tally.nobody_is_out();
}
