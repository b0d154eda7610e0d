//! Decisions between real nodes that cross each other, come too late, or lose a vote again; and what operators read of
//! them.

use interhub_tests::cluster::{Cluster, Inside, agree};
use interhub_tests::hub::{Hub, SOON, text, wait_until};
use serde_json::{Value, json};

use super::bad_trust_input::refuses;
use super::registry::{all_show, has_event, line, seat};

/// Waits until this hub shows the decision, and something about it.
#[track_caller]
fn decision_that(hub: &Hub, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut found = Value::Null;
    wait_until(&format!("decision {id:.8} {what} at {}", hub.slug), SOON, || {
        let shown = hub.json(&["network", "decisions"]);
        let mut all = shown["decisions"].as_array().unwrap().iter();
        let one = all.find(|one| one["id"] == id).ok_or_else(|| shown.to_string())?;
        if is_so(one) {
            found = one.clone();
            Ok(())
        } else {
            Err(shown.to_string())
        }
    });
    found
}

#[track_caller]
fn decision(hub: &Hub, id: &str) -> Value {
    decision_that(hub, id, "known", |_| true)
}

/// Waits until all of these hubs show the decision in this state.
#[track_caller]
fn all_say(hubs: &[&Hub], id: &str, state: &str) {
    for hub in hubs {
        decision_that(hub, id, state, |one| one["state"] == state);
    }
}

/// Waits until all of these hubs hold the votes of these, and of nobody else.
#[track_caller]
fn all_count(hubs: &[&Hub], id: &str, votes: &[&str]) {
    for hub in hubs {
        decision_that(hub, id, &format!("with votes of {votes:?}"), |one| {
            one["votes"] == json!(votes)
        });
    }
}

/// Votes for what another hub proposed, once it is here.
#[track_caller]
fn vote(hub: &Hub, id: &str) -> Value {
    decision(hub, id);
    hub.json(&["network", "vote", id])
}

#[track_caller]
fn remove(hub: &Hub, slug: &str) -> String {
    let pending = hub.json(&["hub", "remove", slug, "--reason", "it sends adverts"]);
    assert_eq!(pending["state"], "pending", "{pending}");
    text(&pending, "decision")
}

/// Votes for a rule; returns the decision.
#[track_caller]
fn allow_guests(hub: &Hub, count: &str) -> Value {
    hub.json(&["network", "rules", "--guests-per-voter", count])
}

#[track_caller]
fn says(decision: &Value, words: &[&str]) {
    let explanation = text(decision, "explanation");
    for wanted in words {
        assert!(explanation.contains(wanted), "{wanted:?} in {explanation}");
    }
}

/// Who belongs, as this hub shows it.
fn belongs(hub: &Hub) -> Vec<[Value; 5]> {
    let list = hub.json(&["hub", "list"]);
    let fields = ["slug", "id", "status", "voter", "guest_of"];
    let hubs = list["hubs"].as_array().unwrap().iter();
    hubs.map(|hub| fields.map(|field| hub[field].clone())).collect()
}

/// These hubs show the same network, and the same events.
#[track_caller]
fn are_equal(hubs: &[&Hub]) {
    agree(hubs);
    for hub in &hubs[1..] {
        assert_eq!(belongs(hub), belongs(hubs[0]), "{} and {}", hub.slug, hubs[0].slug);
    }
}

/// Five hubs that vote.
const FIVE: [&str; 5] = ["birmingham", "amsterdam", "vienna", "lisbon", "zagreb"];

fn five_voters() -> Cluster {
    let cluster = Cluster::new(&FIVE);
    seat(&cluster, &FIVE[1..]);
    cluster
}

