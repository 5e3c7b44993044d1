"""The console's page in every state a server can put it into. Method: a fake server (support/fake_console.py) that the test steers while
a real Chromium looks at it."""
import re
import sys
import unittest
from pathlib import Path

from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
from browser import DESK, PHONE, PageCase  # noqa: E402
from fake_console import FakeConsole  # noqa: E402
from made_up import HOSTILE  # noqa: E402
from weir_testing.waiting import eventually  # noqa: E402

READING = (Path(__file__).resolve().parent / "support/reading.js").read_text().split("\n", 1)[1]


PRESS_AGAIN_AT_THE_NEXT_CASE = """id => new MutationObserver(() => {
    if (window.pressed || !document.querySelector(`.case[data-verdict='${id}']`)) return;
    window.pressed = document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'f', bubbles: true})) || true;
}).observe(document.querySelector('main'), {subtree: true, attributes: true, childList: true})"""


class ConsoleCase(PageCase):
    def setUp(self):
        self.fake = FakeConsole()
        self.addCleanup(self.fake.close)

    def look(self, address: str, **options):
        """A page at this address, its feed open."""
        page = self.open(f"{self.fake.url}/{address}", **options)
        page.wait_for_selector("#link[data-phase=open]")
        eventually(lambda: self.fake.feeds > 0, 5, "a feed")
        return page

    def case_is_open(self, page, case: dict):
        page.wait_for_selector(f".case[data-verdict='{case['verdict_id']}'][data-armed]")  # keys count from here on


