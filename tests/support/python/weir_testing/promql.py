"""What a PromQL expression asks for: metrics, their labels, labels to group by. No full parser: enough for our own rules."""
import re
from typing import Iterator, NamedTuple

_METRIC = re.compile(r'(?<![\w:"])((?:weir|process)_\w+|[a-z_]+:[a-z_]\w*:\w+|up\b|ALERTS\b)(?:\{([^}]*)\})?')
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_GROUPING = re.compile(r"\b(?:by|on|without|group_left|group_right|ignoring)\s*\(([^)]*)\)")
FROM_PROMETHEUS = {"job", "instance", "alertname", "alertstate", "severity"}  # labels that no exposition has


class Selector(NamedTuple):
    metric: str
    matchers: list[tuple[str, str, str]]  # label, operator, value


def selectors(expr: str) -> Iterator[Selector]:
    for metric, matchers in _METRIC.findall(_GROUPING.sub("", expr)):
        yield Selector(metric, _MATCHER.findall(matchers))


def grouping_labels(expr: str) -> set[str]:
    return {label.strip() for labels in _GROUPING.findall(expr) for label in labels.split(",") if label.strip()}


class Exposed:
    """Metrics of an exposition with the values that each label has there."""

    _LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$", re.MULTILINE)
    _LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text: str):
        self.labels: dict[str, dict[str, set[str]]] = {}
        for metric, labels in self._LINE.findall(text):
            of_metric = self.labels.setdefault(metric, {})
            for label, value in self._LABEL.findall(labels):
                of_metric.setdefault(label, set()).add(value)

    def missing(self, expr: str) -> list[str]:
        """What `expr` asks for and nobody exposes."""
        found = []
        for metric, matchers in selectors(expr):
            if ":" in metric or metric in ("up", "ALERTS"):
                continue
            if metric not in self.labels:
                found.append(f"no metric {metric}")
                continue
            for label, operator, value in matchers:
                if label not in FROM_PROMETHEUS and not self._has(metric, label, operator, value):
                    found.append(f"{metric} has no {label}{operator}{value}")
        known = FROM_PROMETHEUS.union(*self.labels.values())
        return found + [f"no metric has a label {label}" for label in grouping_labels(expr) - known]

    def _has(self, metric: str, label: str, operator: str, value: str) -> bool:
        values = self.labels[metric].get(label)
        if values is None:
            return False
        if operator in ("=", "!="):
            return value in values
        words = value.split("|")
        matched = [any(re.fullmatch(word, one) for one in values) for word in words]
        return any(matched) if label == "le" else all(matched)  # le: 1 in Prometheus 2, 1.0 in 3
