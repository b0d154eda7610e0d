//! `interhub hub`.

use super::Answer;
use crate::args::HubCommand;
use crate::document::{HubDecisionDocument, HubDocument, HubsDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

pub(super) async fn run(command: HubCommand, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let decision = match command {
        HubCommand::List => {
            let hubs = node.hubs().await?.into_iter().map(HubDocument::from).collect();
            return answer.show(&HubsDocument { hubs }, hubs_text);
        }
        HubCommand::Show { slug } => return answer.show(&HubDocument::from(node.hub(&slug).await?), hub_text),
        HubCommand::Block { slug } => {
            return answer.show(&HubDocument::from(node.block_hub(&slug, false).await?), hub_text);
        }
        HubCommand::Unblock { slug } => {
            return answer.show(&HubDocument::from(node.block_hub(&slug, true).await?), hub_text);
        }
        HubCommand::Vote { slug } => node.vote_to_seat(&slug).await?,
        HubCommand::Remove { slug, reason } => node.remove_hub(&slug, &reason).await?,
        HubCommand::Readmit { slug } => node.readmit_hub(&slug).await?,
        HubCommand::Rekey { slug, keys } => node.rekey_hub(&slug, &keys).await?,
        HubCommand::Leave => {
            answer.show(&HubDocument::from(node.leave().await?), hub_text)?;
            return answer.note("this hub has left the network; an invitation brings it back");
        }
    };
    answer.show(&HubDecisionDocument::from(decision), decision_text)
}

fn decision_text(decision: &HubDecisionDocument) -> String {
    let id: String = decision.decision.chars().take(16).collect();
    format!(
        "{} {}: {} of {} votes (decision {id})\n",
        render::line(&decision.slug),
        decision.state,
        decision.votes,
        decision.needed
    )
}

fn hubs_text(hubs: &HubsDocument) -> String {
    let rows = hubs.hubs.iter().map(|hub| {
        vec![
            render::short(&hub.slug),
            render::short(&hub.name),
            standing(hub),
            role(hub),
            link(hub).to_owned(),
            hub.lag_envelopes.map_or_else(|| "-".to_owned(), |lag| lag.to_string()),
            render::moment(hub.as_of.as_ref()),
        ]
    });
    render::table(
        &["SLUG", "NAME", "STATUS", "ROLE", "LINK", "LAG", "AS OF"],
        rows.collect(),
    )
}

/// A hub that signed two things under one number, or whose clock is wrong, shows in every list.
fn standing(hub: &HubDocument) -> String {
    let fork = if hub.fork { ", forked" } else { "" };
    let clock = if hub.clock_ahead_ms.is_some() {
        ", clock ahead"
    } else {
        ""
    };
    format!("{}{fork}{clock}", hub.status)
}

/// By how much a clock is ahead, in the largest unit that says enough.
fn ahead(by_ms: i64) -> String {
    let minutes = by_ms / 60_000;
    match minutes {
        0..120 => format!("{minutes} minutes ahead"),
        120..2_880 => format!("{} hours ahead", minutes / 60),
        _ => format!("{} days ahead", minutes / 1_440),
    }
}

fn role(hub: &HubDocument) -> String {
    match &hub.guest_of {
        _ if hub.voter => "voter".to_owned(),
        Some(host) => format!("guest of {}", render::short(host)),
        None => String::new(),
    }
}

const fn link(hub: &HubDocument) -> &'static str {
    match (hub.own, hub.connected) {
        (true, _) => "this hub",
        (false, true) => "connected",
        (false, false) => "away",
    }
}

fn hub_text(hub: &HubDocument) -> String {
    let text = |field: &Option<String>| render::line(field.as_deref().unwrap_or_default());
    let place = [text(&hub.locality), text(&hub.country)]
        .into_iter()
        .filter(|part| !part.is_empty());
    render::pairs(vec![
        ("slug", render::line(&hub.slug)),
        ("name", render::line(&hub.name)),
        ("id", hub.id.clone()),
        ("status", hub.status.to_owned()),
        ("role", role(hub)),
        ("link", link(hub).to_owned()),
        ("address", text(&hub.address)),
        ("last heard", render::moment(hub.last_heard.as_ref())),
        ("as of", render::moment(hub.as_of.as_ref())),
        (
            "lag",
            hub.lag_envelopes
                .map_or_else(String::new, |lag| format!("{lag} envelopes")),
        ),
        ("fork", render::yes(hub.fork)),
        ("clock", hub.clock_ahead_ms.map_or_else(String::new, ahead)),
        ("place", place.collect::<Vec<_>>().join(", ")),
        ("timezone", text(&hub.timezone)),
        ("web", text(&hub.web_url)),
        ("about", render::line(&hub.description)),
        ("blocked", render::yes(hub.blocked)),
        (
            "belongs",
            hub.explanation
                .iter()
                .map(|line| render::line(line))
                .collect::<Vec<_>>()
                .join(" "),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use interhub_proto::v1;

    use super::*;

    fn hub(slug: &str) -> HubDocument {
        HubDocument::from(v1::Hub {
            slug: slug.into(),
            name: slug.to_uppercase(),
            ..v1::Hub::default()
        })
    }

    #[test]
    fn a_list_is_a_table() {
        let own = HubDocument {
            own: true,
            voter: true,
            status: "active",
            lag_envelopes: Some(0),
            ..hub("birmingham")
        };
        let other = HubDocument {
            connected: true,
            guest_of: Some("birmingham".into()),
            ..hub("vienna")
        };
        let text = hubs_text(&HubsDocument { hubs: vec![own, other] });
        let expected = "\
SLUG        NAME        STATUS   ROLE                 LINK       LAG  AS OF
birmingham  BIRMINGHAM  active   voter                this hub   0    -
vienna      VIENNA      pending  guest of birmingham  connected  -    -
";
        assert_eq!(text, expected);
    }

    #[test]
    fn one_hub_leaves_out_what_is_not_known() {
        let hub = HubDocument {
            locality: Some("Wien".into()),
            country: Some("AT".into()),
            ..hub("vienna")
        };
        let text = hub_text(&hub);
        assert!(text.contains("place       Wien, AT\n"), "{text}");
        assert!(!text.contains("fork") && !text.contains("web"), "{text}");
    }
}
