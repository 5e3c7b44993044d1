#!/usr/bin/env python3
"""A check that never fires is worth nothing: every rule of tidy.py finds what is planted, and only that."""
import tempfile
import unittest
from pathlib import Path

import tidy

PLANTED = {  # path -> (text, what must be found)
    "state/a.cc": ('#include "operators/decide.h"', "may only point down"),
    "operators/b.h": ('#pragma once\n#include "pipeline/worker.h"', "may only point down"),
    "models/c.h": ('#pragma once\n#include "state/user_store.h"', "may only point down"),
    "pipeline/core/d.h": ('#pragma once\n#include "pipeline/kafka/handles.h"', "may only point down"),
    "pipeline/e.cc": ("#include <librdkafka/rdkafka.h>", "only pipeline/kafka includes it"),
    "operators/f.cc": ("#include <rocksdb/db.h>", "only state includes it"),
    "pipeline/g.cc": ("#include <torch/script.h>", "only models includes it"),
    "operators/q.cc": ("#include <xgboost/c_api.h>", "only models includes it"),
    "pipeline/h.cc": ("#include <prometheus/registry.h>", "only pipeline/telemetry includes it"),
    "pipeline/i.cc": ("#include <yaml-cpp/yaml.h>", "only pipeline/config includes it"),
    "pipeline/p.cc": ("#include <pybind11/numpy.h>", "only pipeline/python includes it"),
    "state/j.cc": ("#include <mutex>", "thread, mutex or atomic"),
    "operators/k.cc": ("std::atomic<int> hits;", "thread, mutex or atomic"),
    "pipeline/l.cc": ("auto now = std::chrono::system_clock::now();", "wall clock"),
    "state/string_utils.cc": ("int x;", "says nothing"),
    "operators/helpers/m.cc": ("int x;", "says nothing"),
    "README.md": ("see /wo" + "rk/main/x", "path of one machine"),
    "tests/n.py": ("open('../sha" + "red/data')", "path of one machine"),
    "state/o.h": ("int x;", "#pragma once"),
}

ALLOWED = {
    "pipeline/worker.cc": '#include "operators/decide.h"\n#include <thread>\n#include "pipeline/kafka/handles.h"',
    "pipeline/worker.h": '#pragma once\n#include "pipeline/event_path.h"',
    "operators/decide.cc": '#include "state/user_store.h"\n#include "pipeline/core/error.h"  // no std::mutex here',
    "state/rocksdb_store.cc": "#include <rocksdb/db.h>",
    "pipeline/kafka/handles.h": "#pragma once\n#include <librdkafka/rdkafka.h>",
    "pipeline/core/clock.cc": "auto now = std::chrono::system_clock::now();",
    "tests/unit/state/store_test.cc": "#include <rocksdb/db.h>\n#include <thread>",
    "state/common_prefix.cc": "int x;",
}


def findings_in(files: dict[str, str]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(text + "\n")
        return tidy.check_tree(Path(folder))


class Tidy(unittest.TestCase):
    def test_finds_every_planted_violation(self):
        for path, (text, expected) in PLANTED.items():
            with self.subTest(path):
                findings = findings_in({path: text})
                self.assertEqual(len(findings), 1, findings)
                self.assertTrue(findings[0].startswith(path + ":"), findings)
                self.assertIn(expected, findings[0])

    def test_leaves_lawful_code_alone(self):
        self.assertEqual(findings_in(ALLOWED), [])


if __name__ == "__main__":
    unittest.main()
