//! PgBouncer in transaction mode: each transaction of a client may get another server.

use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::sleep;

use super::{
    Home, Process, free_port,
    postgres::{Postgres, USERS},
    program,
};
use crate::skipped;

/// A running pooler in front of a server.
pub struct PgBouncer {
    port: u16,
    process: Process,
    #[expect(dead_code, reason = "the directory is there as long as it is")]
    home: Home,
}

impl PgBouncer {
    /// A pooler with that many connections to `server`, where PgBouncer is installed.
    pub async fn start(server: &Postgres, connections: u32) -> Option<Self> {
        let Some(pgbouncer) = program("pgbouncer", &[PathBuf::from("/usr/sbin")]) else {
            skipped("PgBouncer is not installed");
            return None;
        };
        for _ in 0..5 {
            let home = Home::new(&USERS);
            let port = free_port();
            let settings = settings(server.port(), port, connections);
            fs::write(home.path().join("pgbouncer.ini"), settings).expect("writable");
            let mut command = home.command(&pgbouncer);
            command.arg("-q").arg("pgbouncer.ini");
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let process = Process::start(&mut command);
            let mut pooler = Self {
                port,
                process,
                home,
            };
            if pooler.is_ready().await {
                return Some(pooler);
            }
        }
        panic!("PgBouncer does not start");
    }

    pub fn url(&self) -> String {
        let port = self.port;
        format!("postgres://bearer@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// Waits until the pooler serves, 10 s at most. It does not where it has ended.
    async fn is_ready(&mut self) -> bool {
        let options: PgConnectOptions = self.url().parse().expect("a URL");
        let options = options.extra_float_digits(None);
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.process.ended().is_none() && Instant::now() < deadline {
            if PgConnection::connect_with(&options).await.is_ok() {
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

fn settings(server: u16, port: u16, connections: u32) -> String {
    format!(
        "[databases]\n\
         postgres = host=127.0.0.1 port={server} user=bearer\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = transaction\n\
         max_client_conn = 500\n\
         default_pool_size = {connections}\n\
         server_login_retry = 1\n\
         logfile = log\n"
    )
}