class Feed(ConsoleCase):
    def test_an_empty_feed_says_so_and_verdicts_come_newest_first(self):
        page = self.look("#/feed")
        expect(page.locator(".empty")).to_contain_text("No payment has been decided")
        older, newer = self.fake.verdicts[:2]
        self.fake.show(older, newer)
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(2)
        self.assertEqual([row.get_attribute("data-verdict") for row in rows.all()], [newer["verdict_id"], older["verdict_id"]])
        expect(page.locator(".empty")).to_be_hidden()

    def test_filters_go_to_the_server_and_into_the_address(self):
        page = self.look("#/feed")
        page.get_by_text("Decline", exact=True).click()
        page.get_by_label("Currency").fill("kwd")
        page.get_by_label("Amount from").fill("12.5")
        page.get_by_label("Fraud from, %").fill("40")
        page.locator("input[name=merchant]").fill("T/1 &x")
        page.keyboard.press("Enter")
        wanted = {"action": "decline", "min_p": "0.4", "min_amount_minor": "12500", "currency": "KWD", "merchant": "T/1 &x"}
        eventually(lambda: self.fake.feeds_seen[-1]["query"] == wanted, 5, lambda: f"filters at the server: {self.fake.feeds_seen[-1]}")
        page.keyboard.press("Escape")
        with self.subTest("and the link gives the same to somebody else"):
            self.look(page.url.split("/", 3)[3])
            self.assertEqual(self.fake.feeds_seen[-1]["query"], wanted)
        with self.subTest("x clears them"):
            page.keyboard.press("x")
            eventually(lambda: self.fake.feeds_seen[-1]["query"] == {}, 5, "no filter")

    def test_a_field_half_written_outlives_the_filter_before_it(self):
        page = self.look("#/feed")
        page.evaluate('''() => {
            document.querySelector("[name=action][value=decline]").click();
            document.querySelector("[name=min_amount]").value = "12";  // typed before the address has changed
        }''')
        eventually(lambda: self.fake.feeds_seen[-1]["query"] == {"action": "decline"}, 5, lambda: f"the box's filter: {self.fake.feeds_seen[-1]}")
        expect(page.get_by_label("Amount from")).to_have_value("12")

    def test_a_pause_counts_what_waits_and_says_what_was_not_shown(self):
        page = self.look("#/feed")
        self.fake.show(*self.fake.verdicts[:3], skipped=210)
        expect(page.locator("tbody tr")).to_have_count(3)
        expect(page.locator(".feed-status")).to_have_text("210 more matched and were not shown")
        page.keyboard.press("p")
        self.fake.show(*self.fake.verdicts[3:8], skipped=40)
        expect(page.locator(".feed-status")).to_have_text("Paused: 45 wait")
        expect(page.locator("tbody tr")).to_have_count(3)
        page.keyboard.press("p")
        expect(page.locator("tbody tr")).to_have_count(8)

    def test_keys_choose_and_open_a_row_that_stays_where_it_is(self):
        page = self.look("#/feed")
        self.fake.show(*self.fake.verdicts[:5])
        expect(page.locator("tbody tr")).to_have_count(5)
        for key in "jjk":
            page.keyboard.press(key)
        page.keyboard.press("j")
        chosen = page.locator("tr[aria-selected=true]").get_attribute("data-verdict")
        self.assertEqual(chosen, self.fake.verdicts[3]["verdict_id"])
        self.fake.show(*self.fake.verdicts[5:9])
        expect(page.locator(".feed-status")).to_have_text("Paused: 4 wait")
        page.keyboard.press("Enter")
        page.wait_for_selector(f".case[data-verdict='{chosen}']")
        with self.subTest("Escape leads back, and nothing was lost"):
            page.keyboard.press("Escape")
            expect(page.locator("tbody tr")).to_have_count(5)

    def test_what_others_decide_shows_on_the_row(self):
        page = self.look("#/feed")
        self.fake.show(*self.fake.verdicts[:2])
        expect(page.locator("tbody tr")).to_have_count(2)
        self.fake.decide(self.fake.verdicts[0]["verdict_id"], "fraud", "bob")
        expect(page.locator(f"tr[data-verdict='{self.fake.verdicts[0]['verdict_id']}'] .said")).to_have_text("fraud")

    def test_a_lost_feed_comes_back_where_it_ended(self):
        page = self.look("#/feed", refused=True)
        self.fake.show(*self.fake.verdicts[:2])
        expect(page.locator("tbody tr")).to_have_count(2)
        position = str(self.fake._position)
        self.fake.feed_refusal = 500
        self.fake.drop_feeds()
        expect(page.locator("#link")).to_contain_text("Feed lost")
        self.fake.feed_refusal = None
        page.get_by_role("button", name="Now").click()
        page.wait_for_selector("#link[data-phase=open]")
        self.assertEqual(self.fake.feeds_seen[-1]["last"], position)

    def test_a_feed_that_says_nothing_is_given_up_and_asked_for_again(self):
        page = self.look("#/feed", clock=True)
        page.clock.fast_forward(26_000)
        expect(page.locator("#link")).to_have_attribute("title", "the server said nothing for 25 s")
        page.clock.fast_forward(1_000)
        page.wait_for_selector("#link[data-phase=open]")

    def test_a_page_that_nobody_looks_at_gives_its_place_back(self):
        page = self.look("#/feed", clock=True)
        self.fake.show(self.fake.verdicts[0])
        expect(page.locator("tbody tr")).to_have_count(1)
        position = str(self.fake._position)
        see = "hidden => { Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden}); document.dispatchEvent(new Event('visibilitychange')); }"
        page.evaluate(see, True)
        page.clock.fast_forward(11_000)
        expect(page.locator("#link")).to_have_text("Asleep")
        page.evaluate(see, False)
        page.wait_for_selector("#link[data-phase=open]")
        self.assertGreaterEqual(int(self.fake.feeds_seen[-1]["last"]), int(position))

    def test_a_full_server_is_told_apart_and_not_asked_too_soon(self):
        self.fake.feed_refusal = 503
        page = self.open(self.fake.url, refused=True, clock=True)
        expect(page.locator("#link")).to_contain_text("Feed full")
        expect(page.locator("#link")).to_have_attribute("title", "all 64 places of the feed are taken")
        page.clock.fast_forward(1_000)  # the server asked for two seconds
        expect(page.locator(".countdown")).to_have_text("1 s")
        self.assertEqual(len(self.fake.feeds_seen), 1)
        self.fake.feed_refusal = None
        page.clock.fast_forward(1_500)
        page.wait_for_selector("#link[data-phase=open]")

    def test_the_search_finds_and_says_how_far_it_looks_back(self):
        page = self.look("#/feed")
        user = self.fake.verdicts[0]["user_id"]
        page.keyboard.press("/")
        page.keyboard.type(user)
        page.keyboard.press("Enter")
        expect(page.locator(".found")).to_contain_text("This server looks back to")
        self.assertGreater(page.locator("tbody tr").count(), 0)
        page.keyboard.press("/")
        page.keyboard.type("nobody")
        page.keyboard.press("Enter")
        expect(page.locator(".found")).to_contain_text("Nothing found")


