//! The dates of a series: one of them cancelled, taken back, moved, told in other words, or added.

use interhub_domain::calendar::expand::{self, Window};
use interhub_domain::calendar::zone;
use interhub_domain::event::{
    Event, LocalTime, Location, MAX_DESCRIPTION, MAX_PLACE, MAX_TITLE, Occurrence, Override, Schedule, Status,
};

use super::CommandError;
use super::event::set_text;
use super::schedule::{Ending, end_of, parse_time};

/// Most dates that a person adds to a series; a calendar may bring more.
const MAX_EXTRA: usize = 200;
/// A day, in milliseconds: how far an occurrence is looked for around the time it is named by.
const DAY_MS: i64 = 86_400_000;

/// Cancels one date.
pub(super) fn cancel(event: &mut Event, text: &str) -> Result<(), CommandError> {
    if !event.schedule.is_series() {
        return Err(CommandError::usage(
            "this event takes place once; cancel it without --occurrence",
        ));
    }
    let recurrence_id = find(&event.schedule, text)?;
    change(&mut event.schedule, recurrence_id).status = Some(Status::Cancelled);
    Ok(())
}

/// Takes the cancellation of one date back.
pub(super) fn reinstate(event: &mut Event, text: &str) -> Result<(), CommandError> {
    let recurrence_id = find(&event.schedule, text)?;
    let of_it = |one: &Override| one.recurrence_id == recurrence_id && !one.this_and_future;
    let overrides = &mut event.schedule.overrides;
    if let Some(known) = overrides.iter_mut().find(|one| of_it(one))
        && known.status == Some(Status::Cancelled)
    {
        known.status = None;
    }
    forget_if_nothing_differs(&mut event.schedule, recurrence_id);
    Ok(())
}

/// A date of which nothing differs any more leaves no trace.
fn forget_if_nothing_differs(schedule: &mut Schedule, recurrence_id: LocalTime) {
    schedule.overrides.retain(|one| *one != as_the_series(recurrence_id));
}

/// What one date says in place of what its series says; `None` leaves a field as it is, and what the series says too is
/// not kept twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DateTexts {
    /// One line.
    pub title: Option<String>,
    /// Where; one line.
    pub place: Option<String>,
    /// The whole text.
    pub description: Option<String>,
}

/// Tells one date in other words.
pub(super) fn tell(event: &mut Event, text: &str, texts: &DateTexts) -> Result<(), CommandError> {
    let recurrence_id = find(&event.schedule, text)?;
    let series_place = event
        .location
        .as_ref()
        .map_or("", |place| place.name.as_str())
        .to_owned();
    let (series_title, series_text) = (event.title.clone(), event.description.clone());
    let one = change(&mut event.schedule, recurrence_id);
    let mut title = one.title.clone().unwrap_or_else(|| series_title.clone());
    set_text("title", &mut title, texts.title.as_deref(), MAX_TITLE)?;
    if title.contains(['\n', '\r']) {
        return Err(CommandError::usage("the title is one line"));
    }
    let mut description = one.description.clone().unwrap_or_else(|| series_text.clone());
    set_text(
        "description",
        &mut description,
        texts.description.as_deref(),
        MAX_DESCRIPTION,
    )?;
    let known = one.location.as_ref().map(|place| place.name.clone());
    let mut place = known.unwrap_or_else(|| series_place.clone());
    let before = place.clone();
    set_text("location", &mut place, texts.place.as_deref(), MAX_PLACE)?;
    one.title = Some(title).filter(|title| !title.is_empty() && *title != series_title);
    one.description = Some(description).filter(|text| *text != series_text);
    if place == series_place {
        one.location = None;
    } else if place != before || one.location.is_some() {
        // Another place is somewhere else: where it was before says nothing of it.
        let known = one.location.take().filter(|known| known.name == place);
        one.location = Some(known.unwrap_or(Location { name: place, at: None }));
    }
    forget_if_nothing_differs(&mut event.schedule, recurrence_id);
    Ok(())
}

