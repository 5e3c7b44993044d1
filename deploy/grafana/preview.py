#!/usr/bin/env python3
"""A dashboard as a web page, without Grafana: its panels as they are laid out, drawn from what a Prometheus answers now.

    preview.py overview.json --prometheus http://localhost:9090 > overview.html

To look at a changed dashboards.py before it is imported, and to send a state of things to somebody who has no Grafana. The page
is one file and asks nobody anything. Every series of every instance is shown; of a panel only what drawing.py knows is drawn.
"""
import argparse
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import drawing  # noqa: E402

COLUMN, ROW, GAP = 56, 34, 8  # pixels of a cell of Grafana's grid, and between panels
POINTS = 200  # of a line
STYLE = """
:root{color-scheme:light dark;--page:#f4f5f5;--panel:#fff;--edge:#dfe1e4;--text:#24292e;--weak:#6b737c;--grid:#e6e8ea;
--c0:#1f78c1;--c1:#e0752d;--c2:#508642;--c3:#ba43a9;--c4:#c15c17;--c5:#0a9396;--c6:#705da0;--c7:#967302}
@media(prefers-color-scheme:dark){:root{--page:#111217;--panel:#181b1f;--edge:#2a2d33;--text:#d5d7db;--weak:#8e949d;--grid:#2a2d33;
--c0:#5794f2;--c1:#ff9830;--c2:#73bf69;--c3:#d683ce;--c4:#f2754b;--c5:#4dd0c7;--c6:#b39ddb;--c7:#e0b400}}
body{margin:0;padding:12px;background:var(--page);color:var(--text);font:13px/1.4 system-ui,sans-serif}
h1{font-size:18px;font-weight:600;margin:2px 4px 2px}header p{margin:0 4px 10px;color:var(--weak)}
main{position:relative}section{position:absolute;box-sizing:border-box;background:var(--panel);border:1px solid var(--edge);
border-radius:3px;padding:5px 8px;overflow:hidden}section h2{font-size:12.5px;font-weight:600;margin:0 0 4px;white-space:nowrap}
section.row{background:none;border:0;padding:8px 4px}section.row h2{font-size:14px}
.number{font-size:27px;font-weight:600;text-align:center;padding-top:14px;font-variant-numeric:tabular-nums}
.green{color:var(--c2)}.orange{color:var(--c1)}.red{color:#d44a3a}.empty{color:var(--weak);text-align:center;padding-top:24px}
svg{display:block}.grid{stroke:var(--grid)}.axis{fill:var(--weak);font-size:10.5px}.good{fill:var(--c2)}.bad{fill:#d44a3a}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}.legend td{padding:0 4px;font-size:11.5px;line-height:18px;
white-space:nowrap}.legend td:not(:first-child){text-align:right;width:84px;color:var(--weak)}.legend td:first-child{max-width:0;width:99%;
overflow:hidden;text-overflow:ellipsis}.legend i{display:inline-block;width:11px;height:3px;margin:0 6px 3px 0}
.table th{text-align:left;color:var(--weak);font-weight:500}.table td,.table th{padding:3px 6px;border-bottom:1px solid var(--grid)}
.more{color:var(--weak);font-size:11.5px;line-height:18px;margin:0 4px}
""" + "".join(f".legend .k{n}{{background:var(--c{n})}}" for n in range(drawing.COLORS))