/// Lisbon and Zagreb remove Vienna while the three others, Vienna among them, change the rules; Amsterdam voted for both.
/// Then all were apart for eight days. Returns the removal, the rules, and an event that Vienna added meanwhile.
fn apart_for_eight_days(cluster: &mut Cluster) -> (String, String, String) {
    let removal = remove(&cluster.hubs[3], "vienna");
    vote(&cluster.hubs[1], &removal);
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    all_count(&all, &removal, &["amsterdam", "lisbon"]);
    cluster.agree();
    cluster.hubs[3].stop();
    cluster.hubs[4].stop();

    let [birmingham, amsterdam, vienna, ..] = &cluster.hubs[..] else {
        panic!("five hubs")
    };
    let rules = text(&allow_guests(birmingham, "20"), "id");
    vote(amsterdam, &rules);
    let passed = vote(vienna, &rules);
    assert_eq!(passed["state"], "passed", "{passed}");
    let three = [birmingham, amsterdam, vienna];
    all_say(&three, &rules, "passed");
    let waits = decision(amsterdam, &removal);
    says(
        &waits,
        &[
            "2 of the 3 votes needed among 5 voters",
            "lisbon's node proposes it again",
        ],
    );
    let event = vienna.add("While they were apart", "2027-04-02T10:00");
    agree(&three);
    for hub in &mut cluster.hubs[..3] {
        hub.stop();
    }

    for hub in &mut cluster.hubs[3..] {
        hub.start();
    }
    let passed = vote(&cluster.hubs[4], &removal);
    assert_eq!(passed["state"], "passed", "{passed}");
    let two = [&cluster.hubs[3], &cluster.hubs[4]];
    all_say(&two, &removal, "passed");
    all_show(&two, "vienna", "status", &"removed".into());
    for hub in &mut cluster.hubs[3..] {
        hub.stop();
    }
    (removal, rules, event)
}

#[test]
fn what_was_decided_elsewhere_long_ago_is_refused_until_enough_adopt_it() {
    let mut cluster = five_voters();
    let (removal, rules, event) = apart_for_eight_days(&mut cluster);
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    let inside = Inside::start_later(&all, 8);
    let [birmingham, amsterdam, vienna, lisbon, zagreb] = all[..] else {
        panic!("five hubs")
    };
    let (three, two, stay) = (
        [birmingham, amsterdam, vienna],
        [lisbon, zagreb],
        [birmingham, amsterdam, lisbon, zagreb],
    );
    all_say(&three, &removal, "refused");
    all_say(&two, &rules, "refused");
    agree(&three);
    agree(&two);
    for hub in three {
        let refused = decision(hub, &removal);
        says(
            &refused,
            &[
                "lisbon proposed to remove vienna (it sends adverts).",
                "amsterdam, lisbon and zagreb have voted for it",
                "for more than seven days, so this node refuses it",
                &format!("`interhub network adopt {}`", &removal[..8]),
            ],
        );
        let shown = line(hub, "vienna");
        assert_eq!(
            (&shown["status"], &shown["voter"]),
            (&"active".into(), &true.into()),
            "{shown}"
        );
        assert!(shown["explanation"].to_string().contains("refuses it"), "{shown}");
        assert!(has_event(hub, &event), "{}", hub.slug);
        assert!(
            hub.cli(&["network", "decisions"])
                .ok()
                .out
                .contains("  refused  remove  ")
        );
    }
    for hub in two {
        assert_eq!(line(hub, "vienna")["status"], "removed");
        assert!(!has_event(hub, &event), "{}", hub.slug);
    }
    refuses(
        birmingham,
        &[
            (&["network", "vote", &removal], 1, "network adopt"),
            (&["network", "vote", &removal, "--withdraw"], 1, "network adopt"),
            (&["network", "adopt", &rules], 1, "in force"),
        ],
    );

    let adopting = birmingham.json(&["network", "adopt", &removal[..8]]);
    assert_eq!(
        (&adopting["change"], &adopting["state"], &adopting["votes"]),
        (&"adopt".into(), &"pending".into(), &json!(["birmingham"])),
        "{adopting}"
    );
    let again = birmingham.json(&["network", "adopt", &removal]);
    assert_eq!(again, adopting, "adopting twice is adopting once");
    let id = text(&adopting, "id");
    for hub in &all {
        decision(hub, &id);
    }
    refuses(
        birmingham,
        &[
            (&["network", "vote", &id], 1, "voted for it already; 1 of the 3"),
            (&["network", "adopt", &id], 1, "pending"),
        ],
    );
    // It has no vote in what removes it.
    refuses(vienna, &[(&["network", "vote", &id], 4, "no vote in what")]);
    let second = amsterdam.json(&["network", "adopt", &removal]);
    assert_eq!(
        (&second["id"], &second["state"], &second["votes"]),
        (
            &id.as_str().into(),
            &"pending".into(),
            &json!(["amsterdam", "birmingham"])
        ),
        "{second}"
    );
    // Two of five have changed nothing yet, for either side.
    all_count(&all, &id, &["amsterdam", "birmingham"]);
    all_say(&three, &removal, "refused");
    all_say(&two, &rules, "refused");
    assert_eq!(line(birmingham, "vienna")["status"], "active");
    says(
        &decision(lisbon, &id),
        &["2 of the 3 votes needed", "This hub has not voted"],
    );
    let passed = vote(lisbon, &id);
    assert_eq!(passed["state"], "passed", "{passed}");

    for one in [&id, &removal, &rules] {
        all_say(&all, one, "passed");
    }
    all_show(&all, "vienna", "status", &"removed".into());
    are_equal(&stay);
    for hub in stay {
        assert!(
            !has_event(hub, &event),
            "{}: it lies beyond the removal's cut",
            hub.slug
        );
        says(
            &decision(hub, &id),
            &[
                "birmingham proposed to take after all what some nodes refused as too late: to remove vienna",
                &removal[..8],
                "amsterdam, birmingham and lisbon have voted for it",
                "It is in force.",
            ],
        );
    }
    refuses(
        zagreb,
        &[
            (&["network", "adopt", &removal], 1, "in force"),
            (&["network", "vote", &id], 1, "in force"),
        ],
    );
    let link = allow_guests(zagreb, "7");
    assert_eq!(link["needed"], 3, "four vote, and go on together: {link}");
    vote(birmingham, &text(&link, "id"));
    vote(amsterdam, &text(&link, "id"));
    all_say(&stay, &text(&link, "id"), "passed");
    inside.stop();
}

