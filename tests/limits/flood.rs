//! Somebody who sends made-up refresh tokens as fast as they can.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tests_shared::client::Client;
use tokio::task::JoinSet;

use super::{from, refresh};

const AT_ONCE: usize = 8;

/// How often each status was seen.
pub(crate) type Seen = BTreeMap<u16, usize>;

pub(crate) struct Flood {
    seen: Arc<Mutex<Seen>>,
    senders: JoinSet<()>,
}

impl Flood {
    pub(crate) fn from(address: &'static str, server: SocketAddr) -> Self {
        let seen = Arc::new(Mutex::new(Seen::new()));
        let mut senders = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (seen, client) = (Arc::clone(&seen), Client::new(server));
            senders.spawn(async move {
                loop {
                    let answer = client.send(from(address, refresh("made.up.token"))).await;
                    *seen
                        .lock()
                        .expect("whole")
                        .entry(answer.status)
                        .or_default() += 1;
                }
            });
        }
        Self { seen, senders }
    }

    pub(crate) fn seen(&self, status: u16) -> usize {
        let seen = self.seen.lock().expect("whole");
        seen.get(&status).copied().unwrap_or_default()
    }

    pub(crate) async fn stop(mut self) -> Seen {
        self.senders.shutdown().await;
        self.seen.lock().expect("whole").clone()
    }
}
