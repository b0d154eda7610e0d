//! `interhub status`, `peers`, `quarantine` and `watch`.

use tokio_stream::StreamExt as _;

use super::Answer;
use crate::document::{PeerDocument, PeersDocument, QuarantineDocument, StatusDocument, WatchDocument};
use crate::error::ClientError;
use crate::node::Node;
use crate::render;

pub(super) async fn status(node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    answer.show(&StatusDocument::from(node.status().await?), status_text)
}

fn status_text(status: &StatusDocument) -> String {
    let network = status.network.as_ref();
    let network = network.map_or_else(
        || "none; found or join one".to_owned(),
        |network| render::line(&network.name),
    );
    let odd = |count: u64| if count == 0 { String::new() } else { count.to_string() };
    render::pairs(vec![
        ("hub", render::line(&status.hub)),
        ("id", status.id.clone()),
        ("network", network),
        ("version", render::line(&status.version)),
        ("epoch", status.epoch.clone()),
        (
            "documents",
            format!(
                "{} ({} events, {} members)",
                status.documents, status.events, status.members
            ),
        ),
        ("peers", format!("{} of {} connected", status.connected, status.peers)),
        ("as of", as_of_text(status)),
        ("shared digest", status.shared_digest.clone()),
        ("projections", status.projections_digest.clone()),
        ("restoring", render::yes(status.restoring)),
        ("waiting", odd(status.waiting)),
        ("refused", odd(status.refused)),
        ("void", odd(status.void)),
        ("stuck", odd(status.stuck)),
        (
            "breaches",
            match status.breaches {
                0 => String::new(),
                count => format!("{count}; `interhub peers` says whose"),
            },
        ),
        (
            "forked",
            named(&status.forked, "`interhub hub show` and `interhub quarantine` say more"),
        ),
        (
            "clock ahead",
            named(&status.clocks_ahead, "`interhub hub show` says by how much"),
        ),
        ("votes open", odd(status.votes_open.into())),
        (
            "another node",
            if status.another_node {
                "writes with this hub's key; stop one of the two".to_owned()
            } else {
                String::new()
            },
        ),
        (
            "key",
            if status.key_replaced {
                "another one is this hub's by now, which this node does not have; see `interhub key show`".to_owned()
            } else {
                String::new()
            },
        ),
        ("keys at risk", key_decisions_text(&status.key_decisions)),
        (
            "counting",
            status.counting_error.as_deref().map(render::line).unwrap_or_default(),
        ),
    ])
}

/// Hubs, and where to read on; nothing if there are none.
fn named(hubs: &[String], more: &str) -> String {
    if hubs.is_empty() {
        return String::new();
    }
    let hubs: Vec<String> = hubs.iter().map(|hub| render::line(hub)).collect();
    format!("{}; {more}", hubs.join(", "))
}

/// What its operator has to do whose keys the others want to replace.
fn key_decisions_text(decisions: &[String]) -> String {
    let ids: Vec<String> = decisions.iter().map(|id| id.chars().take(16).collect()).collect();
    match ids.first() {
        None => String::new(),
        Some(first) => format!(
            "the voting hubs are giving this hub other keys (decision {}); if its key is not lost, object: `interhub \
             network object {first}`",
            ids.join(", ")
        ),
    }
}

/// Which hub's data is oldest, and how old it is.
fn as_of_text(status: &StatusDocument) -> String {
    let hub = status.oldest_hub.as_deref().map(render::line);
    match (status.as_of.as_ref(), hub) {
        (Some(_), None) => "now".to_owned(),
        (Some(at), Some(hub)) => format!("{} (the oldest is {hub})", render::moment(Some(at))),
        (None, hub) => format!("nothing was heard of {} yet", hub.unwrap_or_default()),
    }
}

pub(super) async fn peers(node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let peers = node.peers().await?.into_iter().map(PeerDocument::from).collect();
    answer.show(&PeersDocument { peers }, peers_text)
}

fn peers_text(peers: &PeersDocument) -> String {
    let rows = peers.peers.iter().map(|peer| {
        vec![
            render::short(&peer.slug),
            render::short(peer.address.as_deref().unwrap_or("-")),
            peer.direction
                .unwrap_or(if peer.connected { "yes" } else { "away" })
                .to_owned(),
            render::moment(peer.last_heard.as_ref()),
            render::bytes(peer.bytes_in),
            render::bytes(peer.bytes_out),
            peer.lag_envelopes.map_or_else(|| "-".to_owned(), |lag| lag.to_string()),
            peer.clock_skew_ms
                .map_or_else(|| "-".to_owned(), |skew| format!("{skew} ms")),
            render::short(&trouble(peer)),
        ]
    });
    let header = [
        "SLUG",
        "ADDRESS",
        "LINK",
        "LAST HEARD",
        "IN",
        "OUT",
        "LAG",
        "SKEW",
        "TROUBLE",
    ];
    render::table(&header, rows.collect())
}

fn trouble(peer: &PeerDocument) -> String {
    if let Some(what) = peer.last_breach.as_ref().filter(|_| peer.breaches > 0) {
        return format!("{} breaches: {what}", peer.breaches);
    }
    if let (None, Some(what)) = (&peer.last_error, &peer.last_fault) {
        return format!("{} faults: {what}", peer.faults);
    }
    match &peer.last_error {
        Some(error) => error.clone(),
        None if peer.paused => "paused".to_owned(),
        None => String::new(),
    }
}

