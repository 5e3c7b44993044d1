"""What the Handbook published: the definition of its 15 features, its folds and its metrics, written from the text.

Straightforward numpy over the whole table; shares nothing with the engine that it judges.
"""
import numpy

DAY_S = 86_400
WINDOWS_DAYS = (1, 7, 30)
LABEL_DELAY_S = 7 * DAY_S
TRAIN_STARTS = (115, 122, 129, 136)  # day index: 2018-07-25, 08-01, 08-08, 08-15
# (training rows, frauds, test rows, frauds), as published
FOLD_SIZES = ((67_240, 598, 58_264, 385), (66_975, 626, 57_937, 387), (67_080, 568, 58_337, 408), (67_049, 594, 57_604, 422))

# As configs/handbook.yaml calls them, in its order.
NAMES = ("amount", "weekend", "night",
         *(f"card_{what}_{days}d" for days in WINDOWS_DAYS for what in ("count", "mean_amount")),
         *(f"terminal_{what}_{days}d" for days in WINDOWS_DAYS for what in ("count", "fraud_share")))


def features(table: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """name -> value of every transaction. An empty window has mean 0 and fraud share 0."""
    time_s = table["time_s"]
    day = time_s // DAY_S
    out = {"amount": table["amount_minor"] / 100,
           "weekend": (((day + 6) % 7) >= 5).astype(float),  # day 0, 2018-04-01, was a Sunday
           "night": (time_s % DAY_S // 3600 <= 6).astype(float)}
    out.update({name: numpy.zeros(len(time_s)) for name in NAMES if name not in out})
    for rows in groups(table["customer_id"]):
        when, total = time_s[rows], running(table["amount_minor"][rows])
        last = numpy.arange(1, len(rows) + 1)  # itself included; a later one of the same second is not
        for days in WINDOWS_DAYS:
            first = numpy.searchsorted(when, when - days * DAY_S, "right")
            out[f"card_count_{days}d"][rows] = last - first
            out[f"card_mean_amount_{days}d"][rows] = (total[last] - total[first]) / (100 * (last - first))
    for rows in groups(table["terminal_id"]):
        when, frauds = time_s[rows], running(table["is_fraud"][rows])
        last = numpy.searchsorted(when, when - LABEL_DELAY_S, "right")
        for days in WINDOWS_DAYS:
            first = numpy.searchsorted(when, when - LABEL_DELAY_S - days * DAY_S, "right")
            count = last - first
            out[f"terminal_count_{days}d"][rows] = count
            out[f"terminal_fraud_share_{days}d"][rows] = (frauds[last] - frauds[first]) / numpy.maximum(count, 1)
    return {name: out[name] for name in NAMES}


def groups(ids: numpy.ndarray):
    """The rows of each id, in their order."""
    order = numpy.argsort(ids, kind="stable")
    return numpy.split(order, numpy.flatnonzero(numpy.diff(ids[order])) + 1)


def running(column: numpy.ndarray) -> numpy.ndarray:
    return numpy.concatenate(([0], numpy.cumsum(column)))


def fold(table: dict[str, numpy.ndarray], start: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Rows of the training week that starts at this day, and of its test week without the cards known as compromised."""
    day, fraud, card = table["time_s"] // DAY_S, table["is_fraud"] == 1, table["customer_id"]
    train = numpy.flatnonzero((day >= start) & (day < start + 7))
    test = []
    for k in range(7):
        known = card[fraud & (day >= start) & (day < start + 7 + k)]
        test.append(numpy.flatnonzero((day == start + 14 + k) & ~numpy.isin(card, known)))
    return train, numpy.concatenate(test)


def roc_auc(fraud: numpy.ndarray, score: numpy.ndarray) -> float:
    """Share of (fraud, genuine) pairs in the right order; a tie counts half."""
    _, inverse, counts = numpy.unique(score, return_inverse=True, return_counts=True)
    rank = (numpy.cumsum(counts) - (counts - 1) / 2)[inverse]
    frauds = int(fraud.sum())
    return (rank[fraud == 1].sum() - frauds * (frauds + 1) / 2) / (frauds * (len(fraud) - frauds))


def average_precision(fraud: numpy.ndarray, score: numpy.ndarray) -> float:
    """Step-wise: precision at each threshold, weighted by the recall it adds."""
    order = numpy.argsort(-score, kind="stable")
    ends = numpy.append(numpy.flatnonzero(numpy.diff(score[order])), len(order) - 1)
    hits = numpy.cumsum(fraud[order])[ends]
    return float((hits / (ends + 1) * numpy.diff(hits, prepend=0)).sum() / fraud.sum())


def card_precision(table: dict[str, numpy.ndarray], test: numpy.ndarray, score: numpy.ndarray, top: int = 100) -> float:
    """Mean over the days of: share of compromised cards among the `top` of that day; a card found leaves the later days."""
    day, card, fraud = (table["time_s"] // DAY_S)[test], table["customer_id"][test], table["is_fraud"][test]
    found, shares = set(), []
    for today in numpy.unique(day):
        best = {}
        for c, s, f in zip(card[day == today].tolist(), score[day == today].tolist(), fraud[day == today].tolist()):
            if c not in found:
                known = best.get(c, (0.0, 0))
                best[c] = max(known[0], s), max(known[1], f)
        ranked = sorted(best, key=lambda c: -best[c][0])[:top]
        hits = {c for c in ranked if best[c][1]}
        found |= hits
        shares.append(len(hits) / top)
    return float(numpy.mean(shares))
