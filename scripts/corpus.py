"""Calendars that the world wrote: what ours makes of them, held against what other programs make of them.

scripts/corpus calls this with the program of domain/examples/corpus and a folder of calendars. Every difference is explained
by one of REASONS, and whether it applies is looked at anew each time; or it is a failure, and named."""

import datetime as dt
import json
import multiprocessing
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from zoneinfo import ZoneInfo

import icalendar
from dateutil.rrule import rrulestr

import reading
import versions
from findings import REASONS, Findings

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
REPORT = pathlib.Path(sys.argv[3])
# As in the program: the zone of times that name none.
DEFAULT_ZONE = "Europe/London"
# The year of the other programs' tests, and the one before, in which the calendars have most.
BEGIN = dt.date(2025, 9, 1)
# How long one file may take to be read, written and read again: a second, and one for each 200 kB. The program is not an
# optimised one, and the machine may be busy.
LIMIT_MS, LIMIT_MS_FOR_KB = 1_000, 5
# Who can be asked for a file no program understands.
CANNOT_READ = (ValueError, TypeError, AttributeError, KeyError, IndexError, AssertionError, OverflowError)


def program(command, lines):
    """The program's answers, a JSON line each."""
    with tempfile.TemporaryFile("w+") as asked:
        asked.write("".join(f"{line}\n" for line in lines))
        asked.seek(0)
        running = subprocess.Popen([PROGRAM, command], stdin=asked, stdout=subprocess.PIPE)
        yield from running.stdout
        code = running.wait()
    # A panic is caught; this is a stack that overflowed, or memory that ran out.
    assert code == 0, f"{PROGRAM} {command} ended with {code} after the last file it answered for"


def short(path):
    return str(pathlib.Path(path).relative_to(FOLDER))


def recurrence():
    """Every vector of libical gives the instances it lists."""
    findings = Findings()
    for line in program("recurrence", sorted(FOLDER.glob("recurrence/*.txt"))):
        vector = json.loads(line)
        findings.counts["vectors"] += 1
        what = f"{short(vector['path'])}:{vector['line']}: {vector['rule']} from {vector['start']}"
        if "panic" in vector["said"]:
            findings.fail(f"{what}: panics: {vector['said']['panic']}")
        else:
            instances(findings, what, vector)
    return findings


