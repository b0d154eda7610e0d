"""How a visitor finds events, in a browser with scripts and in one without, each as narrow as a phone and as wide as a desk: words
and filters, the clock, the month, the map, a hub, a tag, and the feeds under each list. scripts/clients starts the node and calls
this with the command and its folder."""

import concurrent.futures
import json
import re
import urllib.request
from urllib.parse import parse_qs, urljoin, urlsplit

from browsing import DESK, FOLDER, PHONE, Browser, Keys, until
from selenium.webdriver.support.ui import Select

BASE = (FOLDER / "vienna.web").read_text().strip()
# What the node says its address is.
HOST = "vienna.example"
# Neither where the hub is nor where its events are.
ZONE = "Asia/Tokyo"


def query(browser):
    return parse_qs(urlsplit(browser.driver.current_url).query)


def path(browser):
    return urlsplit(browser.driver.current_url).path


def titles(browser):
    return [one.text for one in browser.all(".board .item h3")]


def unfold(browser, part):
    """Beside the list all choices are shown; above it, where it is narrow, they wait behind a word."""
    summary = browser.one(f"{part} summary")
    if summary.is_displayed():
        browser.touch(summary)


def get(url):
    with urllib.request.urlopen(urljoin(BASE, url)) as answer:
        return answer.headers.get_content_type(), answer.read().decode()


def typing(browser):
    """With scripts the list follows what is typed."""
    driver = browser.driver
    browser.open(f"{BASE}/events?hub=vienna")
    before = titles(browser)
    field = browser.one("#q")
    field.send_keys("mus")
    until("the address follows what is typed", lambda: query(browser).get("q") == ["mus"])
    field.send_keys("ic")
    until("the address follows what is typed on", lambda: query(browser).get("q") == ["music"])
    assert query(browser)["hub"] == ["vienna"], driver.current_url
    after = titles(browser)
    assert after and after != before, (len(before), len(after))
    # The field is the same one, with its focus and its text.
    assert browser.focused() == field and field.get_attribute("value") == "music"
    said = browser.one("#told").get_attribute("textContent")
    assert said and said == browser.text(".found"), said
    # What stands around the list knows the filters too.
    assert "q=music" in browser.one(".bottom [hreflang=de]").get_attribute("href")
    assert "q=music" in browser.one(".jumps a").get_attribute("href")
    assert "q=music" in browser.one(".follow a.strong").get_attribute("href")
    # The same page without the script holds the same list.
    browser.open(driver.current_url)
    assert titles(browser) == after
    # A switch applies at once, and nothing found is said.
    unfold(browser, ".filter")
    browser.touch("label[for=online]")
    until("a switch applies", lambda: query(browser).get("online") == ["1"])
    browser.one("#q").send_keys("xyzzy")
    until("nothing is found", lambda: query(browser)["q"] == ["musicxyzzy"] and browser.all(".empty"))
    assert browser.one("#told").get_attribute("textContent").startswith("0 ")
    # The empty list says what to do.
    browser.press(".empty a")
    assert titles(browser)


def offered_clock(browser):
    """With scripts the browser's own zone is offered in one line, which keeps the filters."""
    browser.open(f"{BASE}/events?q=music")
    offer = browser.one("#clock-offer a")
    assert offer.is_displayed() and ZONE in offer.text, offer.text
    browser.press(offer)
    assert query(browser) == {"tz": [ZONE], "q": ["music"]}
    assert " in Tokyo" in browser.text(".board")
    assert not browser.one("#clock-offer").is_displayed(), "it is shown already"
    browser.one("#q").send_keys("al")
    until("the clock stays while typing", lambda: query(browser).get("q") == ["musical"])
    assert query(browser)["tz"] == [ZONE]


def sending(browser):
    """Without scripts the form is sent."""
    browser.open(f"{BASE}/events")
    assert not browser.one("#clock-offer").is_displayed()
    before = titles(browser)
    field = browser.one("#q")
    field.send_keys("music")
    assert not query(browser) and titles(browser) == before, "without scripts nothing happens while typing"
    field.send_keys(Keys.ENTER)
    until("the form is sent", lambda: query(browser).get("q") == ["music"])
    assert titles(browser) and titles(browser) != before
    # The switch is one of the same form.
    unfold(browser, ".filter")
    browser.touch("label[for=in_place]")
    browser.press(".filter button.strong")
    assert query(browser)["in_place"] == ["1"] and query(browser)["q"] == ["music"], browser.driver.current_url


