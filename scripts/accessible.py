"""Every public page in a browser, with scripts and without, at the width of a phone and of a desk, light and dark, in each language:
what axe-core finds wrong, what the keyboard cannot reach, what is cut off. Then the page of another site that embeds the list, and a
week on paper. scripts/clients starts the node and calls this with the command and its folder."""

import base64
import concurrent.futures
import io
import json
import pathlib
import re
import subprocess
import urllib.request

import pypdf
from browsing import COMMAND, DESK, FOLDER, LANGUAGES, PHONE, TABLET, Browser, Keys, site_of, until

BASE = (FOLDER / "vienna.web").read_text().strip()
# What the node says its address is.
ADDRESS = "https://vienna.example"
# Each page is looked at in each of these ways, each time in another language.
LOOKS = [(PHONE, False), (DESK, False), (PHONE, True), (DESK, True)]
A4_INCHES, A4_POINTS = (8.27, 11.69), (595, 842)


def interhub(*words):
    done = subprocess.run([COMMAND, "--data", str(FOLDER / "vienna"), "--json", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return json.loads(done.stdout)


def pages():
    """Paths by name, one event of each kind among them."""
    events = interhub("event", "export", "--format", "json")["events"]
    event = lambda what: f"/events/{next(event for event in events if event[what])['id']}"
    tag = next(event["tags"][0] for event in events if event["tags"])
    with urllib.request.urlopen(BASE + "/events") as answer:
        date = re.search(r'href="(/events/[0-9a-f]{32}\?at=[^"]+)"', answer.read().decode())[1]
    return {
        "home": "/",
        "events": "/events",
        "filtered": "/events?q=music&from=2026-01-01&tz=Asia/Tokyo",
        "nothing found": "/events?q=xyzzy",
        "month": "/month?month=2026-11",
        "empty month": "/month?month=2031-02",
        "map": "/map",
        "map, closer": "/map?centre=39.2,-86.5&zoom=6",
        "event in several languages": event("translations"),
        "event of a place": event("location"),
        "series": event("series"),
        "date of a series": date,
        "tag": f"/tags/{tag}",
        "hubs": "/hubs",
        "hub": "/hubs/vienna",
        "wrong": "/events?from=soon",
        "not there": "/nothing",
        "event not there": "/events/" + "0" * 32,
    }


def all_pages(browser, paths):
    wrong, looked = [], 0
    for number, path in enumerate(paths.values()):
        for turn, language in enumerate(LANGUAGES):
            browser.look(*LOOKS[(number + turn) % len(LOOKS)])
            browser.open(f"{BASE}{path}{'&' if '?' in path else '?'}ui={language}")
            assert browser.one("html").get_attribute("lang") == language, path
            looked += 1
            # Colours are the same without scripts.
            if browser.scripts or not browser.dark:
                wrong += browser.faults(keyboard=not browser.dark)
            # Words differ in length: each language at each width.
            for width in {PHONE, TABLET, DESK} - {browser.width}:
                browser.look(width)
                wrong += [f"{path}, {language}, {browser.mode()}: {one}" for one in browser.too_wide()]
    return wrong + browser.complaints(), looked


def embedded(browser, site):
    """The list on another site's page, which allows the node and nothing else."""
    wrong = []
    for width in (PHONE, DESK):
        browser.look(width)
        browser.open(site)
        if browser.scripts:
            lists = "return [...document.querySelectorAll('interhub-events')].map((one) => one.shadowRoot?.querySelectorAll('[part~=event] a').length)"
            is_there = lambda: browser.driver.execute_script(
                "return [...document.querySelectorAll('interhub-events')].every((one) => one.shadowRoot?.querySelector('[part=more]'))"
            )
            until("the embedded lists", is_there)
            assert browser.driver.execute_script(lists)[0] == 5, browser.driver.execute_script(lists)
        else:
            assert browser.one("noscript a").is_displayed()
        wrong += browser.faults(keyboard=False)
    return wrong + browser.complaints()


def skipped(browser):
    """The first stop of the keyboard leads past what is the same on each page."""
    for path in ("/events", "/month", "/hubs/vienna"):
        for width in (PHONE, DESK):
            browser.look(width)
            browser.open(BASE + path)
            browser.one("body").send_keys(Keys.TAB)
            link = browser.focused()
            assert link.get_attribute("class") == "skip" and link.rect["y"] >= 0, link.get_attribute("outerHTML")
            link.send_keys(Keys.ENTER)
            until("the content has the focus", lambda: browser.focused().get_attribute("id") == "content")
            browser.focused().send_keys(Keys.TAB)
            inside = browser.driver.execute_script("return document.getElementById('content').contains(document.activeElement)")
            assert inside, browser.focused().get_attribute("outerHTML")


def printed(browser):
    """A week of a house is one sheet, which says where it is from and has nothing that paper cannot do."""
    browser.look(DESK, dark=True)
    browser.open(f"{BASE}/events?from=2026-12-07&to=2026-12-13&q=house")
    navigation = [one.get_attribute("textContent") for one in browser.all("nav a, .skip, .filter button, .follow a, .clock button")]
    titles = [one.text for one in browser.all(".board .item h3")]
    assert len(titles) >= 5 and len(navigation) > 20, (titles, navigation)
    size = {"paperWidth": A4_INCHES[0], "paperHeight": A4_INCHES[1], "printBackground": True}
    made = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", size)["data"])
    sheets = pypdf.PdfReader(io.BytesIO(made)).pages
    assert len(sheets) == 1, f"{len(titles)} events on {len(sheets)} sheets"
    # Where lines break is of no matter.
    bare = lambda text: re.sub(r"\s+", "", text)
    lines = sheets[0].extract_text().splitlines()
    text = bare("".join(lines))
    missing = [title for title in titles if bare(title) not in text]
    assert not missing, missing
    assert f"{ADDRESS}/events?from=2026-12-07" in text, text[-300:]
    left = [one for one in navigation if one.strip() in (line.strip() for line in lines)]
    # The heading of the page is also the name of a link.
    assert set(left) <= {"Events"}, left
    return len(titles)


def visit(scripts, paths, site):
    """All of it in one browser."""
    browser = Browser("accessible", scripts)
    try:
        wrong, looked = all_pages(browser, paths)
        wrong += embedded(browser, site)
        skipped(browser)
        titles = printed(browser)
        return wrong, looked, titles
    finally:
        browser.quit()


def main():
    # The page as it is published, with the node's own address in it.
    page = pathlib.Path("docs/embed.html").read_text().replace("https://hub.example", BASE).replace("birmingham", "vienna")
    site = site_of({"/": ("text/html; charset=utf-8", page.encode())})
    paths = pages()
    # One browser with scripts and one without, at the same time.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        visits = list(pool.map(lambda scripts: visit(scripts, paths, site), (True, False)))
    wrong = [one for wrong, *_ in visits for one in wrong]
    assert not wrong, "\n".join(wrong)
    looked = sum(looked for _, looked, _ in visits)
    print(f"axe-core: {len(paths)} pages and an embedded list, seen {looked} times, no violation; all reached by keyboard, none wider"
          f" than its screen; {visits[0][2]} events on a sheet of paper")


if __name__ == "__main__":
    main()
