//! The style sheets, scripts and the icon: built into the program, named by their content, kept by browsers for a year.

use std::sync::LazyLock;

use super::colour;
use super::respond::{Cache, Reply};

/// One file a page refers to.
pub(crate) struct Asset {
    /// Address, with a part of the content's hash in it.
    pub(crate) path: String,
    content_type: &'static str,
    body: String,
}

/// All files.
pub(crate) struct Assets {
    /// The look of all pages.
    pub(crate) site: Asset,
    /// The hubs' colours.
    pub(crate) hubs: Asset,
    /// The icon in the browser's tab.
    pub(crate) icon: Asset,
    /// The look of the administration.
    pub(crate) office: Asset,
    /// What helps with its forms.
    pub(crate) office_script: Asset,
    /// Offers the reader's own clock.
    pub(crate) clock: Asset,
    /// Applies filters as they are typed.
    pub(crate) filter: Asset,
}

/// The files of this version.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    site: Asset::new(
        "site",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../static/site.css").to_owned(),
    ),
    hubs: Asset::new("hubs", "css", "text/css; charset=utf-8", colour::style_sheet()),
    icon: Asset::new(
        "icon",
        "svg",
        "image/svg+xml",
        include_str!("../../static/icon.svg").to_owned(),
    ),
    office: Asset::new(
        "office",
        "css",
        "text/css; charset=utf-8",
        include_str!("../../static/office.css").to_owned(),
    ),
    office_script: Asset::new(
        "office",
        "js",
        "text/javascript; charset=utf-8",
        include_str!("../../static/office.js").to_owned(),
    ),
    clock: Asset::script("clock", include_str!("../../static/clock.js")),
    filter: Asset::script("filter", include_str!("../../static/filter.js")),
});

impl Asset {
    /// A module; pages do without it.
    fn script(stem: &str, body: &str) -> Self {
        Self::new(stem, "js", "text/javascript; charset=utf-8", body.to_owned())
    }

    fn new(stem: &str, extension: &str, content_type: &'static str, body: String) -> Self {
        let hash = blake3::hash(body.as_bytes()).to_hex();
        Self {
            path: format!("/static/{stem}.{}.{extension}", &hash[..12]),
            content_type,
            body,
        }
    }
}

/// The file at an address; `None` for names of other versions, too: a page never asks for those.
pub(crate) fn find(path: &str) -> Option<Reply> {
    let assets = &*ASSETS;
    let all = [
        &assets.site,
        &assets.hubs,
        &assets.icon,
        &assets.office,
        &assets.office_script,
        &assets.filter,
        &assets.clock,
    ];
    let asset = all.into_iter().find(|asset| asset.path == path)?;
    Some(Reply::new(asset.content_type, asset.body.clone()).cache(Cache::Forever))
}
