#!/usr/bin/env python3
"""The dashboards, in one place: this file writes the JSON beside it, which Grafana imports. What they are made of is in parts.py.

    dashboards.py            writes overview.json, path.json, state.json, model.json, decisions.json
    dashboards.py --check    ends with 1 and names the files that are not what this would write
"""
import json
import sys
from pathlib import Path

from parts import GREEN, ORANGE, RED, dashboard, entry, go, heat, lines, number, query, row, states, steps, table, text

HERE = Path(__file__).resolve().parent


# -- panels that more than one dashboard shows


def delay() -> dict:
    return lines(
        "Delay of verdicts", "From the payment's record to its committed verdict. The objective is 99.9 % within 1 s. p50 is made of "
        "the commit interval; a p99 that rises alone is made by slow commits, one that rises with the waiting payments by load. "
        "The points are single payments: each leads to its trace, where callers send one or tracing.endpoint is set.",
        query("histogram_quantile(0.5, sum by (le) (rate(weir_verdict_delay_seconds_bucket{<decisions>}[<rate>])))", "p50"),
        query("histogram_quantile(0.99, sum by (le) (rate(weir_verdict_delay_seconds_bucket{<decisions>}[<rate>])))", "p99",
              exemplars=True),
        query("histogram_quantile(0.999, sum by (le) (rate(weir_verdict_delay_seconds_bucket{<decisions>}[<rate>])))", "p99.9"),
        unit="s", log=True, alerts=("WeirVerdictDelayBurnFast",), links=(go("Where the time goes", "path"),),
        thresholds=steps((None, GREEN), (1, RED)))


def degraded() -> dict:
    return lines(
        "Degraded verdicts", "Share of payments that were not decided from everything they should be decided from. no_model, "
        "score_invalid: look at the model. profile_stale, profile_down: look at stage entities.",
        query("sum by (cause) (rate(weir_degraded_total{<decisions>}[<rate>])) / on () group_left () "
              "sum(rate(weir_verdicts_total{<decisions>}[<rate>]))", "{{cause}}"),
        unit="percentunit", alerts=("WeirModelFails", "WeirProfilesStale"))


def dead_letters() -> dict:
    return lines(
        "Dead letters", "Records that are not what their topic is for, by topic and reason. `weir tap dead-letters` shows them: a new "
        "reason is mostly a new version of a producer.",
        query("sum by (input, reason) (rate(weir_dead_letters_total{<all>}[<rate>]))", "{{input}}: {{reason}}"),
        unit="cps", stacked=True, alerts=("WeirDeadLettersMany", "WeirDeadLetters", "WeirPoison"))


def verdicts() -> dict:
    return lines(
        "Verdicts by action", "What was decided. Repeats of a verdict count again.",
        query("sum by (action) (rate(weir_verdicts_total{<decisions>}[<rate>]))", "{{action}}"), unit="cps", stacked=True,
        links=(go("What was decided", "decisions"),))


def waiting() -> dict:
    return lines(
        "Payments waiting", "Records not yet processed, by worker. One worker far above the others: a partition with more load than "
        "others, or stopped. All of them rising: more payments than the workers can decide.",
        query("sum by (instance, worker) (weir_consumer_lag_records{<decisions>})", "{{instance}} worker {{worker}}"),
        alerts=("WeirLagGrows",))


def commits() -> dict:
    return lines(
        "Commits", "Transactions by outcome. Aborted ones run again; fenced and unknown end the process.",
        query("sum by (outcome) (rate(weir_commits_total{<decisions>}[<rate>]))", "{{outcome}}"), unit="cps",
        alerts=("WeirCommitsFail", "WeirTransactionInDoubt"))


# -- the dashboards


