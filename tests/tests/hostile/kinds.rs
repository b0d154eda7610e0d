//! Every kind there is has a body among those that are altered, and every field something in it.

use std::collections::{BTreeMap, BTreeSet};

use interhub_domain::access::{Access, Scope};
use interhub_domain::body::{Body, Content, Decided, Said};
use interhub_domain::document::{CountOutcome, CountRequest, Reading, actor, count, edit, read_saved};
use interhub_domain::envelope::Kind;
use interhub_domain::event::{Event, Location, Override, Schedule, Translation, Zone};
use interhub_domain::ids::{DocumentKind, HeaderHash, HubId, LogId, NetworkId, ObjectId, ThingId};
use interhub_domain::profile::HubProfile;
use interhub_domain::registry::Standing;
use interhub_node::clock::SystemClock;
use interhub_node::identity::Identity;
use interhub_proto::FILE_DESCRIPTOR_SET;
use interhub_tests::hostile::bodies::{Honest, Round};
use interhub_tests::hostile::documents::{Document, Hosted, Targets, full_event, full_member, full_profile};
use interhub_tests::hostile::mutants::Share;
use interhub_tests::hostile::scene::now_ms;
use interhub_tests::hostile::speaker::Speaker;
use interhub_tests::hostile::statements;
use prost::Message as _;
use prost::bytes::Buf as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

/// Bytes that hold another message, which their author encodes and signs by itself.
const RECORDS: [(&str, &str, &str); 4] = [
    ("Statement", "founding", "Founding"),
    ("Admit", "accept", "Accept"),
    ("NextKey", "record", "KeyRecord"),
    ("Objection", "record", "ObjectionRecord"),
];

/// What `body.proto` calls a body. A kind that is added to the code has to be named here before this compiles; then there
/// has to be a body of it, or the test below fails.
fn names(content: &Content) -> Vec<&'static str> {
    let name = match content {
        Content::Open(_) => "open",
        Content::Genesis(_) => "genesis",
        Content::Change(_) => "change",
        Content::Grant(_) => "grant",
        Content::Consent(_) => "consent",
        Content::Squash(_) => "squash",
        Content::Tombstone(_) => "tombstone",
        Content::Statement(statement) => return statement.said.as_ref().map(names_of_said).unwrap_or_default(),
    };
    vec![name]
}

fn names_of_said(said: &Said) -> Vec<&'static str> {
    let name = match said {
        Said::Founding(_) => "founding",
        Said::Admit(_) => "admit",
        Said::Withdraw(_) => "withdraw",
        Said::Leave(_) => "leave",
        Said::Address(_) => "address",
        Said::Decide(decision) => {
            let decided = decision.decided.as_ref().map(name_of_decided);
            return ["statement", "decide"].into_iter().chain(decided).collect();
        }
        Said::Vote(_) => "vote",
        Said::NextKey(_) => "next_key",
        Said::Object(_) => "object",
    };
    vec!["statement", name]
}

const fn name_of_decided(decided: &Decided) -> &'static str {
    match decided {
        Decided::Seat(_) => "seat",
        Decided::Remove(_) => "remove",
        Decided::Readmit(_) => "readmit",
        Decided::ReplaceKey(_) => "replace_key",
        Decided::Rules(_) => "rules",
        Decided::Adopt(_) => "adopt",
    }
}

/// The kind of envelope that a body belongs to.
const fn kind_of(content: &Content) -> Kind {
    match content {
        Content::Open(_) => Kind::Open,
        Content::Genesis(_) => Kind::Genesis,
        Content::Change(_) => Kind::Change,
        Content::Grant(_) => Kind::Grant,
        Content::Consent(_) => Kind::Consent,
        Content::Squash(_) => Kind::Squash,
        Content::Tombstone(_) => Kind::Tombstone,
        Content::Statement(_) => Kind::Statement,
    }
}

/// What a log is called in the list of those that have to be there; `None` for those that nobody may hold.
const fn name_of_scope(scope: Scope<'_>) -> Option<&'static str> {
    match scope {
        Scope::Registry => Some("registry"),
        Scope::Public => Some("public"),
        Scope::Network => Some("network"),
        Scope::Pair(..) => Some("pair"),
        Scope::Group(_) => Some("group"),
        // These are faults and breaches of whoever sends them.
        Scope::Local | Scope::Unknown => None,
    }
}

const fn name_of_document(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::HubProfile => "a page",
        DocumentKind::Event => "an event",
        DocumentKind::Member => "a member",
        DocumentKind::Other(_) => "another",
    }
}

