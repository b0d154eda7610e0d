//! What `/metrics` shows: numbers only, no name of a person or an event.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::command::Commands;

/// Adds what this node counts to the registry; every scrape reads it anew.
pub(crate) fn register(registry: &mut Registry, commands: &Commands) {
    registry.register_collector(Box::new(NodeCollector(commands.clone())));
}

struct NodeCollector(Commands);

impl fmt::Debug for NodeCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeCollector")
    }
}

impl Collector for NodeCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let totals = self.0.ledger.totals();
        let peers = self.0.peer_status();
        let breaches = peers.iter().map(|peer| peer.breaches).sum();
        let connected = peers.iter().filter(|peer| peer.connected).count();
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let gauges = [
            ("interhub_documents", "Documents shown", number(totals.documents)),
            (
                "interhub_envelopes_waiting",
                "Envelopes that wait for something",
                number(totals.waiting),
            ),
            (
                "interhub_envelopes_refused",
                "Envelopes held and refused",
                number(totals.refused),
            ),
            (
                "interhub_envelopes_void",
                "Envelopes held and void",
                number(totals.void),
            ),
            (
                "interhub_documents_stuck",
                "Documents that cannot be merged",
                number(totals.stuck),
            ),
            (
                "interhub_peers",
                "Other hubs this node talks to, or tries to",
                number(peers.len() as u64),
            ),
            (
                "interhub_peers_connected",
                "Other hubs with a stream now",
                number(connected as u64),
            ),
            (
                "interhub_hubs_forked",
                "Hubs that signed two things under one number",
                number(self.0.ledger.forked_hubs().len() as u64),
            ),
            (
                "interhub_breaches",
                "Times since the start that a peer sent what must never be on its stream",
                number(breaches),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
