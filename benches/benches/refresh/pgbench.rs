//! [`Pgbench`]: PostgreSQL's own benchmark, which updates one row by its key, again and again.

use std::{io::Write, path::PathBuf, process::Command, time::Duration};

use tempfile::NamedTempFile;
use tests_shared::servers::postgres::Postgres;
use tower_bearer_benches::effort::Effort;

/// A table of as many rows as there are clients, and a script with which each updates its own.
pub(crate) struct Pgbench {
    program: PathBuf,
    script: NamedTempFile,
    address: String,
    clients: usize,
    seconds: u64,
}

/// As wide as a row of `pgbench_accounts`.
const TABLE: &str = "CREATE TABLE pgbench_rows
    (id integer PRIMARY KEY, version bigint NOT NULL, filler char(84) NOT NULL)";
const UPDATE: &str = "UPDATE pgbench_rows SET version = version + 1 WHERE id = :client_id;";

impl Pgbench {
    /// Where the program is installed beside the server.
    pub(crate) async fn new(server: &Postgres, clients: usize, effort: Effort) -> Option<Self> {
        let program = server.program("pgbench")?;
        server.run(TABLE).await;
        let fill = "INSERT INTO pgbench_rows SELECT client, 0, '' FROM generate_series(0, ";
        server.run(&format!("{fill}{clients} - 1) AS client")).await;
        let mut script = NamedTempFile::new().expect("a file");
        writeln!(script, "{UPDATE}").expect("writable");
        Some(Self {
            program,
            script,
            address: server.url(),
            clients,
            // Each of its connections is a new process of the server, which has to read the
            // system's tables first. In a run of one second that takes a seventh of it.
            seconds: effort.pick(5, 1),
        })
    }

    /// How long each client takes for so many updates, by what all do in some seconds. To start
    /// it and to connect is not counted.
    pub(crate) fn run(&self, times: u64) -> Duration {
        let updates = Duration::from_secs(times * self.clients as u64);
        // Where the machine is so busy that it is over before all have connected, there is no rate.
        let mut longer = [1, 4, 16].into_iter().map(|times| times * self.seconds);
        let rate = longer.find_map(|seconds| self.rate(seconds));
        updates.div_f64(rate.expect("it connects"))
    }

    fn rate(&self, seconds: u64) -> Option<f64> {
        let mut command = Command::new(&self.program);
        command.args(["-n", "-M", "prepared", "-j", "2", "-c"]);
        command.arg(self.clients.to_string());
        command.args(["-T", &seconds.to_string(), "-f"]);
        command.arg(self.script.path()).arg(&self.address);
        let output = command.output().expect("it runs");
        let failure = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{failure}");
        let told = String::from_utf8_lossy(&output.stdout);
        told.lines()
            .filter_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
            .next_back()
            .filter(|rate| *rate > 0.0)
    }
}
