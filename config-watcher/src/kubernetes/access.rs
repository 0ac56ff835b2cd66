//! The client: from a kubeconfig file, or from the pod that we run in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::kube::config::{KubeConfigOptions, Kubeconfig};
use ::kube::{Client, Config};

/// A connection that brings no byte for this long is dead, whatever TCP says of it: without a
/// bound, a list that is never answered would leave us where we were for ever. Longer than a watch
/// may last.
const SILENCE: Duration = Duration::from_secs(30);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file is missing, or is no kubeconfig.
    #[error("kubeconfig {path}: {cause}; give the path of a readable kubeconfig to --kubeconfig")]
    Kubeconfig {
        /// As given.
        path: PathBuf,
        /// What the reader says.
        cause: String,
    },
    /// No kubeconfig was given, and this is no pod.
    #[error("not in a cluster ({0}); give --kubeconfig FILE or --manifests DIR")]
    NotInCluster(String),
    /// The address or the certificates in there can't be used.
    #[error("the Kubernetes client can't be made: {0}; check server and certificates")]
    Client(String),
}

/// A client, and the namespace that its configuration names (`default` where it names none).
///
/// # Errors
/// When the configuration can't be read or used. The API server is not asked.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<(Client, String), AccessError> {
    let mut config = match kubeconfig {
        Some(path) => {
            let failed = |cause: String| AccessError::Kubeconfig { path: path.to_owned(), cause };
            let file = Kubeconfig::read_from(path).map_err(|error| failed(error.to_string()))?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .map_err(|error| failed(error.to_string()))?
        }
        None => {
            Config::incluster().map_err(|error| AccessError::NotInCluster(error.to_string()))?
        }
    };
    let namespace = config.default_namespace.clone();
    // Its own retries take after minutes of 503 minutes to come back; every caller of ours tries
    // again at a pace that suits it.
    config.default_retry = false;
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    let client = Client::try_from(config).map_err(|e| AccessError::Client(e.to_string()))?;
    Ok((client, namespace))
}