def overview() -> dict:
    return dashboard("overview", "overview", "Is every payment decided, in time and from everything it should be decided from?", [
        number("Late verdicts, last hour", "Share that took more than 1 s; 0.1 % may. Red: wake somebody.",
               'max(job:weir_verdict_late:ratio_rate1h{job=~"$job"})', steps((None, GREEN), (0.001, ORANGE), (0.0144, RED)),
               unit="percentunit", decimals=3, alerts=("WeirVerdictDelayBurnFast",)),
        number("Pace of the budget, six hours", "1: the late verdicts that a month may have are spent in a month. 6: in five days.",
               'max(job:weir_verdict_late:ratio_rate6h{job=~"$job"}) / 0.001', steps((None, GREEN), (1, ORANGE), (6, RED)),
               unit="none", decimals=1, alerts=("WeirVerdictDelayBurnSlow",)),
        number("Oldest payment waiting", "How old the newest decided payment is while others wait behind it, in the worst partition. "
               "Red: payments wait.", "max(weir_consumer_lag_seconds{<decisions>})", steps((None, GREEN), (5, ORANGE), (30, RED)),
               unit="s", alerts=("WeirPaymentsWait",)),
        number("Payments a second", "Read from the input topic.", "sum(rate(weir_events_consumed_total{<decisions>}[<rate>]))",
               unit="cps", alerts=("WeirPaymentsStopped",)),
        number("Instances not ready", "Known to Prometheus, and down or without some of their partitions. /readyz of the instance says "
               "what it waits for.", "count(up{<all>}) - (sum(weir_ready{<all>}) or vector(0))", steps((None, GREEN), (1, RED)),
               alerts=("WeirNotReady", "WeirInstanceDown"), links=(go("Restores", "state"),)),
        number("Partitions stopped", "They need a person: the log of the instance says why.", "sum(weir_stopped_partitions{<all>})",
               steps((None, GREEN), (1, RED)), alerts=("WeirPartitionsStopped",)),
        text("Where to go from here", "\n".join((
            "| you see | go to |", "|---|---|",
            "| late, waiting, commits fail | [path](/d/weir-path?${__url_time_range}&${__all_variables}) |",
            "| not ready, stopped, profiles stale | [state](/d/weir-state?${__url_time_range}&${__all_variables}) |",
            "| no scores, labels missing | [model](/d/weir-model?${__url_time_range}&${__all_variables}) |",
            "| more declines, more reviews | [decisions](/d/weir-decisions?${__url_time_range}&${__all_variables}) |",
            "| an alert | its section of the [runbook](${runbook}) |")), 8, 8),
        table("Alerts firing", "The name is the section of the runbook.",
              'count by (alertname, severity) (ALERTS{alertname=~"Weir.*", alertstate="firing"}) '
              'or label_replace(vector(0), "alertname", "none", "", "")', unit="none"),
        lines("Payments in, verdicts out", "They should lie on each other. Below: payments wait, or become dead letters.",
              query("sum(rate(weir_events_consumed_total{<decisions>}[<rate>]))", "records read"),
              query("sum(rate(weir_verdicts_total{<decisions>}[<rate>]))", "verdicts"),
              query('sum(rate(weir_dead_letters_total{<decisions>, input="transactions"}[<rate>]))', "dead letters"), unit="cps"),
        delay(), waiting(), verdicts(),
        degraded(), dead_letters(), commits(),
        states("Readiness", "Green: the instance decides payments of all its partitions.", "weir_ready{<all>}", "{{instance}}",
               width=16, height=6, alerts=("WeirNotReady",)),
        lines("Starts in half an hour", "More than one is no deployment: look at the end of the log and the exit code.",
              query("changes(process_start_time_seconds{<all>}[30m])", "{{instance}}"), unit="none", height=6, decimals=0,
              alerts=("WeirRestarting",)),
    ])


