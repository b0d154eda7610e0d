//! `/admin`: what an operator does in a browser. Everything here is one function of [`Commands`], as on the command line;
//! nothing is read or written in another way.
//!
//! Modules in reading order: who is let in ([`gate`], [`sign_in`]), what a form sent ([`form`]), what all pages share
//! ([`mod@page`], [`words`]), and the pages.

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
mod member_acts;
mod member_form;
mod member_import;
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
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use interhub_domain::ids::HubId;
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
        .route("/admin/members/{id}", desk(member_form::edit, member_form::save))
        .route(
            "/admin/members/{id}/erase",
            desk(member_acts::ask_erase, member_acts::erase),
        )
        .route("/admin/members/{id}/receipts", page(member_acts::receipts))
        .route("/admin/members/{id}/receipts.json", page(member_acts::report))
        .route("/admin/counters", desk(counters::list, counters::change))
        .route("/admin/report", page(report::show))
        .route("/admin/report.csv", page(report::csv))
        .route("/admin/report.json", page(report::json))
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
    let (mut parts, body) = request.into_parts();
    let Ok(visit) = Visit::from_request_parts(&mut parts, &()).await;
    let way = Way::of_parts(&parts, office.site.state.behind_proxy);
    let mut read = Ok(());
    let mut form = Form::default();
    if visit.params.is_none() {
        read = Err(Problem::QueryTooLong.into());
    } else if parts.method == Method::POST {
        match timeout(REQUEST_TIMEOUT, Form::read(&parts.headers, body)).await {
            Ok(Ok(sent)) => form = sent,
            Ok(Err(error)) => read = Err(Fault::Form(error)),
            Err(_) => read = Err(Fault::Form(FormError::Unreadable)),
        }
        if gate::is_foreign(&parts.headers, &office.site.state.web_url) {
            read = Err(Fault::Foreign);
        }
    }
    let words = AdminWords::of(visit.words);
    let call = Call {
        office,
        visit,
        words,
        way,
        form,
    };
    (call, read)
}

/// What became of somebody who wants to come in.
enum Admitted {
    In(Box<Errand>),
    /// A page instead.
    Out(Reply),
}

/// Lets in who is signed in with a role that may, and takes a form only with its proof.
async fn admit(call: Call) -> Result<Admitted, Fault> {
    if !call.way.private {
        return Err(Fault::Unsafe);
    }
    let who = match gate::cookie(&call.visit.headers, call.way, call.hub()) {
        Some(cookie) => call.commands().signed_in(cookie).await?,
        None => None,
    };
    let Some(who) = who else {
        return sign_in::ask(call).await.map(Admitted::Out);
    };
    if who.bearer.role != Role::Admin {
        return Err(Fault::Role);
    }
    let proven = call.form.get(PROOF) == who.form_proof;
    let errand = Errand { call, who };
    if errand.visit.method == Method::POST && !proven {
        return sign_in::ask_again(errand).await.map(Admitted::Out);
    }
    Ok(Admitted::In(Box::new(errand)))
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
