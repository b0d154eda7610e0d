"""The office in a browser, as two hubs use it: signing in, events with and without JavaScript, hosting together, versions that
differ. Then what axe-core finds wrong on each page, at the width of a phone and of a desk, light and dark. scripts/clients calls
this with the command and a folder for the nodes."""

import json
import pathlib
import re
import socket
import subprocess
import time
import urllib.request

from accessible import COMMAND, FOLDER, WIDTHS, browser, reached_by_keyboard, violations
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

NODE = str(pathlib.Path(COMMAND).with_name("interhubd"))
WAIT_S = 30


class Hub:
    """A node of its own, and a token for its office."""

    def __init__(self, slug, name):
        self.slug, self.name, self.data, self.process = slug, name, FOLDER / f"office-{slug}", None
        # The same after a restart, so that the other finds it again.
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        subprocess.run([NODE, "init", "--data", self.data, "--slug", slug, "--name", name, "--timezone", "Europe/Vienna",
                        "--federation-listen", address, "--federation-address", address, "--web-listen", "127.0.0.1:0"],
                       check=True, capture_output=True)

    def serve(self, *more):
        log = (FOLDER / f"office-{self.slug}.log").open("a")
        self.process = subprocess.Popen([NODE, "serve", "--data", self.data, *more], stdout=subprocess.PIPE, stderr=log, text=True)
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


def until(what, seen):
    """Waits for what another node has to hear first."""
    end = time.monotonic() + WAIT_S
    while True:
        found = seen()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {WAIT_S} s"
        time.sleep(0.1)


class Office:
    """A browser that is signed in at a hub."""

    def __init__(self, driver, hub, token):
        self.driver, self.hub = driver, hub
        driver.get(hub.web + "/admin/sign-in")
        driver.find_element(By.ID, "token").send_keys(token)
        self.press(".sign-in button")
        assert driver.current_url == hub.web + "/admin", driver.current_url

    def open(self, path):
        self.driver.get(self.hub.web + path)
        return self.driver.find_element(By.TAG_NAME, "main").text

    def press(self, selector):
        """Presses a button, and waits for the page after it."""
        before = self.driver.find_element(By.TAG_NAME, "footer")
        self.driver.find_element(By.CSS_SELECTOR, selector).click()
        until(f"the page after {selector}", lambda: self.is_another_page(before))
        return self.driver.find_element(By.TAG_NAME, "main").text

    def is_another_page(self, before):
        try:
            return self.driver.find_element(By.TAG_NAME, "footer") != before
        except WebDriverException:  # Between two pages there is neither.
            return False

    def type(self, field, text):
        element = self.driver.find_element(By.ID, field)
        element.clear()
        element.send_keys(text)

    def choose(self, field, value):
        self.driver.find_element(By.CSS_SELECTOR, f"#{field} option[value='{value}']").click()

    def said(self):
        return self.driver.find_element(By.CSS_SELECTOR, "[role=status]").text

    def event(self):
        """The id of the event whose form is open."""
        return re.search(r"/admin/events/([0-9a-f]{32})", self.driver.current_url)[1]


def with_scripts(office):
    """An organiser at a desk."""
    office.open("/admin/events/new")
    driver = office.driver
    office.type("title", "Repair café")
    office.choose("repeat", "weekly")
    hidden = driver.find_element(By.ID, "rule").is_displayed()
    assert not hidden, "a field that does not belong to the choice is shown"
    driver.find_element(By.ID, "all_day").click()
    assert not driver.find_element(By.ID, "start_time").is_displayed()
    driver.find_element(By.ID, "all_day").click()
    office.type("place", "Workshop")
    text = office.press(".save button")
    assert "Repair café" in text and office.said() == "The event is there.", text
    repair = office.event()
    assert "Workshop" in office.hub.public(f"/events/{repair}")

    # What is wrong is said above the form, reachable, and beside the field; what was typed stays.
    office.type("url", "our page")
    office.type("title", "Repair night")
    office.press(".save button")
    assert driver.find_element(By.ID, "url").get_attribute("aria-invalid") == "true"
    assert driver.switch_to.active_element.get_attribute("role") == "alert", "the summary has the focus"
    assert driver.find_element(By.ID, "title").get_attribute("value") == "Repair night"
    driver.find_element(By.CSS_SELECTOR, ".notice.bad a").click()
    office.type("url", "https://hub.example/repair")
    office.press(".save button")
    assert "Repair night" in office.hub.public(f"/events/{repair}")
    return repair


def without_scripts(office, repair):
    """The same person with a phone that runs no scripts."""
    driver = office.driver
    office.open("/admin/events/new")
    assert driver.find_element(By.ID, "rule").is_displayed(), "without scripts every field is there"
    office.type("title", "Choir")
    office.choose("seen", "draft")
    office.press(".save button")
    choir = office.event()
    assert "draft" in office.open("/admin/events")
    office.open(f"/admin/events/{choir}")
    office.choose("seen", "public")
    office.press(".save button")
    assert "Choir" in office.hub.public(f"/events/{choir}")

    office.open(f"/admin/events/{repair}/dates")
    dates = len(driver.find_elements(By.CSS_SELECTOR, "ol.rows > li"))
    assert dates >= 50, f"{dates} dates"
    office.press("ol.rows > li:nth-child(2) > form button")
    assert driver.find_elements(By.CSS_SELECTOR, "ol.rows > li:nth-child(2) s"), "struck out"
    office.press("ol.rows > li:nth-child(2) > form button")
    assert not driver.find_elements(By.CSS_SELECTOR, "ol.rows > li s"), "takes place after all"

    office.open(f"/admin/events/{choir}/cancel")
    office.press(".office form.ways button")
    assert "cancelled" in office.said()
    assert "cancelled" in office.hub.public(f"/events/{choir}")
    office.open(f"/admin/events/{choir}/undo")
    office.press(".office form.ways button")
    assert "taken back" in office.said()
    assert office.hub.run("event", "show", choir)["status"] == "confirmed"


