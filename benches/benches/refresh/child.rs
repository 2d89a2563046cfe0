//! [`Child`]: another process of this benchmark, which works when it is told to.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{self, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// What the command line of a child starts with. Its part comes next, and then what that needs.
pub(crate) const FLAG: &str = "--child";

/// Ends when it is dropped, and also when this process dies: it lives as long as its input is open.
pub(crate) struct Child {
    process: process::Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a child and waits until it is ready.
    pub(crate) fn start(part: &[&str]) -> Self {
        let program = env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.arg(FLAG).args(part);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().expect("it is piped");
        let mut child = Self {
            process,
            stdin,
            stdout: BufReader::new(stdout),
        };
        child.done();
        child
    }

    /// Tells it to work for so long.
    pub(crate) fn begin(&mut self, time: Duration) {
        let mut stdin = self.stdin.as_ref().expect("it is open");
        writeln!(stdin, "{}", time.as_millis()).expect("it listens");
    }

    /// Waits until it has worked; how many things it has done.
    pub(crate) fn done(&mut self) -> u64 {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it answers");
        line.trim().parse().expect("a number")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.process.wait();
    }
}

/// What a child does: it works as often and as long as it is told. The first answer, before it is
/// told anything, says that it is ready.
pub(crate) fn serve(mut work: impl FnMut(Duration) -> u64) -> io::Result<()> {
    println!("0");
    for line in io::stdin().lock().lines() {
        let millis = line?.parse().map_err(io::Error::other)?;
        println!("{}", work(Duration::from_millis(millis)));
    }
    Ok(())
}