def instances(findings, what, vector):
    """One vector: its instances from the first start on, and from where it is to be looked at."""
    rule, expected = vector["rule"], vector["expected"]
    found, found_from, one_more = (
        vector["said"][name].get("Ok") for name in ("found", "found_from", "found_one_more")
    )
    parts = dict(part.split("=", 1) for part in rule.split(";") if part)
    if found is None:
        error = vector["said"]["found"]["Err"]
        if expected[0].strip().startswith("***"):
            findings.counts["vectors refused on both sides"] += 1
        else:
            findings.fail(f"{what}: {error}")
        return
    findings.counts["instances of vectors"] += len(found)
    later = [start for start in expected if start >= vector["from"]]
    if found == expected and found_from == later:
        findings.counts["vectors with the same instances"] += 1
        days = {"BYMONTH", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"} & parts.keys()
        if parts["FREQ"] == "YEARLY" and (days == {"BYMONTHDAY"} or days in ({"BYWEEKNO"}, {"BYWEEKNO", "BYMONTH"})):
            findings.explain("disputed", f"{what}: {found[:4]}")
    elif expected[0].strip().startswith("***"):
        if found == dateutil_instances(rule, vector["start"]):
            findings.explain("no answer", f"{what}: {found}")
        else:
            findings.fail(f"{what}: {found}, dateutil {dateutil_instances(rule, vector['start'])}")
    elif vector["start"] not in expected and one_more == [vector["start"], *expected] == one_more[: len(expected) + 1]:
        findings.explain("first start", f"{what}: {found[:4]}")
    elif {"BYWEEKNO", "INTERVAL", "COUNT"} <= parts.keys() and years_of_weeks(vector["start"], parts, expected, one_more):
        findings.explain("years of weeks", f"{what}: {one_more}, libical {expected}")
    elif parts.get("RSCALE") == "CHINESE" and known_moons(one_more) == [vector["start"], *known_moons(expected)]:
        findings.explain("moons to come", f"{what}: {one_more}, libical {expected}")
    else:
        findings.fail(f"{what}: {found[:8]}, from {vector['from']} {found_from[:8]}, expected {expected[:8]}")


def years_of_weeks(start, parts, expected, found):
    """Whether the rule fits all of them, and they differ only in the year that INTERVAL counts from."""
    day = lambda at: dt.datetime.strptime(at[:8], "%Y%m%d")
    interval, first, theirs, ours = int(parts["INTERVAL"]), day(start), list(map(day, expected)), list(map(day, found[1:]))
    fits = lambda at: (
        str(at.isocalendar().week) in parts["BYWEEKNO"].split(",")
        and at.strftime("%a").upper()[:2] in parts.get("BYDAY", at.strftime("%a").upper()[:2]).split(",")
    )
    return (
        found[0] == start
        and len(ours) == len(theirs)
        and all(fits(at) for at in ours + theirs)
        and all((at.isocalendar().year - first.isocalendar().year) % interval == 0 for at in ours)
        and all((at.isocalendar().year - first.year) % interval == 0 for at in theirs)
    )


def known_moons(starts):
    """Those up to 2100: what the observatories have published of the months of the Chinese calendar."""
    return [start for start in starts if start < "2101"]


def dateutil_instances(rule, start):
    form = "%Y%m%dT%H%M%S" if "T" in start else "%Y%m%d"
    first = dt.datetime.strptime(start, form)
    return [found.strftime(form) for found in rrulestr(rule, dtstart=first)]


def calendars(folders):
    """Every file is read, written and read again."""
    findings = Findings()
    files = [path for folder in folders for path in sorted((FOLDER / folder).rglob("*")) if path.is_file()]
    # Their last versions have to give the same instances too.
    histories = sorted(path for path in (FOLDER / "feed-history").iterdir() if path.is_dir())
    files += [max(history.glob("*.ics"), key=lambda path: int(path.name.split("-")[0])) for history in histories]
    with multiprocessing.Pool() as pool:
        for one in pool.imap_unordered(calendar, program("calendars", files), chunksize=1):
            findings.add(one)
    assert findings.counts["files"] == len(files), (findings.counts["files"], len(files))
    return findings


def calendar(line):
    """One file, as the program tells of it."""
    findings, here = Findings(), json.loads(line)
    path = pathlib.Path(here["path"])
    try:
        compare(findings, short(path), path.read_bytes(), here)
    except Exception as error:
        findings.fail(f"{short(path)}: cannot be compared: {error!r}")
    return findings


def compare(findings, where, data, here):
    """What the program tells of a file, against what others make of it."""
    findings.counts["files"] += 1
    if "panic" in here:
        findings.fail(f"{where}: panics: {here['panic']}")
        return
    blocks = list(reading.vevents(data))
    if "reason" in here:
        findings.counts["files refused with a reason"] += 1
        findings.note(f"{where}: refused: {here['reason']}")
        if blocks:
            findings.fail(f"{where}: refused though there are {len(blocks)} events: {here['reason']}")
        return
    findings.slowest = (here["whole_ms"], where)
    if here["whole_ms"] > LIMIT_MS + here["bytes"] / 1_000 * LIMIT_MS_FOR_KB:
        findings.fail(f"{where}: takes {here['whole_ms']:.0f} ms")
    findings.counts["events"] += len(here["events"])
    findings.counts["events refused with a reason"] += len(here["refused"])
    for refused in here["refused"]:
        findings.note(f"{where}:{refused['line']}: {refused['uid']}: refused: {refused['reason']}")
    for difference in here["again"]:
        findings.fail(f"{where}: exported and imported again: {difference}")
    all_kept(findings, where, blocks, here)
    theirs = counted_alike(findings, where, data, blocks, here)
    same_times(findings, where, theirs, here)
    try:
        back = icalendar.Calendar.from_ical(here["exported"])
    except CANNOT_READ as error:
        findings.fail(f"{where}: icalendar does not read the export: {error}")
        return
    differences, compared = reading.read_back(back, {event["uid"]: event for event in here["events"]})
    findings.counts["events read back field by field by icalendar"] += compared
    for difference in differences:
        findings.fail(f"{where}: icalendar reads the export otherwise: {difference}")
    strict_rules(findings, where, here)
    if where.startswith(("public-feeds/", "feed-history/")):
        same_instances(findings, where, theirs, here, "of the files")
        same_instances(findings, where, [back], here, "of the exports")


def strict_rules(findings, where, here):
    """Every rule that goes out is as RFC 5545 3.3.10 wants it, in events and in zones, and python-dateutil takes it."""
    came = {rule for event in here["events"] for rule in event["rules"]}
    for component, start, rules in reading.rules(here["exported"].encode()):
        for rule in rules:
            findings.counts["rules of the exports"] += 1
            findings.counts["rules of the exports, put right"] += component == "VEVENT" and rule not in came
            if wrong := reading.wrong_in_rule(rule, start):
                findings.fail(f"{where}: {component} from {start}: RRULE:{rule}: {wrong}")
                continue
            if "RSCALE=" in rule:
                # python-dateutil knows the Gregorian calendar alone; the vectors of libical speak of these.
                findings.counts["rules of the exports, in any calendar"] += 1
                continue
            # It tells times with a zone from those without: all times that go out have one.
            form = "%Y%m%dT%H%M%S%z" if "T" in start else "%Y%m%d"
            try:
                rrulestr(rule, dtstart=dt.datetime.strptime(start + ("+0000" if "T" in start else ""), form))
            except ValueError as error:
                findings.fail(f"{where}: {component} from {start}: RRULE:{rule}: python-dateutil: {error}")


def all_kept(findings, where, blocks, here):
    """Each VEVENT of the file is kept as it stands, X- lines and all, or there is a reason that names it."""
    kept = Counter()
    warned = {warning["uid"] for warning in here["warnings"] if warning["message"].startswith("URL is not")}
    for event in here["events"]:
        own = list(reading.vevents(event["original"].encode()))
        kept.update(tuple(block.lines) for block in own)
        same_address(findings, where, event, own[0], warned)
    refused_lines = {refused["line"] for refused in here["refused"]}
    refused_uids = {refused["uid"] for refused in here["refused"]}
    uids = {event["uid"] for event in here["events"]}
    seen = Counter()
    for block in blocks:
        findings.counts["VEVENTs"] += 1
        lines = tuple(block.lines)
        if seen[lines] < kept[lines]:
            seen[lines] += 1
            findings.counts["X- lines kept"] += sum(line.upper().startswith("X-") for line in block.lines)
        elif block.line in refused_lines or (block.uid in refused_uids and block.uid not in uids):
            findings.counts["VEVENTs refused with a reason"] += 1
        elif block.without_stamps() in {other.without_stamps() for other in blocks if other is not block}:
            findings.counts["VEVENTs that repeat another one"] += 1
        else:
            findings.fail(f"{where}:{block.line}: {block.uid}: neither kept as it stands nor refused")
    if seen != kept:
        findings.fail(f"{where}: kept, but not in the file: {list((kept - seen).keys())[:1]}")


def same_address(findings, where, event, master, warned):
    """The address is the file's, byte for byte."""
    written = [value for name, value in master.properties() if name == "URL" and value.strip()]
    if not written:
        if event["url"]:
            findings.fail(f"{where}: {event['uid']}: an address that nobody wrote: {event['url']}")
    elif written[-1] == event["url"]:
        findings.counts["addresses, the same bytes"] += 1
    elif event["url"] == "" and event["uid"] in warned and not re.fullmatch(r"https?://[^\s<>\"\\`]+", written[-1]):
        findings.explain("no address", f"{where}: {event['uid']}: {written[-1]}")
    elif written[-1].startswith("www.") and event["url"] == f"https://{written[-1]}":
        findings.explain("no scheme", f"{where}: {event['uid']}: {written[-1]}")
    else:
        findings.fail(f"{where}: {event['uid']}: URL {written[-1]!r} is {event['url']!r}")


def counted_alike(findings, where, data, blocks, here):
    """icalendar reads as many events of each UID. Returns what it reads."""
    theirs = asked_kindly(findings, where, data, here["complete"])
    events = Counter(str(event.get("UID", "")).strip() for one in theirs for event in one.walk("VEVENT"))
    ours = Counter(block.uid for block in blocks)
    refused_lines = {refused["line"] for refused in here["refused"]}
    for block in blocks:
        # A component in it without an end takes the event's own.
        if (not block.ended or block.is_open()) and block.line in refused_lines:
            ours[block.uid] -= 1
            findings.explain("no end", f"{where}:{block.line}: {block.uid}")
    for uid in events.keys() | ours.keys():
        if events[uid] != ours[uid]:
            findings.fail(f"{where}: {uid}: {events[uid]} VEVENTs for icalendar, {ours[uid]} here")
    findings.counts["VEVENTs that icalendar reads"] += events.total()
    return theirs


def asked_kindly(findings, where, data, complete):
    """What icalendar reads. Where it stops, it is asked again without the lines at which it does; then event by event."""
    try:
        theirs = icalendar.Calendar.from_ical(data, multiple=True)
        # It gives back nothing of a calendar without an end.
        if complete or any(one.walk("VEVENT") for one in theirs):
            return theirs
    except CANNOT_READ:
        pass
    lines, inside = [], []
    for number, line in reading.content_lines(data):
        name, value = reading.split(line)
        if name == "END" and inside:
            inside.pop()
        component = inside[-1] if inside else "VCALENDAR"
        if name not in ("BEGIN", "END"):
            try:
                icalendar.Calendar.from_ical(f"BEGIN:{component}\r\n{line}\r\nEND:{component}\r\n")
            except CANNOT_READ as error:
                findings.explain("line that stops icalendar", f"{where}:{number}: {line[:60]}: {error}")
                continue
        lines.append(line)
        if name == "BEGIN":
            inside.append(value.upper())
    text = "\r\n".join(lines)
    try:
        theirs = icalendar.Calendar.from_ical(text, multiple=True)
        if complete:
            return theirs
        findings.explain("file that stops icalendar", f"{where}: END:VCALENDAR is missing")
    except CANNOT_READ as error:
        findings.explain("file that stops icalendar", f"{where}: {error}")
    alone = []
    for block in reading.vevents(text.encode()):
        if block.ended:
            wrapped = "\r\n".join(["BEGIN:VCALENDAR", *block.lines, "END:VCALENDAR"])
            alone += icalendar.Calendar.from_ical(wrapped, multiple=True)
    return alone


def key(zone):
    """How the program names starts: dates, and instants."""

    def named(value):
        if not hasattr(value, "hour"):
            return value.isoformat()
        value = value if value.tzinfo else value.replace(tzinfo=zone)
        return value.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")

    return named


def same_times(findings, where, theirs, here):
    """What is no series starts and ends when icalendar says."""
    known = {event["uid"]: event for event in here["events"] if not event["series"]}
    warned = {warning["uid"] for warning in here["warnings"] if warning["message"].startswith("its end is before")}
    masters = defaultdict(list)
    for one in theirs:
        named = key(ZoneInfo(str(one.get("X-WR-TIMEZONE", DEFAULT_ZONE))))
        for event in one.walk("VEVENT"):
            masters[str(event.get("UID", "")).strip()].append((event, named))
    for uid, parts in masters.items():
        if uid not in known or len(parts) != 1:
            continue
        (event, named), ours = parts[0], known[uid]
        said = [event[name] for name in ("DTSTART", "DTEND") if name in event]
        if not said or not all(isinstance(one, icalendar.vDDDTypes) for one in said):
            findings.explain("no time", f"{where}: {uid}: {said} {event.errors}")
            continue
        found = tuple(named(one.dt) for one in said)
        if found == (ours["first"], ours["last"])[: len(found)]:
            findings.counts["single events that start and end as icalendar says"] += 1
        elif len(found) == 2 and len(set(found)) == 1 and ours["all_day"] and found[0] == ours["first"]:
            findings.explain("empty day", f"{where}: {uid}: {found}")
        elif uid in warned and found[1] < found[0] == ours["first"] == ours["last"]:
            findings.explain("end first", f"{where}: {uid}: {found}")
        else:
            findings.fail(f"{where}: {uid}: from {ours['first']} to {ours['last']}, for icalendar {found}")


def same_instances(findings, where, theirs, here, whose):
    """recurring-ical-events finds the same occurrences of each series."""
    known = {event["uid"]: event for event in here["events"]}
    for one in theirs:
        zone = str(one.get("X-WR-TIMEZONE", DEFAULT_ZONE))
        named = key(ZoneInfo(zone))
        series = defaultdict(list)
        for event in one.walk("VEVENT"):
            series[str(event.get("UID", "")).strip()].append(event)
        for uid, parts in series.items():
            if uid not in known or not any(name in part for part in parts for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
                continue
            findings.counts[f"series {whose}"] += 1
            ours = {start for start in known[uid]["occurrences"] if reading.inside(start, BEGIN)}
            alone = icalendar.Calendar()
            if "X-WR-TIMEZONE" in one:
                alone["X-WR-TIMEZONE"] = one["X-WR-TIMEZONE"]
            for part in parts:
                alone.add_component(part)
            try:
                found = {start for _, start in reading.occurrences(alone, named, BEGIN) if reading.inside(start, BEGIN)}
            except Exception as error:
                findings.fail(f"{where}: {uid}: recurring-ical-events stops at one {whose}: {error!r}")
                continue
            findings.counts[f"instances {whose}"] += len(ours & found)
            if ours != found:
                only = f"only here {sorted(ours - found)[:3]}, only there {sorted(found - ours)[:3]}"
                findings.fail(f"{where}: {uid}: {whose}, {only}")


def table(findings):
    width = max(len(name) for name in findings.counts) + 2
    for name, number in sorted(findings.counts.items()):
        print(f"{name:{width}}{number:>9,}")
    reasons = Counter(reason for reason, _ in findings.explained)
    print(f"{'differences, explained':{width}}{len(findings.explained):>9,}")
    for reason, number in reasons.most_common():
        print(f"{number:>7,}  {reason}: {REASONS[reason]}")
    print(f"slowest: {findings.slowest[1]}, {findings.slowest[0]:.0f} ms to be read, written and read again")


def main():
    warnings.simplefilter("ignore")
    findings = Findings()
    findings.add(recurrence())
    findings.add(calendars(["public-feeds", "python-icalendar", "hostile"]))
    with tempfile.TemporaryDirectory() as folder:
        findings.add(versions.replayed(program, FOLDER / "feed-history", pathlib.Path(folder)))
    table(findings)
    lines = [f"{reason}: {what}" for reason, what in sorted(findings.explained)] + sorted(findings.notes)
    REPORT.write_text("".join(f"{line}\n" for line in lines))
    print(f"each of them: {REPORT}")
    for failure in sorted(findings.failures):
        print(f"FAILED: {failure}")
    print(f"{len(findings.failures)} failures")
    sys.exit(1 if findings.failures else 0)


if __name__ == "__main__":
    main()