def path() -> dict:
    return dashboard("path", "path of a payment", "Where the time of a payment goes, and what holds it up.", [
        delay(),
        heat("Delay of verdicts, all of them", "Payments a second by delay. A second band far above the first is a partition that "
             "waits, or slow commits.", "sum by (le) (rate(weir_verdict_delay_seconds_bucket{<decisions>}[<rate>]))", "s", width=16),
        row("Load"),
        lines("Payments by worker", "Partitions are users, so a worker far above others has busier users or more partitions.",
              query("sum by (instance, worker) (rate(weir_events_consumed_total{<decisions>}[<rate>]))",
                    "{{instance}} worker {{worker}}"), unit="cps", stacked=True),
        waiting(),
        lines("Age of what waits", "By worker, 0 when nothing waits.",
              query("max by (instance, worker) (weir_consumer_lag_seconds{<decisions>})", "{{instance}} worker {{worker}}"), unit="s",
              alerts=("WeirPaymentsWait",)),
        lines("CPU", "Cores that each instance uses. At the number of its workers it is full: more instances, as long as there are "
              "partitions for them.", query("sum by (instance) (rate(process_cpu_seconds_total{<all>}[<rate>]))", "{{instance}}"),
              unit="none", alerts=("WeirLagGrows",)),
        lines("Payments per second of CPU", "Falls when batches are short (little load), payments are expensive, or the model is.",
              query("sum by (instance) (rate(weir_events_consumed_total{<decisions>}[<rate>])) / "
                    "sum by (instance) (rate(process_cpu_seconds_total{<all>}[<rate>]))", "{{instance}}")),
        lines("Payments in a batch", "Short batches are low load; at batch.records_max (128 unless set) the worker has a backlog.",
              query("sum by (instance) (rate(weir_events_consumed_total{<decisions>}[<rate>])) / sum by (instance) "
                    '(rate(weir_step_duration_seconds_count{<decisions>, step="consume"}[<rate>]))', "{{instance}}"), unit="none"),
        row("Steps"),
        lines("Time by step", "Seconds of each second that workers spend in a step. consume is mostly waiting; else the widest band is "
              "where to look.", query("sum by (step) (rate(weir_step_duration_seconds_sum{<decisions>}[<rate>]))", "{{step}}"),
              unit="s", stacked=True, width=12),
        lines("Time of a payment by step", "Time in a step, divided by payments.",
              query("sum by (step) (rate(weir_step_duration_seconds_sum{<decisions>, step!=\"consume\"}[<rate>])) / on () group_left () "
                    "sum(rate(weir_events_consumed_total{<decisions>}[<rate>]))", "{{step}}"), unit="s", stacked=True, width=12),
        lines("Slowest batches by step", "p99 of a batch in a step.",
              query("histogram_quantile(0.99, sum by (le, step) "
                    '(rate(weir_step_duration_seconds_bucket{<decisions>, step!="consume"}[<rate>])))', "{{step}}"), unit="s", log=True),
        lines("Commit", "Duration of commits. Slow ones are the broker's: replication, disk, or network.",
              query('histogram_quantile(0.5, sum by (le) (rate(weir_step_duration_seconds_bucket{<decisions>, step="commit"}[<rate>])))',
                    "p50"),
              query('histogram_quantile(0.99, sum by (le) (rate(weir_step_duration_seconds_bucket{<decisions>, step="commit"}[<rate>])))',
                    "p99"),
              query("max(weir_commit_interval_seconds{<decisions>})", "interval in force"), unit="s"),
        commits(),
        row("What is unusual about the input"),
        dead_letters(),
        lines("Repeats, late and out of order", "Share of payments. Repeats: a producer sends again. Late: older than input.lateness "
              "against the user's newest, scored against current state.",
              query("sum(rate(weir_duplicates_total{<decisions>}[<rate>])) / sum(rate(weir_events_consumed_total{<decisions>}[<rate>]))",
                    "repeats"),
              query("sum(rate(weir_late_total{<decisions>}[<rate>])) / sum(rate(weir_events_consumed_total{<decisions>}[<rate>]))",
                    "late"),
              query("sum(rate(weir_out_of_order_total{<decisions>}[<rate>])) / "
                    "sum(rate(weir_events_consumed_total{<decisions>}[<rate>]))", "out of order"),
              query("sum(rate(weir_tombstones_total{<decisions>}[<rate>])) / sum(rate(weir_events_consumed_total{<decisions>}[<rate>]))",
                    "empty"), unit="percentunit"),
        lines("Rebalances and new producers", "Within five minutes. Rebalances without a deployment: an instance misses its heartbeats.",
              query("sum by (instance) (increase(weir_rebalances_total{<all>}[5m]))", "{{instance}} rebalances"),
              query("sum by (instance) (increase(weir_producer_renewals_total{<all>}[5m]))", "{{instance}} new producers"), unit="none"),
        row("Traces and schemas"),
        lines("Spans", "Taken by the collector; dropped for want of room; refused or given up. Lost spans never hold up a payment.",
              query("sum(rate(weir_spans_sent_total{<all>}[<rate>]))", "sent"),
              query("sum(rate(weir_spans_dropped_total{<all>}[<rate>]))", "dropped"),
              query("sum(rate(weir_spans_failed_total{<all>}[<rate>]))", "failed"), unit="cps", width=12, alerts=("WeirSpansLost",)),
        lines("Headers that are no traceparent", "A caller writes them wrongly; they are ignored.",
              query("sum(rate(weir_bad_traceparents_total{<decisions>}[<rate>]))", "a second"), unit="cps", width=12),
        lines("Schema registry", "Requests for schemas: one for each new schema, none otherwise. Failed: payments with new schemas wait.",
              query("sum by (result) (rate(weir_registry_requests_total{<decisions>}[<rate>]))", "{{result}}"), unit="cps", width=12,
              alerts=("WeirRegistryFails",)),
    ])


