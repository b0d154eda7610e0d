//! `interhub webhook`.

use interhub_proto::v1;

use super::Answer;
use crate::args::WebhookCommand;
use crate::document::{NewWebhookDocument, WebhookDocument, WebhooksDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

pub(super) async fn run(command: WebhookCommand, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    match command {
        WebhookCommand::Create {
            url,
            label,
            private_network,
        } => {
            let request = v1::CreateWebhookRequest {
                url,
                label,
                private_network,
            };
            let made = NewWebhookDocument::from(node.create_webhook(request).await?);
            answer.show(&made, |made| format!("{}\n", made.secret))?;
            answer.note(&format!(
                "this is shown once: give it to the receiver, which checks its messages with it. \
                 `interhub webhook test {}` sends it one",
                made.about.id
            ))
        }
        WebhookCommand::List => {
            let webhooks = node.webhooks().await?.into_iter().map(WebhookDocument::from).collect();
            let document = WebhooksDocument { webhooks };
            answer.show(&document, list_text)?;
            if document.webhooks.is_empty() {
                answer.note("nobody is told of changes; `interhub webhook create URL` begins to")?;
            }
            Ok(())
        }
        WebhookCommand::Test { id } => {
            let tested = WebhookDocument::from(node.test_webhook(&id).await?);
            answer.show(&tested, |tested| format!("webhook {} took the message\n", tested.id))
        }
        WebhookCommand::Delete { id } => {
            let gone = WebhookDocument::from(node.delete_webhook(&id).await?);
            answer.show(&gone, |gone| format!("webhook {} is told nothing more\n", gone.id))
        }
    }
}

/// The address may hold a secret: people see its server.
fn list_text(document: &WebhooksDocument) -> String {
    if document.webhooks.is_empty() {
        return String::new();
    }
    let rows = document.webhooks.iter().map(|webhook| {
        vec![
            webhook.id.clone(),
            render::short(server(&webhook.url)),
            render::short(webhook.label.as_deref().unwrap_or("-")),
            webhook.state.to_owned(),
            webhook.behind.to_string(),
            render::moment(webhook.arrived.as_ref()),
            render::line(webhook.error.as_deref().unwrap_or("")),
        ]
    });
    render::table(
        &[
            "ID",
            "SERVER",
            "LABEL",
            "STATE",
            "BEHIND",
            "LAST TAKEN",
            "WHAT IS WRONG",
        ],
        rows.collect(),
    )
}

fn server(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_for_people_shows_no_secret() {
        let webhook = WebhookDocument::from(v1::Webhook {
            id: "0102030405060708".into(),
            url: "https://me:secret@a.example:8443/secret?secret".into(),
            failures: 2,
            error: "a.example answers HTTP 500".into(),
            ..v1::Webhook::default()
        });
        let text = list_text(&WebhooksDocument {
            webhooks: vec![webhook],
        });
        assert!(text.contains("a.example:8443") && text.contains("failing"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        let none = WebhooksDocument { webhooks: vec![] };
        assert_eq!(list_text(&none), "");
    }

    #[test]
    fn one_that_said_it_is_gone_is_stopped_however_often_it_failed() {
        let of = |stopped, failures| {
            let webhook = v1::Webhook {
                stopped,
                failures,
                ..v1::Webhook::default()
            };
            WebhookDocument::from(webhook).state
        };
        assert_eq!(
            [of(false, 0), of(false, 1), of(true, 1)],
            ["active", "failing", "stopped"]
        );
    }
}
