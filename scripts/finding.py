"""How a visitor finds events, in a browser with scripts and in one without. scripts/clients starts the node and calls this with
its folder."""

import pathlib
import sys
from urllib.parse import parse_qs, urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

FOLDER = pathlib.Path(sys.argv[1])
BASE = (FOLDER / "vienna.web").read_text().strip()
# Neither where the hub is nor where its events are.
ZONE = "Asia/Tokyo"


def browser(scripts):
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={FOLDER}/chromium-finding-{scripts}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ZONE})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    return driver


def query(driver):
    return parse_qs(urlsplit(driver.current_url).query)


def titles(driver):
    return [one.text for one in driver.find_elements(By.CSS_SELECTOR, ".board .item h3")]


def until(driver, condition, what):
    WebDriverWait(driver, 20).until(lambda _: condition(), what)


def press(driver, element):
    """The driver takes what lies in a closed `details` for hidden; beside the list it is shown all the same."""
    ActionChains(driver).move_to_element(element).click().perform()


def complaints(driver):
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def with_scripts(driver):
    driver.get(f"{BASE}/events?hub=vienna")
    before = titles(driver)
    field = driver.find_element(By.ID, "q")
    field.send_keys("mus")
    until(driver, lambda: query(driver).get("q") == ["mus"], "the address follows what is typed")
    field.send_keys("ic")
    until(driver, lambda: query(driver).get("q") == ["music"], "the address follows what is typed on")
    assert query(driver)["hub"] == ["vienna"], driver.current_url
    after = titles(driver)
    assert after and after != before, (len(before), len(after))
    # The field is the same one, with its focus and its text.
    assert driver.switch_to.active_element == field and field.get_attribute("value") == "music"
    said = driver.find_element(By.ID, "told").get_attribute("textContent")
    assert said and said == driver.find_element(By.CSS_SELECTOR, ".found").text, said
    # What stands around the list knows the filters too.
    assert "q=music" in driver.find_element(By.CSS_SELECTOR, ".bottom [hreflang=de]").get_attribute("href")
    assert "q=music" in driver.find_element(By.CSS_SELECTOR, ".jumps a").get_attribute("href")
    # The same page without the script holds the same list.
    driver.get(driver.current_url)
    assert titles(driver) == after
    # A switch applies at once, and nothing found is said.
    press(driver, driver.find_element(By.CSS_SELECTOR, "label[for=online]"))
    until(driver, lambda: query(driver).get("online") == ["1"], "a switch applies")
    field = driver.find_element(By.ID, "q")
    field.send_keys("xyzzy")
    until(driver, lambda: driver.find_elements(By.CSS_SELECTOR, ".empty"), "nothing is found")
    assert driver.find_element(By.ID, "told").get_attribute("textContent").startswith("0 ")

    # The browser's own zone is offered in one line, which keeps the filters.
    offer = driver.find_element(By.CSS_SELECTOR, "#clock-offer a")
    assert offer.is_displayed() and ZONE in offer.text, offer.text
    driver.get(f"{BASE}/events?q=music")
    driver.find_element(By.CSS_SELECTOR, "#clock-offer a").click()
    until(driver, lambda: query(driver).get("tz") == [ZONE], "the offer is taken")
    assert query(driver)["q"] == ["music"]
    assert " in Tokyo" in driver.find_element(By.CSS_SELECTOR, ".board").text
    assert not driver.find_element(By.ID, "clock-offer").is_displayed(), "it is shown already"
    field = driver.find_element(By.ID, "q")
    field.send_keys("al")
    until(driver, lambda: query(driver).get("q") == ["musical"], "the clock stays while typing")
    assert query(driver)["tz"] == [ZONE]
    assert not driver.get_cookies(), driver.get_cookies()
    kept = driver.execute_script("return localStorage.length + sessionStorage.length")
    assert kept == 0, kept
    assert not complaints(driver), complaints(driver)
    print("finding, with scripts: the list follows what is typed, the reader's zone is offered, nothing is kept")


def without_scripts(driver):
    driver.get(f"{BASE}/events")
    assert not driver.find_element(By.ID, "clock-offer").is_displayed()
    before = titles(driver)
    field = driver.find_element(By.ID, "q")
    field.send_keys("music")
    assert not query(driver) and titles(driver) == before, "without scripts nothing happens while typing"
    field.send_keys(Keys.ENTER)
    until(driver, lambda: query(driver).get("q") == ["music"], "the form is sent")
    after = titles(driver)
    assert after and after != before
    # One of the kinds beside the list, and back.
    value = driver.find_element(By.CSS_SELECTOR, ".kinds a")
    count = value.find_element(By.CSS_SELECTOR, ".count").get_attribute("textContent")
    press(driver, value)
    until(driver, lambda: len(query(driver)) == 2, "a kind is chosen")
    found = driver.find_element(By.CSS_SELECTOR, ".found").text
    assert found.startswith(count + " ") or count == "1", (count, found)
    press(driver, driver.find_element(By.CSS_SELECTOR, ".kinds a[aria-current]"))
    until(driver, lambda: len(query(driver)) == 1, "and taken back")
    assert titles(driver) == after
    # Another clock.
    Select(driver.find_element(By.ID, "tz")).select_by_value(ZONE)
    driver.find_element(By.CSS_SELECTOR, ".clock button").click()
    until(driver, lambda: query(driver).get("tz") == [ZONE], "the clock is changed")
    assert query(driver)["q"] == ["music"] and titles(driver) == after
    assert " in Tokyo" in driver.find_element(By.CSS_SELECTOR, ".board").text
    print("finding, without scripts: words, kinds and clock by links and forms")


def main():
    for scripts, visit in ((True, with_scripts), (False, without_scripts)):
        driver = browser(scripts)
        try:
            visit(driver)
        finally:
            driver.quit()


main()
