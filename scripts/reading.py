"""How other programs' reading of a calendar is held against ours. For clients.py and corpus.py."""

import codecs
import dataclasses
import datetime as dt
import re

import recurring_ical_events

# A year in which the calendars have much, whenever this runs: they were downloaded in November 2026.
BEGIN, END = dt.date(2026, 9, 1), dt.date(2027, 9, 1)


def wall(value):
    """A date or wall time, as the JSON documents write it."""
    return value.isoformat() if not isinstance(value, dt.datetime) else value.replace(tzinfo=None).isoformat()


def inside(start, begin=BEGIN):
    """Whether it is in that year. At the edges each program has its own idea of which day it is where."""
    return begin.isoformat() < start[:10] < (END - dt.timedelta(days=2)).isoformat()


def occurrences(calendar, name_start, begin=BEGIN):
    """What recurring-ical-events finds in that year: UIDs, and starts as `name_start` names them."""
    found = recurring_ical_events.of(calendar).between(begin, END)
    return {(str(event["UID"]), name_start(event["DTSTART"].dt)) for event in found}


def read_back(calendar, known):
    """What icalendar reads otherwise than it is here, in words; and how many events were compared field by field.

    `known` are ours by UID, with the fields of the JSON documents."""
    masters, differences, compared = {}, [], 0
    for event in calendar.walk("VEVENT"):
        if "RECURRENCE-ID" not in event:
            if str(event["UID"]) in masters:
                differences.append(f"{event['UID']}: twice")
            masters[str(event["UID"])] = event
    differences += [f"{uid}: only on one side" for uid in masters.keys() ^ known.keys()]
    for uid in masters.keys() & known.keys():
        event, here = masters[uid], known[uid]
        names = ("DTSTAMP", "DTSTART", "SEQUENCE", "LAST-MODIFIED")
        differences += [f"{uid}: no {name}" for name in names if name not in event]
        if event.errors or "DTSTART" not in event:
            differences.append(f"{uid}: {event.errors}")
            continue
        # A series is listed at its next date, which may say something else.
        if here["series"]:
            continue
        compared += 1
        categories = event.get("CATEGORIES", [])
        tags = [str(tag) for part in (categories if isinstance(categories, list) else [categories]) for tag in part.cats]
        pairs = {
            "title": (str(event["SUMMARY"]), here["title"]),
            "description": (str(event.get("DESCRIPTION", "")), here["description"]),
            "url": (str(event.get("URL", "")), here["url"] or ""),
            "start": (wall(event["DTSTART"].dt), here["start"]),
            "status": (str(event.get("STATUS", "CONFIRMED")) == "CANCELLED", here["status"] == "cancelled"),
            "location": (str(event.get("LOCATION", "")), (here["location"] or {}).get("name") or ""),
            "tags": (tags, here["tags"]),
        }
        if not here["all_day"] and here["timezone"] != "UTC":
            zone = event["DTSTART"].dt.tzinfo
            # A zone that the calendar defines itself is dateutil's.
            pairs["timezone"] = (getattr(zone, "_tzid", None) or str(zone), here["timezone"])
        differences += [f"{uid}: {name}: {there!r} / {ours!r}" for name, (there, ours) in pairs.items() if there != ours]
    return differences, compared


@dataclasses.dataclass
class Block:
    """One VEVENT as it stands in a file: its unfolded lines, without those that say who comes."""

    line: int
    lines: list
    uid: str = ""
    ended: bool = False

    def named(self):
        """With its UID, now that its lines are known."""
        self.uid = next((unescaped(value).strip() for name, value in self.properties() if name == "UID" and value), "")
        return self

    def is_open(self):
        """Whether a component in it has no end."""
        names = [split(line)[0] for line in self.lines]
        return names.count("BEGIN") != names.count("END")

    def properties(self):
        """Names and values of its own lines; not of alarms in it."""
        depth = 0
        for line in self.lines[1:-1]:
            name, value = split(line)
            depth += (name == "BEGIN") - (name == "END")
            if depth == 0 and name not in ("BEGIN", "END"):
                yield name, value

    def without_stamps(self):
        """What it says, apart from when it was written."""
        return self.uid, tuple(line for line in self.lines if split(line)[0] not in ("DTSTAMP", "LAST-MODIFIED", "CREATED"))


def split(line):
    """Name and value of a content line; parameters left aside."""
    ends = [at for at in (line.find(":"), line.find(";")) if at >= 0]
    at = min(ends, default=len(line))
    quoted = False
    for index in range(at, len(line)):
        quoted ^= line[index] == '"'
        if line[index] == ":" and not quoted:
            return line[:at].strip().upper(), line[index + 1 :].strip()
    return line[:at].strip().upper(), ""