class Deciding(ConsoleCase):
    def test_one_key_decides_and_the_next_case_opens_by_itself(self):
        page = self.look("#/queue")
        first, second = self.fake.cases[:2]
        self.case_is_open(page, first)
        self.fake.hold_dispositions()
        page.evaluate(PRESS_AGAIN_AT_THE_NEXT_CASE, second["verdict_id"])
        page.keyboard.press("f")
        with self.subTest("at once, and honest about it"):
            page.wait_for_selector(f".case[data-verdict='{second['verdict_id']}']")
            expect(page.locator(".told")).to_have_attribute("data-state", "pending")
        with self.subTest("a key pressed twice does not decide what nobody has read"):
            page.wait_for_function("window.pressed")
            self.assertEqual(len(self.fake.posts), 1)
        self.fake.release_dispositions()
        expect(page.locator(".told")).to_have_attribute("data-state", "recorded")
        self.assertEqual(self.fake.posts, [{"verdict_id": first["verdict_id"], "disposition": "fraud", "revision": 0, "header": "1"}])
        with self.subTest("u changes it"):
            page.keyboard.press("u")
            self.case_is_open(page, first)
            expect(page.locator(".decide .state")).to_contain_text("You said fraud")
            page.keyboard.press("g")
            eventually(lambda: self.fake.dispositions[first["verdict_id"]]["disposition"] == "good", 5, "changed")
            self.assertEqual(self.fake.posts[-1]["revision"], 1)

    def test_a_note_goes_with_the_decision_and_its_letters_decide_nothing(self):
        page = self.look("#/queue")
        self.case_is_open(page, self.fake.cases[0])
        page.keyboard.press("n")
        page.keyboard.type("seen before, gang of four " + HOSTILE)
        self.assertEqual(self.fake.posts, [])
        page.keyboard.press("Escape")
        page.keyboard.press("e")
        eventually(lambda: self.fake.posts, 5, "a decision")
        self.assertEqual((self.fake.posts[0]["disposition"], self.fake.posts[0]["note"]), ("escalate", "seen before, gang of four " + HOSTILE))

    def test_what_kafka_did_not_take_stays_until_it_is_tried_again(self):
        page = self.look("#/queue", refused=True)
        self.case_is_open(page, self.fake.cases[0])
        self.fake.refusals.append((503, {"error": "Kafka did not acknowledge the records within 5 s", "next": "Try again when the broker is back"}))
        page.keyboard.press("g")
        told = page.locator(".told")
        expect(told).to_have_attribute("data-state", "failed")
        expect(told).to_contain_text("Not confirmed. Kafka did not acknowledge the records within 5 s.")
        expect(told).to_contain_text("Try again when the broker is back")
        told.get_by_role("button", name="Try again").click()
        expect(told).to_have_attribute("data-state", "recorded")

    def test_a_conflict_shows_who_decided_what(self):
        page = self.look("#/queue", refused=True)
        case = self.fake.cases[0]
        self.case_is_open(page, case)
        said = {"verdict_id": case["verdict_id"], "disposition": "good", "analyst": "bob", "note": "the customer called", "revision": 1, "at": case["seen_at"]}
        self.fake.refusals.append((409, {"error": "Decided meanwhile", "next": "Look again", "disposition": said}))
        page.keyboard.press("f")
        expect(page.locator(".told")).to_have_attribute("data-state", "conflict")
        expect(page.locator(".told")).to_contain_text("bob has said good meanwhile: “the customer called”")

    def test_an_answer_that_got_lost_is_not_taken_for_somebody_elses(self):
        page = self.look("#/queue", refused=True)
        case = self.fake.cases[0]
        self.case_is_open(page, case)
        said = {"verdict_id": case["verdict_id"], "disposition": "fraud", "analyst": self.fake.session["analyst"], "note": None, "revision": 1, "at": case["seen_at"]}
        self.fake.refusals.append((409, {"error": "Decided meanwhile", "next": "Look again", "disposition": said}))
        page.keyboard.press("f")
        expect(page.locator(".told")).to_have_attribute("data-state", "recorded")

    def test_a_case_that_another_decides_leaves_the_queue_but_not_the_reader(self):
        page = self.look("#/queue")
        case = self.fake.cases[0]
        self.case_is_open(page, case)
        self.fake.decide(case["verdict_id"], "good", "bob")
        expect(page.locator(".decide .state")).to_contain_text("bob said good")
        expect(page.locator(f".cases a[data-verdict='{case['verdict_id']}']")).to_have_count(0)

    def test_without_an_identity_everything_can_be_read_and_nothing_decided(self):
        self.fake.session.update(analyst=None, can_decide=False, why_not="no proxy in front says who you are (console.identity.header)")
        page = self.look("#/queue")
        self.case_is_open(page, self.fake.cases[0])
        expect(page.locator(".why-not")).to_have_text("Read only: no proxy in front says who you are (console.identity.header)")
        expect(page.locator(".say").first).to_be_disabled()
        page.keyboard.press("f")
        expect(page.locator(".toast")).to_contain_text("no proxy in front says who you are")
        self.assertEqual(self.fake.posts, [])

    def test_when_all_is_decided_the_queue_says_so(self):
        self.fake.cases = self.fake.cases[:1]
        page = self.look("#/queue")
        self.case_is_open(page, self.fake.cases[0])
        page.keyboard.press("g")
        expect(page.locator(".totals")).to_contain_text("Nothing waits")


