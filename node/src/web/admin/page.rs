//! What all pages of the administration share.

use std::sync::Arc;

use axum::http::StatusCode;

use super::super::answer::Problem;
use super::super::assets::ASSETS;
use super::super::pages::{self, Board, Frame};
use super::super::params::Params;
use super::super::respond::Reply;
use super::super::visit::Visit;
use super::super::{Site, text};
use super::form::FormError;
use super::words::AdminWords;
use super::{Errand, Fault, Office, me};
use crate::command::Class;

/// The parameter that says what was just done.
pub(super) const DONE: &str = "done";
/// What is said about a refusal is cut to this many characters.
const MAX_DETAIL_CHARS: usize = 600;

/// Who is signed in is cut to this many characters.
const MAX_LABEL_CHARS: usize = 60;

/// What stands around every page of the administration.
pub(super) struct AdminFrame {
    pub(super) words: &'static AdminWords,
    /// What each form brings along.
    pub(super) proof: String,
    /// Entries of the menu.
    pub(super) menu: Vec<MenuEntry>,
    /// Who is signed in.
    pub(super) who: String,
    pub(super) sign_out: String,
    pub(super) css: &'static str,
    pub(super) script: &'static str,
    /// What was just done, in a sentence.
    pub(super) done: Option<&'static str>,
}

/// A page of the administration in the menu.
pub(super) struct MenuEntry {
    pub(super) href: String,
    pub(super) label: &'static str,
    pub(super) current: bool,
}

/// Makes a page where blocking is allowed.
pub(super) async fn make(
    errand: Errand,
    function: impl FnOnce(&Errand, &Board<'_>) -> Result<Reply, Fault> + Send + 'static,
) -> Result<Reply, Fault> {
    let tasks = errand.site().state.tasks.clone();
    let made = tasks.blocking("web page", move || {
        let board = Board::of_house(errand.site(), &errand.visit)?;
        function(&errand, &board)
    });
    made.await
        .map_err(|error| Fault::Problem(Problem::Broken(error.to_string())))?
}

/// The frame of a page with this title; `here` is the menu entry it belongs to.
pub(super) fn frame(errand: &Errand, board: &Board<'_>, title: &str, here: &str) -> (Frame, AdminFrame) {
    let words = errand.words;
    let mut frame = board.frame(title, "", &errand.visit.path, &errand.visit.params().without(&[DONE]));
    frame.hidden = true;
    frame.canonical = None;
    let entry = |path: &str, label| MenuEntry {
        href: errand.visit.plain_link(path),
        label,
        current: path == here,
    };
    let bearer = &errand.who.bearer;
    let office = AdminFrame {
        words,
        proof: errand.who.form_proof.clone(),
        menu: vec![
            entry("/admin", words.menu_start),
            entry("/admin/events", words.menu_events),
            entry("/admin/hosts", words.menu_hosts),
            entry("/admin/conflicts", words.menu_conflicts),
            entry("/admin/members", words.members.menu),
            entry("/admin/report", words.menu_report),
            entry("/admin/counters", words.menu_counters),
        ],
        who: if bearer.label.is_empty() {
            bearer.id.to_string()
        } else {
            text::one_line(&bearer.label, MAX_LABEL_CHARS)
        },
        sign_out: errand.visit.plain_link("/admin/sign-out"),
        css: &ASSETS.office.path,
        script: &ASSETS.office_script.path,
        done: errand.visit.params().get(DONE).and_then(|done| words.done(done)),
    };
    (frame, office)
}

/// Sends on to a page that says what was done.
pub(super) fn done(visit: &Visit, path: &str, done: &str) -> Reply {
    Reply::see_other(&visit.link(path, &Params::default().with(DONE, done)))
}

#[derive(askama::Template)]
#[template(path = "admin/fault.html")]
struct FaultPage {
    frame: Frame,
    heading: &'static str,
    text: &'static str,
    /// In English, as on the command line.
    detail: String,
    start: String,
    label: &'static str,
    css: &'static str,
}

/// The page that says what went wrong.
pub(super) async fn fault(office: &Arc<Office>, visit: &Visit, words: &'static AdminWords, fault: Fault) -> Reply {
    let (site, asked) = (Arc::clone(&office.site), visit.clone());
    let tasks = site.state.tasks.clone();
    let made = tasks.blocking("web page", move || fault_page(&site, &asked, words, &fault));
    made.await
        .unwrap_or_else(|_| Reply::new("text/plain; charset=utf-8", "503\n").status(StatusCode::SERVICE_UNAVAILABLE))
}

fn fault_page(site: &Site, visit: &Visit, words: &'static AdminWords, fault: &Fault) -> Reply {
    let (status, heading, text) = match fault {
        Fault::Problem(problem) => {
            if let Problem::Broken(error) = problem {
                tracing::error!(%error, "page of the administration failed");
            }
            let mut reply = pages::problem(site, visit, problem);
            if matches!(problem, Problem::Method) {
                reply = reply.header(axum::http::header::ALLOW, "GET, HEAD, POST");
            }
            return reply;
        }
        Fault::Command(error) => match error.class {
            Class::Usage => (
                StatusCode::UNPROCESSABLE_ENTITY,
                words.fault_refused,
                words.fault_nothing_done,
            ),
            Class::NotFound => (StatusCode::NOT_FOUND, words.fault_not_found, words.fault_nothing_done),
            Class::Refused => (StatusCode::FORBIDDEN, words.fault_refused, words.fault_nothing_done),
            Class::Precondition => (StatusCode::CONFLICT, words.fault_refused, words.fault_nothing_done),
            Class::Unreachable => (StatusCode::BAD_GATEWAY, words.fault_refused, words.fault_nothing_done),
            Class::Failed => {
                tracing::error!(%error, "command failed");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    words.fault_failed,
                    words.fault_nothing_done,
                )
            }
        },
        Fault::Form(FormError::TooLarge) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            words.fault_too_large,
            words.fault_too_large_text,
        ),
        Fault::Form(FormError::Unreadable) => (
            StatusCode::BAD_REQUEST,
            words.fault_unreadable,
            words.fault_unreadable_text,
        ),
        Fault::Foreign => (StatusCode::FORBIDDEN, words.fault_foreign, words.fault_foreign_text),
        Fault::Unsafe if visit.path.starts_with(me::PATH) => {
            (StatusCode::FORBIDDEN, words.me.unsafe_heading, words.me.unsafe_text)
        }
        Fault::Unsafe => (StatusCode::FORBIDDEN, words.fault_unsafe, words.fault_unsafe_text),
        Fault::Role => (StatusCode::FORBIDDEN, words.fault_role, words.fault_role_text),
    };
    let detail = match fault {
        Fault::Command(error) => text::one_line(&error.message, MAX_DETAIL_CHARS),
        _ => String::new(),
    };
    let board = Board::of_house(site, visit).unwrap_or_else(|_| Board::bare(site, visit));
    let is_member = visit.path.starts_with(me::PATH);
    let (start, label) = if is_member {
        (me::PATH, words.me.back)
    } else {
        ("/admin", words.back_to_start)
    };
    let mut frame = board.frame(heading, "", start, &Params::default());
    (frame.canonical, frame.hidden) = (None, true);
    let page = FaultPage {
        frame,
        heading,
        text,
        detail,
        start: visit.plain_link(start),
        label,
        css: &ASSETS.office.path,
    };
    pages::html(&page)
        .unwrap_or_else(|_| Reply::new("text/plain; charset=utf-8", heading))
        .status(status)
}
