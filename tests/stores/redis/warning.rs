//! What the store says of a server that is not set up well.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::util::SubscriberInitExt;

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_server_that_may_evict_sessions_is_warned_of() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let log = Log::default();
    let writer = log.clone();
    let _logged = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .set_default();
    let opened = async || {
        open(&server).await;
        String::from_utf8(std::mem::take(&mut *log.0.lock().unwrap())).unwrap()
    };
    assert_eq!(opened().await, "");
    let () = server.run("CONFIG SET maxmemory-policy allkeys-lru").await;
    let told = opened().await;
    assert!(
        told.contains("allkeys-lru") && told.contains("noeviction"),
        "{told}"
    );
}
