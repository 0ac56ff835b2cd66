//! What `/v1/...` shows.

use gateway::admin::{Admin, Answer, Query, Readiness};
use gateway::views::Views;
use tokio::sync::watch;

use crate::live::Live;
use crate::{explain, routes, status};

/// Registers every view.
pub(super) fn add(
    admin: Admin,
    live: &watch::Receiver<Live>,
    readiness: &Readiness,
    views: &Views,
) -> Admin {
    let (readiness, views, of_status) = (readiness.clone(), views.clone(), views.clone());
    admin
        .view("/v1/snapshot", of(live, |live, _| Answer::json(&*live.snapshot)))
        .view("/v1/routes", of(live, |live, _| Answer::json(&routes::view(&live.snapshot))))
        .view("/v1/endpoints", move |_| Answer::json(&views.backends()))
        .view("/v1/explain", of(live, |live, query| explain::answer(&live.snapshot, query)))
        .view(
            "/v1/status",
            of(live, move |live, _| {
                Answer::json(&status::View::of(live, &readiness, &of_status.addresses()))
            }),
        )
}

/// A view of what is live when it is asked for.
fn of(
    live: &watch::Receiver<Live>,
    render: impl Fn(&Live, &Query) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Query) -> Answer + Send + Sync + 'static {
    let live = live.clone();
    move |query| {
        // Copied first, so that rendering holds up no change.
        let now = live.borrow().clone();
        render(&now, query)
    }
}
