//! The binary under test.

use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;

use super::lines::Lines;
use super::within;

/// The command, free of whatever the environment says.
pub(crate) fn headgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headgate"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HEADGATE_")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command that ends by itself.
pub(crate) fn output(args: &[&str]) -> Output {
    headgate().args(args).output().unwrap()
}

/// stdout of a command, with its exit code.
pub(crate) fn said(args: &[&str]) -> (String, i32) {
    let output = output(args);
    let code = output.status.code().expect("no signal was sent");
    (String::from_utf8(output.stdout).unwrap(), code)
}

/// A command that runs until it is told to stop; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().expect("it is piped"));
        let stderr = Lines::of(child.stderr.take().expect("it is piped"));
        Self { child, stdout, stderr }
    }

    /// Sends a signal by name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for a line of its log with this text in it.
    pub(crate) async fn logged(&self, text: &str) {
        self.stderr.wait(text, 0, |line| line.contains(text).then_some(())).await;
    }

    /// Waits for the end; fails when it does not come.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        within("the end of the process", self.stdout.ended()).await;
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the process said:\n{}\n---", self.stderr.text());
        }
    }
}
