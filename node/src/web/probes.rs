//! `/healthz`, `/readyz` and `/metrics`, for whoever keeps the node running.

use axum::http::StatusCode;

use super::Site;
use super::answer::Problem;
use super::respond::{Cache, Reply};
use super::visit::Visit;

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process answers.
#[expect(clippy::unnecessary_wraps, reason = "every page function has this form")]
pub(crate) fn healthz(_: &Site, _: &Visit) -> Result<Reply, Problem> {
    Ok(Reply::new(TEXT, "ok\n").cache(Cache::No))
}

/// The node serves: it is neither starting nor stopping.
#[expect(clippy::unnecessary_wraps, reason = "every page function has this form")]
pub(crate) fn readyz(site: &Site, _: &Visit) -> Result<Reply, Problem> {
    let (status, text) = if site.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    };
    Ok(Reply::new(TEXT, text).status(status).cache(Cache::No))
}

/// All metrics in the OpenMetrics text format.
pub(crate) fn metrics(site: &Site, _: &Visit) -> Result<Reply, Problem> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &site.state.registry)
        .map_err(|error| Problem::Broken(format!("metrics: {error}")))?;
    Ok(Reply::new(METRICS, text).cache(Cache::No))
}
