//! Error pages: what happened, what is safe, what to do.

use askama::Template;

use super::super::answer::Problem;
use super::super::params::Params;
use super::super::respond::{Cache, Reply};
use super::super::visit::Visit;
use super::super::words::fill;
use super::super::{Site, text};
use super::board::{Board, Frame};

/// What is said about a wrong value is cut to this many characters.
const MAX_REASON_CHARS: usize = 200;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    heading: &'static str,
    text: String,
    /// The exact complaint about a parameter.
    detail: String,
    next: &'static str,
}

/// The page for a problem.
pub(crate) fn problem(site: &Site, visit: &Visit, reason: &Problem) -> Reply {
    let words = visit.words;
    let (heading, text, next) = match reason {
        Problem::Parameter(error) => {
            let text = fill(words.error_400_text, &[("parameter", error.parameter)]);
            (words.error_400, text, words.error_400_next)
        }
        Problem::NotFound => (words.error_404, words.error_404_text.to_owned(), words.error_404_next),
        Problem::Method => (words.error_405, words.error_405_text.to_owned(), ""),
        Problem::QueryTooLong => (words.error_414, words.error_414_text.to_owned(), ""),
        Problem::Broken(_) => (words.error_500, words.error_500_text.to_owned(), words.error_wait),
        Problem::Busy | Problem::TooFast(_) => (words.error_503, words.error_503_text.to_owned(), words.error_wait),
    };
    let detail = match reason {
        Problem::Parameter(error) => text::one_line(&error.reason, MAX_REASON_CHARS),
        _ => String::new(),
    };
    // What is wrong may be the zone, what broke the look-up itself.
    let board = Board::load(site, visit)
        .or_else(|_| Board::of_house(site, visit))
        .unwrap_or_else(|_| Board::bare(site, visit));
    let mut frame = board.frame(heading, "", "/events", &Params::default());
    frame.canonical = None;
    frame.address = site.address(&visit.path);
    frame.hidden = true;
    let status = reason.status();
    let page = ErrorPage {
        frame,
        status: status.as_u16(),
        heading,
        text,
        detail,
        next,
    };
    let body = page
        .render()
        .unwrap_or_else(|_| format!("{} {heading}", status.as_u16()));
    Reply::new("text/html; charset=utf-8", body)
        .status(status)
        .cache(Cache::No)
}
