"""The parts that dashboards are made of: queries, panels, variables, and a dashboard around them.

Plain dicts in the shape of Grafana's classic dashboard model (schemaVersion 39, Grafana 11; later ones migrate it). Only panels
that come with Grafana. A panel's description says what it shows and what to do when it looks wrong.

In queries <all>, <decisions> and <entities> stand for the label matchers of the chosen instances, of their workers that decide
payments, and of those that keep merchants, devices, addresses and cards; <rate> for the window of a rate.
"""
RUNBOOK = "https://runbooks.example/weir/runbook.md"  # where you serve deploy/runbook.md; as in prometheus/weir.alerts.yaml
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # columns of Grafana's grid

_ALL = 'job=~"$job", instance=~"$instance"'
PLACEHOLDERS = {
    "<all>": _ALL,
    "<decisions>": _ALL + ', worker!~"entities-.*"',
    "<entities>": _ALL + ', worker=~"entities-.*"',
    "<rate>": "$__rate_interval",
}
GREEN, ORANGE, RED = "green", "orange", "red"


def query(expr: str, legend: str = "", *, now: bool = False, form: str = "time_series", exemplars: bool = False) -> dict:
    """`now`: one value at the end of the time range instead of a line over it. `exemplars`: with traces of single payments."""
    for placeholder, text in PLACEHOLDERS.items():
        expr = expr.replace(placeholder, text)
    return {"expr": expr, "legendFormat": legend or "__auto", "instant": now, "range": not now, "format": form,
            "exemplar": exemplars, "editorMode": "code", "datasource": DATASOURCE}


def link(title: str, alert: str) -> dict:
    return {"title": title, "url": f"${{runbook}}#{alert.lower()}", "targetBlank": True}


def go(title: str, dashboard: str) -> dict:
    return {"title": title, "url": f"/d/weir-{dashboard}?${{__url_time_range}}&${{__all_variables}}", "targetBlank": False}


