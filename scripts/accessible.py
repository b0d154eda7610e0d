"""Every page in a browser, at the width of a phone and of a desk, light and dark: what axe-core finds wrong, what the keyboard
cannot reach, what is cut off. scripts/clients starts the node and calls this with the command and its folder."""

import importlib.util
import json
import pathlib
import subprocess
import sys

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

COMMAND, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
AXE_FOLDER = importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0]
AXE = (pathlib.Path(AXE_FOLDER) / "axe.min.js").read_text()
# WCAG 2.2 A and AA, and what axe calls best practice.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
WIDTHS = {"phone": 360, "desk": 1280}


def pages():
    """Paths by name, one event of each kind among them."""
    done = subprocess.run([COMMAND, "--data", str(FOLDER / "vienna"), "--json", "event", "export", "--format", "json"],
                          capture_output=True, check=True)
    events = json.loads(done.stdout)["events"]
    a_series = next(event for event in events if event["series"])
    with_tags = next(event for event in events if event["tags"])
    return {
        "home": "/",
        "events": "/events",
        "filtered": "/events?q=music&from=2026-01-01&ui=de",
        "nothing found": "/events?q=xyzzy",
        "month": "/month?month=2026-11",
        "map": "/map",
        "map, closer": "/map?centre=39.2,-86.5&zoom=6&ui=de",
        "event": f"/events/{with_tags['id']}",
        "series": f"/events/{a_series['id']}?ui=es",
        "tag": f"/tags/{with_tags['tags'][0]}",
        "hubs": "/hubs?ui=nl",
        "hub": "/hubs/vienna",
        "wrong": "/events?from=soon",
        "not there": "/nothing",
    }


def browser(width, dark, scripts=True):
    options = webdriver.ChromeOptions()
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={FOLDER}/chromium-{width}-{dark}-{scripts}")
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    # A window cannot be as narrow as a phone; what it shows can.
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    return driver


def violations(driver):
    driver.execute_script(AXE)
    found = driver.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run(document, arguments[0]).then((found) => done(found.violations))",
        RULES,
    )
    return [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:150]}" for one in found]


def reached_by_keyboard(driver):
    """Tab goes through everything that can be used, in order, each time to something that shows that it is there."""
    usable = driver.execute_script(
        "return [...document.querySelectorAll('a[href], button, input, select, summary')].filter((one) =>"
        " one.checkVisibility({ checkVisibilityCSS: true }) && one.type !== 'hidden' && one.tabIndex >= 0).length"
    )
    body = driver.find_element(By.TAG_NAME, "body")
    seen = 0
    for _ in range(min(usable, 40)):
        body.send_keys(Keys.TAB)
        is_shown = driver.execute_script(
            "const one = document.activeElement; const look = getComputedStyle(one);"
            # Inside a date or a time the browser marks the day, the month, the hour.
            "return ['date', 'time', 'datetime-local'].includes(one.type) || (one !== document.body && (look.outlineStyle !== 'none' || look.boxShadow !== 'none'))"
        )
        if not is_shown:
            return f"focus {seen} is not to be seen: {driver.switch_to.active_element.get_attribute('outerHTML')[:150]}"
        seen += 1
        body = driver.switch_to.active_element
    return None


def main():
    base = (FOLDER / "vienna.web").read_text().strip()
    wrong, looked = [], 0
    for name, width in WIDTHS.items():
        for dark in (False, True):
            driver = browser(width, dark)
            driver.set_script_timeout(60)
            try:
                for page, path in pages().items():
                    driver.get(base + path)
                    looked += 1
                    where = f"{page}, {name}, {'dark' if dark else 'light'}"
                    wrong += [f"{where}: {one}" for one in violations(driver)]
                    over = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
                    if over > 0:
                        wrong.append(f"{where}: {over} pixels wider than the screen")
                    if not dark:
                        unreached = reached_by_keyboard(driver)
                        wrong += [f"{where}: {unreached}"] if unreached else []
            finally:
                driver.quit()
    assert not wrong, "\n".join(wrong)
    print(f"axe-core: {looked} pages, no violation; all reached by keyboard, none wider than its screen")


if __name__ == "__main__":
    main()
