//! `/admin/sign-in` and `/admin/sign-out`; and what happens to a form that comes from somebody who is not signed in any more:
//! nothing that was typed is lost.

use askama::Template;
use axum::http::{StatusCode, header};

use super::super::assets::ASSETS;
use super::super::pages::{self, Board, Frame};
use super::super::params::Params;
use super::super::respond::Reply;
use super::super::words::fill;
use super::form::Form;
use super::page::{self, AdminFrame};
use super::words::AdminWords;
use super::{Call, Errand, Fault, gate};
use crate::command::Class;

/// The field with the address to go to afterwards.
const NEXT: &str = "next";
/// The field with the address a carried form was meant for.
const MEANT_FOR: &str = "meant_for";

#[derive(Template)]
#[template(path = "admin/sign-in.html")]
struct SignInPage {
    frame: Frame,
    words: &'static AdminWords,
    action: String,
    error: Option<String>,
    next: String,
    meant_for: String,
    carried: Vec<(String, String)>,
    css: &'static str,
}

#[derive(Template)]
#[template(path = "admin/send-again.html")]
struct SendAgainPage {
    frame: Frame,
    office: AdminFrame,
    heading: &'static str,
    action: String,
    fields: Vec<(String, String)>,
}

/// `GET /admin/sign-in`
pub(super) async fn show(call: Call) -> Result<Reply, Fault> {
    if !call.way.private {
        return Err(Fault::Unsafe);
    }
    let next = call.visit.params().get(NEXT).unwrap_or("").to_owned();
    sign_in_page(call, StatusCode::OK, None, next, String::new(), Vec::new()).await
}

/// `POST /admin/sign-in`
pub(super) async fn enter(call: Call) -> Result<Reply, Fault> {
    if !call.way.private {
        return Err(Fault::Unsafe);
    }
    let next = gate::safe_next(call.form.get(NEXT)).to_owned();
    let meant_for = call.form.get(MEANT_FOR).to_owned();
    let carried = call.form.unpacked();
    let now_ms = call.site().now_ms();
    let wait_s = call.office.failures.wait_s(call.way.reader(), now_ms);
    if wait_s > 0 {
        let minutes = (wait_s + 59) / 60;
        let error = fill(call.words.sign_in_wait, &[("minutes", &minutes.to_string())]);
        let refused = sign_in_page(
            call,
            StatusCode::TOO_MANY_REQUESTS,
            Some(error),
            next,
            meant_for,
            carried.carried(),
        );
        return Ok(refused.await?.header(header::RETRY_AFTER, &wait_s.to_string()));
    }
    let (secret, who) = match call.commands().sign_in(call.form.get("token").to_owned()).await {
        Ok(entered) => entered,
        Err(refused) if refused.class == Class::Refused => {
            call.office.failures.note(call.way.reader(), now_ms);
            tracing::warn!(from = %call.way.from, "a sign-in with a wrong token");
            let error = call.words.sign_in_wrong.to_owned();
            return sign_in_page(
                call,
                StatusCode::FORBIDDEN,
                Some(error),
                next,
                meant_for,
                carried.carried(),
            )
            .await;
        }
        Err(failed) => return Err(failed.into()),
    };
    tracing::info!(token = %who.bearer.id, from = %call.way.from, "signed in");
    let cookie = gate::set_cookie(&secret, call.way, call.hub());
    let reply = if meant_for.is_empty() {
        Reply::see_other(&next)
    } else {
        let errand = Errand { call, who };
        send_again(errand, &meant_for, carried).await?
    };
    Ok(reply.header(header::SET_COOKIE, &cookie))
}

/// `POST /admin/sign-out`
pub(super) async fn leave(errand: Errand) -> Result<Reply, Fault> {
    if let Some(cookie) = gate::cookie(&errand.visit.headers, errand.way, errand.hub()) {
        errand.commands().sign_out(cookie).await?;
    }
    let reply = Reply::see_other(&errand.visit.plain_link("/admin/sign-in"));
    Ok(reply.header(header::SET_COOKIE, &gate::drop_cookie(errand.way, errand.hub())))
}

/// For a page: sends on to the sign-in and back. For a form: asks to sign in, and carries on what was typed.
pub(super) async fn ask(call: Call) -> Result<Reply, Fault> {
    let asked = call.visit.plain_link(&call.visit.path);
    if call.visit.method != axum::http::Method::POST {
        let wanted = call.visit.link(&call.visit.path, &call.visit.params());
        return Ok(Reply::see_other(
            &call
                .visit
                .link("/admin/sign-in", &Params::default().with(NEXT, &wanted)),
        ));
    }
    let (error, carried) = (call.words.sign_in_again.to_owned(), call.form.carried());
    sign_in_page(
        call,
        StatusCode::UNAUTHORIZED,
        Some(error),
        String::new(),
        asked,
        carried,
    )
    .await
}

/// For a form without the proof of this sign-in: it was opened before. Shows it to be sent again.
pub(super) async fn ask_again(errand: Errand) -> Result<Reply, Fault> {
    let path = errand.visit.plain_link(&errand.visit.path);
    let form = errand.form.clone();
    Ok(send_again(errand, &path, form).await?.status(StatusCode::CONFLICT))
}

async fn send_again(errand: Errand, meant_for: &str, form: Form) -> Result<Reply, Fault> {
    let action = gate::safe_next(meant_for).to_owned();
    page::make(errand, move |errand, board| {
        let heading = errand.words.send_again;
        let (frame, office) = page::frame(errand, board, heading, "");
        Ok(pages::html(&SendAgainPage {
            frame,
            office,
            heading,
            action,
            fields: form.plain(),
        })?)
    })
    .await
}

async fn sign_in_page(
    call: Call,
    status: StatusCode,
    error: Option<String>,
    next: String,
    meant_for: String,
    carried: Vec<(String, String)>,
) -> Result<Reply, Fault> {
    let tasks = call.site().state.tasks.clone();
    let made = tasks.blocking("web page", move || {
        let board = Board::of_house(call.site(), &call.visit).unwrap_or_else(|_| Board::bare(call.site(), &call.visit));
        let mut frame = board.frame(call.words.sign_in, "", "/admin/sign-in", &call.visit.params());
        (frame.hidden, frame.canonical) = (true, None);
        pages::html(&SignInPage {
            frame,
            words: call.words,
            action: call.visit.plain_link("/admin/sign-in"),
            error,
            next,
            meant_for,
            carried,
            css: &ASSETS.office.path,
        })
    });
    let reply = made
        .await
        .map_err(|error| super::super::answer::Problem::Broken(error.to_string()))??;
    Ok(reply.status(status))
}
