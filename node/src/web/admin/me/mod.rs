//! `/me`: a member's own page. Whoever opened it with a link is on the page of that one member, whom no address names: there is nothing
//! to change in it to reach somebody else's.

mod card;
mod door;
mod find;
mod leave;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

pub(super) use self::find::Searches;
use super::super::answer::Problem;
use super::super::assets::ASSETS;
use super::super::pages::{Board, Frame, name_of};
use super::super::respond::Reply;
use super::form::PROOF;
use super::page::{self, DONE};
use super::words::AdminWords;
use super::words::me::MeWords;
use super::{Answered, Call, Fault, Office, arrive, finish, gate, receive, serve_open};
use crate::command::own_page::Visitor;

/// Where these pages begin.
pub(super) const PATH: &str = "/me";

/// One request of somebody who is on a member's page.
struct Guest {
    call: Call,
    who: Visitor,
}

impl std::ops::Deref for Guest {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

impl Guest {
    /// The member whose page it is, as commands name them.
    fn id(&self) -> String {
        self.who.member.to_string()
    }

    fn say(&self) -> &'static MeWords {
        &self.words.me
    }
}

/// What stands around every page of a member.
struct MeFrame {
    words: &'static AdminWords,
    say: &'static MeWords,
    /// What each form brings along.
    proof: String,
    leave: String,
    /// Where others are looked for; `None` of a member who was erased.
    find: Option<String>,
    css: &'static str,
    script: &'static str,
    /// What was just done, in a sentence.
    done: Option<&'static str>,
}

/// All routes.
pub(super) fn router() -> Router<Arc<Office>> {
    Router::new()
        .route(
            "/me",
            get(|state, request| serve(state, request, card::show))
                .post(|state, request| serve(state, request, card::save)),
        )
        .route("/me/link", post(|state, request| serve_open(state, request, door::ask)))
        .route(
            "/me/open/{link}",
            get(|state, request| serve_open(state, request, door::show_link))
                .post(|state, request| serve_open(state, request, door::open)),
        )
        .route("/me/leave", act(door::leave))
        .route("/me/find", read(find::show))
        .route("/me/true", act(card::confirm))
        .route("/me/card.vcf", read(card::vcard))
        .route("/me/record.json", read(card::record))
        .route("/me/photo.jpg", read(card::photo))
        .route("/me/photo", post(serve_upload))
        .route(
            "/me/withdraw",
            read(leave::ask_withdraw).post(|state, request| serve(state, request, leave::withdraw)),
        )
        .route(
            "/me/erase",
            read(leave::ask_erase).post(|state, request| serve(state, request, leave::erase)),
        )
        .route("/me/receipts", read(leave::receipts))
        .route("/me/receipts.json", read(leave::report))
}

fn read<F, R>(function: F) -> MethodRouter<Arc<Office>>
where
    F: Fn(Guest) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Answered> + Send + 'static,
{
    get(move |state, request| serve(state, request, function))
}

fn act<F, R>(function: F) -> MethodRouter<Arc<Office>>
where
    F: Fn(Guest) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Answered> + Send + 'static,
{
    post(move |state, request| serve(state, request, function))
}

async fn serve<F, R>(State(office): State<Arc<Office>>, request: Request, function: F) -> Response
where
    F: FnOnce(Guest) -> R + Send,
    R: Future<Output = Answered> + Send,
{
    let (call, read) = receive(office, request).await;
    let reply = async |call: Call| {
        read?;
        match admit(call).await? {
            Admitted::In(guest) => function(*guest).await,
            Admitted::Out(reply) => Ok(reply),
        }
    };
    finish(call, reply).await
}

/// What became of somebody who wants to see a member's page.
enum Admitted {
    In(Box<Guest>),
    /// A page instead.
    Out(Reply),
}

/// Lets in who opened a page with a link, and takes a form only with its proof.
async fn admit(call: Call) -> Result<Admitted, Fault> {
    let Some(who) = visitor(&call).await? else {
        let closed = call.visit.method == Method::POST;
        return door::page(call, closed).await.map(Admitted::Out);
    };
    // A form of another sign-in was opened before: its page is shown anew.
    if call.visit.method == Method::POST && call.form.get(PROOF) != who.form_proof {
        return Ok(Admitted::Out(opened_anew(&call)));
    }
    Ok(Admitted::In(Box::new(Guest { call, who })))
}

/// Who opened a page with a link.
async fn visitor(call: &Call) -> Result<Option<Visitor>, Fault> {
    if !call.way.private {
        return Err(Fault::Unsafe);
    }
    Ok(match gate::member_cookie(&call.visit.headers, call.way, call.hub()) {
        Some(cookie) => call.commands().own_page_visitor(cookie).await?,
        None => None,
    })
}

fn opened_anew(call: &Call) -> Reply {
    page::done(&call.visit, PATH, "opened_anew")
}

/// A form with a file. It is read only from somebody who is on their page.
async fn serve_upload(State(office): State<Arc<Office>>, request: Request) -> Response {
    let (call, body) = arrive(office, request).await;
    let reply = async |mut call: Call| {
        let Some(who) = visitor(&call).await? else {
            return door::page(call, true).await;
        };
        let office = Arc::clone(&call.office);
        let Ok(_room) = office.uploads.try_acquire() else {
            return Err(Problem::Busy.into());
        };
        let file = call.read_upload(body).await?;
        if call.form.get(PROOF) != who.form_proof {
            return Ok(opened_anew(&call));
        }
        card::put_photo(Guest { call, who }, file).await
    };
    finish(call, reply).await
}

/// Makes a page where blocking is allowed.
async fn make(
    guest: Guest,
    function: impl FnOnce(&Guest, &Board<'_>) -> Result<Reply, Fault> + Send + 'static,
) -> Result<Reply, Fault> {
    let tasks = guest.site().state.tasks.clone();
    let made = tasks.blocking("web page", move || {
        let board = Board::of_house(guest.site(), &guest.visit)?;
        function(&guest, &board)
    });
    made.await
        .map_err(|error| Fault::Problem(Problem::Broken(error.to_string())))?
}

/// The frame of a page with this title.
fn frame(guest: &Guest, board: &Board<'_>, title: &str) -> (Frame, MeFrame) {
    let mut frame = board.frame(title, "", &guest.visit.path, &guest.visit.params().without(&[DONE]));
    (frame.hidden, frame.canonical) = (true, None);
    let me = MeFrame {
        words: guest.words,
        say: guest.say(),
        proof: guest.who.form_proof.clone(),
        leave: guest.visit.plain_link("/me/leave"),
        find: Some(guest.visit.plain_link(find::PATH)),
        css: &ASSETS.office.path,
        script: &ASSETS.office_script.path,
        done: guest.visit.params().get(DONE).and_then(|done| guest.words.done(done)),
    };
    (frame, me)
}

/// What this hub calls itself.
fn house(call: &Call, board: &Board<'_>) -> String {
    let own = board.hub(call.hub());
    own.map_or_else(|| call.commands().ledger.own().slug.clone(), name_of)
}

fn done(guest: &Guest, path: &str, done: &str) -> Reply {
    page::done(&guest.visit, path, done)
}

fn unprocessable(reply: Reply, meanwhile: bool) -> Reply {
    reply.status(if meanwhile {
        StatusCode::CONFLICT
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    })
}
