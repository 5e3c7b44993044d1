"""What the shipped package is worth on payments of other regimes, and what a retrain on 7 days brings back.

    .venv/bin/python tests/bench/regimes_bench.py [--seed N] [--cards N] [--only NAME] [--work DIR]

weir_testing.regimes makes 91 days; figures are of verdicts of `weir replay`, on days with 28 and more before them to look back on.
Two tables for each regime:

held     the regime has always held. The last three weeks, decided by the shipped package, by a yardstick (the shipped recipe,
         experiments/handbook.yaml, on all that was known by their first day: 49 days of labels), and by what `retrain` makes of the
         last 7 labelled days.
switch   cards of as-published-like, on day 56 all frauds change. The shipped package before and after; `retrain` on the 7 newest
         labelled days, two weeks after the switch and three; the yardstick of above. Two weeks after, the newest labelled days are
         the first of the regime, and during them no label of a new fraud was known yet.

Share recovered: of the AP between the shipped package and the yardstick. What --work has is kept, so a second run goes on. About an
hour on one core.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support/python"), str(ROOT / "models/training")]

from weir_testing import handbook, regimes  # noqa: E402
from weir_testing.paths import CONFIG, WEIR, WORK  # noqa: E402
from weir_training.evaluation import folds  # noqa: E402
from weir_training.evaluation.alerts import card_precision_by_day  # noqa: E402
from weir_training.evaluation.evaluate import figures  # noqa: E402
from weir_training.evaluation.money import Costs  # noqa: E402
from weir_training.evaluation.scores import read_scores  # noqa: E402

BEFORE_DAY, SWITCH_DAY, SOON_DAY, LATER_DAY = 28, 56, 70, 77
RETRAIN_DAYS = 7
SHIPPED = ROOT / "models/zoo/handbook-blend/1.0.0"
HANDBOOK_CARDS = 5_000  # of which 100 are looked at a day


class Bench:
    def __init__(self, arguments: argparse.Namespace):
        self.work, self.given = arguments.work / f"seed-{arguments.seed}-cards-{arguments.cards}", arguments
        self.regimes = {name: regimes.resized(regime, arguments.cards, 2 * arguments.cards, seed=arguments.seed)
                        for name, regime in regimes.REGIMES.items()}
        self.top = max(round(100 * arguments.cards / HANDBOOK_CARDS), 1)
        self.rows: list[dict] = []

    def date(self, day: int) -> str:
        return (regimes.AS_PUBLISHED_LIKE.first_day + datetime.timedelta(days=day)).isoformat()

    def data(self, name: str, after: str | None = None) -> Path:
        folder = self.work / (f"{name}+{after}" if after else name)
        if not (folder / "kind.csv").exists():
            table = regimes.simulate(self.regimes[name], self.regimes[after] if after else None, SWITCH_DAY)
            handbook.write(folder, table)
            regimes.write_kinds(folder / "kind.csv", table)
        return folder

    def weir_training(self, *words) -> dict:
        done = subprocess.run([sys.executable, "-m", "weir_training", *map(str, words), "--runs", self.work / "runs"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=os.environ | {"PYTHONPATH": str(ROOT / "models/training")})
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout)

    def yardstick(self, name: str) -> Path:
        data = self.data(name)
        told = self.weir_training(
            "export", ROOT / "models/training/experiments/handbook.yaml", "--set", "name=yardstick",
            "--set", f"data.transactions=[{data}/transactions.jsonl.gz]", "--set", f"data.labels=[{data}/labels.jsonl.gz]",
            "--set", f"split.until={self.date(SOON_DAY)}")
        return Path(told["folder"]) / "yardstick/1.0.0"

    def retrained(self, data: Path, day: int) -> Path:
        out = data / f"retrained-{day}{self.given.tag}"
        if not out.exists():
            told = self.weir_training(
                "retrain", "--transactions", data / "transactions.jsonl.gz", "--labels", data / "labels.jsonl.gz",
                "--until", self.date(day), "--days", RETRAIN_DAYS, "--out", out,
                *(word for change in self.given.set for word in ("--set", change)))
            print(f"{data.name}: retrained on day {day}: {told['started_from']}, {told['parts']}, {told['held_out']}", flush=True)
        return out

    def judge(self, title: str, data: Path, package: Path, first: int, until: int) -> float:
        verdicts = data / f"verdicts-{package.name if package.parent == data else title.split(',')[0]}.jsonl"
        if not verdicts.exists():
            done = subprocess.run(
                [WEIR, "replay", "--config", CONFIG, "--transactions", data / "transactions.jsonl.gz",
                 "--labels", data / "labels.jsonl.gz", "--out", f"{verdicts}.new",
                 "--set", f"model.package={package}", "--set", "model.allow="],
                stderr=subprocess.PIPE, text=True)
            assert done.returncode == 0, done.stderr
            Path(f"{verdicts}.new").rename(verdicts)
        scores, origin = read_scores(verdicts, [data / "labels.jsonl.gz"])
        assert not origin.degraded
        day = datetime.date.fromisoformat
        part = scores.take(folds.days(day(self.date(first)), day(self.date(until))).index(scores))
        found = figures(part, Costs())
        found["card_precision"] = float(card_precision_by_day(part, self.top).mean())
        self.rows.append({"data": data.name, "package": title} | found)
        print(f"{data.name:33} {title:16} days {first}-{until}: {found['frauds']} frauds  AUC {found['auc']:.3f}  "
              f"AP {found['average_precision']:.3f}  CP@{self.top} {found['card_precision']:.3f}  "
              f"ECE {found['calibration_error']:.4f}  saved {found['saved_share']:.1%} with {found['alerts_per_day']:.1f} "
              "alerts a day", flush=True)
        return found["average_precision"]

    def run(self) -> None:
        for name in self.regimes:
            if self.given.only in ("", name):
                yardstick = self.held(name)
                if name != "as-published-like":
                    self.switch(name, yardstick)
        (self.work / f"figures{self.given.only and '-' + self.given.only}{self.given.tag}.json").write_text(
            json.dumps(self.rows, indent=1) + "\n")

    def held(self, name: str) -> Path:
        """Returns the yardstick."""
        data, package = self.data(name), self.yardstick(name)
        period = SOON_DAY, regimes.AS_PUBLISHED_LIKE.days
        shipped = self.judge("shipped", data, SHIPPED, *period)
        best = self.judge("yardstick", data, package, *period)
        retrained = self.judge("retrained", data, self.retrained(data, SOON_DAY), *period)
        told(name, shipped, retrained, best)
        return package

    def switch(self, name: str, yardstick: Path) -> None:
        data = self.data("as-published-like", name)
        period = LATER_DAY, regimes.AS_PUBLISHED_LIKE.days
        self.judge("shipped, before", data, SHIPPED, BEFORE_DAY, SWITCH_DAY)
        shipped = self.judge("shipped, after", data, SHIPPED, *period)
        best = self.judge("yardstick", data, yardstick, *period)
        for day in (LATER_DAY, SOON_DAY):
            retrained = self.judge(f"retrained, day {day}", data, self.retrained(data, day), *period)
            told(f"{data.name}, day {day}", shipped, retrained, best)


def told(title: str, shipped: float, retrained: float, best: float) -> None:
    share = f"{(retrained - shipped) / (best - shipped):.0%} of the drop recovered" if best > shipped + 0.02 else "no drop"
    print(f"{title}: {share}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=regimes.AS_PUBLISHED_LIKE.seed, help="default: %(default)s")
    parser.add_argument("--cards", type=int, default=regimes.AS_PUBLISHED_LIKE.cards, help="default: %(default)s")
    parser.add_argument("--only", default="", choices=list(regimes.REGIMES), metavar="NAME",
                        help="one regime, and the switch to it")
    parser.add_argument("--work", type=Path, default=WORK / "regimes", metavar="DIR", help="default: %(default)s")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the retrain's experiment (repeatable)")
    parser.add_argument("--tag", default="", help="of files of a retrain with --set, beside the others")
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    began = time.monotonic()
    Bench(arguments).run()
    print(f"{(time.monotonic() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
