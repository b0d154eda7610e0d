//! `/admin` and `/me`: what operators and members do in a browser. Everything here is one function of [`Commands`], as on the command
//! line; nothing is read or written in another way.
//!
//! Modules in reading order: who is let in ([`gate`], [`sign_in`]), what a form sent ([`form`]), what all pages share
//! ([`mod@page`], [`words`]), the pages of operators, and those of members ([`me`]).

mod acts;
mod conflicts;
mod counters;
mod dates;
mod details;
mod event_form;
mod events;
mod form;
mod gate;
mod hosts;
mod me;
mod member_acts;
mod member_form;
mod member_import;
mod member_inputs;
mod member_link;
mod member_typed;
mod members;
mod page;
mod report;
mod rule;
mod sign_in;
mod start;
mod typed;
mod words;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use interhub_domain::ids::HubId;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::form::{Form, FormError, PROOF};
use self::gate::Failures;
use self::words::AdminWords;
use super::Site;
use super::answer::Problem;
use super::respond::{Cache, Reply};
use super::visit::Visit;
use crate::command::access::SignedIn;
use crate::command::{CommandError, Commands};
use crate::store::catalogue::access::Role;
use crate::way::Way;

/// From the request to its answer: an import may look at a calendar elsewhere first.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// Links asked for by mail from one address within a quarter of an hour: a house has one for all who are in it.
const MAX_ASKED_LINKS: usize = 30;
/// Files that are read at the same time; each takes some 25 MiB, and a picture in it more while it is made small.
const MAX_UPLOADS: usize = 2;
/// The field with a file.
const UPLOAD: &str = "photo";

/// What `/admin` needs beyond what all pages need.
#[derive(Clone)]
pub struct AdminState {
    /// What operators ask for.
    pub commands: Commands,
}

/// The administration as it runs.
struct Office {
    site: Arc<Site>,
    commands: Commands,
    failures: Failures,
    /// Links to members' pages that open nothing.
    wrong_links: Failures,
    /// Links that were asked for by mail.
    asked_links: Failures,
    /// One for each file being read and made small: each takes some memory.
    uploads: Semaphore,
    /// How often members look for others.
    searches: me::Searches,
}

/// One request to the administration.
struct Call {
    office: Arc<Office>,
    visit: Visit,
    words: &'static AdminWords,
    way: Way,
    form: Form,
}

/// One request of somebody who may make it.
struct Errand {
    call: Call,
    who: SignedIn,
}

impl std::ops::Deref for Errand {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

impl Call {
    fn commands(&self) -> &Commands {
        &self.office.commands
    }

    fn hub(&self) -> HubId {
        self.office.commands.ledger.own_id()
    }

    fn site(&self) -> &Site {
        &self.office.site
    }

    /// Whether the browser says that another site sent this.
    fn is_foreign(&self) -> bool {
        gate::is_foreign(&self.visit.headers, &self.office.site.state.web_url)
    }

