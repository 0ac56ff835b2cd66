//! A running gateway on a folder of manifests.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use serde_json::Value;

use super::client::{Answer, Client};
use super::folder::Folder;
use super::process::{Process, headgate};
use super::{manifest, port};

/// The gateway, with one HTTP listener of its own unless its folder says otherwise.
pub(crate) struct Site {
    pub(crate) folder: Folder,
    pub(crate) process: Process,
    pub(crate) admin: SocketAddr,
    /// The port of the listener `http`.
    pub(crate) port: u16,
    args: Vec<String>,
}

/// How a gateway is started.
pub(crate) struct Setup {
    folder: Folder,
    port: u16,
    args: Vec<String>,
}

impl Setup {
    /// A folder with the Gateway `default/web` and its listener `http`.
    pub(crate) fn new() -> Self {
        let port = port::free();
        let this = Self { folder: Folder::new(), port, args: Vec::new() };
        this.file("gateway.yaml", &manifest::gateway(&[manifest::http_listener("http", port)]))
    }

    /// Adds or replaces a file.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.folder.write(name, text);
        self
    }

    /// Adds an argument of `headgate run`; the last of a kind counts.
    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// The port of the listener `http`, where a file or an argument changes it.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the process and waits until it is ready.
    pub(crate) async fn start(self) -> Site {
        let site = self.spawn().await;
        site.live_from(0).await;
        site
    }

    /// Starts the process and waits until its admin address answers.
    pub(crate) async fn spawn(self) -> Site {
        let process = Process::start(command(&self.folder, &self.args));
        let address = |line: &Value| {
            let fields = line.get("fields")?;
            let admin = fields.get("message")? == "admin";
            admin.then(|| fields["address"].as_str()?.parse().ok()).flatten()
        };
        let admin = process.stderr.wait_json("the admin address", 0, address).await;
        Site { folder: self.folder, process, admin, port: self.port, args: self.args }
    }
}

fn command(folder: &Folder, args: &[String]) -> Command {
    let mut command = headgate();
    command.arg("run").arg("--manifests").arg(folder.path());
    command.args(["--admin=127.0.0.1:0", "--access-log=json", "--log-format=json"]);
    command.args(["--workers=2", "--pre-drain=0s"]).args(args);
    command
}

impl Site {
    /// A gateway on these files.
    pub(crate) async fn serve(files: &[(&str, String)]) -> Self {
        let setup = Setup::new();
        files.iter().fold(setup, |setup, (name, text)| setup.file(name, text)).start().await
    }

    /// One more process on the same folder, with the same arguments and these.
    pub(crate) fn another(&self, args: &[&str]) -> Process {
        let args = args.iter().map(|arg| (*arg).to_owned());
        let args: Vec<_> = self.args.iter().cloned().chain(args).collect();
        Process::start(command(&self.folder, &args))
    }

    /// The same with these variables in its environment.
    pub(crate) fn another_in(&self, environment: &[(&str, &str)]) -> Process {
        let mut command = command(&self.folder, &self.args);
        command.envs(environment.iter().copied());
        Process::start(command)
    }

    /// Where the listener `http` is.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Changes the folder and waits until the next version is live.
    pub(crate) async fn change(&self, change: impl FnOnce(&Folder)) {
        let from = self.process.stderr.len();
        change(&self.folder);
        self.live_from(from).await;
    }

    /// Waits for a log line, from line `from` on, that a version is live.
    pub(crate) async fn live_from(&self, from: usize) {
        let live = |line: &Value| (line["fields"]["message"] == "live").then_some(());
        self.process.stderr.wait_json("a version that is live", from, live).await;
    }

    /// Waits for a log line with this text in it.
    pub(crate) async fn logged(&self, text: &str) -> Value {
        let found = |line: &Value| line.to_string().contains(text).then(|| line.clone());
        self.process.stderr.wait_json(text, 0, found).await
    }

    /// Waits for the access log's line of the request with this path.
    pub(crate) async fn access(&self, path: &str) -> Value {
        let found = |line: &Value| (line["path"] == path).then(|| line.clone());
        self.process.stdout.wait_json(path, 0, found).await
    }

    /// GET over a connection of its own, HTTP/1.1.
    pub(crate) async fn get(&self, host: &str, path: &str) -> Answer {
        let mut client = Client::http1(self.address()).await;
        client.get(host, path).await
    }

    /// GET of the admin address.
    pub(crate) async fn admin(&self, path: &str) -> Answer {
        let mut client = Client::http1(self.admin).await;
        client.get("admin", path).await
    }
}