/// Adds a date that the rule does not give; it lasts as long as the others.
pub(super) fn add(event: &mut Event, start: &str) -> Result<(), CommandError> {
    let start = parse_time("the start", start)?;
    let schedule = &mut event.schedule;
    if start.is_date() != schedule.all_day() {
        return Err(CommandError::usage(
            "one date of a series is a time where the others are times, and whole days where they are",
        ));
    }
    let is_there = find(schedule, &start.to_string()).is_ok() || schedule.start == start;
    schedule.excluded.retain(|excluded| *excluded != start);
    if is_there || schedule.extra.contains(&start) {
        return Ok(());
    }
    if schedule.extra.len() >= MAX_EXTRA {
        return Err(CommandError::refused(format!(
            "a series has at most {MAX_EXTRA} dates beside its rule; make another event"
        )));
    }
    schedule.extra.push(start);
    schedule.extra.sort_unstable();
    Ok(())
}

/// Moves one date.
pub(super) fn shift(event: &mut Event, text: &str, start: &str, ending: &Ending) -> Result<(), CommandError> {
    let recurrence_id = find(&event.schedule, text)?;
    let start = parse_time("the start", start)?;
    if start.is_date() != event.schedule.all_day() {
        return Err(CommandError::usage(
            "one date of a series is a time where the others are times, and whole days where they are",
        ));
    }
    let end = end_of(start, ending)?;
    change(&mut event.schedule, recurrence_id).time = Some((start, end));
    Ok(())
}

/// The start the rule gives to the date that begins at a time, or that the rule names so; a day will do.
fn find(schedule: &Schedule, text: &str) -> Result<LocalTime, CommandError> {
    let asked = match parse_time("the occurrence", text)? {
        LocalTime::Date(date) if !schedule.all_day() => {
            LocalTime::DateTime(date.to_datetime(schedule.start.date_time().time()))
        }
        other => other,
    };
    // One that was moved far away is named by where the rule has it.
    if schedule.overrides.iter().any(|one| one.recurrence_id == asked) {
        return Ok(asked);
    }
    let zone = zone::resolve(&schedule.zone);
    let at_ms = zone::instant_ms(asked, &zone);
    let around = Window {
        from_ms: at_ms.saturating_sub(1),
        to_ms: at_ms.saturating_add(DAY_MS),
    };
    let found = expand::occurrences(schedule, Status::Confirmed, around, 50);
    let is_it = |one: &Occurrence| one.recurrence_id == Some(asked) || one.start == asked;
    let occurrence = found.occurrences.into_iter().find(is_it);
    let occurrence = occurrence
        .ok_or_else(|| CommandError::not_found(format!("the series has no occurrence that starts {asked}")))?;
    Ok(occurrence.recurrence_id.unwrap_or(asked))
}

/// What differs in one date, to be changed.
fn change(schedule: &mut Schedule, recurrence_id: LocalTime) -> &mut Override {
    let overrides = &mut schedule.overrides;
    let known = overrides
        .iter()
        .position(|one| one.recurrence_id == recurrence_id && !one.this_and_future);
    let index = known.unwrap_or_else(|| {
        let index = overrides.partition_point(|one| one.recurrence_id <= recurrence_id);
        overrides.insert(index, as_the_series(recurrence_id));
        index
    });
    &mut overrides[index]
}

