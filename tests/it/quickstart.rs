//! deploy/quickstart as it is served, on free ports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures::{SinkExt, StreamExt};
use http::{Method, StatusCode};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::client::{Client, connect, full};
use crate::harness::echo::Echo;
use crate::harness::grpc::Call;
use crate::harness::process::said;
use crate::harness::site::{Setup, Site};
use crate::harness::{port, tls, within};

const NAMES: [&str; 3] = ["stable", "canary", "beta"];

/// The folder's files, with every port that they name replaced.
fn files(ports: &[(u16, u16)]) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/quickstart");
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let mut text = fs::read_to_string(&path).unwrap();
            for (theirs, ours) in ports {
                text = text.replace(&format!("port: {theirs}\n"), &format!("port: {ours}\n"));
            }
            files.push((path.file_name().unwrap().to_string_lossy().into_owned(), text));
        }
    }
    files
}

#[tokio::test]
async fn it_does_what_it_promises() {
    let mut echoes = Vec::new();
    for name in NAMES {
        echoes.push(Echo::start(name).await);
    }
    let (http, https) = (port::free(), port::free());
    let mut ports = vec![(8080, http), (8443, https)];
    ports.extend((3001..).zip(echoes.iter().map(|echo| echo.address.port())));
    let certificate = tls::Certificate::new(&["localhost"]);
    let secret = certificate.secret("quickstart-certificate");
    let secret = secret.replace("namespace: default", "namespace: quickstart");
    let setup = Setup::new().file("certificate.yaml", &secret);
    let setup = files(&ports).iter().fold(setup, |setup, (name, text)| setup.file(name, text));
    let site = setup.port(http).start().await;

    let admin = format!("--admin={}", site.admin);
    let (text, code) = said(&["status", &admin]);
    assert_eq!(code, 0, "{text}");
    let beta = Client::http1(site.address()).await;
    splits_by_weight_and_header(&site, beta).await;
    let secure = ([127, 0, 0, 1], https).into();
    let mut client = tls::client(secure, "localhost", &certificate, &["h2"]).await;
    assert_eq!(client.get("localhost", "/").await.status, StatusCode::OK);
    let mut client = Client::http2(site.address()).await;
    let path = "/headgate.echo.Echo/Unary";
    let call = Call::begin(&mut client, "grpc.localhost", path, &[], &["hi"]).await;
    assert_eq!(call.finish().await, (vec!["hi".to_owned()], "0".to_owned()));
    let stream = connect(site.address()).await;
    let url = format!("ws://localhost:{http}/ws");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    socket.send(Message::text("hi")).await.unwrap();
    assert_eq!(within("a message", socket.next()).await.unwrap().unwrap(), Message::text("hi"));
}

async fn splits_by_weight_and_header(site: &Site, mut client: Client) {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..200 {
        let answer = client.get("localhost", "/").await;
        *counts.entry(answer.name()).or_default() += 1;
    }
    // 20 expected; fewer than 3 or more than 50 would be once in a million runs.
    assert!((3..=50).contains(counts.get("canary").unwrap_or(&0)), "{counts:?}");
    assert_eq!(counts.len(), 2, "{counts:?}");
    let request = client.request(Method::GET, "localhost", "/").header("x-version", "beta");
    assert_eq!(client.call(request.body(full("")).unwrap()).await.name(), "beta");
    assert_eq!(site.get("localhost", "/ws/plain").await.name(), "stable");
}
