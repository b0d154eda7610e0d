"""The office in a browser, as two hubs use it: with scripts and without, each as narrow as a phone and as wide as a desk. Every form
is filled and sent: signing in and out, events, their dates, hosting together, versions that differ, what is counted, members and their
own pages. Every page is looked at with axe-core, in each language, light and dark. scripts/clients calls this with the command and a
folder for the nodes."""

import concurrent.futures
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import urllib.request
import zlib

from browsing import COMMAND, DESK, FOLDER, LANGUAGES, PHONE, TABLET, Browser, By, Keys, site_of, until
from own_page import Post, a_page, on_own_page

NODE = str(pathlib.Path(COMMAND).with_name("interhubd"))
# Each browser is used at both widths; between the two, both widths are seen light and dark.
LOOKS = {True: [(DESK, False), (PHONE, True)], False: [(PHONE, False), (DESK, True)]}


class Hub:
    """A node of its own, and a token for its office."""

    def __init__(self, slug, name, post):
        self.post = post
        self.slug, self.name, self.data, self.process, self.token = slug, name, FOLDER / f"office-{slug}", None, ""
        # The same after a restart, so that the other finds it again, and so does a browser.
        federation, web = self.free(), self.free()
        subprocess.run([NODE, "init", "--data", self.data, "--slug", slug, "--name", name, "--timezone", "Europe/Vienna",
                        "--federation-listen", federation, "--federation-address", federation, "--web-listen", web],
                       check=True, capture_output=True)

    @staticmethod
    def free():
        with socket.create_server(("127.0.0.1", 0)) as free:
            return f"127.0.0.1:{free.getsockname()[1]}"

    def serve(self, *more):
        log = (FOLDER / f"office-{self.slug}.log").open("a")
        # The picture of an event is on this machine.
        environment = {**os.environ, "INTERHUB_FEEDS_FROM_PRIVATE_NETWORKS": "true", "INTERHUB_SMTP_URL": self.post.url,
                       "INTERHUB_MAIL_FROM": f"{self.name} <hello@{self.slug}.example>"}
        self.process = subprocess.Popen([NODE, "serve", "--data", self.data, *more], stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        line = self.process.stdout.readline()
        found = re.search(r"web=(\S+)", line)
        assert found, f"{self.slug} did not start: {line}"
        self.web = f"http://{found[1]}"

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def run(self, *words):
        done = subprocess.run([COMMAND, "--data", self.data, "--json", *words], capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return json.loads(done.stdout)

    def public(self, path):
        with urllib.request.urlopen(self.web + path) as answer:
            return answer.read().decode()


class Office:
    """A browser that is signed in at a hub."""

    def __init__(self, browser, hub):
        self.browser, self.hub, self.wrong = browser, hub, []
        browser.open(hub.web + "/admin")
        self.sign_in()
        assert browser.driver.current_url == hub.web + "/admin", browser.driver.current_url

    def sign_in(self, token=None):
        self.type("token", token or self.hub.token)
        return self.press(".sign-in button")

    def open(self, path):
        self.browser.open(self.hub.web + path)
        return self.browser.text()

    def press(self, found):
        self.browser.press(found)
        return self.browser.text()

    def type(self, field, text):
        self.browser.type(f"#{field}", text)

    def set(self, field, value):
        """What is typed into a date depends on the browser's language; what is sent does not."""
        element = self.browser.one(f"#{field}")
        self.browser.driver.execute_script("arguments[0].value = arguments[1]", element, value)

    def choose(self, field, value):
        self.browser.one(f"#{field} option[value='{value}']").click()

    def value(self, field):
        return self.browser.one(f"#{field}").get_attribute("value")

    def said(self):
        return self.browser.text("[role=status]")

    def file(self, path):
        """What a link to a file gives this browser."""
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in self.browser.driver.get_cookies())
        with urllib.request.urlopen(urllib.request.Request(self.hub.web + path, headers={"Cookie": cookies})) as answer:
            return answer.read().decode()

    def event(self):
        """The id of the event whose form is open."""
        return re.search(r"/admin/events/([0-9a-f]{32})", self.browser.driver.current_url)[1]

    def look(self):
        self.wrong += self.browser.faults()


def an_event(office, name, picture):
    """A series with everything that the form asks for."""
    browser = office.browser
    office.open("/admin/events/new")
    assert browser.one("#rule").is_displayed() != browser.scripts, "scripts hide what does not belong to the choice, nothing else does"
    office.type("title", f"Repair café {name}")
    office.choose("repeat", "weekly")
    if browser.scripts:
        assert browser.one("fieldset.days").is_displayed() and not browser.one("#rule").is_displayed()
        browser.touch("#all_day")
        assert not browser.one("#start_time").is_displayed()
        browser.touch("#all_day")
    office.type("place", "Workshop")
    translations, more = browser.all(".event-form > details")
    assert not browser.one("#title-de").is_displayed()
    browser.touch(translations.find_element(By.TAG_NAME, "summary"))
    office.type("title-de", f"Reparaturcafé {name}")
    office.type("summary-de", "Gemeinsam wird alles wieder ganz.")
    browser.touch(more.find_element(By.TAG_NAME, "summary"))
    browser.touch("input[name=feature][value=wheelchair]")
    office.type("capacity", "24")
    office.type("image_url", picture)
    office.press(".save button")
    assert office.said() == "The event is there.", office.said()
    repair = office.event()
    page = office.hub.public(f"/events/{repair}")
    assert "Workshop" in page and "24" in page and f"Repair café {name}" in page
    assert f"Reparaturcafé {name}" in office.hub.public(f"/events/{repair}?ui=de")
    return repair


def wrong_and_right(office, repair, name):
    """What is wrong is said above the form, reachable, and beside the field; what was typed stays."""
    browser = office.browser
    office.open(f"/admin/events/{repair}")
    office.type("url", "our page")
    browser.touch("details:has(#capacity) > summary")
    office.type("capacity", "many")
    office.type("title", f"Repair night {name}")
    office.press(".save button")
    for field in ("url", "capacity"):
        assert browser.one(f"#{field}").get_attribute("aria-invalid") == "true" and browser.one(f"#{field}").is_displayed(), field
        assert browser.one(f"#{field}-error").text
    assert browser.focused().get_attribute("role") == "alert", "the summary has the focus"
    assert office.value("title") == f"Repair night {name}"
    office.look()
    browser.touch(".notice.bad a[href='#url']")
    until("the link leads to the field", lambda: browser.focused().get_attribute("id") == "url")
    office.type("url", "https://hub.example/repair")
    office.type("capacity", "12")
    office.press(".save button")
    assert office.said() == "Saved."
    assert f"Repair night {name}" in office.hub.public(f"/events/{repair}")


def its_dates(office, repair):
    """One date is cancelled, takes place after all, is moved, and says something of its own; one more is added."""
    browser, path = office.browser, f"/admin/events/{repair}/dates"
    office.open(path)
    dates = len(browser.all("ol.rows > li"))
    assert dates >= 50, f"{dates} dates"
    office.press("ol.rows > li:nth-child(2) > form button")
    assert browser.all("ol.rows > li:nth-child(2) s"), "struck out"
    office.press("ol.rows > li:nth-child(2) > form button")
    assert not browser.all("ol.rows > li s"), "takes place after all"

    third = "ol.rows > li:nth-child(3)"
    before = browser.text(f"{third} .title")
    browser.touch(f"{third} summary")
    day = office.value("start3").split("T")[0]
    office.set("start3", f"{day}T07:15")
    office.set("end3", f"{day}T08:45")
    office.press(f"{third} details button")
    assert office.said() == "The date is moved."
    assert browser.text(f"{third} .title") != before and "07:15" in browser.text(f"{third} .title"), browser.text(third)
    browser.touch(f"{third} summary")
    office.look()
    office.type("place3", "Garden")
    office.press(f"{third} details button")
    assert office.said() == "Saved."
    browser.touch(f"{third} summary")
    assert office.value("place3") == "Garden" and office.value("start3") == f"{day}T07:15"
    office.set("new-start", f"{day}T21:30")
    office.press("section form.row button")
    assert "21:30" in browser.text("ol.rows > li:nth-child(4)"), browser.text("ol.rows > li:nth-child(4)")

    # The other way round it cannot be.
    browser.touch(f"{third} summary")
    office.set("end3", f"{day}T06:00")
    text = office.press(f"{third} details button")
    assert "That cannot be done" in text and browser.one(".oops .detail").text, text
    office.look()
    office.press(".oops a.strong")
    assert browser.driver.current_url == office.hub.web + "/admin"
    assert "07:15" in office.open(path)


def a_copy(office, repair, name):
    """A copy is a draft, is published, put off, takes place, is cancelled; the last change is taken back."""
    browser = office.browser
    office.open(f"/admin/events/{repair}")
    office.press(".beside a[href*='new?']")
    assert office.value("title") == f"Repair night {name}" and office.value("place") == "Workshop"
    office.type("title", f"Choir {name}")
    office.choose("repeat", "")
    office.choose("seen", "draft")
    office.press(".save button")
    choir = office.event()
    assert choir != repair
    # The search hears of it a moment later.
    until("the copy is found", lambda: "draft" in office.open(f"/admin/events?q=Choir+{name}"))
    office.open(f"/admin/events/{choir}")
    office.choose("seen", "public")
    office.press(".save button")
    public = lambda: office.hub.public(f"/events/{choir}")
    assert f"Choir {name}" in public()

    confirm, path = "form.ways button.strong", f"/admin/events/{choir}"
    # Leaving it as it is is a link.
    office.open(f"{path}/postpone")
    office.press("form.ways a")
    assert "Postponed" not in public()
    office.press(".beside a[href$='/postpone']")
    office.look()
    office.press(confirm)
    assert "put off" in office.said() and "Postponed" in public()
    office.open(f"{path}/cancel")
    office.press(confirm)
    assert office.said() == "It takes place after all." and "Postponed" not in public()
    office.press(".beside a[href$='/cancel']")
    office.look()
    office.press(confirm)
    assert "cancelled" in office.said() and "Cancelled" in public()
    office.press(".beside a[href$='/undo']")
    office.look()
    office.press(confirm)
    assert "taken back" in office.said() and office.hub.run("event", "show", choir)["status"] == "confirmed"
    return choir


def counted(office, name):
    """Something is counted, wrongly, rightly, taken back, and no more."""
    browser, page = office.browser, "/admin/counters?year=2025"
    office.open(page)
    office.press("button[value=define]")
    assert office.browser.focused().get_attribute("role") == "alert"
    office.type("name", f"Coffee {name}")
    office.type("unit", "kg")
    office.press("button[value=define]")
    assert "counted from now on" in office.said(), office.said()
    # Its words are there once it is drawn, which on a busy machine is after the page has come.
    own = lambda: next((one for one in browser.all("section.counter") if f"Coffee {name}" in one.text), None)
    counter = lambda: until(f"the counter of {name}", own)
    slug = counter().find_element(By.CSS_SELECTOR, "input[name=slug]").get_attribute("value")
    add = lambda: office.press(counter().find_element(By.CSS_SELECTOR, "button[value=add]"))
    total = lambda: counter().find_element(By.CSS_SELECTOR, ".sum").text

    office.type(f"amount-{slug}", "a lot")
    office.type(f"note-{slug}", "beans")
    add()
    assert office.value(f"amount-{slug}") == "a lot" and office.value(f"note-{slug}") == "beans"
    office.look()
    for amount, day in (("12.5", "2025-03-31"), ("3", "2025-10-01")):
        office.type(f"amount-{slug}", amount)
        office.set(f"day-{slug}", day)
        office.type(f"note-{slug}", "beans")
        add()
        assert office.said() == "Counted."
    assert total() == "15.5 kg", total()
    office.look()
    office.press(counter().find_element(By.CSS_SELECTOR, "tr:has([datetime='2025-10-01']) button"))
    assert office.said() == "Taken back." and total() == "12.5 kg"

    # A year's report has it, with a bar for the month.
    report = office.open("/admin/report?year=2025")
    assert f"Coffee {name}" in report and "12.5 kg" in report, report
    plots = {one.get_attribute("aria-label").split(":")[0]: one for one in browser.all(".plot svg[role=img]")}
    assert {"Events held, by month", f"Coffee {name}"} <= set(plots), list(plots)
    heights = [float(bar.get_attribute("height")) for bar in plots[f"Coffee {name}"].find_elements(By.CSS_SELECTOR, ".bar")]
    assert len(heights) == 12 and [month for month, height in enumerate(heights, 1) if height > 1] == [3], heights
    office.look()
    office.press("a[rel=prev]")
    assert "Nothing took place in this year." in browser.text()
    assert "12.5" in office.file("/admin/report.json?year=2025")

    office.open(page)
    browser.touch(counter().find_element(By.TAG_NAME, "summary"))
    office.press(counter().find_element(By.CSS_SELECTOR, "button[value=delete]"))
    assert "no more" in office.said() and f"Coffee {name}" not in [one.text for one in browser.all("section.counter h2")]


def a_member(office, theirs, name):
    """A member is written, wrongly and rightly, agrees to be seen, takes that back, and is erased; the other hub sees their card."""
    browser, save = office.browser, ".save button"
    office.open("/admin/members")
    office.press(".head a.strong")
    office.type("headline", f"Printmaker {name}")
    office.type("links", "our page")
    office.press(save)
    for field in ("name", "links"):
        assert browser.one(f"#{field}").get_attribute("aria-invalid") == "true" and browser.one(f"#{field}-error").text, field
    assert browser.focused().get_attribute("role") == "alert", "the summary has the focus"
    assert office.value("headline") == f"Printmaker {name}"
    office.look()
    browser.touch(".notice.bad a[href='#links']")
    until("the link leads to the field", lambda: browser.focused().get_attribute("id") == "links")
    office.type("links", "Shop <https://shop.example>")
    office.type("name", f"Ada {name}")
    office.type("offers", "teach: screen printing until 2031-05-01")
    office.type("mail", "ada@mail.example")
    office.set("valid_until", "2031-12-31")
    office.press(save)
    assert "The member is there." in office.said(), office.said()
    path = re.search(r"/admin/members/[0-9a-f]{32}", browser.driver.current_url)[0]
    member = lambda: office.hub.run("member", "show", path.rsplit("/", 1)[1])
    assert member()["offers"] == [{"what": "screen printing", "way": "teach", "until": "2031-05-01"}], member()

    # Who may see it is chosen, and said as it is: nobody elsewhere, until they agreed.
    office.choose("sees-name", "network")
    office.choose("sees-offers", "public")
    office.press(save)
    assert "they have not agreed" in browser.text("#sees-offers-says") and not member()["has_card"]
    browser.touch("#agreed")
    office.press(save)
    assert browser.one("#consent_text").get_attribute("aria-invalid") == "true" and browser.one("#agreed").is_selected()
    office.look()
    office.type("consent_text", "2026-11")
    office.type("consent_channel", "on paper")
    office.press(save)
    assert office.said() == "Saved." and member()["has_card"]
    assert browser.text("#sees-offers-says") == "Anybody can see it." and "on paper" in browser.text("section:has(#log)")
    office.look()

    # Found by what they offer, here and there; there to be read only.
    office.open("/admin/members")
    office.type("offer", "screen print")
    office.type("q", name)
    office.press("search button")
    assert len(browser.all(".rows > li")) == 1 and "other hubs hold a card" in browser.text(".rows"), browser.text()
    until("the card", lambda: f"Ada {name}" in theirs.open("/admin/members"))
    theirs.press(f".rows a[href*='{path}']")
    assert "screen printing" in browser.text() and "ada@mail.example" not in browser.text() and not browser.all("#name")
    theirs.look()

    office.open(path)
    browser.touch("#withdraws")
    office.press(save)
    assert office.said() == "Saved." and not member()["has_card"]
    until("the card is gone", lambda: f"Ada {name}" not in theirs.open("/admin/members"))
    office.open(path)
    office.press(".beside a[href*='/receipts']")
    until("the receipt", lambda: "and signed that" in office.open(f"{path}/receipts"))
    assert "signature" in json.loads(office.file(f"{path}/receipts.json"))
    office.look()
    office.press(".back a")
    office.press(".beside a[href*='/erase']")
    assert f"Ada {name}" in browser.text("h1")
    office.look()
    office.press("form.ways button.strong")
    assert "Erased" in office.said() and f"Ada {name}" not in browser.text()


def a_list(office, name):
    """A table is pasted, looked at, taken, and taken along again."""
    browser = office.browser
    office.open("/admin/members")
    office.press(".head a[href*='/import']")
    office.press("button[value=look]")
    assert office.browser.focused().get_attribute("role") == "alert"
    table = f"number,name,headline,mood\n{name},Bo {name},Baker,good\nnobody,,,\n"
    office.type("list", table)
    plan = office.press("button[value=look]")
    assert "Nothing was changed yet." in plan and f"Bo {name}" in plan and "mood" in plan and "has no name" in plan, plan
    office.look()
    office.press("button[value=take]")
    assert office.said() == "The list is taken in." and f"Bo {name}" in browser.text()
    office.look()
    for kind in ("csv", "json", "vcf"):
        assert f"Bo {name}" in office.file(f"/admin/members.{kind}"), kind


def signed_out_meanwhile(office, choir, name):
    """Another window signs out, or in anew, while a form is open: what was typed is kept, and sent when it is said so."""
    browser, driver = office.browser, office.browser.driver

    def in_another_window(done):
        here, width, dark = driver.current_window_handle, browser.width, browser.dark
        driver.switch_to.new_window("tab")
        browser.run_scripts(browser.scripts)
        browser.look(width, dark)
        done()
        driver.close()
        driver.switch_to.window(here)

    def leave():
        office.open("/admin")
        before = len(driver.get_cookies())
        office.press(".who button")
        # That of the other hub stays.
        assert browser.one("#token").is_displayed() and len(driver.get_cookies()) == before - 1

    def leave_and_come_back():
        leave()
        office.sign_in()

    office.open(f"/admin/events/{choir}")
    office.type("title", f"Choir {name}, all welcome")
    in_another_window(leave_and_come_back)
    assert "Send what you wrote?" in office.press(".save button")
    assert "all welcome" not in office.hub.public(f"/events/{choir}")
    office.look()
    office.press("form:has(input[name=title]) button")
    assert office.said() == "Saved." and "all welcome" in office.hub.public(f"/events/{choir}")

    office.type("title", f"Choir {name}, bring a friend")
    in_another_window(leave)
    assert "not signed in any more" in office.press(".save button")
    office.look()
    assert "does not let you in" in office.sign_in("iht_wrong")
    assert "Send what you wrote?" in office.sign_in()
    office.press("form:has(input[name=title]) button")
    assert office.said() == "Saved." and "bring a friend" in office.hub.public(f"/events/{choir}")

    # Somebody else changes the same event.
    office.type("title", f"Choir {name}, with cake")
    office.hub.run("event", "edit", choir, "--title", f"Choir {name}, with soup")
    assert "Somebody changed this event" in office.press(".save button")
    assert office.value("title") == f"Choir {name}, with cake"
    office.look()
    office.press(".save button")
    assert office.said() == "Saved." and "with cake" in office.hub.public(f"/events/{choir}")


def by_keyboard(office):
    """An event is written without a mouse; each stop is to be seen."""
    browser, driver = office.browser, office.browser.driver
    office.open("/admin/events/new")
    at_top = """
        const one = document.activeElement, at = one.getBoundingClientRect(), look = getComputedStyle(one);
        const [x, y] = [at.x + Math.min(at.width / 2, 20), at.y + at.height / 2];
        const found = document.elementFromPoint(x, y);
        // Inside a date or a time the browser marks the day, the month, the hour.
        const marked = look.outlineStyle !== 'none' || ['date', 'time'].includes(one.type);
        return [one.id, found !== null && (one === found || one.contains(found) || found.contains(one) && found.matches('label, p, summary')), marked];
    """

    def go(selector):
        target = browser.one(selector)
        for _ in range(60):
            browser.focused().send_keys(Keys.TAB)
            name, is_seen, is_marked = driver.execute_script(at_top)
            assert is_seen, f"{name}: something lies over what has the focus"
            assert is_marked, f"{name}: the focus is not to be seen"
            if browser.focused() == target:
                return target
        raise AssertionError(f"the keyboard does not come to {selector}")

    go("#title").send_keys("Open evening")
    go("#all_day").send_keys(Keys.SPACE)
    go("#start_date").send_keys("03042031")
    assert office.value("start_date") == "2031-03-04", office.value("start_date")
    go("#repeat").send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert office.value("repeat") == "weekly"
    go("#place").send_keys("Garden")
    go("#description").send_keys("With *lemonade*.")
    go(".event-form > details > summary").send_keys(Keys.ENTER)
    go("#title-de").send_keys("Offener Abend")
    before = browser.one("html")
    go(".save button").send_keys(Keys.ENTER)
    until("the event is saved", lambda: browser.is_another_page(before))
    evening = office.event()
    page = office.hub.public(f"/events/{evening}?at=2031-03-11")
    assert "Open evening" in page and "Garden" in page and "lemonade" in page


def together(ours, theirs, repair, choir):
    """A hub is asked to host, taken away, asked again; it declines one event and accepts the other. Each says so."""
    browser = ours.browser

    def ask(event):
        ours.open(f"/admin/events/{event}/hosts")
        ours.choose("hub", theirs.hub.slug)
        ours.press("section form button")
        assert "asked" in browser.text(".rows") and "has been asked" in ours.said()

    answer = lambda event, what: f".rows li:has(input[value='{event}']) button[value={what}]"
    is_asked = lambda event: theirs.open("/admin/hosts") and browser.all(answer(event, "accept"))
    ask(choir)
    ours.look()
    ours.press("button[value=take-away]")
    assert "does not host" in ours.said() and not browser.all("button[value=take-away]")
    ask(choir)
    ask(repair)
    for event in (choir, repair):
        until("the question", lambda: is_asked(event))
    theirs.look()
    assert theirs.open("/admin") and browser.all(".needs a[href='/admin/hosts']")
    theirs.look()
    theirs.press(".needs a[href='/admin/hosts']")
    theirs.press(answer(choir, "decline"))
    assert "You said no" in theirs.said()
    theirs.press(answer(repair, "accept"))
    assert "hosts the event too" in theirs.said()
    until("the answer", lambda: theirs.hub.name in ours.hub.public(f"/events/{repair}"))
    assert "agreed" in ours.open(f"/admin/events/{repair}/hosts")
    assert theirs.hub.name not in ours.hub.public(f"/events/{choir}")


def apart(ours, theirs, repairs):
    """Both change titles and places while they do not hear each other."""
    for hub in (ours, theirs):
        hub.stop()
    for hub, what in ((ours, "soup"), (theirs, "cake")):
        hub.serve("--without-peers")
        for repair in repairs:
            hub.run("event", "edit", repair, "--title", f"Repair night with {what}", "--location", f"Room of {what}")
        hub.stop()
    for hub in (ours, theirs):
        hub.serve()
    all_there = lambda hub: len(hub.run("event", "conflicts")["conflicts"]) == 2 * len(repairs)
    until("both versions", lambda: all_there(ours) and all_there(theirs))


def settled(ours, theirs, repair, _):
    """A person chooses one title, and writes another place; the other hub hears of it. Then it hosts no more."""
    browser = ours.browser
    sides = ours.open("/admin/conflicts")
    assert "with soup" in sides and "with cake" in sides and theirs.hub.name in sides, sides
    ours.look()
    of_field = lambda field: browser.one(f"section.conflict:has(input[value='{repair}']):has(input[name=field][value='{field}'])")
    cake = [one for one in of_field("title").find_elements(By.CSS_SELECTOR, ".versions li") if "with cake" in one.text]
    ours.press(cake[0].find_element(By.TAG_NAME, "button"))
    assert "Settled" in ours.said()
    place = of_field("location")
    browser.touch(place.find_element(By.TAG_NAME, "summary"))
    place.find_element(By.CSS_SELECTOR, "input[name=other]").send_keys("The garden")
    ours.press(place.find_element(By.CSS_SELECTOR, "details button"))
    assert "Settled" in ours.said()
    page = lambda hub: hub.public(f"/events/{repair}")
    until("the choice there", lambda: "with cake" in page(theirs.hub) and "The garden" in page(theirs.hub))

    theirs.open(f"/admin/events/{repair}/hosts")
    theirs.press("button[value=stop]")
    until("one host", lambda: theirs.hub.name not in page(ours.hub))


def looked_at(office, repair, choir, member, card):
    """Every page of the office, in each language, and what everybody sees of its events."""
    form, browser, looked = f"/admin/events/{repair}", office.browser, 0
    record = f"/admin/members/{member}"
    paths = ["/admin", "/admin/events", "/admin/events?view=past", "/admin/events?q=xyzzy", "/admin/events/new", form, f"{form}/dates",
             f"{form}/cancel", f"{form}/undo", f"{form}/postpone", f"{form}/hosts", "/admin/hosts", "/admin/conflicts", "/admin/counters",
             "/admin/members", "/admin/members?q=xyzzy", "/admin/members/new", "/admin/members/import", "/admin/members/invite", record, f"{record}/erase",
             f"{record}/receipts", f"{record}/link", f"/admin/members/{card}", "/me", "/me/find", "/me/find?skill=welding", "/me/withdraw", "/me/erase", "/me/receipts",
             "/admin/report?year=2025", "/admin/report?year=1999", "/admin/events/" + "0" * 32, "/admin/sign-in", f"/events/{repair}", f"/events/{choir}"]
    looks = [(PHONE, False), (DESK, False), (PHONE, True), (DESK, True)]
    on_own_page(office, member)
    for number, path in enumerate(paths):
        for turn, language in enumerate(LANGUAGES):
            browser.look(*looks[(number + turn) % len(looks)])
            office.open(f"{path}{'&' if '?' in path else '?'}ui={language}")
            looked += 1
            # Colours are the same without scripts.
            if browser.scripts or not browser.dark:
                office.wrong += browser.faults(keyboard=not browser.dark)
            for width in {PHONE, TABLET, DESK} - {browser.width}:
                browser.look(width)
                office.wrong += [f"{path}, {language}, {browser.mode()}: {one}" for one in browser.too_wide()]
    return looked


def picture(width=480, height=320):
    """A PNG: the sky, more or less."""
    rows = b"".join(b"\0" + bytes((90 + row // 4, 140 + row // 4, 200)) * width for row in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def main():
    site = site_of({"/sky.png": ("image/png", picture())})
    post = Post()
    ours, theirs = Hub("graz", "Makers of Graz", post), Hub("linz", "Hub Linz", post)
    browsers = []
    try:
        for hub in (ours, theirs):
            hub.serve()
        ours.run("network", "create", "Two offices")
        theirs.run("join", ours.run("invite")["link"])
        ours.run("hub", "vote", "linz")
        for hub in (ours, theirs):
            hub.token = hub.run("token", "create", "--role", "admin", "--label", "Front office")["token"]
        for month, hours in ((3, 2), (3, 4), (6, 3)):
            ours.run("event", "add", "--title", "Open house", "--start", f"2025-{month:02}-04T18:00", "--duration", f"{hours}h")
        browsers = [Browser("office", scripts) for scripts in (True, False)]
        # A browser keeps its sign-ins at both hubs apart.
        offices = [(Office(browser, ours), Office(browser, theirs)) for browser in browsers]

        def alone(pair):
            """What one hub does for itself. Gives the events that were made."""
            office, made = pair[0], []
            for width, dark in LOOKS[office.browser.scripts]:
                name = f"{width} {office.browser.scripts}"
                office.browser.look(width, dark)
                repair = an_event(office, name, f"{site}/sky.png")
                wrong_and_right(office, repair, name)
                its_dates(office, repair)
                choir = a_copy(office, repair, name)
                counted(office, name)
                a_member(*pair, name)
                a_list(office, name)
                a_page(*pair, post, name)
                signed_out_meanwhile(office, choir, name)
                made.append((repair, choir))
            if office.browser.scripts:
                by_keyboard(office)
            return made

        def with_the_other(act):
            def at_each_width(pair, made):
                for (width, dark), events in zip(LOOKS[pair[0].browser.scripts], made):
                    pair[0].browser.look(width, dark)
                    act(*pair, *events)

            list(pool.map(at_each_width, offices, made))

        # One browser with scripts and one without, at the same time.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            made = list(pool.map(alone, offices))
            with_the_other(together)
            apart(ours, theirs, [repair for events in made for repair, _ in events])
            with_the_other(settled)
            for hub in (ours, theirs):
                until("no more versions", lambda: not hub.run("event", "conflicts")["conflicts"])
            repair, choir = made[0][0]
            until("the picture", lambda: "/pictures/" in ours.public(f"/events/{repair}"))
            ours.run("event", "postpone", choir)
            ours.run("counter", "define", "coffee", "--name", "Coffee", "--unit", "kg")
            ours.run("counter", "add", "coffee", "12.5", "--on", "2025-03-31")
            agreed = ("--audience", "name=network", "--audience", "skills=network", "--consent", "2026-11", "--channel", "paper")
            member, card = (hub.run("member", "add", "--name", name, "--skills", "welding", *agreed)["id"] for hub, name in ((ours, "Cy"), (theirs, "Di")))
            is_there = lambda hub, name: any(one["name"] == name for one in hub.run("member", "list")["members"])
            until("the cards", lambda: is_there(ours, "Di") and is_there(theirs, "Cy"))
            # What was taken back has receipts.
            ours.run("member", "edit", member, "--audience", "skills=hub")
            looked = sum(pool.map(lambda pair: looked_at(pair[0], repair, choir, member, card), offices))
        wrong = [one for pair in offices for office in pair for one in office.wrong]
        wrong += [one for browser in browsers for one in browser.complaints()]
        assert not wrong, "\n".join(wrong)
        print(f"office: two hubs, with and without scripts, narrow and wide; {looked} pages without a violation")
    finally:
        for browser in browsers:
            browser.quit()
        ours.stop()
        theirs.stop()
        post.stop()


if __name__ == "__main__":
    main()