    /// Reads a form with a file: the file.
    async fn read_upload(&mut self, body: Body) -> Result<Vec<u8>, Fault> {
        if self.is_foreign() {
            return Err(Fault::Foreign);
        }
        let (form, file) = within(Form::read_upload(&self.visit.headers, body, UPLOAD)).await?;
        self.form = form;
        Ok(file)
    }
}

/// Why there is no page.
#[derive(Debug)]
enum Fault {
    /// The same as on public pages.
    Problem(Problem),
    /// What was asked for cannot be done.
    Command(CommandError),
    /// The form is too large, or none.
    Form(FormError),
    /// Another site sent it.
    Foreign,
    /// The token would be readable on its way.
    Unsafe,
    /// The role does not allow it.
    Role,
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<super::DirectoryError> for Fault {
    fn from(error: super::DirectoryError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        Self::Problem(error.into())
    }
}

impl From<CommandError> for Fault {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}

/// All routes of the administration.
pub(super) fn router(site: Arc<Site>, state: AdminState) -> Router {
    let office = Arc::new(Office {
        site,
        commands: state.commands,
        failures: Failures::default(),
        wrong_links: Failures::default(),
        asked_links: Failures::at_most(MAX_ASKED_LINKS),
        uploads: Semaphore::new(MAX_UPLOADS),
        searches: me::Searches::default(),
    });
    Router::new()
        .route("/admin/sign-in", door(sign_in::show, sign_in::enter))
        .route("/admin/sign-out", act(sign_in::leave))
        .route("/admin", page(start::start))
        .route("/admin/events", page(events::list))
        .route("/admin/events/new", desk(event_form::blank, event_form::create))
        .route("/admin/events/{id}", desk(event_form::edit, event_form::save))
        .route("/admin/events/{id}/cancel", desk(acts::ask_cancel, acts::cancel))
        .route("/admin/events/{id}/postpone", desk(acts::ask_postpone, acts::postpone))
        .route("/admin/events/{id}/reinstate", act(acts::reinstate))
        .route("/admin/events/{id}/undo", desk(acts::ask_undo, acts::undo))
        .route("/admin/events/{id}/dates", desk(dates::list, dates::change))
        .route("/admin/events/{id}/hosts", desk(hosts::show, hosts::change))
        .route("/admin/hosts", desk(hosts::invitations, hosts::answer))
        .route("/admin/conflicts", desk(conflicts::list, conflicts::settle))
        .route("/admin/members", page(members::list))
        .route("/admin/members.csv", page(members::csv))
        .route("/admin/members.json", page(members::json))
        .route("/admin/members.vcf", page(members::vcards))
        .route("/admin/members/new", desk(member_form::blank, member_form::create))
        .route("/admin/members/import", desk(member_import::blank, member_import::take))
        .route(
            "/admin/members/invite",
            desk(member_link::ask_invite, member_link::invite),
        )
        .route("/admin/members/{id}", desk(member_form::edit, member_form::save))
        .route(
            "/admin/members/{id}/erase",
            desk(member_acts::ask_erase, member_acts::erase),
        )
        .route("/admin/members/{id}/receipts", page(member_acts::receipts))
        .route("/admin/members/{id}/receipts.json", page(member_acts::report))
        .route(
            "/admin/members/{id}/photo",
            post(|state, request| serve_upload(state, request, member_form::photo)),
        )
        .route("/admin/members/{id}/link", desk(member_link::ask, member_link::make))
        .route("/admin/counters", desk(counters::list, counters::change))
        .route("/admin/report", page(report::show))
        .route("/admin/report.csv", page(report::csv))
        .route("/admin/report.json", page(report::json))
        .merge(me::router())
        .method_not_allowed_fallback(|state, request| serve_open(state, request, async |_| Err(Problem::Method.into())))
        .with_state(office)
}

type Answered = Result<Reply, Fault>;

/// A page that is read: GET and HEAD, signed in.
fn page<F, R>(read: F) -> MethodRouter<Arc<Office>>
where
    F: Fn(Errand) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Answered> + Send + 'static,
{
    get(move |state, request| serve_signed(state, request, read))
}

/// Something that is done: POST, signed in.
fn act<F, R>(done: F) -> MethodRouter<Arc<Office>>
where
    F: Fn(Errand) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Answered> + Send + 'static,
{
    post(move |state, request| serve_signed(state, request, done))
}

/// A page with a form, and what the form does.
fn desk<F, R, G, D>(read: F, done: G) -> MethodRouter<Arc<Office>>
where
    F: Fn(Errand) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Answered> + Send + 'static,
    G: Fn(Errand) -> D + Clone + Send + Sync + 'static,
    D: Future<Output = Answered> + Send + 'static,
{
    page(read).post(move |state, request| serve_signed(state, request, done))
}

/// The same for who is not signed in.
fn door<F, R, G, D>(read: F, done: G) -> MethodRouter<Arc<Office>>
where
    F: Fn(Call) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Answered> + Send + 'static,
    G: Fn(Call) -> D + Clone + Send + Sync + 'static,
    D: Future<Output = Answered> + Send + 'static,
{
    get(move |state, request| serve_open(state, request, read))
        .post(move |state, request| serve_open(state, request, done))
}

async fn serve_open<F, R>(State(office): State<Arc<Office>>, request: Request, function: F) -> Response
where
    F: FnOnce(Call) -> R + Send,
    R: Future<Output = Answered> + Send,
{
    let (call, read) = receive(office, request).await;
    let reply = async |call: Call| {
        read?;
        function(call).await
    };
    finish(call, reply).await
}

async fn serve_signed<F, R>(State(office): State<Arc<Office>>, request: Request, function: F) -> Response
where
    F: FnOnce(Errand) -> R + Send,
    R: Future<Output = Answered> + Send,
{
    let (call, read) = receive(office, request).await;
    let reply = async |call: Call| {
        read?;
        match admit(call).await? {
            Admitted::In(errand) => function(*errand).await,
            Admitted::Out(reply) => Ok(reply),
        }
    };
    finish(call, reply).await
}

/// Reads a request, its form included.
async fn receive(office: Arc<Office>, request: Request) -> (Call, Result<(), Fault>) {
    let (mut call, body) = arrive(office, request).await;
    let mut read = Ok(());
    if call.visit.params.is_none() {
        read = Err(Problem::QueryTooLong.into());
    } else if call.visit.method == Method::POST {
        let form = Form::read(&call.visit.headers, body);
        match within(form).await {
            Ok(sent) => call.form = sent,
            Err(error) => read = Err(error),
        }
        if call.is_foreign() {
            read = Err(Fault::Foreign);
        }
    }
    (call, read)
}

/// A request, and the body with its form.
async fn arrive(office: Arc<Office>, request: Request) -> (Call, Body) {
    let (mut parts, body) = request.into_parts();
    let Ok(visit) = Visit::from_request_parts(&mut parts, &()).await;
    let way = Way::of_parts(&parts, office.site.state.behind_proxy);
    let words = AdminWords::of(visit.words);
    let call = Call {
        office,
        visit,
        words,
        way,
        form: Form::default(),
    };
    (call, body)
}

/// What a form sent, if it comes in time.
async fn within<T>(reading: impl Future<Output = Result<T, FormError>>) -> Result<T, Fault> {
    let read = timeout(REQUEST_TIMEOUT, reading).await;
    read.unwrap_or(Err(FormError::Unreadable)).map_err(Fault::Form)
}

/// What became of somebody who wants to come in.
enum Admitted {
    In(Box<Errand>),
    /// A page instead.
    Out(Reply),
}

/// Lets in who is signed in with a role that may, and takes a form only with its proof.
async fn admit(call: Call) -> Result<Admitted, Fault> {
    let Some(who) = operator(&call).await? else {
        return sign_in::ask(call).await.map(Admitted::Out);
    };
    let proven = call.form.get(PROOF) == who.form_proof;
    let errand = Errand { call, who };
    if errand.visit.method == Method::POST && !proven {
        return sign_in::ask_again(errand).await.map(Admitted::Out);
    }
    Ok(Admitted::In(Box::new(errand)))
}

/// Who is signed in with a role that may come in.
async fn operator(call: &Call) -> Result<Option<SignedIn>, Fault> {
    if !call.way.private {
        return Err(Fault::Unsafe);
    }
    let who = match gate::cookie(&call.visit.headers, call.way, call.hub()) {
        Some(cookie) => call.commands().signed_in(cookie).await?,
        None => None,
    };
    if who.as_ref().is_some_and(|who| who.bearer.role != Role::Admin) {
        return Err(Fault::Role);
    }
    Ok(who)
}

/// A form with a file. It is read only from somebody who is signed in.
async fn serve_upload<F, R>(State(office): State<Arc<Office>>, request: Request, function: F) -> Response
where
    F: FnOnce(Errand, Vec<u8>) -> R + Send,
    R: Future<Output = Answered> + Send,
{
    let (call, body) = arrive(office, request).await;
    let reply = async |mut call: Call| {
        let Some(who) = operator(&call).await? else {
            return Ok(Reply::see_other(&call.visit.plain_link("/admin/sign-in")));
        };
        let office = Arc::clone(&call.office);
        let Ok(_room) = office.uploads.try_acquire() else {
            return Err(Problem::Busy.into());
        };
        let file = call.read_upload(body).await?;
        if call.form.get(PROOF) != who.form_proof {
            return Err(Fault::Foreign);
        }
        function(Errand { call, who }, file).await
    };
    finish(call, reply).await
}

/// The response, or the page that says what went wrong.
async fn finish<F, R>(call: Call, reply: F) -> Response
where
    F: FnOnce(Call) -> R,
    R: Future<Output = Answered>,
{
    let office = Arc::clone(&call.office);
    let (visit, words) = (call.visit.clone(), call.words);
    let answered = timeout(REQUEST_TIMEOUT, reply(call)).await;
    let answered = answered.unwrap_or(Err(Fault::Problem(Problem::Busy)));
    let reply = match answered {
        Ok(reply) => reply,
        Err(fault) => page::fault(&office, &visit, words, fault).await,
    };
    reply.cache(Cache::No).into_response(&visit.method, &visit.headers)
}
