#!/usr/bin/env python3
"""Looks at `pgo report` in a real browser: Chromium, driven by the WebDriver protocol.

    replay-tests/report_browser_test.py PGO HOSTILE-BUNDLE BUNDLE [--screenshots DIR]

Exit status 77 if chromium or chromedriver is not installed. Nothing but the standard library.
"""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


class Browser:
    def __init__(self, home):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        env = {**os.environ, "HOME": home}
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"], env=env, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.session = None
        end = time.monotonic() + 60
        while True:
            try:
                self.ask("GET", "/status")
                break
            except (urllib.error.URLError, OSError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=180) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()[:500]}") from None

    def open(self, dark=False, home="/tmp"):
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                   "--window-size=1400,1000", "--force-device-scale-factor=1", f"--user-data-dir={home}/profile-{dark}",
                   "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking", "--no-first-run"]
        if dark:
            options.append("--blink-settings=preferredColorScheme=0")
        capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": {"args": options},
                                        "goog:loggingPrefs": {"browser": "ALL"}}}
        self.session = "/session/" + self.ask("POST", "/session", {"capabilities": capabilities})["sessionId"]

    def go(self, path):
        self.ask("POST", self.session + "/url", {"url": "file://" + os.path.abspath(path)})

    def run(self, script):
        return self.ask("POST", self.session + "/execute/sync", {"script": script, "args": []})

    def log(self):
        return [entry["message"] for entry in self.ask("POST", self.session + "/se/log", {"type": "browser"})]

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("GET", self.session + "/screenshot")))

    def close(self):
        if self.session:
            self.ask("DELETE", self.session)
            self.session = None

    def end(self):
        try:
            self.close()
        except (AssertionError, OSError):
            pass
        self.driver.terminate()
        self.driver.wait(20)


def need(condition, what):
    if not condition:
        raise AssertionError(what)


def quiet(browser):
    """Nothing was refused, nothing failed, nothing was loaded."""
    said = [m for m in browser.log() if "favicon" not in m]
    need(not said, f"the browser says: {said}")
    loaded = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    need(not loaded, f"the page loaded {loaded}")


def look(browser, page, shots, name):
    browser.go(page)
    need(browser.run("return document.documentElement.classList.contains('js')"), "its script did not run")
    drawn = browser.run("""const q = s => document.querySelectorAll('#chart ' + s).length;
        return {bars: q('rect.primary') + q('rect.replica'), ticks: q('.tick'), episodes: q('.episode'),
                rows: document.querySelectorAll('tbody tr').length, stories: document.querySelectorAll('.story').length}""")
    for what, least in (("bars", 3), ("ticks", 2), ("episodes", 1), ("rows", 30), ("stories", 1)):
        need(drawn[what] >= least, f"{what}: {drawn}")
    if shots:
        browser.screenshot(os.path.join(shots, name + ".png"))
    need(browser.run("return document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways")
    quiet(browser)
    return drawn


def zoom_and_hover(browser, shots):
    labels = "return [...document.querySelectorAll('#chart text.small')].map(t => t.textContent).join(' ')"
    before = browser.run(labels)
    browser.run("document.querySelectorAll('#tools button')[1].click()")
    need(browser.run(labels) != before, "zooming in changes nothing")
    browser.run("document.querySelectorAll('#tools button')[0].click()")
    tip = browser.run("""const t = document.querySelector('#chart rect.primary');
        t.dispatchEvent(new MouseEvent('mousemove', {clientX: 400, clientY: 300, bubbles: true}));
        const tip = document.getElementById('tip'); return [tip.style.display, tip.textContent]""")
    need(tip[0] == "block" and "primary" in tip[1], f"hovering shows {tip}")
    browser.run("""document.querySelector('#chart rect.primary').dispatchEvent(new MouseEvent('mouseleave'));
        [...document.querySelectorAll('#tools button')].slice(-1)[0].click();
        document.querySelector('#chart .tick.bad').dispatchEvent(new MouseEvent('click', {bubbles: true}))""")
    said = browser.run("return document.getElementById('detail').textContent")
    need("because of #" in said, f"a click on a decision says {said}")
    need(browser.run("return document.querySelectorAll('tr.hit').length") >= 1, "its row is not marked")
    need(browser.run("return document.querySelectorAll('#chart .cause').length") >= 1, "no cause is joined to it")
    if shots:
        browser.screenshot(os.path.join(shots, "clicked.png"))


def hostile(browser, page):
    """Names that try to be scripts are shown and do nothing."""
    browser.go(page)
    need(browser.run("return window.pwned === undefined && document.title.indexOf('PWNED') < 0"), "a name ran as a script")
    need(browser.run("return document.querySelectorAll('img, iframe, b.hostile').length") == 0, "a name became an element")
    need(browser.run("return document.body.textContent.includes('<img src=x onerror=')"), "the name is not shown as it is")
    browser.run("""for (const e of document.querySelectorAll('#chart .tick, #chart .dot'))
        e.dispatchEvent(new MouseEvent('click', {bubbles: true}))""")
    need(browser.run("return window.pwned === undefined"), "a click ran it")
    quiet(browser)


def main():
    pgo, hostile_bundle, bundle = sys.argv[1:4]
    shots = sys.argv[5] if len(sys.argv) > 5 else None
    if not (shutil.which("chromedriver") and shutil.which("chromium")):
        print("skipped: chromium and chromedriver are not installed; scripts/packages browser installs them")
        sys.exit(77)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        pages = [os.path.join(directory, name) for name in ("report.html", "hostile.html")]
        for source, page in zip((bundle, hostile_bundle), pages):
            subprocess.run([pgo, "report", source, "--file", page], check=True, stdout=subprocess.DEVNULL)
        with open(pages[0], encoding="utf-8") as f:
            need(not re.search(r'(src|href)=|url\(h|@import', re.sub(r"<script.*?</script>", "", f.read(), flags=re.S)),
                 "the page names something outside of it")
        if shots:
            os.makedirs(shots, exist_ok=True)
        browser = Browser(directory)
        try:
            browser.open(home=directory)
            print(look(browser, pages[0], shots, "light"))
            zoom_and_hover(browser, shots)
            hostile(browser, pages[1])
            browser.close()
            browser.open(dark=True, home=directory)
            look(browser, pages[0], shots, "dark")
            dark = browser.run("return getComputedStyle(document.body).backgroundColor")
            need(dark == "rgb(20, 24, 28)", f"dark is {dark}")
        finally:
            browser.end()
    print("ok")


if __name__ == "__main__":
    main()
