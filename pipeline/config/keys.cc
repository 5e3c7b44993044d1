#include "pipeline/config/keys.h"

#include <array>

#include "pipeline/config/features.h"
#include "pipeline/config/text_forms.h"

namespace weir::config {
namespace {

using namespace std::chrono_literals;  // the table reads better with 20ms
using std::chrono::milliseconds;

constexpr std::uint64_t kKiB = 1ULL << 10;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr double kPriceMax = 1e9;
constexpr double kDefaultMax = 1e15;

constexpr std::array<std::string_view, 2> kDeliveries = {"exactly_once", "at_least_once"};
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 4> kInputFormats = {"json", "avro", "protobuf", "auto"};
constexpr std::array<std::string_view, 3> kVerdictFormats = {"json", "avro", "protobuf"};
constexpr std::array<std::string_view, 2> kLogFormats = {"text", "json"};
constexpr std::array<std::string_view, 2> kFuturePolicies = {"dead_letter", "clamp"};
constexpr std::array<std::string_view, 3> kSafeActions = {"approve", "review", "decline"};

// A field of Config, by its member path. Keys with a `*` have functions of their own below.
#define WEIR_FIELD(member) ([](Config & c, std::string_view) -> auto& { return c.member; })

// The same for an entry of `features`.
#define WEIR_FEATURE_FIELD(member)                  \
  [](Config & c, std::string_view index) -> auto& { \
    return feature(c, index).member;                \
  }

std::size_t get_transactions_format(const Config& c, std::string_view) {
  return static_cast<std::size_t>(c.operators.transactions.format);
}
void set_transactions_format(Config& c, std::string_view, std::size_t i) {
  c.operators.transactions.format = static_cast<operators::InputFormat>(i);
}
std::size_t get_labels_format(const Config& c, std::string_view) {
  return static_cast<std::size_t>(c.operators.labels.format);
}
void set_labels_format(Config& c, std::string_view, std::size_t i) {
  c.operators.labels.format = static_cast<operators::InputFormat>(i);
}
std::size_t get_verdicts_format(const Config& c, std::string_view) {
  return static_cast<std::size_t>(c.operators.verdicts);
}
void set_verdicts_format(Config& c, std::string_view, std::size_t i) {
  c.operators.verdicts = static_cast<operators::VerdictFormat>(i);
}
std::vector<std::string>& payment_path(Config& c, std::string_view field) {
  return c.operators.transactions.mapping[std::string(field)];
}
std::vector<std::string>& label_path(Config& c, std::string_view field) {
  return c.operators.labels.mapping[std::string(field)];
}

std::string& kafka_property(Config& c, std::string_view name) {
  return c.kafka.properties[std::string(name)];
}
operators::Costs& costs_of(Config& c, std::string_view currency) {
  return c.operators.decide.by_currency[std::string(currency)];
}
double& loss_share_of(Config& c, std::string_view currency) {
  return costs_of(c, currency).fraud_loss_share;
}
double& false_decline_of(Config& c, std::string_view currency) {
  return costs_of(c, currency).false_decline;
}
double& review_of(Config& c, std::string_view currency) {
  return costs_of(c, currency).review;
}

std::size_t get_delivery(const Config& c, std::string_view) {
  return static_cast<std::size_t>(c.delivery);
}
void set_delivery(Config& c, std::string_view, std::size_t i) {
  c.delivery = static_cast<Delivery>(i);
}
std::size_t get_log_level(const Config& c, std::string_view) {
  return static_cast<std::size_t>(c.log_level);
}
void set_log_level(Config& c, std::string_view, std::size_t i) {
  c.log_level = static_cast<LogLevel>(i);
}
std::size_t get_log_format(const Config& c, std::string_view) {
  return static_cast<std::size_t>(c.log_format);
}
void set_log_format(Config& c, std::string_view, std::size_t i) {
  c.log_format = static_cast<LogFormat>(i);
}
std::size_t get_future(const Config& c, std::string_view) {
  return c.operators.input.clamp_future ? 1 : 0;
}
void set_future(Config& c, std::string_view, std::size_t i) {
  c.operators.input.clamp_future = i == 1;
}
std::size_t get_safe_action(const Config& c, std::string_view) {
  for (std::size_t i = 0; i < kSafeActions.size(); ++i) {
    if (kSafeActions[i] == c.operators.decide.safe_action) return i;
  }
  return 1;  // review
}
void set_safe_action(Config& c, std::string_view, std::size_t i) {
  c.operators.decide.safe_action = kSafeActions[i];
}

FeatureConfig& feature(Config& c, std::string_view index) {
  return c.features[feature_index(index)];
}
/// A choice among names that is kept as its index.
template <std::size_t FeatureConfig::*kMember>
constexpr ChoiceKey feature_choice(std::span<const std::string_view> options) {
  return {options,
          [](const Config& c, std::string_view i) { return c.features[feature_index(i)].*kMember; },
          [](Config& c, std::string_view i, std::size_t v) { feature(c, i).*kMember = v; }};
}

constexpr TextKey topic(Field<std::string> field) {
  return {field, is_topic_name, "1 to 249 letters, digits, '.', '_' or '-'"};
}

// Sections in the order in which a newcomer needs them; `weir check --keys` prints this order.
const Key kKeys[] = {
    {"kafka.brokers",
     TextKey{WEIR_FIELD(kafka.brokers), is_broker_list, "host:port, several separated by commas"},
     "Brokers to find the cluster by.", true},
    {"kafka.group_id",
     TextKey{WEIR_FIELD(kafka.group_id), is_identity, "1 to 64 letters, digits, '.', '_' or '-'"},
     "Consumer group. All instances of one pipeline share it; a new name starts at the beginning "
     "of the topics."},
    {"kafka.properties.*", TextKey{kafka_property, nullptr, "text"},
     "Any other librdkafka property, passed on unchanged: security.protocol, sasl.password_file, "
     "..."},

    {"topics.transactions", topic(WEIR_FIELD(topics.transactions)), "Payments in. Key: user_id."},
    {"topics.labels", topic(WEIR_FIELD(topics.labels)), "Fraud labels in. Key: user_id."},
    {"topics.verdicts", topic(WEIR_FIELD(topics.verdicts)), "One verdict for each payment out."},
    {"topics.features", topic(WEIR_FIELD(topics.features)),
     "All model inputs and outputs of each payment out."},
    {"topics.dead_letters", topic(WEIR_FIELD(topics.dead_letters)),
     "Records that are not payments, with reason and origin. When it cannot be written, the "
     "partition stops."},
    {"topics.metrics", topic(WEIR_FIELD(topics.metrics)),
     "Windowed figures of each instance, as JSON."},
    {"topics.state", topic(WEIR_FIELD(topics.state)),
     "Changelog of the state, internal and compacted; created when missing, with the partitions of "
     "the input."},
    {"topics.entities", topic(WEIR_FIELD(topics.entities)),
     "Payments and labels by merchant, device, ip and card, internal. Key: kind and id."},
    {"topics.entity_profiles", topic(WEIR_FIELD(topics.entity_profiles)),
     "What payments see of those, internal and compacted; every instance keeps all of it in "
     "memory."},
    {"topics.entity_state", topic(WEIR_FIELD(topics.entity_state)),
     "Changelog of their windows, internal and compacted; with the partitions of topics.entities."},
    {"topics.audit", topic(WEIR_FIELD(topics.audit)),
     "What people decided in the console: who, what, when, before and after. Key: user_id."},
    {"topics.create", SwitchKey{WEIR_FIELD(topics.create)},
     "Create every topic that is missing, not only the internal one. For demos and tests."},
    {"topics.partitions", CountKey{WEIR_FIELD(topics.partitions), 1, 10'000},
     "Partitions of input and output topics that are created: the most workers that can share the "
     "load."},
    {"topics.replication", CountKey{WEIR_FIELD(topics.replication), 1, 16},
     "Copies of each topic that is created. 1 loses data with its broker: use 3 where data "
     "matters."},

    {"delivery", ChoiceKey{kDeliveries, get_delivery, set_delivery},
     "exactly_once: results and offsets commit together, delay about half of commit.interval. "
     "at_least_once: verdicts "
     "leave at once, after a crash some come again, the same but for newer profiles of entities."},
    {"instance.id",
     TextKey{WEIR_FIELD(instance_id), is_identity, "1 to 64 letters, digits, '.', '_' or '-'"},
     "Name of this instance, unique in the group and the same after a restart: membership and "
     "transactions hang on "
     "it."},
    {"workers", CountKey{WEIR_FIELD(workers), 1, 64},
     "Threads, each with its own partitions. More than cores or partitions help nothing."},

    {"commit.interval", DurationKey{WEIR_FIELD(commit.interval), 1ms, 10s},
     "Longest time between commits while there is load; grows by itself when commits take longer. "
     "Shorter: less "
     "delay, more broker load."},
    {"commit.settle", DurationKey{WEIR_FIELD(commit.settle), 0ms, 1s},
     "Pause before the next transaction's first record, while the broker finishes the last one. "
     "0ms costs retries of "
     "20 ms."},
    {"commit.records_max", CountKey{WEIR_FIELD(commit.records_max), 1, 1'000'000},
     "A commit comes early after this many records. More: fewer commits at peak load, more memory "
     "and repeated work "
     "after an abort."},
    {"batch.records_max", CountKey{WEIR_FIELD(batch.records_max), 1, 4'096},
     "Most payments scored in one model call. Larger batches cost less CPU a payment, up to about "
     "128."},

    {"state.dir", PathKey{WEIR_FIELD(state.dir)},
     "Directory of the local stores. A cache of the changelog: losing it costs a restore, never "
     "data.",
     true},
    {"state.hot_bytes", BytesKey{WEIR_FIELD(state.hot_bytes), kMiB, 1'024 * kGiB},
     "Memory for users kept at hand, shared by all workers; others are read from disk at their "
     "next payment."},
    {"state.write_back_interval", DurationKey{WEIR_FIELD(state.write_back_interval), 10ms, 1h},
     "How often changed users are written to disk. Longer: fewer writes, a longer restore after a "
     "crash."},

    {"model.package", PathKey{WEIR_FIELD(model.package)},
     "Directory of the model package. Empty: no model, every verdict comes from decide.prior and "
     "says so."},
    {"model.allow", TextListKey{WEIR_FIELD(model.allow), is_digest, "sha256: and 64 hex digits"},
     "Digests of packages that may be loaded. Empty: any package whose own digests are right."},

    {"formats.transactions",
     ChoiceKey{kInputFormats, get_transactions_format, set_transactions_format},
     "How payments are written. avro, protobuf: behind a schema id; json: plain, or behind an id "
     "that is not looked up; auto: whatever each record's id says, JSON without one."},
    {"formats.labels", ChoiceKey{kInputFormats, get_labels_format, set_labels_format},
     "The same of labels."},
    {"formats.verdicts", ChoiceKey{kVerdictFormats, get_verdicts_format, set_verdicts_format},
     "How verdicts are written. avro, protobuf: behind the id of the schema in deploy/schemas, "
     "which must be in the registry under <topics.verdicts>-value."},
    {"registry.urls",
     TextListKey{WEIR_FIELD(registry.urls), is_http_url, "http:// or https:// addresses"},
     "Schema registry with Confluent's API, path included; several are tried in turn. Each schema "
     "is fetched once; while none answers, payments with new schemas wait."},
    {"registry.user", TextKey{WEIR_FIELD(registry.user), nullptr, "text"},
     "Name for basic authentication. Empty: none."},
    {"registry.password", TextKey{WEIR_FIELD(registry.password), nullptr, "text"},
     "Its password; give registry.password_file."},
    {"registry.bearer_token", TextKey{WEIR_FIELD(registry.bearer_token), nullptr, "text"},
     "Token instead of name and password; give registry.bearer_token_file."},
    {"registry.ca_certificates", PathKey{WEIR_FIELD(registry.ca_certificates)},
     "Certificates to trust, as PEM. Empty: the system's."},
    {"registry.timeout", DurationKey{WEIR_FIELD(registry.timeout), 50ms, 30s},
     "Longest wait for one answer. A worker decides nothing while it waits for a new schema."},
    {"registry.auto_register", SwitchKey{WEIR_FIELD(registry.auto_register)},
     "Register the schema of verdicts when it is not there. Else somebody must have."},
    {"mapping.transactions.*", TextListKey{payment_path, nullptr, "paths"},
     "Where a payment's field stands when not at the top under its own name: Body.Tx.TxId, several "
     "to be tried in turn, or =constant."},
    {"mapping.labels.*", TextListKey{label_path, nullptr, "paths"}, "The same of a label's."},

    {"input.record_bytes_max",
     BytesKey{WEIR_FIELD(operators.input.record_bytes_max), 256, 16 * kMiB},
     "Larger records become dead letters (oversize)."},
    {"input.lateness", DurationKey{WEIR_FIELD(operators.input.lateness), 0ms, 720h},
     "A payment at most this much older than the user's newest takes its place in the history; "
     "older ones are scored "
     "and marked late."},
    {"input.future_max", DurationKey{WEIR_FIELD(operators.input.future_max), 0ms, 720h},
     "How far event time may run ahead of the record's own timestamp."},
    {"input.future", ChoiceKey{kFuturePolicies, get_future, set_future},
     "What happens beyond future_max: dead_letter, or clamp event time to the record's timestamp."},
    {"dedupe.horizon", DurationKey{WEIR_FIELD(operators.dedupe.horizon), 1ms, 720h},
     "Event time over which a transaction_id is remembered: the longest time over which a producer "
     "resends."},
    {"dedupe.ids_per_user_max", CountKey{WEIR_FIELD(operators.dedupe.ids_per_user_max), 1, 120},
     "Ids remembered for one user; about 150 bytes each."},
    {"history.rows", CountKey{WEIR_FIELD(operators.history.rows), 1, 128},
     "Past payments kept for each user, 52 bytes each. At least what the model reads."},
    {"history.merchant_rows",
     CountKey{WEIR_FIELD(operators.history.merchant_rows), 0, state::kLabelledRowsMax},
     "Labelled payments of each merchant that models see one by one; at least what the model "
     "reads. "
     "Above 0 merchants' payments of 90 days are kept, 104 bytes each."},

    {"features.*.name", TextKey{WEIR_FEATURE_FIELD(name), is_feature_name, kFeatureNameForm},
     "Declared features, a list. The name is the one in the features topic and the header of `weir "
     "features`."},
    {"features.*.entity", feature_choice<&FeatureConfig::entity>(kFeatureEntities),
     "Whose past: that of the payment's user (itself included) or of a merchant, device, ip or "
     "card "
     "(as known just before it). payment: a value of the payment itself."},
    {"features.*.function", feature_choice<&FeatureConfig::function>(kFeatureFunctions),
     "What is made of the events. value is for entity payment."},
    {"features.*.field", feature_choice<&FeatureConfig::field>(kFeatureFields),
     "What it is made of: numbers for sum, mean, min, max, stddev, last, median; ids and names for "
     "distinct."},
    {"features.*.window",
     DurationKey{WEIR_FEATURE_FIELD(window), kFeatureWindowMin, kFeatureWindowMax},
     "Events of (t - delay - window, t - delay], exact. Costs memory for the events it spans, no "
     "time."},
    {"features.*.delay", DurationKey{WEIR_FEATURE_FIELD(delay), 0ms, kFeatureWindowMax},
     "How long before the payment the window ends; use the time labels take to come. Not given: "
     "none."},
    {"features.*.filter", TextKey{WEIR_FEATURE_FIELD(filter), nullptr, "text"},
     "Which events count, such as: amount >= 100 and channel = web and fraud = yes. Not given: "
     "all."},
    {"features.*.rows", CountKey{WEIR_FEATURE_FIELD(rows), 1, state::kMedianRowsMax},
     "Of median: over how many events."},
    {"features.*.default", NumberKey{WEIR_FEATURE_FIELD(default_value), -kDefaultMax, kDefaultMax},
     "Written where there is no value. Not given: null on the topic, empty in the CSV."},

    {"entities.workers", CountKey{WEIR_FIELD(entities.workers), 0, 64},
     "Threads of this instance that keep the past of merchants, devices, ips and cards, where "
     "features over them are declared. 0: other instances do it."},
    {"entities.max_staleness", DurationKey{WEIR_FIELD(entities.max_staleness), 100ms, 1h},
     "How far profiles of merchants, devices, ips and cards may be behind. Older ones are not "
     "used, "
     "and the verdict says so. Longer: fewer such verdicts, made from older values."},
    {"entities.refresh", DurationKey{WEIR_FIELD(entities.refresh), 1s, 24h},
     "How often the profile of a quiet entity is computed again as its windows run empty. Shorter: "
     "fresher values, more records and CPU for each entity known."},

    {"decide.costs.fraud_loss_share",
     NumberKey{WEIR_FIELD(operators.decide.costs.fraud_loss_share), 0, 1},
     "Share of the amount lost when a fraud is approved."},
    {"decide.costs.false_decline",
     NumberKey{WEIR_FIELD(operators.decide.costs.false_decline), 0, kPriceMax},
     "Cost of declining a genuine payment, in major units of its currency."},
    {"decide.costs.review", NumberKey{WEIR_FIELD(operators.decide.costs.review), 0, kPriceMax},
     "Cost of one manual review, in major units of the payment's currency."},
    {"decide.costs_by_currency.*.fraud_loss_share", NumberKey{loss_share_of, 0, 1},
     "The same for one currency."},
    {"decide.costs_by_currency.*.false_decline", NumberKey{false_decline_of, 0, kPriceMax},
     "The same for one currency, in its major units."},
    {"decide.costs_by_currency.*.review", NumberKey{review_of, 0, kPriceMax},
     "The same for one currency, in its major units."},
    {"decide.safe_action", ChoiceKey{kSafeActions, get_safe_action, set_safe_action},
     "What is done when the model fails or gives no number."},
    {"decide.prior", NumberKey{WEIR_FIELD(operators.decide.prior), 0, 1},
     "Probability of fraud assumed when no model is configured."},

    {"admin.listen",
     TextKey{WEIR_FIELD(admin_listen), is_listen_address, "address:port, such as 127.0.0.1:9464"},
     "Where /metrics, /livez and /readyz are served. Port 0 takes a free one. There is no login: "
     "keep it on loopback "
     "or behind a network policy."},
    {"console.listen",
     TextKey{WEIR_FIELD(console.listen), is_console_address,
             "address:port, such as 127.0.0.1:9470, or empty"},
     "Where the console for analysts is served. Empty: nowhere. Port 0 takes a free one. It shows "
     "payments and has no login of its own: keep it on loopback or behind a proxy that asks who it "
     "is."},
    {"console.analyst",
     TextKey{WEIR_FIELD(console.analyst), is_analyst, "up to 128 printable characters, or empty"},
     "Whoever opens the console decides in this name. For one person on one machine."},
    {"console.identity_header",
     TextKey{WEIR_FIELD(console.identity_header), is_header_name,
             "a header's name, such as X-Forwarded-User, or empty"},
     "Header that names the analyst, set by the proxy in front. Believed from loopback and from "
     "console.trusted_proxies only. Without it and console.analyst nobody can decide."},
    {"console.trusted_proxies",
     TextListKey{WEIR_FIELD(console.trusted_proxies), is_ip_address, "an IP address"},
     "Addresses beside loopback whose identity header is believed."},
    {"console.verdicts_max", CountKey{WEIR_FIELD(console.verdicts_max), 100, 1'000'000},
     "Newest verdicts that the console keeps, about 3 KiB of memory each; at start that many are "
     "read "
     "again."},
    {"console.feeds_max", CountKey{WEIR_FIELD(console.feeds_max), 1, 1'000},
     "Live feeds at a time; one more is refused and asked to come again."},
    {"console.minutes_per_case", NumberKey{WEIR_FIELD(console.minutes_per_case), 0.1, 1'000},
     "Minutes that a person needs for a case: the queue is ordered by money a minute."},
    {"metrics.interval", DurationKey{WEIR_FIELD(metrics_interval), 100ms, 1h},
     "Window of the records on the metrics topic."},
    {"metrics.currencies",
     TextListKey{WEIR_FIELD(metrics_currencies), is_currency, "an ISO 4217 code, such as EUR"},
     "Currencies whose amounts are counted apart; all others are added up as one. Each costs 5 "
     "series a worker."},
    {"tracing.endpoint",
     TextKey{WEIR_FIELD(tracing.endpoint), is_http_url_or_nothing, "http://host:port, or nothing"},
     "Where spans are sent: the base URL of an OpenTelemetry collector that speaks OTLP/HTTP. "
     "Empty: none are kept; traces of callers are carried on all the same."},
    {"tracing.headers_file", PathKey{WEIR_FIELD(tracing.headers_file)},
     "File of headers for each request to it, such as Authorization: lines of name: value. Empty: "
     "none."},
    {"tracing.ratio", NumberKey{WEIR_FIELD(tracing.ratio), 0, 1},
     "Share of the payments without a traceparent of their own that begin a trace, chosen by "
     "transaction_id. The others follow the sampled flag of their caller. More: more spans."},
    {"tracing.queue_max", CountKey{WEIR_FIELD(tracing.queue_max), 256, 1'000'000},
     "Spans that each worker may have waiting, 130 bytes each; when there is no room they are "
     "dropped and counted. A payment has about 12."},
    {"log.level", ChoiceKey{kLogLevels, get_log_level, set_log_level},
     "Least severe line that is written."},
    {"log.format", ChoiceKey{kLogFormats, get_log_format, set_log_format},
     "text for people, json for collectors."},
    {"shutdown.timeout", DurationKey{WEIR_FIELD(shutdown_timeout), 100ms, 10min},
     "Time to finish, commit and leave after SIGTERM; what is not committed by then runs again "
     "elsewhere."},
};

#undef WEIR_FIELD
#undef WEIR_FEATURE_FIELD

struct OwnedProperty {
  std::string_view name;
  std::string_view reason;
};
constexpr OwnedProperty kOwnedProperties[] = {
    {"bootstrap.servers", "use kafka.brokers"},
    {"metadata.broker.list", "use kafka.brokers"},
    {"group.id", "use kafka.group_id"},
    {"group.instance.id", "it is made from instance.id"},
    {"transactional.id", "it is made from kafka.group_id and instance.id"},
    {"enable.auto.commit", "Weir commits offsets together with results"},
    {"enable.auto.offset.store", "Weir commits offsets together with results"},
    {"auto.commit.interval.ms", "use commit.interval"},
    {"auto.offset.reset",
     "Weir starts at the committed offset or at the beginning, never elsewhere"},
    {"allow.auto.create.topics",
     "use topics.create; what a broker makes by itself is not compacted"},
    {"isolation.level", "uncommitted payments must never be read"},
    {"enable.idempotence", "use delivery; producers are always idempotent"},
    {"acks", "every record needs all in-sync replicas"},
    {"request.required.acks", "every record needs all in-sync replicas"},
    {"partition.assignment.strategy", "transactions and labels must be assigned alike: range"},
    {"partitioner", "keys must fall into the partitions Kafka's own clients choose"},
};

}  // namespace

std::span<const Key> all_keys() {
  return kKeys;
}

std::optional<std::string_view> refuse_kafka_property(std::string_view property) {
  for (const OwnedProperty& owned : kOwnedProperties) {
    if (owned.name == property) return owned.reason;
  }
  return std::nullopt;
}

}  // namespace weir::config