def content_lines(data):
    """Unfolded lines (RFC 5545 3.1) with the number of their first one; what is not UTF-8 is Windows-1252."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    end = b"\n" if b"\n" in data else b"\r"
    whole = []
    for number, line in enumerate(data.split(end), 1):
        line = line.removesuffix(b"\r")
        if not line:
            continue
        if whole and line[:1] in (b" ", b"\t"):
            whole[-1][1] += line[1:]
        else:
            whole.append([number, bytearray(line)])
    for number, line in whole:
        if not line.strip():
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("cp1252", "replace")
        text = text.removeprefix("\ufeff")
        yield number, "".join(char for char in text if char == "\t" or not (char < " " or char == "\x7f"))


def vevents(data):
    """The VEVENTs of a file, also of a broken one."""
    open_block = None
    for number, line in content_lines(data):
        name, value = split(line)
        edge = (name, value.upper())
        if edge in (("BEGIN", "VEVENT"), ("BEGIN", "VCALENDAR"), ("END", "VCALENDAR")):
            if open_block:
                open_block.lines.append("")
                yield open_block.named()
            open_block = Block(number, ["BEGIN:VEVENT"]) if edge == ("BEGIN", "VEVENT") else None
        elif open_block is None or name in ("ATTENDEE", "ORGANIZER"):
            continue
        elif edge == ("END", "VEVENT"):
            open_block.lines.append("END:VEVENT")
            open_block.ended = True
            yield open_block.named()
            open_block = None
        else:
            open_block.lines.append(line)


def rules(data):
    """The component, DTSTART (without Z) and rules of whatever has any in a calendar that is written well."""
    inside = []
    for _, line in content_lines(data):
        name, value = split(line)
        if name == "BEGIN":
            inside.append([value, "", []])
        elif name == "END":
            component, start, found = inside.pop()
            if found:
                yield component, start, found
        elif name == "DTSTART":
            inside[-1][1] = value.removesuffix("Z")
        elif name == "RRULE":
            inside[-1][2].append(value)


# The values that RFC 5545 3.3.10 allows for each part of a rule.
SIGNED = r"[-+]?\d{1,3}"
RULE_PARTS = {
    "FREQ": "SECONDLY|MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY",
    "UNTIL": r"\d{8}(T\d{6}Z)?",
    "COUNT": r"\d+",
    "INTERVAL": r"\d+",
    "BYSECOND": r"\d{1,2}(,\d{1,2})*",
    "BYMINUTE": r"\d{1,2}(,\d{1,2})*",
    "BYHOUR": r"\d{1,2}(,\d{1,2})*",
    "BYDAY": r"([-+]?\d{1,2})?[A-Z]{2}(,([-+]?\d{1,2})?[A-Z]{2})*",
    "BYMONTHDAY": f"{SIGNED}(,{SIGNED})*",
    "BYYEARDAY": f"{SIGNED}(,{SIGNED})*",
    "BYWEEKNO": f"{SIGNED}(,{SIGNED})*",
    "BYMONTH": r"\d{1,2}L?(,\d{1,2}L?)*",
    "BYSETPOS": f"{SIGNED}(,{SIGNED})*",
    "WKST": "MO|TU|WE|TH|FR|SA|SU",
    # RFC 7529.
    "RSCALE": "[A-Z][A-Z-]*",
    "SKIP": "OMIT|FORWARD|BACKWARD",
}


def wrong_in_rule(rule, start):
    """What the standard forbids in a rule of a series that starts then; nothing if it is right."""
    parts = [part.partition("=")[::2] for part in rule.split(";")]
    names = [name for name, _ in parts]
    given = dict(parts)
    for name, value in parts:
        if not re.fullmatch(RULE_PARTS.get(name, "(?!)"), value):
            return f"{name}={value}"
    if names[0] not in ("FREQ", "RSCALE") or "FREQ" not in names or len(names) != len(given):
        return "FREQ is not the first part, or a part is there twice"
    if "RSCALE" not in given and ("SKIP" in given or "L" in given.get("BYMONTH", "")):
        return "RFC 7529 without RSCALE"
    if "UNTIL" in given and ("COUNT" in given or ("T" in given["UNTIL"]) != ("T" in start)):
        return "UNTIL is not of the start's kind, or COUNT is there too"
    if "T" not in start and {"BYHOUR", "BYMINUTE", "BYSECOND"} & given.keys():
        return "times of day for whole days"
    if "BYSETPOS" in given and not any(name.startswith("BY") and name != "BYSETPOS" for name in names):
        return "BYSETPOS alone"
    frequency = given["FREQ"]
    counts = frequency == "MONTHLY" or (frequency == "YEARLY" and "BYWEEKNO" not in given)
    if (
        (re.search(r"\d", given.get("BYDAY", "")) and not counts)
        or ("BYMONTHDAY" in given and frequency == "WEEKLY")
        or ("BYYEARDAY" in given and frequency in ("DAILY", "WEEKLY", "MONTHLY"))
        or ("BYWEEKNO" in given and frequency != "YEARLY")
    ):
        return f"a part that is not for {frequency}"
    return ""


def unescaped(text):
    """TEXT (RFC 5545 3.3.11) as people read it."""
    out, chars = "", iter(text)
    for char in chars:
        if char == "\\":
            char = next(chars, "\\")
            char = "\n" if char in "nN" else char
        out += char
    return out
