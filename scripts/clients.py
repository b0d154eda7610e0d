"""What other programs make of a node: scripts/clients starts two and calls this with the command and their folder."""

import datetime as dt
import json
import pathlib
import subprocess
import sys
import urllib.request
from zoneinfo import ZoneInfo

import feedparser
import icalendar

import reading
from reading import BEGIN, END

COMMAND, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])


def interhub(slug, *arguments):
    done = subprocess.run([COMMAND, "--data", str(FOLDER / slug), *arguments], capture_output=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr.decode())
    return done.stdout


def address(slug):
    return (FOLDER / f"{slug}.web").read_text().strip()


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]} {done.stderr[-3000:]}"
    return done.stdout


def exported(slug):
    """This hub's own events, by UID."""
    events = json.loads(interhub(slug, "--json", "event", "export", "--format", "json"))["events"]
    return {event["uid"]: event for event in events}


def read_back_equal(calendar, known):
    """icalendar reads each event as it is here."""
    differences, compared = reading.read_back(calendar, known)
    assert not differences, differences[:5]
    assert compared > 200, compared
    print(f"icalendar: {len(known)} events, {compared} compared field by field")


def comes_back(text, known):
    """What is exported and imported elsewhere is the same."""
    file = FOLDER / "export.ics"
    file.write_bytes(text)
    result = json.loads(interhub("echo", "--json", "event", "import", str(file)))
    assert (result["added"], result["refused_count"]) == (len(known), 0), result["refused"][:3]
    fields = ["title", "summary", "description", "start", "end", "timezone", "all_day", "status", "series", "tags", "location"]
    fields += ["online_url", "url", "language", "rrule", "image_url", "start_utc", "end_utc"]
    fields += ["translations", "features", "capacity", "postponed", "attendance"]
    there = exported("echo")
    for uid, event in known.items():
        for field in fields:
            assert there[uid][field] == event[field], (uid, field, event[field], there[uid][field])
    again = json.loads(interhub("echo", "--json", "event", "import", str(file)))
    assert again["unchanged"] == len(known), again
    print(f"import of the export: {len(known)} events, the same")


def same_dates(calendar, zone):
    """recurring-ical-events finds the occurrences that are listed here."""
    ours, cursor = set(), ""
    while cursor is not None:
        url = f"{address('vienna')}/api/v1/events?from={BEGIN}&to={END - dt.timedelta(days=1)}&limit=1000"
        page = json.loads(get(url + (f"&cursor={cursor}" if cursor else "")))
        ours |= {(event["uid"], event["start"]) for event in page["events"]}
        cursor = page["next"]
    theirs = reading.occurrences(calendar, reading.wall)
    ours = {one for one in ours if reading.inside(one[1])}
    theirs = {one for one in theirs if reading.inside(one[1])}
    assert ours == theirs, f"only here {sorted(ours - theirs)[:5]}, only there {sorted(theirs - ours)[:5]}"
    print(f"recurring-ical-events: {len(ours)} occurrences in a year, the same")


def reads_the_news():
    feed = feedparser.parse(get(f"{address('vienna')}/events.atom"))
    assert not feed.bozo, feed.bozo_exception
    assert len(feed.entries) == 50 and len({entry.id for entry in feed.entries}) == 50
    for entry in feed.entries:
        assert entry.title and entry.updated_parsed and entry.author, entry
    print(f"feedparser: {len(feed.entries)} entries")


def lands_in_a_calendar_program(known):
    """vdirsyncer subscribes, khal shows."""
    home = FOLDER / "khal"
    (home / "calendar").mkdir(parents=True)
    sync = home / "vdirsyncer.conf"
    sync.write_text(
        f"""[general]
status_path = "{home}/status/"
[pair hub]
a = "there"
b = "here"
collections = null
[storage there]
type = "http"
url = "{address('vienna')}/events.ics"
[storage here]
type = "filesystem"
path = "{home}/calendar"
fileext = ".ics"
"""
    )
    environment = {"HOME": str(home), "PATH": sys.exec_prefix + "/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    run("vdirsyncer", "--config", str(sync), "discover", env=environment)
    run("vdirsyncer", "--config", str(sync), "sync", env=environment)
    files = list((home / "calendar").glob("*.ics"))
    # It gives each event of a web address a name made of what the event says: two that say the same are one there.
    says = lambda event: tuple(str(event.get(name)) for name in ("DTSTART", "SUMMARY", "LOCATION", "DESCRIPTION", "URL"))
    calendar = icalendar.Calendar.from_ical(get(f"{address('vienna')}/events.ics"))
    served = {says(event) for event in calendar.walk("VEVENT")}
    uids = {str(event["UID"]) for event in calendar.walk("VEVENT")}
    kept = {says(event) for file in files for event in icalendar.Calendar.from_ical(file.read_bytes()).walk("VEVENT")}
    assert kept == served, (len(files), list(served ^ kept)[:3])
    show = home / "khal.conf"
    show.write_text(
        f"""[calendars]
[[hub]]
path = {home}/calendar
readonly = True
[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = Europe/Vienna
default_timezone = Europe/Vienna
[sqlite]
path = {home}/khal.db
"""
    )
    some = next(event for event in known.values() if not event["series"] and not event["all_day"] and event["uid"] in uids)
    at = dt.datetime.fromisoformat(some["start_utc"]).astimezone(ZoneInfo("Europe/Vienna"))
    day = at.date().isoformat()
    listed = run("khal", "--config", str(show), "list", "--format", "{start-time} {title}", day, "1d", env=environment)
    assert f"{at:%H:%M} {some['title']}"[:30] in listed, (some, listed)
    print(f"vdirsyncer and khal: {len(files)} events, {listed.count(chr(10))} lines on {day}")


def is_driven_by_its_description():
    """schemathesis makes up requests; no answer may be a server error, or differ from its description."""
    told = run(
        "schemathesis", "run", f"{address('vienna')}/api/v1/openapi.json", "--max-examples", "60", "--seed", "1",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--phases", "examples,coverage,fuzzing", cwd=FOLDER,
    )
    lines = [line.strip() for line in told.splitlines()]
    counted = [line for line in lines if "generated" in line or "passed" in line]
    assert counted, told
    print("schemathesis:", "; ".join(counted[:3]))


def main():
    text = interhub("vienna", "event", "export", "--format", "ics")
    calendar, known = icalendar.Calendar.from_ical(text), exported("vienna")
    read_back_equal(calendar, known)
    comes_back(text, known)
    same_dates(icalendar.Calendar.from_ical(text), ZoneInfo("Europe/Vienna"))
    reads_the_news()
    lands_in_a_calendar_program(known)
    is_driven_by_its_description()


main()
