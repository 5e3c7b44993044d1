#!/usr/bin/env python3
"""Makes deploy/pictures/console-*.png again: the console over the bundled payments, on a real broker and a real `weir run`.

    .venv/bin/python tests/e2e/make_pictures.py [FOLDER]      after `make`; takes two minutes. The pictures there now were taken with the font Inter
                                                              (Debian: fonts-inter), which the page uses where it is installed.
"""
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
from browser import Browser  # noqa: E402
from palette_png import read_rgb, write_palette  # noqa: E402
from real_console import RealConsole  # noqa: E402
from weir_testing.broker import Broker  # noqa: E402
from weir_testing.paths import ROOT, WORK  # noqa: E402

SIZE = {"width": 1360, "height": 860}
BYTES_MAX = 200_000


def main(folder: Path) -> None:
    work = WORK / "pictures"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    console = RealConsole(Broker.shared(), f"pictures-{time.time_ns():x}", work)
    browser = Browser()
    try:
        console.publish(24_000)  # so that merchants have labels and users a past
        console.job.wait_drained()
        page = browser.context("light", SIZE).new_page()
        page.goto(f"{console.url}/#/feed?min_p=0.005")
        page.wait_for_selector("#link[data-phase=open]")
        for _ in range(10):
            console.publish(400)
            page.wait_for_timeout(1000)
        page.wait_for_function("document.querySelectorAll('tbody tr').length > 24")
        take(page, folder / "console-feed.png", work)
        page = browser.context("dark", SIZE).new_page()
        page.goto(f"{console.url}/#/queue")
        page.wait_for_selector(".panel")
        take(page, folder / "console-case.png", work)
    finally:
        browser.close()
        console.close()


def take(page, target: Path, work: Path) -> None:
    raw = work / target.name
    page.screenshot(path=raw)
    write_palette(target, read_rgb(raw))
    size = target.stat().st_size
    print(f"{target}: {size} bytes")
    assert size < BYTES_MAX, f"{target} is larger than {BYTES_MAX} bytes"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "deploy/pictures")