#[test]
fn overlapping_majorities_of_parts_that_did_not_see_each_other_remove_both_targets() {
    let mut cluster = five_voters();
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    let [birmingham, _, vienna, _, zagreb] = all[..] else {
        panic!("five hubs")
    };
    let (one, other) = (remove(birmingham, "zagreb"), remove(zagreb, "birmingham"));
    vote(vienna, &one);
    vote(vienna, &other);
    for hub in &all {
        decision_that(hub, &one, "with two votes", |it| {
            it["votes"] == json!(["birmingham", "vienna"])
        });
        decision_that(hub, &other, "with two votes", |it| {
            it["votes"] == json!(["vienna", "zagreb"])
        });
        for slug in FIVE {
            assert_eq!(line(hub, slug)["status"], "active", "two of five change nothing");
        }
    }
    // Each part decides while the others are away, and hears nothing of them.
    for (part, id, target) in [([0, 1], &one, "zagreb"), ([3, 4], &other, "birmingham")] {
        for place in 0..FIVE.len() {
            if part.contains(&place) {
                if cluster.hubs[place].process_id().is_none() {
                    cluster.hubs[place].start();
                }
            } else {
                cluster.hubs[place].stop();
            }
        }
        let here = part.map(|place| &cluster.hubs[place]);
        let voter = if target == "zagreb" { here[1] } else { here[0] };
        let passed = vote(voter, id);
        assert_eq!(passed["state"], "passed", "{passed}");
        all_show(&here, target, "status", &"removed".into());
    }
    assert_eq!(line(&cluster.hubs[4], "zagreb")["status"], "active", "not met yet");
    for hub in &mut cluster.hubs {
        if hub.process_id().is_none() {
            hub.start();
        }
    }
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    for id in [&one, &other] {
        all_say(&all, id, "passed");
    }
    for target in ["birmingham", "zagreb"] {
        all_show(&all, target, "status", &"removed".into());
        all_show(&all, target, "voter", &false.into());
    }
    for hub in &all[1..] {
        assert_eq!(belongs(hub), belongs(all[0]), "{}", hub.slug);
    }
    let rest = [all[1], all[2], all[3]];
    are_equal(&rest);
    for hub in rest {
        says(
            &decision(hub, &one),
            &["amsterdam, birmingham and vienna have voted for it", "It is in force."],
        );
        says(
            &decision(hub, &other),
            &["lisbon, vienna and zagreb have voted for it", "It is in force."],
        );
    }
    // The three that are left decide on.
    let rules = allow_guests(rest[0], "5");
    assert_eq!(rules["needed"], 2, "{rules}");
    vote(rest[1], &text(&rules, "id"));
    all_say(&rest, &text(&rules, "id"), "passed");
}

