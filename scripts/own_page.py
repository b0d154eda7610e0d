"""A member's own page in a browser: the link comes by mail from a real mail server, the page is changed, taken back, erased and left."""

import re
import socket
import threading
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from browsing import until


class Post:
    """A mail server on this machine that keeps what it is handed, by address."""

    def __init__(self):
        self.letters = {}
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.server = Controller(self, hostname="127.0.0.1", port=port)
        self.server.start()
        self.url = f"smtp://127.0.0.1:{port}"

    async def handle_DATA(self, _, __, envelope):
        letter = message_from_bytes(envelope.content, policy=policy.default)
        for address in envelope.rcpt_tos:
            self.letters.setdefault(address, []).append(letter)
        return "250 kept"

    def link(self, address):
        """The link in the newest letter to this address."""
        until("the letter", lambda: self.letters.get(address))
        letter = self.letters[address].pop()
        assert letter["Auto-Submitted"] == "auto-generated" and letter["Date"] and letter["Message-ID"], letter
        return next(line for line in letter.get_content().splitlines() if re.fullmatch(r"http\S+/me/open/\S+", line))

    def stop(self):
        self.server.stop()


opening = threading.Lock()


def on_own_page(office, member):
    """Puts the browser of an office on a member's page too. A newer link ends an older one."""
    with opening:
        office.browser.open(office.hub.run("member", "link", member)["url"])
        office.press(".sign-in button.strong")


def a_page(office, theirs, post, name):
    """A member asks for a link, opens the page, shows something of themselves at other hubs, takes it back, and erases everything."""
    browser, save = office.browser, ".save button"
    address = f"eve.{name.replace(' ', '.')}@mail.example".lower()
    office.hub.run("member", "add", "--name", f"Eve {name}", "--mail", address, "--skills", "welding", "--tier", "full", "--notes", "key 7")
    office.open("/me")
    office.look()
    office.type("mail", address.upper())
    office.press(".sign-in button.strong")
    assert "a link is on its way" in office.said(), office.said()
    office.look()
    link = post.link(address)
    browser.open(link)
    assert f"Eve {name}" not in browser.text()
    office.look()
    page = office.press(".sign-in button.strong")
    assert "Your page at" in page and "key 7" in page and "No other hub holds anything" in page, page
    assert not browser.all("#tier") and browser.one("#sees-tier")
    office.choose("sees-name", "network")
    office.choose("sees-skills", "public")
    office.press(save)
    assert browser.one("#agreed").get_attribute("aria-invalid") == "true" and browser.focused().get_attribute("role") == "alert"
    office.look()
    browser.touch("#agreed")
    office.press(save)
    assert office.said() == "Saved.", office.said()
    assert browser.text("#sees-skills-says") == "Anybody can see it." and theirs.hub.name in browser.text("section:has(#holders)")
    until("the hub that holds it", lambda: "has it as it is now" in office.open("/me"))
    until("the card", lambda: f"Eve {name}" in theirs.open("/admin/members"))
    office.open("/me")
    assert "own page" in browser.text("section:has(#log)") and f"Eve {name}" in office.file("/me/record.json")
    office.press("form.who a[href*='/find']")
    office.type("skill", "weld")
    page = office.press("search button")
    assert f"Eve {name}" not in page and theirs.hub.name not in browser.text("main"), "nobody is found but others"
    office.look()
    office.open("/me")
    office.press(".beside a[href*='/withdraw']")
    office.look()
    office.press("form.ways button.strong")
    assert office.said() == "Saved.", office.said()
    until("the card is gone", lambda: f"Eve {name}" not in theirs.open("/admin/members"))
    until("the receipt", lambda: "and signed that" in office.open("/me/receipts"))
    until("nobody holds it", lambda: "No other hub holds anything" in office.open("/me"))
    office.open("/me")
    office.press(".beside a[href*='/erase']")
    office.look()
    page = office.press("form.ways button.strong")
    assert "Nothing is left of you here" in page and f"Eve {name}" not in page, page
    office.look()
    office.press("form.who button")
    assert "Open your page" in browser.text()
    browser.open(link)
    assert "opens no page" in browser.text("[role=alert]")
    office.look()