class Linked(ConsoleCase):
    def test_a_case_shows_who_else_paid_with_the_same_device_and_leads_there(self):
        case = self.fake.cases[0]
        for theme, size in (("light", DESK), ("dark", PHONE)):
            page = self.look(f"#/case/{case['verdict_id']}", theme=theme, size=size)
            self.case_is_open(page, case)
            device = page.locator(".entity.device")
            with self.subTest("rows of others, and for what has none a sentence", theme=theme):
                expect(device.locator("tbody tr")).to_have_count(2)
                expect(device).to_contain_text("Other users’ payments with it")
                expect(page.locator(".entity.ip")).to_contain_text("No payment of another user from it is kept here.")
                expect(page.locator(".panel.links")).to_contain_text("Device D-7713: 3 users, 5 payments, one fraud known")
                expect(page.locator(".panel.links")).to_contain_text("Counted over the last 50,000 verdicts, all that is kept here, back to")
                self.fits(page)
                self.assertEqual(page.evaluate(READING), [])
        page = self.look(f"#/case/{case['verdict_id']}")
        self.case_is_open(page, case)
        page.locator(".entity.device h2 a").focus()
        reached = []
        for _ in range(4):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.getAttribute('href')"))
        others = page.locator(".entity.device tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.verdict)")
        users = page.locator(".entity.device .c-user").all_inner_texts()
        with self.subTest("Tab reaches the cases and the users of the rows"):
            self.assertEqual(reached, [word for other, user in zip(others, users) for word in (f"#/case/{other}", f"#/search?q={user}")])
        with self.subTest("Enter on the device searches it"):
            page.locator(".entity.device h2 a").focus()
            page.keyboard.press("Enter")
            expect(page.locator("main h1")).to_contain_text("D-7713")


