//! The TLS side of an HTTPS listener: its certificates, and what clients must show.

use std::sync::Arc;

use snapshot::{
    Certificate, CertificateKey, ClientValidation, ClientValidationMode, ObjectKey, TrustAnchors,
};

use crate::api::gateway::{FrontendValidation, Listener};
use crate::objects::Kind;
use crate::translate::certificate::Unusable;
use crate::translate::output::Frame;
use crate::translate::reads::Reads;
use crate::translate::refusal::Refusal;
use crate::translate::{ca, certificate};

/// What became of the references of a listener.
pub(super) struct Tls {
    /// Those that resolve or did before, in order, each once.
    pub certificates: Vec<(CertificateKey, Arc<Certificate>)>,
    /// `None` where clients need not show anything.
    pub client_validation: Option<ClientValidation>,
    /// References that do not resolve.
    pub problems: Vec<Refusal>,
    /// Why the listener is not accepted: clients must show a certificate, and there is no authority
    /// to judge it by.
    pub no_authority: Option<Refusal>,
}

impl Tls {
    /// Each certificate is served once.
    fn serve(&mut self, found: (CertificateKey, Arc<Certificate>)) {
        if self.certificates.iter().all(|(key, _)| *key != found.0) {
            self.certificates.push(found);
        }
    }
}

/// Follows the references of an HTTPS listener that stands in an object of kind `holder.0` in
/// namespace `holder.1` and belongs to `gateway`.
pub(super) fn resolve(
    reads: &Reads<'_>,
    frame: &Frame,
    gateway: &ObjectKey,
    holder: (Kind, &Arc<str>),
    listener: &Listener,
) -> Tls {
    let mut tls = Tls {
        certificates: Vec::new(),
        client_validation: None,
        problems: Vec::new(),
        no_authority: None,
    };
    certificates(reads, holder, listener, &mut tls);
    if let Some(validation) = validation(frame, listener.port) {
        authorities(reads, gateway, &validation, &mut tls);
    }
    tls
}

fn certificates(reads: &Reads<'_>, holder: (Kind, &Arc<str>), listener: &Listener, tls: &mut Tls) {
    let references = listener.tls.as_ref().map_or(&[][..], |tls| &tls.certificate_refs);
    if references.is_empty() {
        let message = "tls.certificateRefs: HTTPS needs a Secret with a certificate; name one";
        tls.problems.push(Refusal::new("InvalidCertificateRef", message));
    }
    for (index, reference) in references.iter().enumerate() {
        match certificate::resolve(reads, holder, reference) {
            Ok(found) => tls.serve(found),
            Err(Unusable { refusal, last_good }) => {
                let mut message = format!("tls.certificateRefs[{index}]: {}", refusal.message);
                if let Some(good) = last_good {
                    message.push_str("; what it held before is served until then");
                    tls.serve(good);
                }
                tls.problems.push(Refusal { message, ..refusal });
            }
        }
    }
}

/// A field of the Gateway, and what it asks of clients.
struct Wanted<'a> {
    field: String,
    validation: &'a FrontendValidation,
}

/// What the Gateway asks of clients on a port: its entry for the port, else the default.
fn validation(frame: &Frame, port: u16) -> Option<Wanted<'_>> {
    let frontend = frame.frontend.as_ref()?;
    let own = frontend.per_port.iter().enumerate().find(|(_, entry)| entry.port == port);
    let (field, config) = match own {
        Some((index, entry)) => (format!("perPort[{index}].tls"), &entry.tls),
        None => ("default".to_owned(), &frontend.default),
    };
    let field = format!("the Gateway's spec.tls.frontend.{field}.validation.caCertificateRefs");
    config.validation.as_ref().map(|validation| Wanted { field, validation })
}

fn authorities(reads: &Reads<'_>, gateway: &ObjectKey, wanted: &Wanted<'_>, tls: &mut Tls) {
    let field = &wanted.field;
    let mut anchors = Vec::new();
    for (index, reference) in wanted.validation.ca_certificate_refs.iter().enumerate() {
        match ca::resolve(reads, (Kind::Gateway, &gateway.namespace), reference) {
            Ok(found) => anchors.extend(found.0.iter().cloned()),
            Err(refusal) => {
                let message = format!("{field}[{index}]: {}", refusal.message);
                tls.problems.push(Refusal { message, ..refusal });
            }
        }
    }
    if anchors.is_empty() {
        let message = format!("{field}: none of them names an authority that we can read");
        tls.no_authority = Some(Refusal::new("NoValidCACertificate", message));
        return;
    }
    let mode = match wanted.validation.mode.as_deref() {
        Some("AllowInsecureFallback") => ClientValidationMode::AllowInsecureFallback,
        _ => ClientValidationMode::AllowValidOnly,
    };
    let anchors = TrustAnchors(anchors.into());
    tls.client_validation = Some(ClientValidation { anchors, mode });
}
