"""Seeded data in the shape of pipeline/console/api.md: for states that are hard to make with real payments."""
import hashlib
import random
from datetime import datetime, timedelta, timezone

HOSTILE = '<img src=x onerror="window.hit=1">&amp;"\'</td><script>window.hit=1</script>'
MODEL = {"name": "handbook-blend", "version": "1.1.0", "digest": "sha256:" + "33170dd1" * 8}
REASONS = {
    "amount_high": "{value:.2f} is above the user's usual {low:.2f} to {high:.2f} {currency}",
    "soon_after_last": "{value:.0f} minutes after the payment before; usual are {low:.0f} to {high:.0f}",
    "new_merchant": "The user has never paid here before, in {value:.0f} payments",
    "ordinary": "Nothing is unusual among the user's last {value:.0f} payments",
}


def at(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Source:
    """Payments of a few users at a few merchants, each with its verdict; the same for the same seed."""

    def __init__(self, seed: int = 7):
        self.random = random.Random(seed)
        self.count = 0
        self.now = datetime.now(timezone.utc)

    def summary(self, **fields) -> dict:
        draw, self.count = self.random, self.count + 1
        currency, exponent = draw.choices([("EUR", 2), ("JPY", 0), ("KWD", 3), ("XXX", 2)], [8, 1, 1, 2])[0]
        minor = int(10 ** draw.uniform(2, 5.2))
        p = round(draw.choice([draw.uniform(0.0001, 0.004), draw.uniform(0.004, 0.3), draw.uniform(0.6, 0.99999)]), 6)
        costs = expected_costs(minor / 10 ** exponent, p)
        code = "amount_high" if minor > 30000 else draw.choice(["soon_after_last", "new_merchant", "ordinary"])
        value = {"amount_high": minor / 10 ** exponent, "soon_after_last": 2, "new_merchant": 31, "ordinary": 40}[code]
        made = {
            "verdict_id": hashlib.md5(f"verdict {self.count}".encode()).hexdigest(), "transaction_id": f"p-{100000 + self.count}",
            "user_id": f"C{draw.randrange(1, 40):04}", "merchant_id": f"T{draw.randrange(1, 300):05}",
            "event_time": at(self.now - timedelta(seconds=2)), "amount_minor": minor, "currency": currency, "exponent": exponent,
            "action": costs[0]["action"], "runner_up": costs[1]["action"],
            "cost_gap": round(costs[1]["expected_cost"] - costs[0]["expected_cost"], 4), "p": p,
            "reason": REASONS[code].format(value=value, low=31.2, high=290.4, currency=currency), "degraded": [],
            "duplicate": False, "late": False, "seen_at": at(self.now), "disposition": None}
        self.now += timedelta(seconds=draw.expovariate(0.4))
        return {**made, **fields}

    def queue_case(self, **fields) -> dict:
        made = self.summary(p=round(self.random.uniform(0.3, 0.999), 4), action=self.random.choice(["review", "decline", "challenge"]), **fields)
        minutes = self.random.uniform(1.5, 5)
        saved = made["amount_minor"] / 10 ** made["exponent"] * made["p"]
        return {**made, "money_per_minute": round(saved / minutes, 2), "waiting_s": self.random.randrange(20, 9000), "minutes": round(minutes, 1)}

    def case(self, summary: dict) -> dict:
        """Everything about one verdict."""
        draw = random.Random(summary["verdict_id"])
        major = summary["amount_minor"] / 10 ** summary["exponent"]
        rows = self.timeline(summary, draw)
        reasons = [{"code": "amount_high", "text": summary["reason"], "value": major, "typical_low": 31.2, "typical_high": 290.4, "unit": summary["currency"]},
                   {"code": "unusual_hour", "text": "Paid at 3 o'clock; the user pays from 8 to 23", "value": 3, "typical_low": 8, "typical_high": 23, "unit": "hour"},
                   {"code": "new_merchant", "text": "The user has never paid here before, in 31 payments", "value": 31, "typical_low": None, "typical_high": None, "unit": ""}]
        features = [{"name": name, "value": None if draw.random() < 0.1 else round(draw.expovariate(0.05), 4)} for name in (
            "amount", "amount_ratio", "weekend", "night", "card_count_1d", "card_mean_amount_1d", "card_count_7d", "card_mean_amount_7d", "terminal_count_1d",
            "terminal_fraud_share_1d", "terminal_count_30d", "terminal_fraud_share_30d")]
        others = [self.summary(merchant_id=summary["merchant_id"]) for _ in range(6)]
        named = {"device": "D-7713", "ip": "203.0.113.77", "card": "tok-5512"}
        return {
            "summary": summary,
            "verdict": {**{key: summary[key] for key in ("verdict_id", "transaction_id", "user_id", "event_time", "amount_minor", "currency", "action")},
                        "model": MODEL, "rules": {"digest": "sha256:" + "d686703a" * 8, "fired": []},
                        "input": {"topic": "transactions", "partition": 2, "offset": 6047}},
            "reasons": reasons, "actions": expected_costs(major, summary["p"] or 0.01), "timeline": rows,
            "attention_method": "Share of the model's two looks at the user's past rows; it says what was read, not what was decisive.",
            "usual": [{"name": "amount", "text": "Amount", "low": 31.2, "high": 290.4, "median": 96.1, "this": major, "unit": summary["currency"]},
                      {"name": "gap", "text": "Time since the last", "low": 0.4, "high": 31.0, "median": 7.5, "this": 0.1, "unit": "h"},
                      {"name": "hour", "text": "Hour of day, UTC", "low": 22, "high": 6, "median": None, "this": 3, "unit": "hour"},
                      {"name": "per_day", "text": "Payments a day", "low": 1, "high": 6, "median": 3, "this": 4, "unit": ""}],
            "features": features,
            "entities": [{"kind": "merchant", "id": summary["merchant_id"], "features": features[8:], "profile": {"as_of": rows[-3]["event_time"], "sequence": 11973},
                          "recent": others},
                         *({"kind": kind, "id": id_, "features": [], "profile": None, "recent": others[:2] if kind == "device" else []} for kind, id_ in named.items())],
            "links": [{"kind": "merchant", "id": summary["merchant_id"], "users": 41, "payments": 57, "frauds": None},
                      *({"kind": kind, "id": id_, "users": 3, "payments": 5, "frauds": 1} for kind, id_ in named.items())],
            "kept": {"verdicts": 50_000, "from": rows[0]["event_time"]},
            "missing": [{"what": cause, "why": "no news for 31 s"} for cause in summary["degraded"]], "rules": [], "dispositions": [], "labels": [],
            "derive": f"weir explain {summary['verdict_id']} --config /etc/weir/handbook.yaml"}

    def timeline(self, summary: dict, draw: random.Random) -> list[dict]:
        moment = datetime.fromisoformat(summary["event_time"].replace("Z", "+00:00"))
        gaps = [draw.expovariate(1 / 40000) + 60 for _ in range(23)]
        weights = [draw.random() ** 6 if index >= 7 else None for index in range(23)]
        total = sum(weight for weight in weights if weight)
        times = [moment - timedelta(seconds=sum(gaps[index:])) for index in range(23)]
        past = [{"event_time": at(times[index]), "transaction_id": f"q-{index}", "verdict_id": None if index < 4 else f"{index:032x}",
                 "amount_minor": int(10 ** draw.uniform(3, 4.5)), "merchant_id": f"T{draw.randrange(1, 300):05}", "action": None if index < 4 else "approve",
                 "p": None if index < 4 else round(draw.uniform(0.001, 0.02), 5), "gap_s": None if index == 0 else round(gaps[index - 1]),
                 "label": "fraud" if index == 15 else "good" if index < 12 else None,
                 "attention": None if weights[index] is None else round(weights[index] / total, 4)} for index in range(23)]
        own = {key: summary[key] for key in ("event_time", "transaction_id", "verdict_id", "amount_minor", "merchant_id", "action", "p")}
        return [*past, {**own, "gap_s": round(gaps[-1]), "label": None, "attention": None}]


def expected_costs(major: float, p: float) -> list[dict]:
    costs = {"approve": p * major, "review": 3.0, "decline": 15 * (1 - p)}
    return [{"action": action, "expected_cost": round(cost, 6)} for action, cost in sorted(costs.items(), key=lambda item: item[1])]


def figures(draw: random.Random, **fields) -> dict:
    """One second of a busy instance."""
    load = 900 + draw.uniform(-80, 80)
    steps = {"decode": 0.9, "validate": 0.2, "dedupe": 2.1, "history": 1.9, "windows": 14, "score": 22, "decide": 0.5, "explain": 1.2, "remember": 1.4,
             "emit": 3.1, "link": 0.9}
    made = {
        "at": at(datetime.now(timezone.utc)), "payments_per_second": load, "verdicts_per_second": load, "delay_ms": {"p50": 18 + draw.uniform(-2, 2), "p99": 190 + draw.uniform(-30, 60)},
        "lag_records": draw.randrange(0, 60), "ready": True, "waiting_for": [],
        "by_action_per_second": {"approve": load * 0.983, "review": load * 0.011, "decline": load * 0.006}, "degraded_share": 0.0004,
        "dead_letters_per_second": 0.2,
        "steps": [{"name": name, "per_second": load, "p50_us": value * draw.uniform(0.9, 1.1), "p99_us": value * draw.uniform(4, 9)} for name, value in steps.items()],
        "commit": {"per_second": 46 + draw.uniform(-2, 2), "p50_ms": 6.1, "p99_ms": 41.0}}
    return {**made, **fields}