def state() -> dict:
    return dashboard("state", "state", "Is what Weir remembers complete, at hand and current?", [
        number("Partitions owned", "Of the input, by all instances chosen.", "sum(weir_assigned_partitions{<decisions>})",
               alerts=("WeirPartitionsUnowned",)),
        number("To be restored", "Owned, neither restored nor stopped.",
               "sum(weir_assigned_partitions{<all>}) - sum(weir_restored_partitions{<all>}) - sum(weir_stopped_partitions{<all>})",
               steps((None, GREEN), (1, ORANGE)), alerts=("WeirRestoreStuck",)),
        number("Stopped", "They need a person: the log says why.", "sum(weir_stopped_partitions{<all>})", steps((None, GREEN), (1, RED)),
               alerts=("WeirPartitionsStopped",)),
        number("Stores rebuilt, last day", "Refused as damaged or foreign. One: look at the disk; several: at the machine.",
               "sum(increase(weir_store_rebuilds_total{<all>}[1d]))", steps((None, GREEN), (1, ORANGE)), decimals=0,
               alerts=("WeirStoreRebuilt",)),
        number("Profiles in memory", "Merchants, devices, addresses and cards of which payments can see the past.",
               "max(weir_profiles{<all>})"),
        number("Profiles behind, p99", "Over five minutes. Beyond entities.max_staleness (60 s unless set) they are not used.",
               "histogram_quantile(0.99, sum by (le) (rate(weir_profile_staleness_seconds_bucket{<decisions>}[5m])))",
               steps((None, GREEN), (5, ORANGE), (60, RED)), unit="s", alerts=("WeirProfilesStale",)),
        row("Restore"),
        lines("Partitions", "Owned and restored; apart while a restore runs.",
              query("sum by (instance) (weir_assigned_partitions{<all>})", "{{instance}} owned"),
              query("sum by (instance) (weir_restored_partitions{<all>})", "{{instance}} restored"), unit="none",
              alerts=("WeirNotReady",)),
        lines("Changelog records to read", "Falls to 0 during a restore. A level line is a restore that stands still.",
              query("sum by (instance, worker) (weir_restore_remaining_records{<all>})", "{{instance}} worker {{worker}}"),
              query("sum(rate(weir_restore_records_total{<all>}[<rate>]))", "read a second"), alerts=("WeirRestoreStuck",)),
        lines("Last restore took", "By worker. A clean stop leaves little to restore.",
              query("max by (instance, worker) (weir_restore_duration_seconds{<all>})", "{{instance}} worker {{worker}}"), unit="s"),
        row("Users"),
        lines("Found in memory", "Share of users that were at hand. Below 0.9 most payments read the disk: raise state.hot_bytes.",
              query('sum by (instance) (rate(weir_hot_set_lookups_total{<decisions>, result="hit"}[<rate>])) / '
                    "sum by (instance) (rate(weir_hot_set_lookups_total{<decisions>}[<rate>]))", "{{instance}}"), unit="percentunit",
              max=1),
        lines("Memory of users", "At hand, and of that not yet written to disk.",
              query("sum by (instance) (weir_hot_set_bytes{<all>})", "{{instance}} at hand"),
              query("sum by (instance) (weir_hot_set_dirty_bytes{<all>})", "{{instance}} not written"), unit="bytes"),
        lines("Users at hand", "By worker; of stage entities these are merchants, devices, addresses and cards.",
              query("sum by (instance, worker) (weir_hot_set_users{<all>})", "{{instance}} worker {{worker}}")),
        lines("Stores on disk", "All partitions of an instance.", query("sum by (instance) (weir_state_disk_bytes{<all>})",
                                                                        "{{instance}}"), unit="bytes"),
        lines("Memory of the process", "Resident. Users, profiles, the model, and what librdkafka buffers.",
              query("process_resident_memory_bytes{<all>}", "{{instance}}"),
              query("weir_profile_bytes{<all>}", "{{instance}} profiles"), unit="bytes"),
        lines("File descriptors", "Share of the limit that is open: every partition has a store.",
              query("process_open_fds{<all>} / process_max_fds{<all>}", "{{instance}}"), unit="percentunit",
              alerts=("WeirFileDescriptors",)),
        row("Merchants, devices, addresses and cards"),
        lines("What payments found", "Share of lookups. stale and down are degraded verdicts; none: no past worth a profile.",
              query("sum by (state) (rate(weir_profile_lookups_total{<decisions>}[<rate>])) / on () group_left () "
                    "sum(rate(weir_profile_lookups_total{<decisions>}[<rate>]))", "{{state}}"), unit="percentunit", stacked=True,
              max=1, alerts=("WeirProfilesStale",)),
        lines("How far profiles were behind", "When payments looked.",
              query("histogram_quantile(0.5, sum by (le) (rate(weir_profile_staleness_seconds_bucket{<decisions>}[<rate>])))", "p50"),
              query("histogram_quantile(0.99, sum by (le) (rate(weir_profile_staleness_seconds_bucket{<decisions>}[<rate>])))", "p99"),
              unit="s", log=True, alerts=("WeirProfileStageLags",)),
        lines("Stage entities", "What it has not read, and how old that is.",
              query("sum(weir_consumer_lag_records{<entities>})", "records waiting"),
              query("max(weir_consumer_lag_seconds{<entities>})", "seconds behind"),
              query("sum(weir_assigned_partitions{<entities>})", "partitions owned"), unit="none",
              alerts=("WeirProfileStageDown", "WeirProfileStageLags")),
        lines("Records of the stage", "Read from topic entities, and profiles read back by all instances.",
              query("sum(rate(weir_events_consumed_total{<entities>}[<rate>]))", "entity records"),
              query("sum(rate(weir_profile_records_total{<all>}[<rate>]))", "profiles read"),
              query("sum(rate(weir_profile_bad_records_total{<all>}[<rate>]))", "profiles refused"),
              query('sum(rate(weir_dead_letters_total{<entities>, input="entities"}[<rate>]))', "entity records refused"), unit="cps",
              alerts=("WeirProfilesRefused", "WeirEntityRecordsRefused")),
        lines("Commits of the stage", "By outcome. None at all while payments flow: its worker has failed and is tried again.",
              query("sum by (outcome) (rate(weir_commits_total{<entities>}[<rate>]))", "{{outcome}}"), unit="cps",
              alerts=("WeirProfileStageDown",)),
        lines("Profiles", "Each instance keeps all of them, so the lines lie on each other.", query("weir_profiles{<all>}",
                                                                                                    "{{instance}}")),
    ])


