"""What the tests in a browser share: the browser, with scripts or without, as narrow as a phone or as wide as a desk; what axe-core
finds wrong on a page; what the keyboard reaches; what is wider than the screen. Each test is called with the command and a folder."""

import http.server
import importlib.util
import pathlib
import sys
import threading
import time

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

COMMAND, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
AXE_FOLDER = importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0]
AXE = (pathlib.Path(AXE_FOLDER) / "axe.min.js").read_text()
# WCAG 2.2 A and AA, and what axe calls best practice.
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
}
PHONE, TABLET, DESK = 360, 768, 1280
LANGUAGES = ("en", "de", "nl", "es")
WAIT_S = 30
# Stops of the keyboard that are looked at on one page.
MOST_STOPS = 40


def until(what, seen):
    """Waits for what takes a while, and gives what was seen."""
    end = time.monotonic() + WAIT_S
    while True:
        try:
            if found := seen():
                return found
        except StaleElementReferenceException:  # A part of the page was replaced meanwhile.
            pass
        assert time.monotonic() < end, f"{what}: not within {WAIT_S} s"
        time.sleep(0.05)


def site_of(files):
    """A site beside the nodes, with these files: kind and content by path. Its address."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, content = files.get(self.path, ("text/plain", b""))
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class Browser:
    """Chromium as one visitor uses it."""

    def __init__(self, name, scripts=True):
        self.scripts, self.width, self.dark = scripts, DESK, False
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--lang=en-US"):
            options.add_argument(argument)
        options.add_argument(f"--user-data-dir={FOLDER}/chromium-{name}-{scripts}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.driver.set_script_timeout(60)
        self.run_scripts(scripts)
        self.look(DESK)

    def quit(self):
        self.driver.quit()

    def run_scripts(self, allowed):
        """Whether pages that are opened from now on may run scripts. Those of the driver run all the same, apart from what waits."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def look(self, width, dark=False):
        # A window cannot be as narrow as a phone; what it shows can.
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        self.width, self.dark = width, dark

    def mode(self):
        return f"{self.width} pixels, {'dark' if self.dark else 'light'}, {'with' if self.scripts else 'without'} scripts"

    # Finding and using what is on the page.

    def open(self, url):
        self.driver.get(url)
        return self

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector="main"):
        return self.one(selector).text

    def press(self, found):
        """Presses something that leads to another page, and waits for that."""
        before = self.one("html")
        self.touch(found)
        until(f"the page after {found}", lambda: self.is_another_page(before))

    def touch(self, found):
        """Presses something that stays on the page. Found by its selector, if it is one."""
        element = self.one(found) if isinstance(found, str) else found
        self.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", element)
        if element.is_displayed():
            element.click()
        else:
            # The driver takes what lies in a closed `details` for hidden; beside the list it is shown all the same.
            ActionChains(self.driver).move_to_element(element).click().perform()

    def is_another_page(self, before):
        try:
            return self.one("html") != before and self.driver.execute_script("return document.readyState") == "complete"
        except WebDriverException:  # Between two pages there is neither.
            return False

    def type(self, selector, text):
        element = self.one(selector)
        element.clear()
        element.send_keys(text)

    def focused(self):
        return self.driver.switch_to.active_element

    # What can be wrong with any page.

    def violations(self):
        """What axe-core finds. It runs in the page that was opened, scripts of the page's own or not."""
        self.run_scripts(True)
        self.driver.execute_script(AXE)
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1]; axe.run(document, arguments[0]).then((found) => done(found.violations))",
            RULES,
        )
        self.run_scripts(self.scripts)
        return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:150]}" for one in found]

    def too_wide(self):
        over = self.driver.execute_script("return document.documentElement.scrollWidth") - self.width
        return [f"{over} pixels wider than the screen"] if over > 0 else []

    def unreached(self):
        """Tab goes through everything that can be used, in order, each time to something that shows that it is there."""
        self.run_scripts(True)
        usable = self.driver.execute_script("""
            window.stops = [];
            getSelection().removeAllRanges();
            // From the top, wherever the page has put the focus.
            document.body.tabIndex = -1;
            document.body.focus({ preventScroll: true });
            document.body.blur();
            document.body.removeAttribute('tabindex');
            document.addEventListener('focusin', ({ target }) => {
              const look = getComputedStyle(target);
              const isShown = look.outlineStyle !== 'none' || look.boxShadow !== 'none';
              window.stops.push(isShown ? '' : target.outerHTML.slice(0, 150));
            });
            return [...document.querySelectorAll('a[href], button, input, select, summary, textarea, [tabindex="0"]')].filter((one) =>
              one.checkVisibility({ checkVisibilityCSS: true }) && one.type !== 'hidden' && one.tabIndex >= 0).length
        """)
        pressed = min(usable, MOST_STOPS)
        keys = ActionChains(self.driver)
        for _ in range(pressed):
            keys.send_keys(Keys.TAB)
        keys.perform()
        stops = self.driver.execute_script("return window.stops")
        self.run_scripts(self.scripts)
        # Inside a date or a time there are stops of its own: the day, the month, the hour.
        fewest = pressed - 4 * len(self.all("input[type=date], input[type=time], input[type=datetime-local]"))
        missing = [] if len(stops) >= max(1, fewest) else [f"the keyboard reaches {len(stops)} of {pressed}"]
        return missing + [f"focus is not to be seen: {one}" for one in stops if one]

    def faults(self, keyboard=True):
        """All of this for the page that is shown, each with where it was seen."""
        found = self.violations() + self.too_wide() + (self.unreached() if keyboard else [])
        path = self.driver.current_url.split("/", 3)[-1]
        return [f"/{path}, {self.mode()}: {one}" for one in found]

    def complaints(self):
        """What the page made the browser write to its console, a page's own refusal apart."""
        said = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        return [one for one in said if "the server responded with a status of" not in one]