def kinds_and_clock(browser):
    """What holds in both: kinds beside the list are links, and so is what is shown; the clock is a form of its own."""
    browser.open(f"{BASE}/events?q=music")
    all_of_it = titles(browser)
    unfold(browser, ".kinds")
    value = browser.one(".kinds a")
    count = value.find_element("css selector", ".count").get_attribute("textContent")
    browser.press(value)
    assert len(query(browser)) == 2, browser.driver.current_url
    found = browser.text(".found")
    assert found.startswith(count + " ") or count == "1", (count, found)
    unfold(browser, ".kinds")
    browser.press(".kinds a[aria-current]")
    assert len(query(browser)) == 1 and titles(browser) == all_of_it
    Select(browser.one("#tz")).select_by_value(ZONE)
    browser.press(".clock button")
    assert query(browser) == {"tz": [ZONE], "q": ["music"]} and titles(browser) == all_of_it
    assert " in Tokyo" in browser.text(".board")
    browser.press(".chips .chip")
    assert "q" not in query(browser) and len(titles(browser)) > len(all_of_it)
    browser.press("nav.pages a[rel=next]")
    assert titles(browser) and "cursor" in query(browser) and query(browser)["tz"] == [ZONE]


def by_month(browser):
    """From the month to the next one, a day of it, an event of that day, and back to lists."""
    browser.open(f"{BASE}/events")
    browser.press(".top a[href^='/month']")
    browser.open(f"{BASE}/month?month=2026-12")
    heading = browser.text("h1")
    assert "December 2026" in heading, heading
    day = browser.one("td:not(.outside):has(li) .number a")
    shown = [one for one in browser.all("td:not(.outside):has(li)") if one.is_displayed()]
    assert len(shown) > 20, len(shown)
    date = browser.one("td:not(.outside):has(li) time").get_attribute("datetime")
    browser.press(day)
    assert path(browser) == "/events" and query(browser)["from"] == [date] and titles(browser), browser.driver.current_url
    browser.driver.back()
    until("the month again", lambda: path(browser) == "/month")
    entry = browser.one("td:not(.outside) li a")
    title = entry.find_element("css selector", "[dir=auto]").get_attribute("textContent")
    browser.press(entry)
    assert browser.text("h1") == title, (browser.text("h1"), title)
    browser.driver.back()
    until("the month again", lambda: path(browser) == "/month")
    more = [one for one in browser.all("td .rest a") if one.is_displayed()]
    count = int(re.search(r"\d+", more[0].text)[0])
    browser.press(more[0])
    assert len(titles(browser)) > count, (len(titles(browser)), count)
    browser.driver.back()
    until("the month again", lambda: path(browser) == "/month")
    browser.press(".jumps a[rel=next]")
    assert "January 2027" in browser.text("h1")
    browser.press(".jumps a[rel=prev]")
    assert browser.text("h1") == heading
    freshness(browser)
    followed(browser, "month", ())
    browser.press(".jumps li:last-child a")
    assert path(browser) == "/events" and titles(browser)


def on_the_map(browser):
    """Closer, to the side, back; a mark and the list under the map lead to the same events; filters hold."""
    browser.open(f"{BASE}/events?q=house")
    browser.open(f"{BASE}/map?q=house")
    places = lambda: [one.text for one in browser.all(".spots li")]
    everything = places()
    assert len(everything) >= 2 and len(browser.all(".map .mark")) == len(everything), everything
    links = {one.get_attribute("textContent").strip(): one for one in browser.all("figcaption a")}
    assert len(links) >= 6, list(links)
    browser.press([one for name, one in links.items() if "Closer" in name][0])
    assert query(browser)["q"] == ["house"] and "zoom" in query(browser), browser.driver.current_url
    centre = query(browser)["centre"]
    browser.press([one for one in browser.all("figcaption a") if "East" in one.get_attribute("textContent")][0])
    assert query(browser)["centre"] != centre
    browser.press([one for one in browser.all("figcaption a") if "All places" in one.get_attribute("textContent")][0])
    assert places() == everything
    # A mark is a link like any other.
    mark = browser.one(".map .mark")
    assert mark.get_attribute("aria-label")
    browser.press(mark)
    assert query(browser)["q"] == ["house"]
    browser.open(f"{BASE}/map?q=house")
    events = browser.one(".spots li a[rel=nofollow]")
    count = int(re.search(r"\d+|One", events.text)[0].replace("One", "1"))
    browser.press(events)
    assert path(browser) == "/events" and query(browser)["q"] == ["house"] and len(titles(browser)) >= min(count, 20), (count, len(titles(browser)))
    browser.open(f"{BASE}/map?q=house")
    freshness(browser)
    followed(browser, "map", ("q=house",))
    if browser.scripts:
        browser.one("#q").send_keys("xyzzy")
        until("the map follows what is typed", lambda: "xyzzy" in query(browser)["q"][0] and browser.text(".found") == "0 events")
    browser.open(f"{BASE}/map?q=house")
    browser.press([one for one in browser.all("figcaption a") if "As a list" in one.text][0])
    assert path(browser) == "/events" and query(browser)["q"] == ["house"]


