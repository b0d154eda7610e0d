"""Calendars in their versions: whether each download changes what it changes, and nothing else. For corpus.py."""

import json
import pathlib
import re

import reading
from findings import Findings

# Downloads that are none, put between the versions.
NONSENSE = {
    "a block page": b"<!DOCTYPE html><html><body>Just a moment...</body></html>",
    "an empty body": b"",
    "an error in JSON": b'{"message":"quota"}',
    "a calendar without events": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
}
# A version again: as the program knows them, which tries these without keeping what they change.
STAMPS, CUT = "other stamps", "cut short"
# After every so many versions.
NONSENSE_EVERY = 5


def asked(folder, temporary):
    """What the program is to replay: each version, the same with other stamps, half of it, and nonsense now and then."""
    nonsense = {}
    for kind, body in NONSENSE.items():
        nonsense[kind] = temporary / f"{len(nonsense)}.nonsense"
        nonsense[kind].write_bytes(body)
    for history in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(history.glob("*.ics"), key=lambda path: int(path.name.split("-")[0]))
        for number, path in enumerate(paths):
            at_ms = int(path.name.split("-")[0]) * 1_000
            data = path.read_bytes()
            stamped = temporary / f"{history.name}-{number}-stamps"
            stamped.write_bytes(re.sub(rb"(?m)^DTSTAMP([:;].*?)\d{8}T", rb"DTSTAMP\g<1>20260101T", data))
            half = temporary / f"{history.name}-{number}-half"
            half.write_bytes(data[: len(data) // 2])
            steps = [("version", path), (STAMPS, stamped), (CUT, half)]
            if number % NONSENSE_EVERY == 0:
                steps += list(nonsense.items())
            for later_ms, (kind, step) in enumerate(steps):
                yield f"{history.name}\t{at_ms + later_ms}\t{kind}\t{step}"


def replayed(program, folder, temporary):
    """Each version of each calendar changes what differs from the version before."""
    findings, feeds = Findings(), {}
    for line in program("history", asked(folder, temporary)):
        answer = json.loads(line)
        feed = feeds.setdefault(answer["feed"], Feed(answer["feed"]))
        feed.look(findings, answer)
    findings.counts["histories"] += len(feeds)
    return findings


class Feed:
    """What is known of one calendar after its versions so far."""

    def __init__(self, name):
        self.name = name
        # By UID: what its VEVENTs said, and what is alike in title, start and place.
        self.said, self.likeness = {}, {}
        # What the hub shows, as the program tells it; UIDs that were away; how many of these came back.
        self.items, self.missing, self.came_back = [], set(), 0
        # Of the last version: how much it takes away at once, and what UIDs it has twice.
        self.held_back, self.twice = 0, set()

    def look(self, findings, answer):
        said, kind = answer["said"], answer["kind"]
        where = f"{self.name} {answer['path'].rsplit('/', 1)[-1]} ({kind})"

        def fail(what):
            findings.fail(f"{where}: {what}")

        if "panic" in said:
            fail(f"panics: {said['panic']}")
        elif kind in NONSENSE:
            findings.counts["downloads that are none, put in between"] += 1
            if "reason" not in said:
                fail("is believed")
            if said["items"] != self.items:
                fail("changes something")
        elif "reason" in said:
            if said["items"] != self.items:
                fail("changes something")
            if kind == "version":
                # Some of the stored versions are none.
                findings.note(f"{where}: refused: {said['reason']}")
                findings.counts["versions refused with a reason"] += 1
                if any(block.ended for block in reading.vevents(pathlib.Path(answer["path"]).read_bytes())):
                    fail(f"is refused though it has events: {said['reason']}")
        elif kind == "version":
            findings.counts["versions"] += 1
            self.version(findings, fail, answer["at_ms"], pathlib.Path(answer["path"]).read_bytes(), said)
            self.items, self.held_back = said["items"], said["held_back"]
        else:
            self.again(findings, fail, said, kind, where)

    def again(self, findings, fail, said, kind, where):
        """The same with other stamps, or the first half of it: nothing is changed, added or cancelled."""
        findings.counts[f"versions again, {kind}"] += 1
        for step in said["steps"]:
            if step["step"] == "differs" and kind == CUT and step["uid"] in self.twice:
                findings.explain("twice", f"{where}: {step['uid']}: {[field.split(':')[0] for field in step['fields']]}")
            elif step["step"] != "same":
                fail(f"{step['step']}: {step['uid']} {step['fields']}")
        # Most of a calendar gone at once is believed at the second look.
        if said["gone"] and (kind == CUT or not self.held_back):
            fail(f"cancels {said['gone']}")

    def version(self, findings, fail, at_ms, data, said):
        """What says something else is changed, what was never there is new, what is gone is cancelled: and nothing else is."""
        self.twice = {refused["uid"] for refused in said["refused"] if "in the file more than once" in refused["reason"]}
        refused_lines = {refused["line"] for refused in said["refused"]}
        blocks = {}
        for block in reading.vevents(data):
            if block.line not in refused_lines:
                blocks.setdefault(block.uid, []).append(block)
        gone_before = {item["uid"] for item in self.items if item["gone"]}
        known = {item["uid"] for item in self.items}
        steps = {step["uid"]: step for step in said["steps"]}
        refused = {refused["uid"] for refused in said["refused"]}
        for uid in blocks.keys() - steps.keys() - refused:
            fail(f"not read: {uid}")
        for uid in steps.keys() - blocks.keys():
            fail(f"a ghost: {uid}")
        for uid, step in steps.items():
            what, was = step["step"], step["was"]
            now = {block.without_stamps() for block in blocks.get(uid, [])}
            likeness = alike(blocks.get(uid, []))
            if uid in known:
                expected = "same" if self.said[uid] == now and uid not in gone_before else "differs"
                if (what, was) != (expected, uid):
                    fail(f"{uid}: {what} (was {was}), expected {expected}: {step['fields']}")
            elif what == "new":
                if likeness in {self.likeness[item["uid"]] for item in self.items if item["uid"] not in blocks}:
                    fail(f"{uid} is new, though one of another UID has its title, start and place")
            elif was in steps or self.likeness.get(was) != likeness:
                fail(f"{uid} is taken for {was}, which is there, or says something else")
            told = [field for field in step["fields"] if not field.startswith(("created_ms:", "updated_ms:"))]
            if what == "same" and told:
                fail(f"{uid}: is taken for the same, and reads otherwise: {told}")
            self.said[uid], self.likeness[uid] = now, likeness
            findings.counts[f"versions' events, {'under another UID' if was not in (None, uid) else what}"] += 1
        self.absence(findings, fail, at_ms, said, steps, refused)

    def absence(self, findings, fail, at_ms, said, steps, refused):
        """What should be there and is not is cancelled, at once or after a while; nothing else is, and it stays so."""
        there = {step["was"] for step in steps.values()}
        horizon_ms = max((item["start_ms"] for item in said["items"] if item["uid"] in steps), default=None)
        coming = [
            item for item in self.items
            if not item["gone"] and (item["start_ms"] > at_ms or (item["series"] and item["end_ms"] > at_ms))
        ]
        should = set()
        if said["complete"] and horizon_ms is not None:
            should = {
                item["uid"] for item in coming if item["uid"] not in there | refused and item["start_ms"] <= horizon_ms
            }
        gone, awaited = set(said["gone"]), set(said["awaited"])
        if gone | awaited != should or gone & awaited:
            fail(f"cancelled {sorted(gone)} and awaited {sorted(awaited)}, expected {sorted(should)}")
        many = len(should) >= 5 and len(should) * 2 > len(coming)
        back = there & self.missing
        self.came_back += len(back)
        self.missing = (self.missing | should) - back
        if awaited and not many and self.came_back < 3:
            fail(f"waits for {sorted(awaited)} without a reason")
        findings.counts["versions' events, cancelled"] += len(gone)
        findings.counts["versions' events, waited for"] += len(awaited)
        findings.counts["versions' events, back"] += len(back)
        before = {item["uid"] for item in self.items if item["gone"]}
        after = {item["uid"]: item for item in said["items"]}
        if len(after) != len(said["items"]):
            fail("a UID is there twice")
        for uid in before - there:
            if not after[uid]["gone"]:
                fail(f"resurrected: {uid}")
        for uid, item in after.items():
            if item["gone"] and uid not in (before - there) | gone:
                fail(f"gone without a word: {uid}")
            if item["gone"] and not item["series"] and not item["cancelled"]:
                fail(f"gone and still shown: {uid}")


def alike(blocks):
    """Title, start and place, however they are written."""
    fold = lambda text: " ".join(re.findall(r"[^\W_]+", reading.unescaped(text).lower()))
    found = []
    for block in blocks:
        said = dict(block.properties())
        found.append((fold(said.get("SUMMARY", "")), said.get("DTSTART"), fold(said.get("LOCATION", ""))))
    return min(found, default=None)
