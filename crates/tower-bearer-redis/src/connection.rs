use std::{io, time::Duration};

use redis::{
    Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value,
    aio::ConnectionManager, cmd,
};

use tower_bearer::store::{OpenError, StoreError, StoreErrorKind};

use crate::{
    error::{failed, refused},
    options::Wait,
    scripts,
};

/// The answer to a single command of a batch.
pub(super) type Answer = RedisResult<Value>;

/// A connection that all calls share. When it is lost, a new one is made.
#[derive(Clone)]
pub(super) struct Connection {
    manager: ConnectionManager,
    timeout: Duration,
    /// The command to wait for replicas that every batch ends with, if there is one.
    wait: Option<Wait>,
}

impl Connection {
    /// A connection whose calls take at most `timeout`, in addition to the `wait` if there is one.
    pub(super) fn new(manager: ConnectionManager, timeout: Duration, wait: Option<Wait>) -> Self {
        let waiting = wait.map_or(Duration::ZERO, Wait::longest);
        Self {
            manager,
            timeout: timeout.saturating_add(waiting),
            wait,
        }
    }

    /// The same connection, for calls that need not wait for replicas.
    pub(super) fn without_wait(&self) -> Self {
        Self {
            wait: None,
            ..self.clone()
        }
    }

    /// Whether calls wait for replicas.
    pub(super) const fn waits(&self) -> bool {
        self.wait.is_some()
    }

    /// Loads all scripts into the server, and makes sure that the server supports the wait.
    pub(super) async fn prepare(&self) -> Result<(), OpenError> {
        let all = scripts::load().chain(self.wait.map(Wait::command));
        let all: Vec<_> = all.collect();
        let prepared = self.exchange(&all);
        let answers = tokio::time::timeout(self.timeout, prepared).await;
        let answers = answers.map_err(|elapsed| refused(io::Error::from(elapsed).into()))?;
        let failure = answers.map_err(refused)?.into_iter().find_map(Result::err);
        failure.map_or(Ok(()), |error| Err(refused(error)))
    }

    /// Sends commands that change nothing. If the connection turns out to be lost, they are sent
    /// again over a new one.
    pub(super) async fn read(&self, commands: &[Cmd]) -> Result<Vec<Answer>, StoreError> {
        self.in_time(async {
            match self.send(commands).await {
                Err(error) if error.is_unrecoverable_error() => self.send(commands).await,
                sent => sent,
            }
        })
        .await
    }

    /// Sends commands that write. They are never sent again, because a command that got no answer
    /// may have been executed.
    pub(super) async fn write(&self, commands: &[Cmd]) -> Result<Vec<Answer>, StoreError> {
        self.in_time(self.send(commands)).await
    }

    /// Like [`read`](Self::read), with one command.
    pub(super) async fn read_one(&self, command: Cmd) -> Result<Value, StoreError> {
        only(self.read(&[command]).await?)
    }

    /// Like [`write`](Self::write), with one command.
    pub(super) async fn write_one(&self, command: Cmd) -> Result<Value, StoreError> {
        only(self.write(&[command]).await?)
    }

    async fn in_time<T>(
        &self,
        sending: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.timeout, sending).await {
            Ok(sent) => sent.map_err(failed),
            Err(elapsed) => Err(StoreError::with_source(StoreErrorKind::Timeout, elapsed)),
        }
    }

    /// Sends commands. If the server does not have a script, loads all scripts and sends the
    /// commands again that were not executed.
    async fn send(&self, commands: &[Cmd]) -> RedisResult<Vec<Answer>> {
        let mut answers = self.send_once(commands).await?;
        let unknown = commands.iter().zip(&answers);
        let unknown: Vec<_> = unknown
            .filter(|(_, answer)| is(answer, ServerErrorKind::NoScript))
            .map(|(command, _)| command.clone())
            .collect();
        if !unknown.is_empty() {
            self.exchange(&scripts::load().collect::<Vec<_>>()).await?;
            let again = self.send_once(&unknown).await?;
            let missing = answers.iter_mut();
            let missing = missing.filter(|answer| is(answer, ServerErrorKind::NoScript));
            for (missing, answer) in missing.zip(again) {
                *missing = answer;
            }
        }
        if answers.iter().any(|it| is(it, ServerErrorKind::ReadOnly)) {
            self.leave().await;
        }
        Ok(answers)
    }

    /// Sends commands, and the wait if there is one. If the wait fails, all commands fail.
    async fn send_once(&self, commands: &[Cmd]) -> RedisResult<Vec<Answer>> {
        let Some(wait) = self.wait else {
            return self.exchange(commands).await;
        };
        let all = [commands, &[wait.command()]].concat();
        let mut answers = self.exchange(&all).await?;
        let waited = answers.pop().unwrap_or(Ok(Value::Nil));
        if let Err(error) = waited.and_then(|reached| wait.check(&reached)) {
            let done = answers.iter_mut().filter(|answer| answer.is_ok());
            done.for_each(|answer| *answer = Err(error.clone()));
        }
        Ok(answers)
    }

    /// Sends all commands as one batch over one connection, so that a wait covers the writes before
    /// it.
    async fn exchange(&self, commands: &[Cmd]) -> RedisResult<Vec<Answer>> {
        let mut manager = self.manager.clone();
        // A pipeline costs more than a single command.
        if let [command] = commands {
            return match manager.send_packed_command(command).await {
                Ok(answer) => Ok(vec![answer.extract_error()]),
                Err(error) if is_answer(&error) => Ok(vec![Err(error)]),
                Err(error) => Err(error),
            };
        }
        let mut batch = Pipeline::with_capacity(commands.len());
        for command in commands {
            batch.add_command(command.clone());
        }
        let count = commands.len();
        let answers = manager.send_packed_commands(&batch, 0, count).await?;
        Ok(answers.into_iter().map(Value::extract_error).collect())
    }

    /// Closes the connection if its server is a replica, so that a new one is made. A server that
    /// becomes a replica keeps its connections, while its address may lead to the new primary.
    async fn leave(&self) {
        let mut manager = self.manager.clone();
        let role = manager.send_packed_command(&cmd("ROLE")).await;
        // Several calls may fail together. The first one may have closed the connection already.
        if role.is_ok_and(|role| !is_primary(&role)) {
            // `QUIT` closes the connection. `PING` notices that, so that no other call fails.
            for last in ["QUIT", "PING"] {
                let _ = manager.send_packed_command(&cmd(last)).await;
            }
        }
    }
}

fn is_primary(role: &Value) -> bool {
    match role {
        Value::Array(role) => role.first() == Some(&Value::BulkString(b"master".to_vec())),
        _ => false,
    }
}

/// Whether the error is an answer of the server.
fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

fn is(answer: &Answer, kind: ServerErrorKind) -> bool {
    let error = answer.as_ref().err();
    error.is_some_and(|error| error.kind() == ErrorKind::Server(kind))
}

fn only(answers: Vec<Answer>) -> Result<Value, StoreError> {
    let answer = answers.into_iter().next();
    answer.unwrap_or(Ok(Value::Nil)).map_err(failed)
}
