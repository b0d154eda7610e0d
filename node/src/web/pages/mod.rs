//! The pages. Each is a function from a request to HTML; the templates only place what is prepared here.

mod board;
mod choices;
mod clock;
mod error;
mod event;
mod hubs;
mod list;
mod map;
mod month;
mod narrow;
mod picture;

pub(crate) use board::{Board, Frame, Shown, language_tag, name_of};
pub(crate) use error::problem;
pub(crate) use event::{before, event, find};
pub(crate) use hubs::{hub, hubs};
pub(crate) use list::{events, home, tag};
pub(crate) use map::map;
pub(crate) use month::month;
pub(crate) use picture::{Picture, picture};

use super::Site;
use super::answer::Problem;
use super::assets;
use super::respond::Reply;
use super::visit::Visit;

/// `/static/...`
pub(crate) fn asset(_: &Site, visit: &Visit) -> Result<Reply, Problem> {
    assets::find(&visit.path).ok_or(Problem::NotFound)
}

/// `/embed.js`: events on any other page. Asked about before each use, so that a new version reaches every site.
#[expect(clippy::unnecessary_wraps, reason = "every page function has this form")]
pub(crate) fn embed(_: &Site, _: &Visit) -> Result<Reply, Problem> {
    Ok(Reply::new(
        "text/javascript; charset=utf-8",
        include_str!("../../../static/embed.js"),
    ))
}

/// `/favicon.ico`, which some readers ask for without looking at the page.
pub(crate) fn icon(_: &Site, _: &Visit) -> Result<Reply, Problem> {
    assets::find(&assets::ASSETS.icon.path)
        .map(|reply| reply.cache(super::respond::Cache::Revalidate))
        .ok_or(Problem::NotFound)
}

/// `/robots.txt`: events are there to be found; later pages of filtered lists, and every corner of the map, only cost time.
#[expect(clippy::unnecessary_wraps, reason = "every page function has this form")]
pub(crate) fn robots(site: &Site, _: &Visit) -> Result<Reply, Problem> {
    let mut text = "User-agent: *\nDisallow: /*cursor=\nDisallow: /*zoom=\nDisallow: /api/\n".to_owned();
    if !site.state.web_url.is_empty() {
        text.extend(["Sitemap: ", &site.address("/sitemap.xml"), "\n"]);
    }
    Ok(Reply::new("text/plain; charset=utf-8", text))
}

/// An HTML reply.
pub(crate) fn html(page: &impl askama::Template) -> Result<Reply, Problem> {
    Ok(Reply::new("text/html; charset=utf-8", page.render()?))
}
