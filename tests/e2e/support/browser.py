"""Chromium as Debian ships it, with what every test of the console holds pages to: nothing from outside, no error, no
violation of the content policy."""
import os
import shutil
import sys
import unittest
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from weir_testing.paths import WORK

CHROMIUM = os.environ.get("WEIR_CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
         "--process-per-site"]
PATIENCE_MS = 20_000  # with a broker and a worker on the same two cores
expect.set_options(timeout=PATIENCE_MS)
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 320, "height": 700}
NOTE_VIOLATIONS = """window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));"""
_shared: "Browser | None" = None


class Browser:
    """One Chromium for all tests of a process; each context is an empty profile."""

    def __init__(self):
        self._playwright = sync_playwright().start()
        self.chromium = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

    @classmethod
    def shared(cls) -> "Browser":
        """The one of this test module; closed when its tests are over."""
        global _shared
        if _shared is None:
            _shared = cls()
            unittest.addModuleCleanup(_shared.close)
        return _shared

    def close(self) -> None:
        self.chromium.close()
        self._playwright.stop()

    def context(self, theme: str = "light", size: dict = DESK, **options) -> BrowserContext:
        made = self.chromium.new_context(color_scheme=theme, viewport=size, locale="en-GB", timezone_id="Europe/Berlin",
                                         **{"reduced_motion": "reduce", **options})
        made.set_default_timeout(PATIENCE_MS)
        made.add_init_script(NOTE_VIOLATIONS)
        return made


class Watch:
    """What one page did that it must not do."""

    def __init__(self, page: Page, host: str, refused: bool):
        self.page, self.host = page, host
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.may_be_refused = refused  # Chromium logs each answer of 4xx and 5xx as an error
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))

    def check(self, test: unittest.TestCase) -> None:
        test.assertEqual(self.outside, [], "requests to elsewhere")
        test.assertEqual(self.errors, [], "errors of the page")
        test.assertEqual(self.page.evaluate("window.violations"), [], "violations of the content policy")

    def _request(self, request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.netloc != self.host:
            self.outside.append(request.url)

    def _console(self, message) -> None:
        refused = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not (refused and self.may_be_refused):
            self.errors.append(f"{message.type}: {message.text}")


class PageCase(unittest.TestCase):
    """open() gives watched pages; what they did wrong fails the test at its end. A failing test leaves a screenshot."""

    browser: Browser

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = Browser.shared()
        cls.folder = WORK / f"e2e-{cls.__name__.lower()}"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)

    def open(self, url: str, theme: str = "light", size: dict = DESK, refused: bool = False, clock: bool = False, **options) -> Page:
        """`refused`: answers of 4xx and 5xx belong to this test. `clock`: its time can be moved (page.clock)."""
        context = self.browser.context(theme, size, **options)
        self.addCleanup(context.close)
        page = context.new_page()
        page.watch = Watch(page, urlsplit(url).netloc, refused)
        self.addCleanup(self._leave, page)
        if clock:
            page.clock.install()
        page.goto(url)
        return page

    def picture(self, page: Page, name: str, whole: bool = False) -> Path:
        target = self.folder / f"{name}.png"
        page.screenshot(path=target, full_page=whole)
        return target

    def fits(self, page: Page) -> None:
        """Nothing makes the page scroll sideways."""
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), page.viewport_size["width"])

    def _leave(self, page: Page) -> None:
        if not self._outcome.success:
            print(f"  {self.id()}: page as it was: {self.picture(page, self._testMethodName)}", file=sys.stderr)
        page.watch.check(self)