/// The messages of `body.proto`, and which of their fields and values were met.
struct Fields {
    messages: BTreeMap<String, DescriptorProto>,
    enums: BTreeMap<String, EnumDescriptorProto>,
    met: BTreeSet<(String, String)>,
}

impl Fields {
    fn new() -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let name = |name: &str| format!(".interhub.v1.{name}");
        let files = || set.file.iter().filter(|file| file.package() == "interhub.v1");
        let messages = files().flat_map(|file| file.message_type.iter().cloned());
        let enums = files().flat_map(|file| file.enum_type.iter().cloned());
        Self {
            messages: messages.map(|message| (name(message.name()), message)).collect(),
            enums: enums.map(|one| (name(one.name()), one)).collect(),
            met: BTreeSet::new(),
        }
    }

    /// Reads a message field by field, as any program that has the description could.
    fn read(&mut self, message: &str, mut bytes: &[u8]) {
        let described = self.messages[message].clone();
        while !bytes.is_empty() {
            let (tag, wire) = prost::encoding::decode_key(&mut bytes).unwrap();
            let field = described.field.iter().find(|field| field.number() == tag.cast_signed());
            let field = field.unwrap_or_else(|| panic!("{message} has no field {tag}"));
            self.met.insert((described.name().into(), field.name().into()));
            match wire {
                prost::encoding::WireType::Varint => {
                    let value = prost::encoding::decode_varint(&mut bytes).unwrap();
                    if field.r#type() == Type::Enum {
                        let values = &self.enums[field.type_name()];
                        let known = values
                            .value
                            .iter()
                            .find(|one| i64::from(one.number()).cast_unsigned() == value);
                        self.met.insert((values.name().into(), known.unwrap().name().into()));
                    }
                }
                prost::encoding::WireType::SixtyFourBit => bytes.advance(8),
                prost::encoding::WireType::LengthDelimited => {
                    let length = usize::try_from(prost::encoding::decode_varint(&mut bytes).unwrap()).unwrap();
                    let (inside, rest) = bytes.split_at(length);
                    bytes = rest;
                    let record = RECORDS
                        .iter()
                        .find(|(of, at, _)| (*of, *at) == (described.name(), field.name()));
                    if let Some((_, _, record)) = record {
                        // One is rubbish on purpose.
                        if inside != [1; 60] {
                            self.read(&format!(".interhub.v1.{record}"), inside);
                        }
                    } else if field.r#type() == Type::Message {
                        self.read(field.type_name(), inside);
                    }
                }
                other => panic!("{message} has a field of type {other:?}"),
            }
        }
    }

    /// What there is in a message and all it holds, and was not met.
    fn missing(&self, message: &str, seen: &mut BTreeSet<String>) -> Vec<(String, String)> {
        if !seen.insert(message.to_owned()) {
            return vec![];
        }
        let described = &self.messages[message];
        let mut all = Vec::new();
        for field in &described.field {
            all.push((described.name().to_owned(), field.name().to_owned()));
            match field.r#type() {
                Type::Message => all.extend(self.missing(field.type_name(), seen)),
                Type::Enum => {
                    let values = &self.enums[field.type_name()];
                    let named = values.value.iter().filter(|value| value.number() != 0);
                    all.extend(named.map(|value| (values.name().to_owned(), value.name().to_owned())));
                }
                _ => {}
            }
            let record = RECORDS
                .iter()
                .find(|(of, at, _)| (*of, *at) == (described.name(), field.name()));
            if let Some((_, _, record)) = record {
                all.extend(self.missing(&format!(".interhub.v1.{record}"), seen));
            }
        }
        all.retain(|one| !self.met.contains(one));
        all
    }
}

/// Somebody who speaks to nobody.
fn speaker() -> Speaker {
    Speaker {
        identity: Identity::generate(&SystemClock).0,
        network: NetworkId([9; 16]),
    }
}

fn targets() -> Targets {
    let honest = [1, 2, 3].map(|number| HubId([number; 16]));
    let by = actor(honest[0], interhub_domain::ids::Epoch(1));
    let change = edit(None, by, &super::reading("Hosted")).unwrap().unwrap().change;
    let thing = ThingId::new(honest[0], [1; 8]);
    let network = NetworkId([9; 16]);
    Targets {
        hosted: Hosted {
            owner: honest[0],
            thing,
            object: ObjectId::derive(network, honest[0], LogId::PUBLIC, DocumentKind::Event, thing),
            document: Document::of(&change, by),
        },
        answered: ObjectId([8; 16]),
        other: honest[1],
        honest,
        seat: HeaderHash([7; 32]),
    }
}