#[test]
fn of_two_hubs_that_want_each_other_out_the_third_decides() {
    let cluster = Cluster::new(&FIVE[..3]);
    seat(&cluster, &FIVE[1..3]);
    let [birmingham, amsterdam, vienna] = &cluster.hubs[..] else {
        panic!("three hubs")
    };
    let all = [birmingham, amsterdam, vienna];
    let (one, other) = (remove(amsterdam, "vienna"), remove(vienna, "amsterdam"));
    for hub in all {
        decision(hub, &one);
        decision(hub, &other);
    }
    cluster.agree();
    for hub in all {
        says(
            &decision(hub, &one),
            &["amsterdam proposed to remove vienna", "1 of the 2 votes needed"],
        );
        says(
            &decision(hub, &other),
            &["vienna proposed to remove amsterdam", "1 of the 2 votes needed"],
        );
        for slug in &FIVE[..3] {
            let shown = line(hub, slug);
            assert_eq!(
                (&shown["status"], &shown["voter"]),
                (&"active".into(), &true.into()),
                "{shown}"
            );
        }
        let open = if hub.slug == "birmingham" { 2 } else { 1 };
        assert_eq!(hub.json(&["status"])["votes_open"], open, "{}", hub.slug);
    }
    says(
        &decision(birmingham, &one),
        &["It waits for 1 more of birmingham and vienna. This hub has not voted: `interhub network vote "],
    );
    let passed = vote(birmingham, &one);
    assert_eq!(passed["state"], "passed", "{passed}");
    all_show(&all, "vienna", "status", &"removed".into());
    all_say(&all, &other, "pending");
    for hub in [birmingham, amsterdam] {
        let shown = line(hub, "amsterdam");
        assert_eq!(
            (&shown["status"], &shown["voter"]),
            (&"active".into(), &true.into()),
            "{shown}"
        );
        says(
            &decision(hub, &other),
            &["is not proposed again by itself, because vienna no longer votes: `interhub network vote "],
        );
    }
    // Whoever wants it all the same proposes it. Two vote now, so that the founder decides alone.
    let again = vote(birmingham, &other);
    assert_eq!(
        (&again["proposer"], &again["slug"], &again["state"]),
        (&"birmingham".into(), &"amsterdam".into(), &"passed".into()),
        "{again}"
    );
    assert_ne!(again["id"], other.as_str(), "{again}");
    all_show(&[birmingham, amsterdam], "amsterdam", "status", &"removed".into());
}

#[test]
fn a_withdrawn_vote_is_not_given_again_and_a_signature_stays() {
    let cluster = Cluster::new(&FIVE[..4]);
    seat(&cluster, &FIVE[1..4]);
    let all: Vec<&Hub> = cluster.hubs.iter().collect();
    let [birmingham, amsterdam, vienna, lisbon] = all[..] else {
        panic!("four hubs")
    };
    let removal = remove(amsterdam, "lisbon");
    let few = text(&allow_guests(amsterdam, "7"), "id");
    vote(vienna, &removal);
    vote(vienna, &few);
    let withdrawn = vienna.json(&["network", "vote", &removal, "--withdraw"]);
    assert_eq!(
        (&withdrawn["own_vote"], &withdrawn["votes"]),
        (&"withdrawn".into(), &json!(["amsterdam", "vienna"])),
        "{withdrawn}"
    );
    says(
        &withdrawn,
        &["This hub has withdrawn its vote", "what it signed stays signed"],
    );
    all_count(&all, &removal, &["amsterdam", "vienna"]);
    all_count(&all, &few, &["amsterdam", "vienna"]);
    cluster.agree();
    let again = ["network", "vote", &removal, "--withdraw"];
    refuses(vienna, &[(&again, 1, "has withdrawn its vote for this already")]);
    refuses(birmingham, &[(&again, 1, "nothing to withdraw")]);
    assert_eq!(vienna.json(&["status"])["votes_open"], 0, "it has spoken");

    // What is decided meanwhile makes Amsterdam's node propose both again.
    let rules = text(&allow_guests(birmingham, "20"), "id");
    vote(amsterdam, &rules);
    vote(vienna, &rules);
    all_say(&all, &rules, "passed");
    let renewed = |change: &str| {
        let mut id = String::new();
        wait_until(&format!("{change} proposed again"), SOON, || {
            let shown = vienna.json(&["network", "decisions"]);
            let mut found = shown["decisions"].as_array().unwrap().iter();
            let is_new = |one: &&Value| one["change"] == change && one["after"] == json!([rules]);
            id = text(found.find(is_new).ok_or_else(|| shown.to_string())?, "id");
            Ok(())
        });
        id
    };
    let (removal_again, few_again) = (renewed("remove"), renewed("rules"));
    all_count(&all, &few_again, &["amsterdam", "vienna"]);
    all_count(&all, &removal_again, &["amsterdam"]);
    // Whatever its node had to say about what it holds, it said before this.
    vienna.add("Later", "2027-04-01T10:00");
    cluster.agree();
    for hub in &all {
        let again = decision(hub, &removal_again);
        assert_eq!(again["votes"], json!(["amsterdam"]), "{}", hub.slug);
        assert_eq!(line(hub, "lisbon")["status"], "active");
    }
    assert_eq!(decision(vienna, &removal_again)["own_vote"], "withdrawn");
    all_count(&all, &removal, &["amsterdam", "vienna"]);

    // Its operator may change its mind once more, and another one's vote decides.
    let back = vote(vienna, &removal_again);
    assert_eq!(
        (&back["own_vote"], &back["votes"]),
        (&"for".into(), &json!(["amsterdam", "vienna"])),
        "{back}"
    );
    all_count(&all, &removal_again, &["amsterdam", "vienna"]);
    let own = vote(lisbon, &removal_again);
    assert_eq!(own["state"], "passed", "a hub may vote for its own removal: {own}");
    all_show(&all, "lisbon", "status", &"removed".into());
    are_equal(&[birmingham, amsterdam, vienna]);
}

