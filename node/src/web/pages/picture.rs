//! `/pictures/{name}`: the small copies of pictures that events name, so that readers call no other server.

use data_encoding::HEXLOWER;

use super::super::Site;
use super::super::answer::Problem;
use super::super::respond::{Cache, JPEG, Reply};
use super::super::visit::Visit;
use crate::store::catalogue::picture::{PictureKey, Thumbnail};

/// Hexadecimal digits of what the picture is named by its address, and by its content.
const KEY_DIGITS: usize = 32;
const CONTENT_DIGITS: usize = 12;

/// A picture in a page.
pub(crate) struct Picture {
    /// Path on this node.
    pub(crate) path: String,
    /// Pixels across.
    pub(crate) width: u16,
    /// Pixels down.
    pub(crate) height: u16,
}

impl Picture {
    /// The small copy of what lies at this address, if this node has one.
    pub(crate) fn at(site: &Site, address: &str) -> Option<Self> {
        if address.is_empty() {
            return None;
        }
        let key = PictureKey::of(address);
        // Without it the page is whole; why storage fails shows elsewhere.
        let thumbnail = site.state.directory.picture(key).ok().flatten()?;
        Some(Self {
            path: format!("/pictures/{}-{}.jpg", HEXLOWER.encode(&key.0), content(&thumbnail)),
            width: thumbnail.width,
            height: thumbnail.height,
        })
    }
}

fn content(thumbnail: &Thumbnail) -> String {
    let hash = blake3::hash(&thumbnail.jpeg).to_hex();
    hash[..CONTENT_DIGITS].to_owned()
}

/// `GET /pictures/{key}-{content}.jpg`
pub(crate) fn picture(site: &Site, visit: &Visit) -> Result<Reply, Problem> {
    let named = visit.name.strip_suffix(".jpg").and_then(|name| name.split_once('-'));
    let (key, asked) = named
        .filter(|(key, _)| key.len() == KEY_DIGITS)
        .ok_or(Problem::NotFound)?;
    let key = HEXLOWER.decode(key.as_bytes()).map_err(|_| Problem::NotFound)?;
    let key = PictureKey(key.try_into().map_err(|_| Problem::NotFound)?);
    let thumbnail = site.state.directory.picture(key)?.ok_or(Problem::NotFound)?;
    // Of another picture than the one that was asked for nobody is to think that it never changes.
    if content(&thumbnail) != asked {
        return Err(Problem::NotFound);
    }
    Ok(Reply::new(JPEG, thumbnail.jpeg).cache(Cache::Forever))
}
