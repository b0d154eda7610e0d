//! Two and three nodes on this machine.

use std::time::Duration;

use interhub_domain::ids::LogId;

use super::super::status::Direction;
use super::super::{Contact, JoinRequest};
use super::toy::{NETWORK, ToyHost, hub, public_key};
use super::{Running, options, run, until};
use crate::clock::Stopwatch;

#[test]
fn two_nodes_come_to_hold_the_same() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        for _ in 0..50 {
            one.host.write(LogId::PUBLIC, 300);
            other.host.write(LogId::NETWORK, 300);
            one.host.write(LogId::LOCAL, 300);
        }
        one.calls(&other);
        until("agreement", || one.host.agrees_with(&other.host)).await;
        assert_eq!((one.host.delivered(), other.host.delivered()), (50, 50));
        one.host.write(LogId::PUBLIC, 100);
        until("live push", || one.host.agrees_with(&other.host)).await;
        let lag = || one.peers.status()[0].lag_envelopes;
        until("acknowledgement", || lag() == Some(0)).await;
        let status = one.peers.status().remove(0);
        assert_eq!(
            (status.slug.as_str(), status.direction),
            ("hub-2", Some(Direction::Outbound))
        );
        assert_eq!(other.peers.status()[0].direction, Some(Direction::Inbound));
        assert!(status.connected && status.bytes_out > 50 * 300 && status.bytes_in > 50 * 300);
        assert!(status.clock_skew_ms.is_some_and(|skew| skew.abs() < 1_000));
        assert!(status.last_heard_ms.is_some() && status.last_error.is_none());
        assert_eq!(one.host.notices(), []);
        one.stop().await;
        other.stop().await;
    });
}

#[test]
fn equal_nodes_say_little() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        for _ in 0..1_000 {
            one.host.write(LogId::PUBLIC, 300);
        }
        other.host.inherit(&one.host);
        one.calls(&other);
        until("equality", || {
            one.host.equal_count() > 0 && other.host.equal_count() > 0
        })
        .await;
        let status = one.peers.status().remove(0);
        // HTTP/2 and gRPC included; the frames alone are counted beside the session.
        assert!(status.bytes_in + status.bytes_out < 1_500, "{status:?}");
        assert_eq!(one.host.delivered() + other.host.delivered(), 0);
    });
}

#[test]
fn a_relay_passes_on_between_two_that_never_meet() {
    run(async {
        let (one, relay, far) = (Running::new(1).await, Running::new(2).await, Running::new(3).await);
        for node in [&one, &relay, &far] {
            for number in [1, 2, 3] {
                if number != node.number {
                    node.host.knows(number, "");
                }
            }
        }
        one.host.knows(2, &relay.address);
        far.host.knows(2, &relay.address);
        one.host.write(LogId::PUBLIC, 10);
        until("relay", || far.host.agrees_with(&one.host)).await;
        far.host.write(LogId::PUBLIC, 10);
        until("relay back", || far.host.agrees_with(&one.host)).await;
    });
}

#[test]
fn when_both_call_one_stream_stays() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        one.host.knows(2, &other.address);
        other.host.knows(1, &one.address);
        one.host.write(LogId::PUBLIC, 10);
        until("agreement", || one.host.agrees_with(&other.host)).await;
        until("a single stream", || one.streams() == 1 && other.streams() == 1).await;
        // Whoever came first: the other does not call, or the call of the higher hub id was ended.
        let direction = |node: &Running| node.peers.status()[0].direction;
        until("one view of it", || {
            direction(&one).is_some() && direction(&one) != direction(&other)
        })
        .await;
        for _ in 0..20 {
            one.host.write(LogId::PUBLIC, 10);
            other.host.write(LogId::PUBLIC, 10);
        }
        until("agreement", || one.host.agrees_with(&other.host)).await;
        assert_eq!((one.streams(), other.streams()), (1, 1), "it stays");
    });
}

