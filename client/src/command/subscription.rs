//! `interhub event subscribe`, `subscriptions` and `unsubscribe`.

use super::{Answer, import};
use crate::args::event::SubscribeArgs;
use crate::document::{SubscribedDocument, SubscriptionDocument, SubscriptionsDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

pub(super) async fn subscribe(
    args: SubscribeArgs,
    node: &Node,
    answer: &mut Answer<'_, '_>,
) -> Result<(), ClientError> {
    let every = args.every.map(u32::try_from).transpose();
    let every = every.map_err(|_| ClientError::Usage("a calendar is looked at every week at least".to_owned()))?;
    let subscribed = SubscribedDocument::from(node.subscribe(&of_this_folder(&args.url), every).await?);
    answer.show(&subscribed, subscribed_text)
}

/// A path is meant from where the command runs; the node runs elsewhere.
fn of_this_folder(source: &str) -> String {
    let is_path = !source.contains("://") && !source.starts_with('/');
    match std::env::current_dir() {
        Ok(folder) if is_path => folder.join(source).to_string_lossy().into_owned(),
        _ => source.to_owned(),
    }
}

fn subscribed_text(document: &SubscribedDocument) -> String {
    let one = &document.subscription;
    let name = render::line(one.name.as_deref().unwrap_or("the calendar"));
    let mut text = format!("{name} is followed, and looked at every {}\n", one.every);
    if let Some(error) = &one.error {
        text.extend([&*render::line(error), "\n"]);
    }
    match &document.import {
        Some(import) => text.push_str(&import::counts_text(import, &name)),
        None => text.push_str("it is what it was\n"),
    }
    text
}

pub(super) async fn list(node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let subscriptions = node.subscriptions().await?;
    let subscriptions = subscriptions.into_iter().map(SubscriptionDocument::from).collect();
    let document = SubscriptionsDocument { subscriptions };
    answer.show(&document, list_text)?;
    if document.subscriptions.is_empty() {
        answer.note("this hub follows no calendar; `interhub event subscribe URL` begins to")?;
    }
    Ok(())
}

fn list_text(document: &SubscriptionsDocument) -> String {
    if document.subscriptions.is_empty() {
        return String::new();
    }
    let rows = document.subscriptions.iter().map(|one| {
        vec![
            one.id.clone(),
            render::short(one.name.as_deref().unwrap_or("-")),
            one.every.clone(),
            one.events.to_string(),
            render::moment(one.good.as_ref()),
            render::line(one.error.as_deref().unwrap_or("")),
        ]
    });
    render::table(
        &["ID", "CALENDAR", "EVERY", "EVENTS", "LAST GOOD", "WHAT IS WRONG"],
        rows.collect(),
    )
}

pub(super) async fn unsubscribe(name: &str, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    // An id has neither of these.
    let name = if name.contains(['/', '.']) {
        of_this_folder(name)
    } else {
        name.to_owned()
    };
    let ended = SubscriptionDocument::from(node.unsubscribe(&name).await?);
    answer.show(&ended, |one| {
        let name = render::line(one.name.as_deref().unwrap_or("the calendar"));
        format!(
            "{name} is not followed any more; its {} events stay as they are\n",
            one.events
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::ImportDocument;

    fn followed() -> SubscriptionDocument {
        SubscriptionDocument {
            id: "0102030405060708".into(),
            url: "https://a.example/secret.ics".into(),
            name: Some("What is on".into()),
            every: "15m".into(),
            added: None,
            last: None,
            good: None,
            next: None,
            events: 3,
            failures: 0,
            error: None,
        }
    }

    #[test]
    fn what_the_first_look_came_to_is_said() {
        let document = SubscribedDocument {
            subscription: followed(),
            import: Some(ImportDocument {
                events: 3,
                added: 3,
                ..ImportDocument::default()
            }),
        };
        assert_eq!(
            subscribed_text(&document),
            "What is on is followed, and looked at every 15m\n\
             What is on: of 3 events were 3 added, 0 changed, 0 unchanged, 0 cancelled, 0 refused\n"
        );
    }

    #[test]
    fn a_list_for_people_shows_no_secret() {
        let mut one = followed();
        one.error = Some("a.example is away".into());
        let text = list_text(&SubscriptionsDocument {
            subscriptions: vec![one],
        });
        assert!(text.contains("a.example is away") && !text.contains("secret"), "{text}");
        let none = SubscriptionsDocument { subscriptions: vec![] };
        assert_eq!(list_text(&none), "");
    }

    #[test]
    fn paths_are_meant_from_here() {
        assert_eq!(of_this_folder("https://a.example/x"), "https://a.example/x");
        assert_eq!(of_this_folder("/srv/x.ics"), "/srv/x.ics");
        assert!(of_this_folder("x.ics").starts_with('/') && of_this_folder("x.ics").ends_with("/x.ics"));
    }
}
