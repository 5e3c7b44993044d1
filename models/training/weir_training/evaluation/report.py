"""The report: one HTML file that asks nothing of anybody, made from the evaluation's JSON alone."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, Sequence

from weir_training.evaluation.charts import Axis, Chart, heat_table, nice_ceiling

# name in the JSON, name for people, how it is written, what it is
_FIGURES: tuple[tuple[str, str, Callable[[float], str], str], ...] = (
    ("average_precision", "Average precision", lambda v: f"{v:.3f}", "step-wise area under precision over recall"),
    ("auc", "AUC", lambda v: f"{v:.3f}", "chance that a fraud scores above a genuine payment"),
    ("card_precision_100", "Card precision@100", lambda v: f"{v:.3f}", "compromised cards among the 100 riskiest of a day; found cards leave"),
    ("saved_share", "Loss saved, net", lambda v: f"{v:.1%}", "amount of fraud caught less alert costs, over all fraud"),
    ("alerts_per_day", "Alerts a day", lambda v: f"{v:.1f}", "raised where p * amount exceeds the cost of an alert"),
    ("calibration_error", "Calibration error", lambda v: f"{v:.2%}", "ECE, 15 bins of equal width"),
    ("calibration_error_by_mass", "... by equal mass", lambda v: f"{v:.2%}", "ECE, 20 bins of equally many payments"),
    ("log_loss", "Log loss", lambda v: f"{v:.4f}", "nats a payment"),
    ("mean_probability", "Mean probability", lambda v: f"{v:.3%}", "what was expected"),
    ("fraud_share", "Share of frauds", lambda v: f"{v:.3%}", "what came"),
)
_CARDS = _FIGURES[:6]

_STYLE = """
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--ink:#1c1e21;--soft:#636a73;--rule:#e4e5e7;
--s0:#1f6feb;--s1:#d1570c;--s2:#2b8a4b;--s3:#8a8f96;--heat:31,111,235}
@media(prefers-color-scheme:dark){:root{--bg:#14161a;--card:#1c1f24;--ink:#e7e9ec;--soft:#9aa2ac;
--rule:#2d3138;--s0:#6ea8ff;--s1:#ff9a57;--s2:#63c787;--s3:#858d97;--heat:110,168,255}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:1000px;margin:0 auto;padding:1.2rem 1rem 4rem}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2.4rem 0 .6rem}
p,li{max-width:46rem}.soft,figcaption,.of{color:var(--soft);font-size:.88rem}
code{font-size:.85em;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:.7rem;margin:1rem 0}
.card,figure{background:var(--card);border:1px solid var(--rule);border-radius:10px}
.card{padding:.7rem .9rem}.card b{display:block;font-size:1.45rem;line-height:1.2}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:1rem}
figure{margin:0;padding:.7rem}figcaption{padding:.2rem .3rem 0}
svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
svg text{fill:var(--soft)}svg text.title{font-size:12px}svg text.strong{fill:var(--ink);font-weight:600}
.grid{stroke:var(--rule)}.line{fill:none;stroke-width:2;stroke-linejoin:round}
.line.s0{stroke:var(--s0)}.line.s1{stroke:var(--s1)}.line.s2{stroke:var(--s2)}.line.s3{stroke:var(--s3)}
.dot{stroke:var(--card);stroke-width:1.5}
.dot.s0{fill:var(--s0)}.dot.s1{fill:var(--s1)}.dot.s2{fill:var(--s2)}.dot.s3{fill:var(--s3)}
.wide{overflow-x:auto;margin:.6rem 0;border:1px solid var(--rule);border-radius:10px;background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .7rem;text-align:right;white-space:nowrap;border-top:1px solid var(--rule)}
tr:first-child>*{border-top:0}th{color:var(--soft);font-weight:500}th:first-child,td:first-child{text-align:left}
tr.best td{font-weight:600}
td.heat{background:rgba(var(--heat),var(--w));text-align:center;min-width:3rem}
.heats td:not(.heat),.heats th{text-align:left}
details{margin:.5rem 0}summary{cursor:pointer}
"""


def html_report(result: dict[str, Any]) -> str:
    """The whole page. What the JSON lacks (ablations, attention, looks) is left out."""
    title = f"Weir: {result.get('title', 'evaluation')}"
    sections = [
        _head(title, result),
        _cards(result),
        _charts(result),
        _ablations(result.get("ablations", [])),
        _by_fold(result),
        _alerts(result),
        _attention(result.get("attention")),
        _slices(result["slices"]),
        _looks(result),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        + "".join(sections)
        + "</main></body></html>\n"
    )


def _head(title: str, result: dict[str, Any]) -> str:
    folds = result["folds"]
    payments, frauds = (sum(fold[key] for fold in folds) for key in ("payments", "frauds"))
    return (
        f"<h1>{escape(title)}</h1>"
        f'<p class="soft">{escape(result.get("protocol", ""))} {payments:,} labelled payments, '
        f"{frauds:,} frauds, in {len(folds)} test period{'s' if len(folds) > 1 else ''}."
        f"<br/>Model <code>{escape(result.get('package', 'not named'))}</code></p>"
    )


def _cards(result: dict[str, Any]) -> str:
    cards = []
    for name, text, form, what in _CARDS:
        low, high = result["interval_95"].get(name, (None, None))
        between = f"{form(low)} to {form(high)}" if low is not None else ""
        cards.append(
            f'<div class="card" title="{escape(what)}"><span class="of">{escape(text)}</span>'
            f'<b>{form(result["mean"][name])}</b><span class="of">{between}</span></div>'
        )
    note = (
        "Mean over the test periods; below it the 95 % interval of a bootstrap over days. An alert "
        f"costs {result['costs']['alert']:g} and is raised where p × amount is more."
    )
    return f'<div class="cards">{"".join(cards)}</div><p class="soft">{note}</p>'


def _charts(result: dict[str, Any]) -> str:
    charts = (_precision_recall, _calibration, _money, _days)
    return f'<h2>Curves</h2><div class="charts">{"".join(chart(result) for chart in charts)}</div>'


def _figure(chart: Chart, caption: str) -> str:
    return f"<figure>{chart.svg()}<figcaption>{escape(caption)}</figcaption></figure>"


def _precision_recall(result: dict[str, Any]) -> str:
    chart = Chart(
        Axis("recall: share of the frauds found", 0, 1, unit="%"),
        Axis("precision", 0, 1, unit="%"),
        "Precision over recall",
    )
    chart.steps(result["curves"]["precision_recall"], 0)
    for budget in result["alerts"]:
        if budget["alerts"]:
            told = f"{budget['alerts_per_day']:g} alerts a day: recall {budget['recall']:.1%}, "
            told += f"precision {budget['precision']:.1%}"
            chart.point(budget["recall"], budget["precision"], 1, told)
    return _figure(chart, "Precision and recall over all test payments. Dots: alert budgets.")


def _calibration(result: dict[str, Any]) -> str:
    table = result["reliability"]
    top = nice_ceiling(max(max(line["mean_probability"], line["fraud_share"]) for line in table))
    low = 1e-4
    chart = Chart(
        Axis("mean probability of a bin", low, min(top, 1.0), True, "%"),
        Axis("frauds that came", low, min(top, 1.0), True, "%"),
        "Calibration",
    )
    chart.line([(low, low), (min(top, 1.0), min(top, 1.0))], 3, dashed=True)
    for line in table:
        said, came = line["mean_probability"], line["fraud_share"]
        told = f"{line['payments']:,} payments: said {said:.3%}, came {came:.3%}"
        chart.point(said, came, 0, told, (line["low"], line["high"]))
    return _figure(
        chart,
        "Calibration: bins of equally many payments, both axes logarithmic; bars are 95 % intervals. "
        "On the dashed line a probability means what it says.",
    )


def _money(result: dict[str, Any]) -> str:
    curve = result["curves"]["money"]
    balance = result["money"]
    points = [(c["alerts_per_day"], c["saved_share"]) for c in curve]
    right = nice_ceiling(max(2.5 * balance["alerts_per_day"], 50))
    shown = [(x, y) for x, y in points if x <= right]
    chart = Chart(
        Axis("alerts a day", 0, right),
        Axis("loss saved, net of alerts", 0, 1, unit="%"),
        "Money saved",
    )
    chart.steps(shown, 2)
    x, y = balance["alerts_per_day"], balance["saved_share"]
    chart.point(x, y, 1, f"the rule: {x:.1f} alerts a day save {y:.1%}")
    chart.note(x, y, f"{y:.1%} at {x:.0f} a day")
    return _figure(
        chart,
        "Cost curve: payments alerted in the order of expected loss. Dot: the rule p * amount > cost.",
    )


def _days(result: dict[str, Any]) -> str:
    days = result["curves"]["days"]
    top = max(max(d["frauds"], d["expected_frauds"], d["alerts"]) for d in days)
    chart = Chart(
        Axis(f"day of the test, from {days[0]['day']}", 1, max(len(days), 2)),
        Axis("a day", 0, nice_ceiling(top)),
        "Score over time",
    )
    for series, (key, name) in enumerate(
        (("expected_frauds", "expected (sum of p)"), ("frauds", "came"), ("frauds_alerted", "alerted"))
    ):
        chart.line([(i, day[key]) for i, day in enumerate(days, start=1)], series, name)
    chart.line([(i, day["alerts"]) for i, day in enumerate(days, start=1)], 3, "alerts", dashed=True)
    return _figure(chart, "Score over time: frauds expected, frauds that came, frauds alerted.")


def _ablations(lines: Sequence[dict[str, Any]]) -> str:
    """`lines`: {"name", "mean": {...}, "note"}, the shipped form among them."""
    if not lines:
        return ""
    shown = [f for f in _CARDS if all(f[0] in line["mean"] for line in lines)]
    best = {
        name: max(line["mean"][name] for line in lines)
        for name in ("auc", "average_precision", "card_precision_100", "saved_share")
        if all(name in line["mean"] for line in lines)
    }
    rows = []
    for line in lines:
        cells = []
        for name, _, form, _ in shown:
            value = line["mean"][name]
            bold = ("<b>", "</b>") if best.get(name) == value else ("", "")
            cells.append(f"<td>{bold[0]}{form(value)}{bold[1]}</td>")
        rows.append(f"<tr><td>{escape(line['name'])}</td>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for _, text, _, _ in shown)
    where = lines[0].get("folds", "")
    note = f'<p class="soft">Mean over {escape(where)}.</p>' if where else ""
    return (
        f'<h2>Ablations</h2>{note}<div class="wide"><table><tr><th>what</th>{head}</tr>'
        + "".join(rows)
        + "</table></div>"
    )


def _by_fold(result: dict[str, Any]) -> str:
    head = "".join(f"<th>{escape(fold['name'])}</th>" for fold in result["folds"])
    rows = [
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{fold[key]:,}</td>" for fold in result["folds"])
        + "<td></td><td></td><td></td></tr>"
        for key, name in (("payments", "Payments"), ("frauds", "Frauds"))
    ]
    for name, text, form, what in _FIGURES:
        low, high = result["interval_95"].get(name, (None, None))
        rows.append(
            f'<tr><td title="{escape(what)}">{escape(text)}</td>'
            + "".join(f"<td>{form(fold[name])}</td>" for fold in result["folds"])
            + f"<td><b>{form(result['mean'][name])}</b></td><td>{form(result['deviation'][name])}</td>"
            + f"<td>{f'{form(low)} to {form(high)}' if low is not None else ''}</td></tr>"
        )
    return (
        '<h2>By test period</h2><div class="wide"><table><tr><th>from</th>'
        f"{head}<th>mean</th><th>deviation</th><th>95 %</th></tr>{''.join(rows)}</table></div>"
    )


def _alerts(result: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{b['alerts_per_day']:g} a day</td><td>{b['recall']:.1%}</td>"
        f"<td>{'' if b['alerts'] == 0 else format(b['precision'], '.1%')}</td>"
        f"<td>{b['threshold']:.3f}</td></tr>"
        for b in result["alerts"]
    )
    return (
        "<h2>Alert budgets</h2>"
        '<p class="soft">One threshold over all test days; payments of highest risk first.</p>'
        '<div class="wide"><table><tr><th>alerts</th><th>recall</th><th>precision</th>'
        f"<th>threshold</th></tr>{rows}</table></div>"
    )


def _attention(attention: dict[str, Any] | None) -> str:
    if not attention:
        return ""
    tables = []
    for read in attention["reads"]:
        rows = [(row["texts"], row["weights"]) for row in read["rows"]]
        tables.append(
            f"<p>{escape(read['title'])}</p>" + heat_table(read["columns"], rows, read["heads"])
        )
    return (
        "<h2>Attention over one user's history</h2>"
        f'<p class="soft">{escape(attention["about"])} What is missing to 1 in a column went to '
        f'"nothing in the past matters".</p>{"".join(tables)}'
    )


def _slices(tables: Sequence[dict[str, Any]]) -> str:
    def share(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    opened, closed = ' open=""', ""
    parts = ["<h2>Slices</h2>"]
    for table in tables:
        rows = "".join(
            f"<tr><td>{escape(g['group'])}</td><td>{g['payments']:,}</td><td>{g['frauds']:,}</td>"
            f"<td>{g['fraud_share']:.2%}</td><td>{g['mean_probability']:.2%}</td>"
            f"<td>{share(g['auc'], '.3f')}</td><td>{share(g['average_precision'], '.3f')}</td>"
            f"<td>{g['frauds_alerted']:,} of {g['alerts']:,}</td>"
            f"<td>{share(g['saved_share'], '.1%')}</td></tr>"
            for g in table["groups"]
        )
        parts.append(
            f"<details{closed if table['slice'] == 'day' else opened}>"
            f"<summary>By {escape(table['slice'])}</summary>"
            '<div class="wide"><table><tr><th></th><th>payments</th><th>frauds</th><th>came</th>'
            "<th>said</th><th>AUC</th><th>AP</th><th>frauds in alerts</th><th>saved</th></tr>"
            f"{rows}</table></div></details>"
        )
    return "".join(parts)


def _looks(result: dict[str, Any]) -> str:
    if "test_looks" not in result:
        return ""
    looks = result["test_looks"]
    packages = len({look["package"] for look in looks})
    rows = "".join(
        f"<tr><td>{escape(look['at'])}</td><td><code>{escape(look['package'])}</code></td>"
        f"<td>{escape(', '.join(look['folds']))}</td></tr>"
        for look in looks
    )
    times = "once" if len(looks) == 1 else f"{len(looks)} times"
    return (
        "<h2>How often the test weeks were looked at</h2>"
        f"<p>{times.capitalize() if looks else 'Never'}, with {packages} "
        f"package{'' if packages == 1 else 's'}. Choices are made on validation weeks; every look "
        "here that leads to a change makes the next figure a little less true.</p>"
        + (
            '<details><summary>All of them</summary><div class="wide"><table>'
            f"<tr><th>when</th><th>package</th><th>weeks</th></tr>{rows}</table></div></details>"
            if looks
            else ""
        )
    )