def steps(*borders: tuple[float | None, str]) -> dict:
    """Colours from a value on; the first begins at None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in borders]}


def panel(kind: str, title: str, description: str, queries: list[dict], *, unit: str = "short", width: int = 8, height: int = 8,
          alerts: tuple[str, ...] = (), links: tuple[dict, ...] = (), options: dict | None = None, custom: dict | None = None,
          **defaults) -> dict:
    for number, target in enumerate(queries):
        target["refId"] = chr(ord("A") + number)
    return {
        "type": kind, "title": title, "description": description, "datasource": DATASOURCE, "targets": queries,
        "links": [link(f"Runbook: {alert}", alert) for alert in alerts] + list(links),
        "fieldConfig": {"defaults": {"unit": unit, "custom": custom or {}, **defaults}, "overrides": []},
        "options": options or {}, "gridPos": {"w": width, "h": height},
    }


def lines(title: str, description: str, *queries: dict, stacked: bool = False, log: bool = False, **more) -> dict:
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 25 if stacked else 5, "showPoints": "never", "spanNulls": False,
              "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
              "scaleDistribution": {"type": "log", "log": 10} if log else {"type": "linear"}}
    options = {"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    if not log:
        more.setdefault("min", 0)
    return panel("timeseries", title, description, list(queries), custom=custom, options=options, **more)


def number(title: str, description: str, expr: str, thresholds: dict | None = None, **more) -> dict:
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value", "graphMode": "none",
               "textMode": "auto", "justifyMode": "auto", "orientation": "auto"}
    more = {"width": 4, "height": 4, **more}
    return panel("stat", title, description, [query(expr, now=True)], options=options, color={"mode": "thresholds"},
                 thresholds=thresholds or steps((None, "text")), **more)


def table(title: str, description: str, expr: str, hidden: tuple[str, ...] = ("Time",), **more) -> dict:
    made = panel("table", title, description, [query(expr, now=True, form="table")],
                 options={"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"]}}, **more)
    made["transformations"] = [{"id": "organize", "options": {"excludeByName": dict.fromkeys(hidden, True)}}]
    return made


def heat(title: str, description: str, expr: str, unit: str, **more) -> dict:
    options = {"calculate": False, "cellGap": 1, "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5},
               "yAxis": {"unit": unit, "axisPlacement": "left"}, "rowsFrame": {"layout": "auto"}, "showValue": "never",
               "tooltip": {"mode": "single", "yHistogram": True}, "legend": {"show": True}, "filterValues": {"le": 1e-9},
               "exemplars": {"color": "rgba(255,0,255,0.7)"}}
    return panel("heatmap", title, description, [query(expr, "{{le}}", form="heatmap")], unit="cps", options=options, **more)


def states(title: str, description: str, expr: str, legend: str, **more) -> dict:
    mappings = [{"type": "value", "options": {"1": {"text": "ready", "color": GREEN, "index": 0},
                                              "0": {"text": "not ready", "color": RED, "index": 1}}}]
    return panel("state-timeline", title, description, [query(expr, legend)], mappings=mappings,
                 options={"mergeValues": True, "showValue": "never", "rowHeight": 0.9, "alignValue": "left",
                          "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
                          "tooltip": {"mode": "single", "sort": "none"}},
                 custom={"fillOpacity": 80, "lineWidth": 0}, **more)


def text(title: str, content: str, width: int, height: int) -> dict:
    return {"type": "text", "title": title, "description": "", "gridPos": {"w": width, "h": height}, "links": [],
            "options": {"mode": "markdown", "content": content}, "fieldConfig": {"defaults": {}, "overrides": []},
            "transparent": True}


def row(title: str) -> dict:
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": WIDTH, "h": 1}}


def laid_out(panels: list[dict]) -> list[dict]:
    """Left to right, in lines as high as their highest panel; numbered."""
    x = y = line = 0
    for number, each in enumerate(panels, 1):
        place = each["gridPos"]
        if x + place["w"] > WIDTH:
            x, y, line = 0, y + line, 0
        place["x"], place["y"], each["id"] = x, y, number
        x, line = x + place["w"], max(line, place["h"])
    return panels


def variable_of(name: str, label: str, of: str) -> dict:
    """Every value of a label, one or several or all."""
    return {"type": "query", "name": name, "label": label, "datasource": DATASOURCE, "definition": of,
            "query": {"query": of, "refId": name}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*",
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "hide": 0, "options": [], "regex": "",
            "skipUrlSync": False}


def constant(name: str, value: str) -> dict:
    return {"type": "constant", "name": name, "query": value, "hide": 2, "skipUrlSync": True,
            "current": {"selected": True, "text": value, "value": value}, "options": []}


def entry(name: str, label: str, value: str) -> dict:
    """Something the reader types in."""
    chosen = {"selected": True, "text": value, "value": value}
    return {"type": "textbox", "name": name, "label": label, "query": value, "hide": 0, "skipUrlSync": False, "current": chosen,
            "options": [chosen]}


def annotation(name: str, expr: str, title: str, color: str, enabled: bool = True) -> dict:
    return {"name": name, "datasource": DATASOURCE, "enable": enabled, "hide": False, "iconColor": color,
            "expr": query(expr)["expr"], "titleFormat": title, "step": "30s"}


def dashboard(name: str, title: str, description: str, panels: list[dict], variables: tuple[dict, ...] = ()) -> dict:
    return {
        "uid": f"weir-{name}", "title": f"Weir: {title}", "description": description, "tags": ["weir"], "schemaVersion": 39,
        "version": 1, "editable": True, "graphTooltip": 1, "timezone": "browser", "refresh": "30s", "fiscalYearStartMonth": 0,
        "time": {"from": "now-3h", "to": "now"}, "timepicker": {}, "liveNow": False, "weekStart": "",
        "links": [
            {"type": "dashboards", "title": "Weir", "tags": ["weir"], "asDropdown": False, "includeVars": True, "keepTime": True,
             "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""},
            {"type": "link", "title": "Runbook", "url": "${runbook}", "tags": [], "asDropdown": False, "includeVars": False,
             "keepTime": False, "targetBlank": True, "icon": "doc", "tooltip": "One section for each alert"},
        ],
        "annotations": {"list": [
            annotation("Starts", "changes(process_start_time_seconds{<all>}[1m]) > 0", "{{instance}} started", "blue"),
            annotation("Alerts", 'ALERTS{alertname=~"Weir.*", alertstate="firing", severity=~"page|ticket"}', "{{alertname}}", "red",
                       enabled=False),
        ]},
        "templating": {"list": [
            {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "hide": 0,
             "includeAll": False, "multi": False, "options": [], "refresh": 1, "regex": "", "skipUrlSync": False},
            variable_of("job", "Pipeline", "label_values(weir_ready, job)"),
            variable_of("instance", "Instance", 'label_values(weir_ready{job=~"$job"}, instance)'),
            constant("runbook", RUNBOOK),
            *variables,
        ]},
        "panels": laid_out(panels),
    }
