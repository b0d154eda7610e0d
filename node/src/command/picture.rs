//! What is known of the pictures that events name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use interhub_domain::ids::HubId;
use interhub_domain::query::EventQuery;
use reqwest::Url;

use super::{CommandError, Commands};
use crate::outside::call::{CallError, Caller, Fetched, Times, Validators, Wanted};
use crate::picture::thumbnail::{MAX_BYTES, thumbnail};
use crate::store::catalogue::picture::{PictureKey, PictureRow};

/// Most pictures that are kept: those of the events that come first.
const MAX_PICTURES: usize = 5_000;
/// Events to come that are looked through for them, and what that may cost in index entries and rows.
const LOOKED_THROUGH: (usize, usize) = (50_000, 2_000_000);
/// A picture that is shown is asked for again after this time: what lies at an address can change.
const AGAIN_AFTER: Duration = Duration::from_hours(7 * 24);
/// Pauses after so many failures in a row, and after all further ones the last.
const PAUSES: [Duration; 5] = [
    Duration::from_mins(10),
    Duration::from_hours(2),
    Duration::from_hours(12),
    Duration::from_hours(48),
    Duration::from_hours(7 * 24),
];
/// Longest error kept, in characters.
const MAX_ERROR: usize = 300;
/// Longest times of a download.
const TIMES: Times = Times {
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(15),
    whole: Duration::from_mins(1),
};

/// Downloads pictures: those that other hubs name from the internet only, the own hub's also from its own network if its
/// operator allows that.
#[derive(Clone)]
pub struct Painters {
    own: Caller,
    others: Caller,
}

impl Painters {
    /// Sets both up.
    pub fn new(private_networks: bool) -> Result<Self, CallError> {
        Ok(Self {
            own: Caller::new(private_networks, TIMES)?,
            others: Caller::new(false, TIMES)?,
        })
    }
}

/// A picture to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePicture {
    address: String,
    /// An event of this hub names it.
    own: bool,
    row: Option<PictureRow>,
}

impl Commands {
    /// The pictures that have to be downloaded now, those of the nearest events first. Forgets those that no event to come
    /// names any more.
    pub async fn pictures_due(&self) -> Result<Vec<DuePicture>, CommandError> {
        if !self.shows_pictures {
            return Ok(Vec::new());
        }
        self.blocking("pictures", |this| {
            let now_ms = this.clock.now_ms();
            let wanted = this.wanted_pictures(now_ms)?;
            let mut known: BTreeMap<PictureKey, PictureRow> =
                this.ledger.local_rows::<PictureKey>(&[])?.into_iter().collect();
            let keys: BTreeSet<PictureKey> = wanted.iter().map(|(address, _)| PictureKey::of(address)).collect();
            let gone: Vec<PictureKey> = known.keys().filter(|key| !keys.contains(key)).copied().collect();
            if !gone.is_empty() {
                this.ledger.drop_pictures(&gone)?;
            }
            let due = wanted.into_iter().filter_map(|(address, own)| {
                let row = known.remove(&PictureKey::of(&address));
                row.as_ref()
                    .is_none_or(|row| is_due(row, now_ms))
                    .then_some(DuePicture { address, own, row })
            });
            Ok(due.collect())
        })
        .await
    }

    /// Addresses that events to come name, the nearest first, and whether one of them is this hub's own.
    fn wanted_pictures(&self, now_ms: i64) -> Result<Vec<(String, bool)>, CommandError> {
        let own: HubId = self.ledger.own_id();
        let query = EventQuery {
            network: true,
            ..EventQuery::default()
        };
        let (mut order, mut is_own): (Vec<String>, BTreeMap<String, bool>) = Default::default();
        self.views.each_event(&query, now_ms, LOOKED_THROUGH, &mut |listed| {
            let row = &listed.row;
            let address = &row.event.image_url;
            if address.is_empty() {
                return;
            }
            match is_own.get_mut(address) {
                Some(known) => *known |= row.hub == own,
                None if order.len() < MAX_PICTURES => {
                    order.push(address.clone());
                    is_own.insert(address.clone(), row.hub == own);
                }
                None => {}
            }
        })?;
        let flagged = order.into_iter().map(|address| {
            let own = is_own.get(&address).copied().unwrap_or_default();
            (address, own)
        });
        Ok(flagged.collect())
    }

