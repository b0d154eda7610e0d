//! `interhub network`, `invite` and `join`.

use super::Answer;
use crate::args::{InviteArgs, NetworkCommand};
use crate::document::{InviteDocument, JoinDocument, NetworkDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::{qr, render};

pub(super) async fn run(command: NetworkCommand, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let (network, founded) = match command {
        NetworkCommand::Create { name } => (node.create_network(&name).await?, true),
        NetworkCommand::Show => (node.show_network().await?, false),
    };
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
    let invite = InviteDocument::from(node.invite(args.expires).await?);
    if let Some(path) = &args.qr {
        qr::write(&invite.link, path)?;
    }
    answer.show(&invite, |invite| format!("{}\n", render::line(&invite.link)))?;
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