def model() -> dict:
    above = ('1 - sum(rate(weir_score_bucket{{<decisions>, le="{0}"}}[<rate>])) / sum(rate(weir_score_count{{<decisions>}}[<rate>]))')
    return dashboard("model", "model", "Which model decides, what it says, and what labels say of it.", [
        table("Models in use", "Instances by model. More than one row outside a deployment: the same payment would get two verdicts.",
              "count by (name, version, digest) (weir_model_info{<all>})", width=16, height=5, unit="none",
              alerts=("WeirModelsDiffer", "WeirModelChanged", "WeirModelOld")),
        table("Builds in use", "Instances by build.", "count by (version, revision) (weir_build_info{<all>})", width=8, height=5,
              unit="none"),
        row("Scores"),
        heat("Scores", "Payments a second by calibrated probability of fraud. A band that moves is another model, other payments, or "
             "features that went missing.", "sum by (le) (rate(weir_score_bucket{<decisions>}[<rate>]))", "percentunit", width=12),
        lines("Share of payments above a score", "Against the day before. A step without a new model is a change of the input.",
              query(above.format("0.1"), "above 0.1"), query(above.format("0.4"), "above 0.4"), query(above.format("0.8"), "above 0.8"),
              unit="percentunit", width=12, alerts=("WeirDeclinesUnusual", "WeirReviewsUnusual")),
        lines("Mean score", "Of a calibrated model it is the share of frauds to expect.",
              query("sum(rate(weir_score_sum{<decisions>}[<rate>])) / sum(rate(weir_score_count{<decisions>}[<rate>]))", "mean"),
              unit="percentunit"),
        degraded(),
        lines("Time of a model call", "One batch in step score.",
              query('histogram_quantile(0.5, sum by (le) (rate(weir_step_duration_seconds_bucket{<decisions>, step="score"}[<rate>])))',
                    "p50"),
              query('histogram_quantile(0.99, sum by (le) (rate(weir_step_duration_seconds_bucket{<decisions>, step="score"}[<rate>])))',
                    "p99"), unit="s"),
        row("Labels"),
        lines("Labels by outcome", "applied: they count. waiting: their payment has not come. expired: no window reaches back to it. "
              "unused: no feature reads them.",
              query("sum by (outcome) (rate(weir_labels_total{<all>}[<rate>]))", "{{outcome}}"), unit="cps", stacked=True,
              alerts=("WeirLabelsMissing",)),
        lines("Labels by source", "Who says so. A source that stopped is a batch that failed.", query("sum by (source) (rate(weir_labels_total{<all>}[<rate>]))", "{{source}}"),
              unit="cps", stacked=True),
        lines("Labels that say fraud", "Share by source. A source that always says the same tells the model nothing.",
              query('sum by (source) (increase(weir_labels_total{<all>, fraud="true"}[1d])) / '
                    "sum by (source) (increase(weir_labels_total{<all>}[1d]))", "{{source}}"), unit="percentunit"),
        lines("Labels not read", "They count from when they are read.",
              query("sum by (instance) (weir_label_lag_records{<all>})", "{{instance}}"), alerts=("WeirLabelLag",)),
        lines("Labels refused and given up", "Refused: not labels at all. Given up: more than 1,024 waited for payments of one user, "
              "merchant, device, address or card.",
              query('sum(rate(weir_dead_letters_total{<decisions>, input="labels"}[<rate>]))', "refused"),
              query("sum(rate(weir_waiting_labels_dropped_total{<all>}[<rate>]))", "given up"), unit="cps", width=16,
              alerts=("WeirLabelsRefused", "WeirLabelsCrowdedOut")),
        lines("From the payment to its label", "Over a day, by source. Longer than a feature's delay: it counts frauds as genuine.",
              query("histogram_quantile(0.5, sum by (le, source) (increase(weir_label_delay_seconds_bucket{<all>}[1d])))",
                    "{{source}} p50"),
              query("histogram_quantile(0.9, sum by (le, source) (increase(weir_label_delay_seconds_bucket{<all>}[1d])))",
                    "{{source}} p90"), unit="s", width=16),
    ])