pub(super) async fn quarantine(
    limit: u32,
    cursor: Option<String>,
    node: &Node,
    answer: &mut Answer<'_, '_>,
) -> Result<(), ClientError> {
    let begins = cursor.is_none();
    let page = QuarantineDocument::from(node.quarantine(limit, cursor).await?);
    answer.show(&page, quarantine_text)?;
    if page.items.is_empty() && begins {
        answer.note("everything that is held counts, was erased, or has not waited for long")?;
    }
    if let Some(next) = &page.next {
        answer.note(&format!("there are more; go on with --cursor {}", render::line(next)))?;
    }
    Ok(())
}

fn quarantine_text(page: &QuarantineDocument) -> String {
    let rows = page.items.iter().map(|item| {
        vec![
            render::moment(item.at.as_ref()),
            render::short(&item.author),
            render::short(item.peer.as_deref().unwrap_or("-")),
            item.state.to_owned(),
            render::bytes(item.bytes),
            render::line(&item.reason),
            render::line(&item.hash),
        ]
    });
    let header = ["RECEIVED", "AUTHOR", "FROM", "STATE", "SIZE", "REASON", "HASH"];
    render::table(&header, rows.collect())
}

/// Prints changes until interrupted, which is a good end; that the node stops is not.
pub(super) async fn watch(from: Option<String>, node: &Node, answer: &mut Answer<'_, '_>) -> Result<(), ClientError> {
    let mut changes = node.watch(from).await?;
    loop {
        let change = tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => return Ok(()),
            change = changes.next() => change,
        };
        let Some(change) = change else {
            return Err(ClientError::Unreachable(
                "the node stopped; start it again, and go on with `interhub watch --from TOKEN`".to_owned(),
            ));
        };
        let line = watch_line(&WatchDocument::from(change?), answer.json)?;
        answer.io.out.write_all(line.as_bytes())?;
        answer.io.out.flush()?;
    }
}

/// One object a line, or the same for people.
fn watch_line(change: &WatchDocument, json: bool) -> Result<String, ClientError> {
    if json {
        return Ok(serde_json::to_string(change).map_err(std::io::Error::from)? + "\n");
    }
    let at = render::moment(change.at.as_ref());
    Ok(format!(
        "{at}  {:15}  {}  {}\n",
        change.kind,
        render::line(&change.thing),
        render::line(&change.token)
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use interhub_proto::v1;

    use super::*;

    #[test]
    fn status_shows_odd_figures_only_when_there_are_some() {
        let mut status = StatusDocument::from(v1::StatusResponse {
            hub: "vienna".into(),
            ..Default::default()
        });
        let text = status_text(&status);
        assert!(
            text.contains("none; found or join one") && !text.contains("stuck"),
            "{text}"
        );
        status.stuck = 2;
        assert!(status_text(&status).contains("stuck"));
    }

    #[test]
    fn peers_are_a_table() {
        let away = v1::Peer {
            slug: "a".into(),
            last_error: Some("no\nroute".into()),
            ..v1::Peer::default()
        };
        let here = v1::Peer {
            slug: "b".into(),
            connected: true,
            direction: 1,
            paused: true,
            ..v1::Peer::default()
        };
        let peers = PeersDocument {
            peers: vec![PeerDocument::from(away), PeerDocument::from(here)],
        };
        let text = peers_text(&peers);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].contains("away") && lines[1].ends_with("no route"), "{text}");
        assert!(
            lines[2].contains("  inbound  ") && lines[2].ends_with("paused"),
            "{text}"
        );
    }

    #[test]
    fn what_is_held_back_is_a_table() {
        let own = v1::QuarantinedEnvelope {
            hash: "ab".repeat(32),
            author: "vienna".into(),
            state: v1::QuarantineState::Void.into(),
            reason: "it lies beyond\na fork".into(),
            bytes: 1_500,
            ..v1::QuarantinedEnvelope::default()
        };
        let foreign = v1::QuarantinedEnvelope {
            peer: Some("amsterdam".into()),
            state: v1::QuarantineState::Refused.into(),
            ..own.clone()
        };
        let waiting = v1::QuarantinedEnvelope {
            state: v1::QuarantineState::Waiting.into(),
            ..own.clone()
        };
        let page = QuarantineDocument::from(v1::QuarantineResponse {
            items: vec![own, foreign, waiting],
            next: None,
        });
        let text = quarantine_text(&page);
        let lines: Vec<&str> = text.lines().collect();
        let columns = |line: &str| {
            line.split("  ")
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let hash = "ab".repeat(32);
        assert_eq!(
            columns(lines[1]),
            [
                "-",
                "vienna",
                "-",
                "void",
                "1.5 kB",
                "it lies beyond a fork",
                hash.as_str()
            ]
        );
        assert_eq!(columns(lines[2])[2..4], ["amsterdam", "refused"]);
        assert_eq!(columns(lines[3])[3], "waiting");
    }

    #[test]
    fn a_change_is_one_line() {
        let change = WatchDocument {
            token: "t".into(),
            kind: "event_added",
            thing: "x".into(),
            at: None,
        };
        assert_eq!(watch_line(&change, false).unwrap(), "-  event_added      x  t\n");
        let json = watch_line(&change, true).unwrap();
        assert_eq!(
            json,
            "{\"token\":\"t\",\"kind\":\"event_added\",\"thing\":\"x\",\"at\":null}\n"
        );
    }
}