/// What one round says before anything of it is altered, and the last word.
fn honest() -> (Vec<Honest>, HubId) {
    let (speaker, targets) = (speaker(), targets());
    let first = Round::say(&speaker, &targets, Share::One, 0, now_ms());
    let last = Round::leave(&speaker, &targets, 1, now_ms(), &first.logs[..2]);
    (first.honest.into_iter().chain(last.honest).collect(), speaker.hub())
}

#[test]
fn every_kind_of_body_and_every_field_is_among_those_that_are_altered() {
    let (honest, own) = honest();
    let mut fields = Fields::new();
    let all = fields.missing(".interhub.v1.Body", &mut BTreeSet::new());
    assert!(all.len() > 100, "what is not said is missed: {all:?}");
    let (mut kinds, mut names_met) = (BTreeSet::new(), BTreeSet::new());
    let (mut scopes, mut documents) = (BTreeSet::new(), BTreeSet::new());
    // Who is in the network, so that logs can be told apart; the groups are those that are opened here.
    let network = NetworkId([9; 16]);
    let hubs = targets()
        .honest
        .into_iter()
        .chain([own])
        .map(|hub| (hub, Standing::Active));
    let hubs: BTreeMap<HubId, Standing> = hubs.collect();
    let shared_by: BTreeSet<HubId> = hubs.keys().copied().collect();
    let known = Access::new(network, own, &hubs, &BTreeMap::new());
    let others = honest
        .iter()
        .map(|one| one.log)
        .filter(|log| known.scope(*log) == Scope::Unknown);
    let groups: BTreeMap<LogId, BTreeSet<HubId>> = others.map(|log| (log, shared_by.clone())).collect();
    let access = Access::new(network, own, &hubs, &groups);
    for one in &honest {
        fields.read(".interhub.v1.Body", &one.body);
        let content = Body::decode_bytes(&one.body).unwrap().content.unwrap();
        assert_eq!(kind_of(&content), one.kind);
        kinds.insert(one.kind);
        names_met.extend(names(&content));
        scopes.extend(name_of_scope(access.scope(one.log)));
        let kind = match &content {
            Content::Genesis(genesis) => Some(genesis.kind),
            Content::Squash(squash) => Some(squash.kind),
            _ => None,
        };
        let kind = kind.map(|kind| DocumentKind::from_code(u8::try_from(kind).unwrap()));
        documents.extend(kind.map(name_of_document));
    }
    assert_eq!(
        fields.missing(".interhub.v1.Body", &mut BTreeSet::new()),
        [],
        "no body says anything there"
    );
    let known: BTreeSet<Kind> = (0..=u8::MAX).map(Kind::from_code).collect();
    let known = known.into_iter().filter(|kind| !matches!(kind, Kind::Unknown(_)));
    assert_eq!(kinds, known.collect());
    for (message, oneof) in [("Body", "content"), ("Statement", "said"), ("Decision", "decided")] {
        let described = &fields.messages[&format!(".interhub.v1.{message}")];
        for field in described.field.iter().filter(|field| field.oneof_index.is_some()) {
            assert!(names_met.contains(field.name()), "{oneof}: {}", field.name());
        }
    }
    assert_eq!(scopes, ["group", "network", "pair", "public", "registry"].into());
    assert_eq!(documents, ["a member", "a page", "an event", "another"].into());
    println!("{} bodies, {} fields and values", honest.len(), fields.met.len());
}

/// Whether something is said in every field. One that is added has to be named here before this compiles.
fn says_all(event: &Event) -> bool {
    let Event {
        uid,
        sequence,
        status: _,
        postponed,
        title,
        summary,
        description,
        language,
        tags,
        location,
        url,
        online_url,
        image_url,
        translations,
        features,
        capacity,
        schedule,
        created_ms,
        updated_ms,
    } = event;
    let texts = [uid, title, summary, description, language, url, online_url, image_url];
    let says_place = |location: &Location| {
        let Location { name, at } = location;
        !name.is_empty() && at.is_some()
    };
    let says_translation = |translation: &Translation| {
        let Translation { title, summary } = translation;
        !title.is_empty() && !summary.is_empty()
    };
    texts.iter().all(|text| !text.is_empty())
        && !tags.is_empty()
        && location.as_ref().is_some_and(says_place)
        && translations.values().any(says_translation)
        && !features.is_empty()
        && (*sequence > 0 && *postponed && capacity.is_some() && *created_ms > 0 && *updated_ms > 0)
        && says_when(schedule)
}