class Trouble(ConsoleCase):
    def test_a_case_that_is_no_longer_kept_says_where_to_look(self):
        page = self.look("#/case/0123", refused=True)
        expect(page.locator(".case")).to_contain_text("Not kept here")
        expect(page.locator(".case")).to_contain_text("weir explain 0123")

    def test_a_queue_that_cannot_be_read_says_what_to_do(self):
        self.fake.api_refusal = (503, {"error": "The topics are still being read", "next": "Wait a few seconds"})
        page = self.look("#/queue", refused=True)
        expect(page.locator(".totals")).to_contain_text("The topics are still being read. Wait a few seconds")

    def test_ids_notes_and_reasons_never_become_markup(self):
        hostile = self.fake.source.queue_case(user_id=HOSTILE, merchant_id=HOSTILE, transaction_id=HOSTILE, reason=HOSTILE, degraded=[HOSTILE])
        self.fake.cases = [hostile]
        self.fake.verdicts = [hostile]
        self.fake.dispositions[hostile["verdict_id"]] = {"verdict_id": hostile["verdict_id"], "disposition": HOSTILE, "analyst": HOSTILE, "note": HOSTILE,
                                                         "revision": 1, "at": hostile["seen_at"], "label_id": HOSTILE}
        page = self.look("#/feed")
        self.fake.show(hostile)
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator(".c-user")).to_have_text(HOSTILE)
        for address in (f"#/case/{hostile['verdict_id']}", "#/search?q=" + "%3Cimg%20src", "#/queue"):
            page.goto(f"{self.fake.url}/{address}")
            page.wait_for_selector("main h1")
            page.wait_for_timeout(150)
            self.assertEqual(page.evaluate("[window.hit ?? null, document.querySelectorAll('main img, main script').length]"), [None, 0])

    def test_a_server_that_is_away_at_first_is_waited_for(self):
        context = self.browser.context()
        self.addCleanup(context.close)
        page = context.new_page()
        page.route("**/api/session", lambda route: route.abort(), times=1)
        page.goto(self.fake.url)
        expect(page.get_by_role("alert")).to_contain_text("No answer from the server")
        page.wait_for_selector("#link[data-phase=open]")


