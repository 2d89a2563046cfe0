use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A process that does not outlive the test that started it, not even one that is killed.
pub struct Process {
    child: Child,
    guard: Option<Child>,
}

impl Process {
    /// Starts the command in a process group of its own.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let guard = Some(guard(child.id()));
        Self { child, guard }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, if the process is there.
    pub fn signal(&self, signal: &str) {
        send(signal, &[self.id()]);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("waitable");
        if status.is_some() {
            // Its number may be another's now.
            self.dismiss_guard();
        }
        status
    }

    /// Waits for it to end, a minute at most.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not stop");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// `kill -9` of the whole process group.
    pub fn kill(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
            let _ = self.child.wait();
        }
    }

    fn dismiss_guard(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            let _ = guard.kill();
            let _ = guard.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A shell that kills the group once its input ends: when it is told to, and when this process
/// dies in whatever way.
fn guard(group: u32) -> Child {
    Command::new("sh")
        .args([
            "-c",
            "read -r _; kill -s KILL -- \"-$0\"",
            &group.to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell")
}

/// Sends a signal to those of the processes that are there.
pub(super) fn send(signal: &str, processes: &[u32]) {
    let sent = Command::new("kill")
        .args(["-s", signal, "--"])
        .args(processes.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
    sent.expect("kill runs");
}