fn says_when(schedule: &Schedule) -> bool {
    let Schedule {
        start,
        end,
        zone,
        rules,
        extra,
        excluded,
        overrides,
    } = schedule;
    let says_zone = match zone {
        Zone::Named(name) => !name.is_empty(),
        Zone::Custom { name, definition } => !name.is_empty() && !definition.is_empty(),
    };
    let says_change = |change: &Override| {
        let Override {
            recurrence_id: _,
            this_and_future,
            status,
            time,
            title,
            description,
            location,
            url,
        } = change;
        let all = [
            title.is_some(),
            description.is_some(),
            location.is_some(),
            url.is_some(),
        ];
        *this_and_future && status.is_some() && time.is_some() && all == [true; 4]
    };
    start != end
        && says_zone
        && !(rules.is_empty() || extra.is_empty() || excluded.is_empty())
        && overrides.iter().any(says_change)
}

fn says_all_of_a_hub(profile: &HubProfile) -> bool {
    let HubProfile {
        name,
        timezone,
        locality,
        country,
        at,
        web_url,
        description,
    } = profile;
    let texts = [name, timezone, locality, country, web_url, description];
    texts.iter().all(|text| !text.is_empty()) && at.is_some()
}

#[test]
fn documents_that_say_something_in_every_field_are_among_those_that_are_altered() {
    let (one, other) = (full_event(false), full_event(true));
    assert!(says_all(&one) && says_all(&other));
    assert!(matches!(one.schedule.zone, Zone::Custom { .. }) && matches!(other.schedule.zone, Zone::Named(_)));
    assert!(says_all_of_a_hub(&full_profile("Page")));

    // Each is what a body that is altered says.
    let mut said = Vec::new();
    for one in honest().0 {
        let (kind, change) = match Body::decode_bytes(&one.body).unwrap().content {
            Some(Content::Genesis(genesis)) => (genesis.kind, genesis.change),
            Some(Content::Squash(squash)) => (squash.kind, squash.change),
            _ => continue,
        };
        let kind = DocumentKind::from_code(u8::try_from(kind).unwrap());
        let chunk = automerge::Change::from_bytes(change.clone()).unwrap();
        let request = CountRequest {
            kind,
            snapshot: None,
            change: &change,
            actor: chunk.actor_id().to_bytes().try_into().unwrap(),
            seq: 1,
        };
        let CountOutcome::Counted(counted) = count(&request) else {
            panic!("an honest body does not count")
        };
        said.push(read_saved(&counted.snapshot, kind).unwrap());
    }
    assert!(said.contains(&Reading::Event(Box::new(one))));
    assert!(said.contains(&Reading::HubProfile(full_profile("Page"))));
    assert!(said.contains(&Reading::Member(Box::new(full_member("Ada")))));
}

#[test]
fn every_statement_is_one_that_an_honest_hub_could_make() {
    use interhub_domain::registry::keys::read_next_key;
    use interhub_domain::registry::replace::read_objection;
    use interhub_domain::registry::{Proposal, read_accept, read_founding};

    let speaker = speaker();
    let network = speaker.network;
    let mut keys = 0;
    let all = statements::all(&speaker, &targets(), now_ms());
    let more = statements::more(&speaker, &targets(), now_ms());
    for said in all.into_iter().chain(more) {
        match &said {
            Said::Founding(record) => drop(read_founding(record).unwrap()),
            Said::Admit(admit) => {
                drop(read_accept(network, &admit.accept, &admit.signature, |_| []).unwrap());
            }
            Said::Decide(decision) => drop(Proposal::read(decision).unwrap()),
            Said::NextKey(next) => keys += usize::from(read_next_key(network, next).is_ok()),
            Said::Object(objection) => drop(read_objection(network, objection).unwrap()),
            Said::Withdraw(_) | Said::Leave(_) | Said::Address(_) | Said::Vote(_) => {}
        }
    }
    assert_eq!(keys, 3, "one of the records is rubbish");
}
