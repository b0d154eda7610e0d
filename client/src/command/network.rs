//! `interhub network`, `invite` and `join`.

use interhub_proto::v1;

use super::Answer;
use crate::args::{InviteArgs, NetworkCommand};
use crate::document::{DecisionDocument, DecisionsDocument, InviteDocument, JoinDocument, NetworkDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::{qr, render};

pub(super) async fn run(command: NetworkCommand, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let decision = match command {
        NetworkCommand::Create { name } => return show(node.create_network(&name).await?, true, answer),
        NetworkCommand::Show => return show(node.show_network().await?, false, answer),
        NetworkCommand::Decisions => {
            let decisions = node
                .decisions()
                .await?
                .into_iter()
                .map(DecisionDocument::from)
                .collect();
            return answer.show(&DecisionsDocument { decisions }, decisions_text);
        }
        NetworkCommand::Vote { id, withdraw } => node.vote(&id, withdraw).await?,
        NetworkCommand::Adopt { id } => node.adopt(&id).await?,
        NetworkCommand::Object { id } => node.object(&id).await?,
        NetworkCommand::Rules { guests_per_voter } => node.change_rules(guests_per_voter).await?,
    };
    answer.show(&DecisionDocument::from(decision), decision_text)
}

fn decisions_text(decisions: &DecisionsDocument) -> String {
    if decisions.decisions.is_empty() {
        return "nothing was decided yet\n".to_owned();
    }
    let texts: Vec<String> = decisions.decisions.iter().map(decision_text).collect();
    texts.join("\n")
}

fn decision_text(decision: &DecisionDocument) -> String {
    let id: String = decision.id.chars().take(16).collect();
    let proposed = render::moment(decision.proposed.as_ref());
    let head = format!(
        "{id}  {}  {}  {proposed}",
        decision.state,
        render::line(&decision.change)
    );
    format!("{head}\n  {}\n", render::line(&decision.explanation))
}

fn show(network: v1::NetworkInfo, founded: bool, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    answer.show(&NetworkDocument::from(network), network_text)?;
    if founded {
        answer.note("the network is founded; `interhub invite` makes a link for the next hub")?;
    }
    Ok(())
}

fn network_text(network: &NetworkDocument) -> String {
    render::pairs(vec![
        ("name", render::line(&network.name)),
        ("id", network.id.clone()),
        ("founded", render::moment(network.founded.as_ref())),
        ("founder", render::line(network.founder.as_deref().unwrap_or_default())),
        (
            "hubs",
            format!(
                "{} ({} with a vote, {} guests)",
                network.hubs, network.voters, network.guests
            ),
        ),
    ])
}

pub(super) async fn invite(args: InviteArgs, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    // An invitation whose link nobody sees would stay open: what can be wrong with the file is said before.
    if let Some(path) = &args.qr {
        qr::check(path)?;
    }
    let invite = InviteDocument::from(node.invite(args.expires).await?);
    answer.show(&invite, |invite| format!("{}\n", render::line(&invite.link)))?;
    if let Some(path) = &args.qr {
        qr::write(&invite.link, path)?;
    }
    let until = render::moment(invite.expires.as_ref());
    answer.note(&format!(
        "whoever has this link can use it, once, until {until}; the other hub runs `interhub join LINK`"
    ))?;
    if let Some(path) = &args.qr {
        answer.note(&format!("QR code in {}", path.display()))?;
    }
    Ok(())
}

pub(super) async fn join(link: &str, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let join = JoinDocument::from(node.join(link.trim()).await?);
    answer.show(&join, join_text)
}

fn join_text(join: &JoinDocument) -> String {
    let (network, slug) = (render::line(&join.network), render::line(&join.slug));
    if join.status == "active" {
        format!("joined {network} as {slug}\n")
    } else {
        format!("{network} knows this hub as {slug}; its admission is {}\n", join.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_told_in_words() {
        let decision = DecisionDocument::from(v1::ShownDecision {
            id: "ab".repeat(32),
            change: "remove".into(),
            explanation: "amsterdam proposed to remove vienna (gone\u{7}).".into(),
            ..v1::ShownDecision::default()
        });
        let text = decision_text(&decision);
        assert_eq!(
            text,
            "abababababababab  pending  remove  -\n  amsterdam proposed to remove vienna (gone ).\n"
        );
        let all = DecisionsDocument {
            decisions: vec![decision.clone(), decision],
        };
        assert_eq!(decisions_text(&all), format!("{text}\n{text}"));
        let none = DecisionsDocument { decisions: Vec::new() };
        assert_eq!(decisions_text(&none), "nothing was decided yet\n");
    }

    #[test]
    fn texts() {
        let join = JoinDocument {
            network: "N\u{7}".into(),
            slug: "vienna".into(),
            status: "pending",
        };
        assert_eq!(
            join_text(&join),
            "N knows this hub as vienna; its admission is pending\n"
        );
        let network = NetworkDocument {
            name: "Impact Hubs".into(),
            id: "01".into(),
            founded: None,
            founder: Some("birmingham".into()),
            hubs: 3,
            voters: 1,
            guests: 2,
        };
        let expected = "name     Impact Hubs\nid       01\nfounded  -\nfounder  birmingham\nhubs     3 (1 with a vote, 2 guests)\n";
        assert_eq!(network_text(&network), expected);
    }
}