class Source:
    """A Prometheus, asked about one stretch of time."""

    def __init__(self, address: str, start: float, end: float, variables: dict[str, str]):
        self._address, self.start, self.end = address.rstrip("/"), start, end
        self._step = max(1, round((end - start) / POINTS))
        self._variables = {"$__rate_interval": f"{max(10, 4 * self._step)}s", **variables}

    def _ask(self, path: str, expr: str, **parameters: float) -> list[dict]:
        for name, value in self._variables.items():
            expr = expr.replace(name, value)
        address = f"{self._address}/api/v1/{path}?{urllib.parse.urlencode({'query': expr, **parameters})}"
        with urllib.request.urlopen(address, timeout=20) as answer:
            return json.load(answer)["data"]["result"]

    def now(self, target: dict) -> list[dict]:
        return self._ask("query", target["expr"], time=self.end)

    def over(self, target: dict) -> drawing.Series:
        found = self._ask("query_range", target["expr"], start=self.start, end=self.end, step=self._step)
        return [(self._legend(target, each["metric"]), [(float(at), float(value)) for at, value in each["values"]]) for each in found]

    @staticmethod
    def _legend(target: dict, labels: dict[str, str]) -> str:
        form = target.get("legendFormat", "__auto")
        if form != "__auto":
            return re.sub(r"{{\s*(\w+)\s*}}", lambda match: labels.get(match[1], ""), form)
        return ", ".join(f"{name}={value}" for name, value in labels.items() if name != "__name__") or labels.get("__name__", "value")


def drawn(panel: dict, source: Source, width: int, height: int) -> str:
    kind, targets = panel["type"], panel.get("targets", [])
    if kind == "text":
        return drawing.markdown(panel["options"]["content"])
    if kind == "stat":
        found = [float(sample["value"][1]) for target in targets for sample in source.now(target)]
        return drawing.number(panel, found[0] if found else None)
    if kind == "table":
        return drawing.table(panel, [sample for target in targets for sample in source.now(target)])
    series = [each for target in targets for each in source.over(target)]
    if not series:
        return '<p class="empty">no data</p>'
    stretch = (width, height, source.start, source.end)
    if kind == "timeseries":
        return drawing.lines(panel, series, *stretch)
    if kind == "heatmap":
        return drawing.heat(panel, series, *stretch)
    if kind == "state-timeline":
        return drawing.states(series, *stretch)
    return f'<p class="empty">a {escape(kind)} panel is not drawn here</p>'


def page(dashboard: dict, source: Source) -> str:
    sections, bottom = [], 0
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        width, height = place["w"] * COLUMN - GAP, place["h"] * ROW - GAP
        bottom = max(bottom, (place["y"] + place["h"]) * ROW)
        row = panel["type"] == "row"
        body = "" if row else drawn(panel, source, width - 18, height - 34)
        sections.append(f'<section class="{"row" if row else "panel"}" title="{escape(panel.get("description", ""))}" style="left:'
                        f'{place["x"] * COLUMN}px;top:{place["y"] * ROW}px;width:{width}px;height:{height}px"><h2>'
                        f'{escape(panel["title"])}</h2>{body}</section>')
    title = escape(dashboard["title"])
    stretch = f"{drawing.clock(source.start)} to {drawing.clock(source.end)} UTC"
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style><header><h1>{title}</h1>'
            f'<p>{stretch}. A preview by preview.py; Grafana draws it its own way.</p></header>'
            f'<main style="width:{24 * COLUMN}px;height:{bottom}px">{"".join(sections)}</main></html>\n')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dashboard", type=Path, help="a JSON file beside this program")
    parser.add_argument("--prometheus", default="http://localhost:9090", metavar="URL")
    parser.add_argument("--minutes", type=float, default=15, help="how far back (15)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable of the dashboard, e.g. review_cost=3")
    options = parser.parse_args()
    dashboard = json.loads(options.dashboard.read_text())
    variables = {"$job": ".*", "$instance": ".*"}
    for variable in dashboard.get("templating", {}).get("list", ()):
        if variable["type"] in ("constant", "textbox", "custom"):
            variables["$" + variable["name"]] = str(variable["current"].get("value", variable.get("query", "")))
    variables |= {"$" + name: value for name, _, value in (each.partition("=") for each in options.set)}
    end = time.time()
    try:
        print(page(dashboard, Source(options.prometheus, end - options.minutes * 60, end, variables)), end="")
    except urllib.error.HTTPError as refused:
        print(f"preview: {options.prometheus} refuses a query: {refused.read().decode(errors='replace')[:300]}", file=sys.stderr)
        return 65
    except OSError as down:
        print(f"preview: no answer from {options.prometheus}: {down}; give the address of a Prometheus with --prometheus", file=sys.stderr)
        return 69
    return 0


if __name__ == "__main__":
    sys.exit(main())