    /// Downloads a picture, makes it small and keeps that. The answer says why there is none.
    pub async fn look_at_picture(&self, picture: DuePicture) -> Result<Option<String>, CommandError> {
        let DuePicture { address, own, row } = picture;
        let known = row.as_ref().map_or_else(Validators::default, |row| Validators {
            etag: row.etag.clone(),
            last_modified: row.last_modified.clone(),
        });
        let fetched = self.download_picture(&address, own, &known).await;
        self.blocking("picture", move |this| {
            let now_ms = this.clock.now_ms();
            let mut row = row.unwrap_or_else(|| PictureRow {
                thumbnail: None,
                tried_ms: now_ms,
                next_ms: now_ms,
                etag: String::new(),
                last_modified: String::new(),
                failures: 0,
                error: String::new(),
            });
            let before = row.thumbnail.clone();
            let (mut error, mut gone) = (None, false);
            match fetched {
                Ok(Fetched::Unchanged) => {}
                Ok(Fetched::New { bytes, validators }) => match thumbnail(&bytes) {
                    Ok(small) => {
                        row.thumbnail = Some(small);
                        Validators {
                            etag: row.etag,
                            last_modified: row.last_modified,
                        } = validators;
                    }
                    Err(wrong) => (error, gone) = (Some(wrong.to_string()), true),
                },
                Err(wrong) => {
                    gone = matches!(wrong, CallError::Status { status: 404 | 410, .. } | CallError::Private);
                    error = Some(in_words(&wrong));
                }
            }
            if gone {
                // What is there no more is shown no more; what cannot be reached today may be there tomorrow.
                row.thumbnail = None;
                (row.etag, row.last_modified) = (String::new(), String::new());
            }
            row.tried_ms = now_ms;
            row.failures = if error.is_some() {
                row.failures.saturating_add(1)
            } else {
                0
            };
            row.next_ms = now_ms.saturating_add(pause_ms(row.failures));
            row.error = error.clone().unwrap_or_default().chars().take(MAX_ERROR).collect();
            let key = PictureKey::of(&address);
            if row.thumbnail == before {
                this.ledger.put_local_row(&key, &row)?;
            } else {
                this.ledger.put_picture(key, &row)?;
            }
            Ok(error)
        })
        .await
    }

    async fn download_picture(&self, address: &str, own: bool, known: &Validators) -> Result<Fetched, CallError> {
        let url: Url = address
            .parse()
            .map_err(|_| CallError::Setup("this is not an address".to_owned()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(CallError::Setup("the address is not of the web".to_owned()));
        }
        let wanted = Wanted {
            accept: "image/webp, image/jpeg, image/png, image/gif;q=0.8, image/*;q=0.5",
            max_bytes: MAX_BYTES,
            known,
        };
        let painter = if own { &self.painters.own } else { &self.painters.others };
        painter.get(url, wanted).await
    }

    /// What is known of the picture at an address; `None`: it was not looked for yet.
    pub fn known_picture(&self, address: &str) -> Result<Option<PictureRow>, CommandError> {
        Ok(self.ledger.local_row(&PictureKey::of(address))?)
    }
}

/// Whether it is time. A pause that is longer than any there is comes of a clock that was set back.
fn is_due(row: &PictureRow, now_ms: i64) -> bool {
    let longest_ms = i64::try_from(AGAIN_AFTER.as_millis()).unwrap_or(i64::MAX);
    row.next_ms <= now_ms || row.next_ms.saturating_sub(now_ms) > longest_ms
}

fn pause_ms(failures: u32) -> i64 {
    let pause = match usize::try_from(failures).unwrap_or(usize::MAX) {
        0 => AGAIN_AFTER,
        failures => PAUSES[failures.min(PAUSES.len()) - 1],
    };
    i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)
}

fn in_words(error: &CallError) -> String {
    match error {
        CallError::TooLarge => format!(
            "the picture is larger than {} MiB; use a smaller one",
            MAX_BYTES / 1024 / 1024
        ),
        CallError::Status {
            host,
            status: 404 | 410,
            ..
        } => {
            format!("{host} has no picture there; look up its present address")
        }
        CallError::Private => {
            "the address leads to a private network, from which pictures are not taken; use one that everybody can open"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