/// A date in which nothing differs.
const fn as_the_series(recurrence_id: LocalTime) -> Override {
    Override {
        recurrence_id,
        this_and_future: false,
        status: None,
        time: None,
        title: None,
        description: None,
        location: None,
        url: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::event::tests::weekly;
    use super::*;

    #[test]
    fn one_date_of_a_series_can_be_cancelled_by_time_or_by_day() {
        for text in ["2027-03-18T18:30", "2027-03-18"] {
            let mut event = weekly();
            cancel(&mut event, text).unwrap();
            assert_eq!(event.schedule.overrides.len(), 1);
            assert_eq!(event.schedule.overrides[0].status, Some(Status::Cancelled));
            cancel(&mut event, text).unwrap();
            assert_eq!(event.schedule.overrides.len(), 1);
        }
        assert!(cancel(&mut weekly(), "2027-03-19").is_err());
        assert!(cancel(&mut weekly(), "soon").is_err());
    }

    #[test]
    fn a_cancelled_date_comes_back_and_leaves_no_trace() {
        let mut event = weekly();
        let before = event.clone();
        cancel(&mut event, "2027-03-18").unwrap();
        reinstate(&mut event, "2027-03-18").unwrap();
        assert_eq!(event, before);
        reinstate(&mut event, "2027-03-18").unwrap();
        assert_eq!(event, before);
    }

    #[test]
    fn one_date_says_something_else_and_forgets_it_again() {
        let mut event = weekly();
        let before = event.clone();
        let say = |title: &str, place: &str, text: &str| DateTexts {
            title: Some(title.into()),
            place: Some(place.into()),
            description: Some(text.into()),
        };
        tell(
            &mut event,
            "2027-03-18",
            &say(" Special evening ", "The garden", "Bring a chair"),
        )
        .unwrap();
        let one = &event.schedule.overrides[0];
        assert_eq!(
            (one.title.as_deref(), one.description.as_deref()),
            (Some("Special evening"), Some("Bring a chair"))
        );
        assert_eq!(one.location.as_ref().unwrap().name, "The garden");
        let place = before.location.as_ref().map_or("", |place| place.name.as_str());
        tell(
            &mut event,
            "2027-03-18",
            &say(&before.title, place, &before.description),
        )
        .unwrap();
        assert_eq!(event, before);
        tell(&mut event, "2027-03-18", &DateTexts::default()).unwrap();
        assert_eq!(event, before);
        for wrong in [say("two\nlines", "", ""), say(&"x".repeat(MAX_TITLE + 1), "", "")] {
            assert!(tell(&mut event.clone(), "2027-03-18", &wrong).is_err());
        }
        assert!(tell(&mut event, "2027-03-19", &say("x", "", "")).is_err());
    }

    #[test]
    fn a_date_is_added_once() {
        let mut event = weekly();
        let before = event.clone();
        add(&mut event, "2027-03-18T18:30").unwrap();
        assert_eq!(event, before, "the rule gives it already");
        add(&mut event, "2027-03-20T10:00").unwrap();
        add(&mut event, "2027-03-20T10:00").unwrap();
        assert_eq!(event.schedule.extra.len(), 1);
        cancel(&mut event, "2027-03-20T10:00").unwrap();
        assert_eq!(event.schedule.overrides.len(), 1);
        assert!(add(&mut event, "2027-03-20").is_err());
        assert!(add(&mut event, "soon").is_err());
        let mut once = weekly();
        once.schedule.rules.clear();
        add(&mut once, "2027-05-01T10:00").unwrap();
        assert!(once.schedule.is_series());
    }

    #[test]
    fn a_date_is_moved_again_by_the_name_it_has_in_the_series() {
        let mut event = weekly();
        let to = |time: &str| Ending::At(time.to_owned());
        shift(&mut event, "2027-03-18", "2027-03-20T10:00", &to("2027-03-20T12:00")).unwrap();
        shift(
            &mut event,
            "2027-03-18T18:30",
            "2027-05-01T10:00",
            &to("2027-05-01T11:00"),
        )
        .unwrap();
        let moved = &event.schedule.overrides;
        assert_eq!(moved.len(), 1);
        assert_eq!(moved[0].time.unwrap().0.to_string(), "2027-05-01T10:00:00");
        cancel(&mut event, "2027-03-18").unwrap();
        reinstate(&mut event, "2027-03-18").unwrap();
        assert!(event.schedule.overrides[0].time.is_some(), "a moved date stays moved");
        assert!(shift(&mut event, "2027-03-19", "2027-03-20T10:00", &to("2027-03-20T12:00")).is_err());
        assert!(shift(&mut event, "2027-03-18", "2027-03-20", &to("2027-03-20")).is_err());
        assert!(shift(&mut event, "2027-03-18", "2027-03-20T10:00", &to("2027-03-19T10:00")).is_err());
    }
}