def decisions() -> dict:
    share = ("sum by (action) (rate(weir_verdicts_total{<decisions>}[<rate>])) / on () group_left () "
             "sum(rate(weir_verdicts_total{<decisions>}[<rate>]))")
    of_a_day = ("sum by (action) (increase(weir_verdicts_total{<decisions>}[1d])) / on () group_left () "
                "sum(increase(weir_verdicts_total{<decisions>}[1d]))")
    reviewed = 'sum(increase(weir_verdicts_total{<decisions>, action=~"review|challenge"}[1d]))'
    return dashboard("decisions", "decisions", "What was decided, what is unusual about it, and what it costs in work.", [
        number("Payments, last day", "Verdicts of 24 hours.", "sum(increase(weir_verdicts_total{<decisions>}[1d]))", decimals=0),
        number("Declined, last day", "Customers who were turned away.",
               'sum(increase(weir_verdicts_total{<decisions>, action=~"decline|block"}[1d]))', decimals=0,
               alerts=("WeirDeclinesUnusual",)),
        number("For people, last day", "Reviews and challenges: the queue to staff.", reviewed, decimals=0,
               alerts=("WeirReviewsUnusual",)),
        number("Spent on them, last day", "At the price above, which should be decide.costs.review.", f"{reviewed} * $review_cost",
               decimals=0, unit="none", alerts=("WeirReviewsUnusual",)),
        number("Without a score, last day", "Decided by the safe action or the prior.",
               'sum(increase(weir_degraded_total{<decisions>, cause=~"no_model|score_invalid|poison"}[1d]))',
               steps((None, GREEN), (1, ORANGE)), decimals=0, alerts=("WeirModelFails",)),
        number("Refused, last day", "Dead letters: no verdict.",
               'sum(increase(weir_dead_letters_total{<decisions>, input="transactions"}[1d]))',
               steps((None, GREEN), (1, ORANGE)), decimals=0, alerts=("WeirDeadLetters",)),
        verdicts(),
        lines("Share of each action", "Now. Compare with the day, to the right; a step is a new model, new costs, other payments, or an "
              "attack.", query(share, "{{action}}"), unit="percentunit", log=True,
              alerts=("WeirDeclinesUnusual", "WeirReviewsUnusual")),
        lines("Share of each action, of a day", "The 24 hours before each moment.", query(of_a_day, "{{action}}"), unit="percentunit",
              log=True),
        lines("Declined or for people, against the day", "1: as usual. 2: twice the share of the day.",
              query('(' + share.replace("<decisions>", '<decisions>, action=~"decline|review"', 1) + ') / (' +
                    of_a_day.replace("<decisions>", '<decisions>, action=~"decline|review"', 1) + ')', "{{action}}"), unit="none",
              alerts=("WeirDeclinesUnusual", "WeirReviewsUnusual")),
        lines("Money by action", "Major units of each currency a second; other: all currencies that are not in metrics.currencies, added "
              "up as they are. A repeated payment counts once.",
              query("sum by (action, currency) (rate(weir_amount_total{<decisions>}[<rate>]))", "{{action}} {{currency}}"), unit="none",
              log=True),
        lines("Money declined in half an hour", "By currency. A leap without more declines is a few large payments: look at them.",
              query('job_currency:weir_amount_declined:increase30m{job=~"$job"}', "{{currency}}"), unit="none",
              alerts=("WeirDeclinedAmountLeaps",)),
        lines("Mean amount by action", "Of first verdicts and repeats together, so a little low where many are repeats.",
              query("sum by (action, currency) (rate(weir_amount_total{<decisions>}[<rate>])) / on (action) group_left () "
                    "(sum by (action) (rate(weir_verdicts_total{<decisions>}[<rate>])) > 0)", "{{action}} {{currency}}"), unit="none"),
        lines("High scores and declines", "They move together, unless costs or amounts changed.",
              query('1 - sum(rate(weir_score_bucket{<decisions>, le="0.6"}[<rate>])) / '
                    "sum(rate(weir_score_count{<decisions>}[<rate>]))", "score above 0.6"),
              query('sum(rate(weir_verdicts_total{<decisions>, action=~"decline|block"}[<rate>])) / '
                    "sum(rate(weir_verdicts_total{<decisions>}[<rate>]))", "declined"), unit="percentunit",
              links=(go("What the model says", "model"),)),
        degraded(),
        lines("Frauds reported a day", "Labels that say fraud, by source, over 24 hours. They come days late.",
              query('sum by (source) (increase(weir_labels_total{<all>, fraud="true"}[1d]))', "{{source}}"), unit="none", width=12,
              alerts=("WeirLabelsMissing",)),
        lines("Repeated and late payments", "A repeat gets its first verdict again; a late one is scored against current state.",
              query("sum(rate(weir_duplicates_total{<decisions>}[<rate>]))", "repeats"),
              query("sum(rate(weir_late_total{<decisions>}[<rate>]))", "late"), unit="cps", width=12),
    ], (entry("review_cost", "Price of a review", "3"),))


DASHBOARDS = {"overview": overview, "path": path, "state": state, "model": model, "decisions": decisions}


def files() -> dict[Path, str]:
    return {HERE / f"{name}.json": json.dumps(make(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
            for name, make in DASHBOARDS.items()}


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__.strip(), file=sys.stderr)
        return 64
    stale = [file for file, content in files().items() if not file.exists() or file.read_text(encoding="utf-8") != content]
    for file in stale:
        if arguments:
            print(f"{file}: not what dashboards.py writes; run it")
        else:
            file.write_text(files()[file], encoding="utf-8")
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
