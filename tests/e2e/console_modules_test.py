"""The console's modules: each loads in Chromium without an error, and the pure ones compute what they should."""
import subprocess
import sys
import unittest
from pathlib import Path
from shutil import which

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
from browser import PageCase  # noqa: E402
from fake_console import WEB, FakeConsole  # noqa: E402


class Modules(PageCase):
    def setUp(self):
        self.fake = FakeConsole()
        self.addCleanup(self.fake.close)

    def test_pure_modules_compute_what_they_should(self):
        page = self.open(self.fake.url + "/test/modules.html")
        page.wait_for_function("window.results")
        results = page.evaluate("window.results")
        self.assertGreater(len(results), 10)
        for result in results:
            with self.subTest(result["name"]):
                self.assertIsNone(result["error"])

    def test_each_module_loads_alone_and_imports_only_what_is_there(self):
        page = self.open(self.fake.url + "/test/modules.html")
        # Those two draw into the page that index.html makes; every other test loads them there.
        for module in sorted(set(WEB.glob("*.js")) - {WEB / "app.js", WEB / "theme.js"}):
            with self.subTest(module.name):
                self.assertIsNone(page.evaluate("name => import(`/assets/${name}`).then(() => null, (error) => String(error))", module.name))

    def test_no_file_has_markup_from_strings_or_anything_from_elsewhere(self):
        for file in sorted(WEB.iterdir()):
            text = file.read_text()
            with self.subTest(file.name):
                for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", " style=\"", "onclick=", "//cdn", "@import"):
                    self.assertNotIn(word, text)
                self.assertNotIn("http", text.replace("http://www.w3.org/2000/svg", ""))
                self.assertLessEqual(len(text.splitlines()), 400)

    @unittest.skipUnless(which("node"), "node is not installed: Chromium has loaded every module above")
    def test_node_finds_no_fault_in_the_syntax(self):
        parse = "for (const f of process.argv.slice(1)) new (require('vm').SourceTextModule)(require('fs').readFileSync(f, 'utf8'), {identifier: f})"
        done = subprocess.run(["node", "--no-warnings", "--experimental-vm-modules", "-e", parse, *sorted(WEB.glob("*.js"))], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