class Appearance(ConsoleCase):
    def test_every_view_reads_well_light_dark_and_on_a_phone(self):
        views = {"feed": "#/feed", "queue": "#/queue", "case": f"#/case/{self.fake.cases[0]['verdict_id']}", "path": "#/path", "search": "#/search?q=C00"}
        self.fake.verdicts[3]["degraded"] = ["profile_stale"]
        for theme, size in (("light", DESK), ("dark", DESK), ("dark", PHONE)):
            page = self.look("#/feed", theme=theme, size=size)
            for _ in range(40):
                self.fake.show_figures()
            self.fake.push("verdicts", {"verdicts": self.fake.verdicts[:25], "skipped": 210})
            page.wait_for_selector("tbody tr")
            for name, address in views.items():
                with self.subTest(name, theme=theme, width=size["width"]):
                    page.goto(f"{self.fake.url}/{address}")
                    page.wait_for_selector({"queue": ".cases a", "case": ".panel", "path": ".path-picture svg"}.get(name, "tbody tr"))
                    self.fits(page)
                    self.assertEqual(page.evaluate(READING), [])
                    self.picture(page, f"{name}-{theme}-{size['width']}", whole=name == "case")

    def test_an_idle_console_shows_no_delay_where_none_was_measured(self):
        page = self.look("#/path")
        idle = {"per_second": 0, "p50_us": None, "p99_us": None}
        self.fake.show_figures(payments_per_second=0, verdicts_per_second=0, delay_ms={"p50": None, "p99": None}, lag_records=0, degraded_share=None,
                               steps=[{"name": name, **idle} for name in ("decode", "score")], commit={"per_second": 0, "p50_ms": None, "p99_ms": None})
        delay = page.locator(".curve").filter(has_text="Delay p99")
        expect(delay.locator("figcaption b")).to_have_text("–")
        expect(delay).to_contain_text("at most –")
        self.assertIn("now –", delay.locator("svg").get_attribute("aria-label"))
        self.assertNotIn("µs", page.locator(".path-picture .step").first.text_content())
        self.assertIn("p50 –, p99 –", page.locator(".path-picture").text_content())

    def test_the_chosen_colours_are_remembered(self):
        page = self.look("#/feed", theme="light")
        page.keyboard.press("t")
        page.keyboard.press("t")
        self.assertEqual(page.locator("html").get_attribute("data-theme"), "dark")
        page.reload()
        self.assertEqual(page.locator("html").get_attribute("data-theme"), "dark")
        self.assertEqual(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"), "rgb(16, 22, 21)")

    def test_nothing_moves_for_those_who_asked_for_that(self):
        for motion, moves in (("reduce", False), ("no-preference", True)):
            page = self.look("#/path", reduced_motion=motion)
            self.fake.show_figures()
            page.wait_for_selector(".flow", state="attached")  # a line: no box to be visible
            self.assertEqual(page.evaluate("document.getAnimations().length > 0"), moves, motion)

    def test_the_keyboard_alone_gets_everywhere_and_sees_where_it_is(self):
        page = self.look("#/feed")
        page.keyboard.press("Tab")
        expect(page.locator("#skip")).to_be_focused()
        expect(page.locator("#skip")).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        self.fake.show(*self.fake.verdicts[:2])
        reached = set()
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.name || document.activeElement.id || document.activeElement.className || document.activeElement.tagName"))
            outline = page.evaluate("[getComputedStyle(document.activeElement).outlineStyle, getComputedStyle(document.activeElement.nextElementSibling ?? document.body).outlineStyle]")
            if page.evaluate("document.activeElement !== document.body"):
                self.assertIn("solid", outline, reached)
        self.assertLessEqual({"search-text", "theme", "help", "action", "min_p", "merchant"}, reached)

    def test_the_sheet_names_the_keys_of_this_view_and_gives_the_focus_back(self):
        page = self.look("#/queue")
        self.case_is_open(page, self.fake.cases[0])
        page.keyboard.press("?")
        expect(page.locator("#sheet")).to_be_visible()
        for word in ("Fraud", "Good", "Escalate", "Next case", "Search", "Change the last decision"):
            expect(page.locator("#sheet")).to_contain_text(word)
        page.keyboard.press("f")  # not while the sheet is open
        page.keyboard.press("Escape")
        expect(page.locator("#sheet")).to_be_hidden()
        self.assertEqual(self.fake.posts, [])

    def test_the_path_shows_each_step_with_its_rate_and_delays(self):
        page = self.look("#/path")
        self.fake.show_figures(lag_records=1234, ready=False, waiting_for=["assignment"])
        expect(page.locator(".ready")).to_have_text("Not ready: waits for assignment.")
        steps = page.locator(".step")
        expect(steps).to_have_count(11)
        self.assertRegex(steps.nth(5).text_content(), r"score.*/s.*µs, .*µs")
        expect(page.locator(".path-picture")).to_contain_text("1,234")
        with self.subTest("figures that are not known are not made up"):
            self.fake.show_figures(steps=[{"name": "decode", "per_second": None, "p50_us": None, "p99_us": None}], commit=None, delay_ms=None, lag_records=None,
                                   by_action_per_second={}, degraded_share=None)
            expect(steps).to_have_count(1)
            expect(page.locator(".path-picture")).to_contain_text("no commits yet")
            self.assertNotIn("NaN", page.locator("body").inner_text())
            self.assertIsNone(re.search(r"\b(null|undefined)\b", page.locator("body").inner_text()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