def together(ours, theirs, repair):
    """Two hubs host an event; each says so."""
    ours.open(f"/admin/events/{repair}/hosts")
    ours.choose("hub", theirs.hub.slug)
    ours.press("section form button")
    assert "asked" in ours.driver.find_element(By.CSS_SELECTOR, ".rows").text
    until("the question", lambda: theirs.open("/admin") and theirs.driver.find_elements(By.CSS_SELECTOR, ".needs a"))
    theirs.open("/admin/hosts")
    theirs.press(".rows form button")
    assert "hosts the event too" in theirs.said()
    until("the answer", lambda: theirs.hub.name in ours.hub.public(f"/events/{repair}"))
    assert "agreed" in ours.open(f"/admin/events/{repair}/hosts")
    assert "Repair night" in theirs.open("/admin/events")


def apart(ours, theirs, repair):
    """Both change the title while they do not hear each other; a person chooses."""
    for office in (ours, theirs):
        office.hub.stop()
    for office, title in ((ours, "Repair night with soup"), (theirs, "Repair night with cake")):
        office.hub.serve("--without-peers")
        office.hub.run("event", "edit", repair, "--title", title)
        office.hub.stop()
    for office in (ours, theirs):
        office.hub.serve()
    until("both versions", lambda: theirs.hub.run("event", "conflicts")["conflicts"] and ours.hub.run("event", "conflicts")["conflicts"])
    sides = ours.open("/admin/conflicts")
    assert "with soup" in sides and "with cake" in sides and theirs.hub.name in sides, sides
    cake = [one for one in ours.driver.find_elements(By.CSS_SELECTOR, ".versions li") if "with cake" in one.text]
    cake[0].find_element(By.TAG_NAME, "button").click()
    until("the choice", lambda: "Settled" in ours.driver.page_source)
    until("the choice there", lambda: "with cake" in theirs.hub.public(f"/events/{repair}"))
    until("no more versions there", lambda: not theirs.hub.run("event", "conflicts")["conflicts"])
    assert "Everyone says the same" in ours.open("/admin/conflicts")


def looked_at(hub, token, repair):
    """Every page of the office as axe-core and the keyboard see it."""
    form = f"/admin/events/{repair}"
    paths = ["/admin", "/admin/events", "/admin/events?view=past&ui=nl", "/admin/events/new?ui=de", form, f"{form}/dates", f"{form}/cancel",
             f"{form}/undo", f"{form}/postpone", f"{form}/hosts?ui=es", "/admin/hosts", "/admin/conflicts", "/admin/report", "/admin/report?year=1999"]
    wrong, looked = [], 0
    for name, width in WIDTHS.items():
        for dark in (False, True):
            driver = browser(width, dark)
            driver.set_script_timeout(60)
            try:
                driver.get(hub.web + "/admin/sign-in")
                wrong += [f"sign-in, {name}: {one}" for one in violations(driver)]
                office = Office(driver, hub, token)
                for path in paths:
                    office.open(path)
                    looked += 1
                    where = f"{path}, {name}, {'dark' if dark else 'light'}"
                    wrong += [f"{where}: {one}" for one in violations(driver)]
                    over = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
                    wrong += [f"{where}: {over} pixels wider than the screen"] if over > 0 else []
                    if not dark:
                        unreached = reached_by_keyboard(driver)
                        wrong += [f"{where}: {unreached}"] if unreached else []
            finally:
                driver.quit()
    assert not wrong, "\n".join(wrong)
    return looked


def main():
    ours, theirs = Hub("graz", "Makers of Graz"), Hub("linz", "Hub Linz")
    drivers = []
    try:
        for hub in (ours, theirs):
            hub.serve()
        ours.run("network", "create", "Two offices")
        theirs.run("join", ours.run("invite")["link"])
        ours.run("hub", "vote", "linz")
        tokens = {hub.slug: hub.run("token", "create", "--role", "admin", "--label", "Front office")["token"] for hub in (ours, theirs)}

        desk = browser(1280, False)
        drivers.append(desk)
        office = Office(desk, ours, tokens["graz"])
        repair = with_scripts(office)
        phone = browser(360, False, scripts=False)
        drivers.append(phone)
        without_scripts(Office(phone, ours, tokens["graz"]), repair)
        other = browser(1280, True)
        drivers.append(other)
        there = Office(other, theirs, tokens["linz"])
        together(office, there, repair)
        apart(office, there, repair)
        # A browser has its folder to itself.
        while drivers:
            drivers.pop().quit()
        looked = looked_at(ours, tokens["graz"], repair)
        print(f"office: two hubs, with and without scripts; {looked} pages without a violation")
    finally:
        for driver in drivers:
            driver.quit()
        ours.stop()
        theirs.stop()


if __name__ == "__main__":
    main()
