"""What corpus.py finds: figures, differences that have a reason, and failures."""

from collections import Counter

# Why something may differ. Each is looked for in the difference itself; what has none of them is a failure.
REASONS = {
    "first start": "the first start does not fit its rule: here it counts (RFC 5545 3.8.5.3), in libical it does not",
    "disputed": "YEARLY with BYMONTHDAY and no month, or BYWEEKNO and no day: as libical reads it, others differ",
    "moons to come": "months of the Chinese calendar after 2100, which nobody has published: two ways to compute them",
    "no answer": "libical does not do this rule; python-dateutil gives the same instances",
    "years of weeks": "BYWEEKNO counts years as weeks do, from that of the first start; libical from that of its date",
    "line that stops icalendar": "icalendar stops at a line that breaks the standard: it was asked without that line",
    "file that stops icalendar": "icalendar stops at how the file is put together: it was asked event by event",
    "no end": "it, or something in it, has no end: icalendar passes it over, here it is refused for that",
    "no time": "icalendar has no start, or no end, or several of them",
    "empty day": "whole days that end on the day they start: read as that day, as people mean it",
    "end first": "it ends before it starts: read as ending when it starts, with a warning",
    "no address": "URL is no http or https address: left out with a warning",
    "no scheme": "URL begins with www: https:// is put before it",
    "twice": "the calendar has its UID twice, and what was cut off had the one that holds",
}


class Findings:
    """What was counted; what differs and why it may; what differs and may not."""

    def __init__(self):
        self.counts, self.explained, self.notes, self.failures, self.slowest = Counter(), [], [], [], (0, "")

    def explain(self, reason, what):
        assert reason in REASONS, reason
        self.explained.append((reason, what))

    def note(self, what):
        self.notes.append(what)

    def fail(self, what):
        self.failures.append(what)

    def add(self, other):
        self.counts += other.counts
        self.explained += other.explained
        self.notes += other.notes
        self.failures += other.failures
        self.slowest = max(self.slowest, other.slowest)
