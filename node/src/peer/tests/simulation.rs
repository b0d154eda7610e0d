//! Three nodes in a simulated network that is cut and mended.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use interhub_domain::ids::LogId;

use super::super::net::Net;
use super::super::{PeerOptions, Peers};
use super::toy::{ToyHost, seed};
use crate::clock::ManualClock;
use crate::task::{Blocking, Tasks};

const PORT: u16 = 7400;

/// TCP of the simulation.
struct SimNet;

impl Net for SimNet {
    type Stream = turmoil::net::TcpStream;
    type Listener = turmoil::net::TcpListener;

    fn connect(&self, address: &str) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        let address = address.to_owned();
        async move { turmoil::net::TcpStream::connect(address).await }
    }

    fn accept(&self, listener: &Self::Listener) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send {
        listener.accept()
    }
}

fn options() -> PeerOptions {
    PeerOptions {
        keepalive: Duration::from_secs(2),
        keepalive_timeout: Duration::from_secs(3),
        ..PeerOptions::default()
    }
}

/// Cuts one of three off for 15 s while all write, mends, and tells when what happened.
fn partition_and_repair(rng_seed: u64) -> Vec<(u64, &'static str)> {
    let mut sim = turmoil::Builder::new()
        .rng_seed(rng_seed)
        .simulation_duration(Duration::from_mins(2))
        .min_message_latency(Duration::from_millis(5))
        .max_message_latency(Duration::from_millis(30))
        .build();
    let hosts: Vec<Arc<ToyHost>> = (1..=3).map(|number| ToyHost::new(number, 1)).collect();
    for (index, host) in hosts.iter().enumerate() {
        for (other, name) in [(1, "one"), (2, "two"), (3, "three")] {
            if usize::from(other) != index + 1 {
                host.knows(other, &format!("{name}:{PORT}"));
            }
        }
    }
    for (number, name) in [(1_u8, "one"), (2, "two"), (3, "three")] {
        let host = hosts[usize::from(number) - 1].clone();
        sim.host(name, move || {
            let host = host.clone();
            async move {
                let listener = turmoil::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
                let tasks = Tasks::new(Blocking::Inline);
                let clock = ManualClock::new(0, u64::from(number));
                let _peers = Peers::start(host, &seed(number), Some(listener), SimNet, options(), &tasks, clock)?;
                std::future::pending().await
            }
        });
    }
    let told: Arc<Mutex<Vec<(u64, &'static str)>>> = Arc::default();
    let (log, watched) = (told.clone(), hosts.clone());
    sim.client("operator", async move {
        let tell = |what| {
            let at = u64::try_from(turmoil::elapsed().as_millis()).unwrap();
            log.lock().unwrap().push((at, what));
        };
        let agreed = || watched.windows(2).all(|pair| pair[0].agrees_with(&pair[1]));
        let agree = || async {
            while !agreed() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        for host in &watched {
            host.write(LogId::PUBLIC, 500);
        }
        agree().await;
        tell("agreed");
        turmoil::partition("one", "three");
        turmoil::partition("two", "three");
        tell("cut");
        for host in &watched {
            for _ in 0..20 {
                host.write(LogId::NETWORK, 500);
            }
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert!(watched[0].agrees_with(&watched[1]), "the others go on");
        assert!(!watched[0].agrees_with(&watched[2]));
        turmoil::repair("one", "three");
        turmoil::repair("two", "three");
        tell("mended");
        agree().await;
        tell("agreed again");
        Ok(())
    });
    sim.run().unwrap();
    let told = told.lock().unwrap().clone();
    for host in &hosts {
        assert_eq!(host.notices(), [], "seed {rng_seed}");
    }
    told
}

#[test]
fn a_cut_is_mended_and_a_run_can_be_replayed() {
    for rng_seed in [1, 2] {
        let told = partition_and_repair(rng_seed);
        println!("seed {rng_seed}: {told:?}");
        assert_eq!(told.len(), 4, "seed {rng_seed}");
        assert_eq!(partition_and_repair(rng_seed), told, "seed {rng_seed}");
    }
}
