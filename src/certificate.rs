//! `headgate certificate`: a self-signed certificate for trying things out.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

/// Make a self-signed certificate and the Secret that holds it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Namespace and name of the Secret.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    secret: String,
    /// File for the Secret's manifest.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// File for the certificate, for clients to trust.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// DNS names it is for.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (namespace, name) =
        args.secret.split_once('/').context("--secret: write NAMESPACE/NAME")?;
    let made = rcgen::generate_simple_self_signed(args.names).context("the names are no names")?;
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": made.cert.pem(), "tls.key": made.signing_key.serialize_pem()},
    });
    let text = serde_json::to_string_pretty(&manifest)?;
    let write = |path: &PathBuf, text: &str| {
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    write(&args.manifest, &text)?;
    write(&args.certificate, &made.cert.pem())?;
    Ok(ExitCode::SUCCESS)
}