def hub_and_tag(browser):
    """From an event to its hub, from there to its events; from an event to what else has its tag."""
    browser.open(f"{BASE}/events?q=house")
    browser.press(".board .item h3 a")
    browser.press(".facts .hub a")
    assert path(browser) == "/hubs/vienna" and "Hub vienna" in browser.text("h1") and titles(browser)
    assert "Vienna" in browser.text(".about")
    followed(browser, "hub", ("vienna",))
    browser.press(".top a[href^='/hubs']")
    browser.press(".card .by a")
    assert path(browser) == "/events" and query(browser)["hub"] == ["vienna"]
    tagged = next(one for one in json.loads(get("/api/v1/events?limit=1000")[1])["events"] if one["tags"])
    browser.open(f"{BASE}/events/{tagged['id']}")
    title, chip = browser.text("h1"), browser.one(".tags a")
    tag = chip.text
    browser.press(chip)
    assert path(browser).startswith("/tags/") and tag in browser.text("h1"), tag
    assert title in titles(browser), (title, titles(browser))
    followed(browser, "tag", ("tag=",))


def freshness(browser):
    """How old what is shown is, hub by hub, behind one word."""
    details = browser.one("details.freshness")
    entry = browser.one("details.freshness li")
    assert not entry.is_displayed()
    browser.touch("details.freshness summary")
    assert entry.is_displayed() and "Hub vienna" in details.text and browser.one("details.freshness .fresh").text


def followed(browser, page, keeps):
    """Under the list: the calendar for programs that subscribe, as a file, and the news. Each has the filters of the list."""
    links = {one.text: one.get_attribute("href") for one in browser.all(".follow a")}
    assert len(links) == 4, links
    subscribe, calendar, atom, news = links.values()
    assert subscribe == f"webcal://{HOST}{calendar.removeprefix(BASE)}", (page, subscribe)
    for link, kind in ((calendar, "text/calendar"), (atom, "application/atom+xml"), (news, "application/feed+json")):
        assert all(part in link for part in keeps), (page, link, keeps)
        given, content = get(link)
        assert given == kind and len(content) > 500, (page, link, given)
    # Programs that are given the page find them too.
    in_head = {one.get_attribute("type"): one.get_attribute("href") for one in browser.all("head link[rel=alternate][type]")}
    assert in_head["application/atom+xml"] == atom and in_head["text/calendar"] == calendar, in_head


def visit(scripts):
    browser = Browser("finding", scripts)
    try:
        for width in (PHONE, DESK):
            browser.look(width)
            browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ZONE})
            for part in ((typing, offered_clock) if scripts else (sending,)) + (kinds_and_clock, by_month, on_the_map, hub_and_tag):
                part(browser)
        assert not browser.driver.get_cookies(), browser.driver.get_cookies()
        kept = browser.driver.execute_script("return localStorage.length + sessionStorage.length")
        assert kept == 0, kept
        assert not browser.complaints(), browser.complaints()
    finally:
        browser.quit()


def main():
    # One browser with scripts and one without, at the same time.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(visit, (True, False)))
    print("finding: words, filters, kinds, clock, month, map, hub, tag and feeds, with and without scripts, narrow and wide; nothing is kept")


if __name__ == "__main__":
    main()