#[test]
fn a_rule_about_guests_takes_more_than_half_and_is_seen_at_once() {
    let cluster = Cluster::new(&FIVE[..4]);
    seat(&cluster, &FIVE[1..3]);
    let [birmingham, amsterdam, vienna, lisbon] = &cluster.hubs[..] else {
        panic!("four hubs")
    };
    let one_guest = allow_guests(amsterdam, "1");
    assert_eq!(
        (&one_guest["state"], &one_guest["votes"], &one_guest["needed"]),
        (&"pending".into(), &json!(["amsterdam"]), &2.into()),
        "{one_guest}"
    );
    says(
        &one_guest,
        &[
            "amsterdam proposed to let every voter have one guest at most.",
            "amsterdam has voted for it, 1 of the 2 votes needed among 3 voters.",
            "It waits for 1 more of birmingham and vienna.",
        ],
    );
    assert_eq!(allow_guests(amsterdam, "1"), one_guest, "twice is once");
    let id = text(&one_guest, "id");
    decision(lisbon, &id);
    refuses(lisbon, &[(&["network", "vote", &id], 4, "no vote")]);
    let passed = vote(vienna, &id);
    assert_eq!(passed["state"], "passed", "{passed}");
    says(&passed, &["amsterdam and vienna have voted for it", "It is in force."]);
    let voters = [birmingham, amsterdam, vienna, lisbon];
    all_say(&voters, &id, "passed");
    refuses(
        birmingham,
        &[(
            &["network", "rules", "--guests-per-voter", "1"],
            1,
            "1 guests already; there is nothing to decide",
        )],
    );

    // Birmingham has its one guest: the next one waits.
    let mut zagreb = Hub::init(cluster.folder(), "zagreb", "Europe/Zagreb");
    zagreb.start();
    let link = text(&birmingham.json(&["invite"]), "link");
    let joined = zagreb.json(&["join", &link]);
    assert_eq!(joined["status"], "pending", "{joined}");
    all_show(&voters, "zagreb", "status", &"pending".into());
    let waits = line(amsterdam, "zagreb")["explanation"].to_string();
    assert!(
        waits.contains("Its admission waits: birmingham has 1 guests already, and each voter may have 1."),
        "{waits}"
    );
    let before = birmingham.add("While it waits", "2027-04-01T10:00");
    cluster.agree();
    assert!(!has_event(&zagreb, &before));

    let two_guests = allow_guests(birmingham, "2");
    assert_eq!(two_guests["state"], "pending", "{two_guests}");
    let id = text(&two_guests, "id");
    for hub in voters {
        decision(hub, &id);
        assert_eq!(line(hub, "zagreb")["status"], "pending", "one of three changes nothing");
    }
    let passed = vote(vienna, &id);
    assert_eq!(passed["state"], "passed", "{passed}");
    let all = [birmingham, amsterdam, vienna, lisbon, &zagreb];
    all_show(&all, "zagreb", "status", &"active".into());
    are_equal(&all);
    assert!(has_event(&zagreb, &before));
}