#[test]
fn who_stops_and_comes_back_catches_up() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        one.calls(&other);
        until("stream", || one.connected() == 1).await;
        let (host, address) = (other.host.clone(), other.address.clone());
        other.stop().await;
        until("the end of it", || one.connected() == 0).await;
        for _ in 0..100 {
            one.host.write(LogId::PUBLIC, 1_000);
        }
        let again = ToyHost::new(2, 2);
        again.inherit(&host);
        again.knows(1, "");
        let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
        let back = Stopwatch::start();
        let again = Running::start_on(again, 2, options(), listener);
        one.peers.call_now();
        until("agreement", || one.host.agrees_with(&again.host)).await;
        println!("reconnected and 100 envelopes caught up in {:?}", back.elapsed());
    });
}

#[test]
fn a_wrong_key_is_named() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        let contact = Contact {
            slug: "two".into(),
            key: public_key(7),
            address: other.address.clone(),
            dial: true,
        };
        one.host.knows_as(2, contact);
        until("an error", || {
            one.last_error(2).contains("it is another hub, or its key was replaced")
        })
        .await;
        assert_eq!(one.connected(), 0);
    });
}

#[test]
fn an_unknown_key_is_refused_with_a_reason() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        one.host.knows(2, &other.address);
        until("an error", || {
            one.last_error(2).contains("this key is not in the registry here")
        })
        .await;
        assert_eq!((one.connected(), other.connected()), (0, 0));
        other.host.knows(1, "");
        until("a stream, once it is known", || one.connected() == 1).await;
        assert_eq!(one.last_error(2), "");
    });
}

#[test]
fn a_hub_that_is_removed_loses_its_stream() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        one.calls(&other);
        until("a stream", || one.connected() == 1 && other.connected() == 1).await;
        other.host.forgets(1);
        until("the end of it", || one.connected() == 0).await;
        until("a reason", || one.last_error(2).contains("not in the registry")).await;
    });
}

#[test]
fn nobody_there_is_said_plainly() {
    run(async {
        let one = Running::new(1).await;
        one.host.knows(2, "127.0.0.1:1");
        until("an error", || one.last_error(2).contains("cannot reach 127.0.0.1:1")).await;
    });
}

#[test]
fn a_newcomer_may_ask_to_join_and_nothing_else() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        let mut request = JoinRequest {
            next_keys: Vec::new(),
            admission: Vec::new(),
            network: NETWORK,
            invitation_key: [1; 32],
            invitation_signature: [2; 64],
            accept: public_key(1).to_vec(),
            accept_signature: [3; 64],
        };
        let joined = one.peers.join(&other.address, public_key(2), &request).await.unwrap();
        assert!(joined.active);
        request.network.0[0] ^= 1;
        let refused = one
            .peers
            .join(&other.address, public_key(2), &request)
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), "the invitation is for another network");
        let wrong = one
            .peers
            .join(&other.address, public_key(3), &request)
            .await
            .unwrap_err();
        assert!(wrong.to_string().contains("it is another hub"), "{wrong}");
    });
}

#[test]
fn a_large_backlog_goes_through() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        for _ in 0..300 {
            one.host.write(LogId::PUBLIC, 60_000);
        }
        for _ in 0..5_000 {
            other.host.write(LogId::PUBLIC, 200);
        }
        let start = Stopwatch::start();
        one.calls(&other);
        until("agreement", || one.host.agrees_with(&other.host)).await;
        println!("18 MB one way and 5,000 envelopes the other in {:?}", start.elapsed());
        assert_eq!((one.host.delivered(), other.host.delivered()), (5_000, 300));
    });
}

/// Not a limit, a figure: from write to hold over loopback.
#[test]
fn live_push_latency() {
    run(async {
        let (one, other) = (Running::new(1).await, Running::new(2).await);
        one.calls(&other);
        until("a stream", || one.connected() == 1 && other.connected() == 1).await;
        let mut times = Vec::new();
        for _ in 0..200 {
            let start = Stopwatch::start();
            one.host.write(LogId::PUBLIC, 300);
            while !one.host.agrees_with(&other.host) {
                tokio::task::yield_now().await;
                assert!(start.elapsed() < Duration::from_secs(10));
            }
            times.push(start.elapsed());
        }
        times.sort();
        println!("write to hold: p50 {:?}, p99 {:?}", times[100], times[197]);
        assert_eq!(one.peers.status()[0].hub, hub(2));
    });
}
