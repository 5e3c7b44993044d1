#include "pipeline/telemetry/exposition.h"

#include <limits>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "pipeline/telemetry/metric_families.h"
#include "pipeline/telemetry/openmetrics.h"
#include "pipeline/telemetry/process_usage.h"

namespace weir::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

MetricFamily family(std::string_view name, std::string_view help, MetricType type) {
  return {std::string(name), std::string(help), type, {}};
}

void add_value(MetricFamily& to, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (to.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  to.metric.push_back(std::move(metric));
}

void add_histogram(MetricFamily& to, Labels labels, const HistogramReading& reading) {
  ClientMetric metric;
  metric.label = std::move(labels);
  double count = 0;
  for (std::size_t i = 0; i < reading.buckets.size(); ++i) {
    count += reading.buckets[i];
    const double bound =
        i < reading.bounds.size() ? reading.bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({static_cast<std::uint64_t>(count), bound});
  }
  metric.histogram.sample_count = static_cast<std::uint64_t>(count);
  metric.histogram.sample_sum = reading.sum;
  to.metric.push_back(std::move(metric));
}

template <class Family>
Labels labels_of(const std::string& worker, const Family& row, std::size_t index) {
  Labels labels = {{"worker", worker}};
  if (row.label.empty()) return labels;
  const std::size_t values = row.label_values.size();
  if constexpr (requires { row.outer_label; }) {
    if (!row.outer_label.empty()) {
      labels.push_back(
          {std::string(row.outer_label), std::string(row.outer_values[index / values])});
    }
  }
  labels.push_back({std::string(row.label), std::string(row.label_values[index % values])});
  return labels;
}

void add_single(std::vector<MetricFamily>& to, MetricFamily made, Labels labels, double value) {
  add_value(made, std::move(labels), value);
  to.push_back(std::move(made));
}

}  // namespace

/// Reads everything at one scrape; prometheus-cpp gives the data model and the text form.
class Exposition::Collector final : public prometheus::Collectable {
 public:
  explicit Collector(const Exposition& from) : from_(from) {}

  [[nodiscard]] std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families;
    for (const CellFamily& row : cell_families()) {
      auto made = family(row.name, row.help,
                         row.kind == Kind::kCounter ? MetricType::Counter : MetricType::Gauge);
      for (const auto& [worker, metrics] : from_.workers_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
          add_value(made, labels_of(worker, row, i), row.cell(*metrics, i).get());
        }
      }
      families.push_back(std::move(made));
    }
    for (const HistogramFamily& row : histogram_families()) {
      auto made = family(row.name, row.help, MetricType::Histogram);
      for (const auto& [worker, metrics] : from_.workers_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
          add_histogram(made, labels_of(worker, row, i), row.read(*metrics, i));
        }
      }
      families.push_back(std::move(made));
    }
    add_amounts(families);
    add_labels(families);
    add_profiles(families);
    add_spans(families);
    add_console(families);
    add_identity(families);
    add_process(families);
    return families;
  }

 private:
  /// By currency, which is configuration.
  void add_amounts(std::vector<MetricFamily>& families) const {
    auto amounts = family("weir_amount_total",
                          "Money of the payments decided, by action, in major units of the "
                          "currency. other: all currencies that are not in metrics.currencies, "
                          "added up as they are.",
                          MetricType::Counter);
    for (const auto& [worker, metrics] : from_.workers_) {
      for (const auto& currency : metrics->amounts.currencies()) {
        for (std::size_t action = 0; action < kActionNames.size(); ++action) {
          add_value(amounts,
                    {{"worker", worker},
                     {"action", std::string(kActionNames[action])},
                     {"currency", currency.code}},
                    currency.by_action[action].get());
        }
      }
    }
    families.push_back(std::move(amounts));
  }

  /// By source, which is not known before it comes.
  void add_labels(std::vector<MetricFamily>& families) const {
    auto counts = family("weir_labels_total",
                         "Labels, by who says so, what they say and what became of them in the "
                         "windows of their users.",
                         MetricType::Counter);
    auto delays = family("weir_label_delay_seconds", "From the payment to its label, by source.",
                         MetricType::Histogram);
    for (const auto& [worker, metrics] : from_.workers_) {
      for (std::size_t i = 0; i < metrics->labels.size(); ++i) {
        const auto& source = metrics->labels.sources()[i];
        for (const std::size_t fraud : {0U, 1U}) {
          for (std::size_t fate = 0; fate < kLabelFateNames.size(); ++fate) {
            const double count = source.counts[fraud][fate].get();
            if (count == 0) continue;
            add_value(counts,
                      {{"worker", worker},
                       {"source", source.name},
                       {"fraud", fraud != 0 ? "true" : "false"},
                       {"outcome", std::string(kLabelFateNames[fate])}},
                      count);
          }
        }
        add_histogram(delays, {{"worker", worker}, {"source", source.name}},
                      read_histogram(source.delay));
      }
    }
    families.push_back(std::move(counts));
    families.push_back(std::move(delays));
  }

  void add_profiles(std::vector<MetricFamily>& families) const {
    constexpr auto kGauge = MetricType::Gauge;
    constexpr auto kCounter = MetricType::Counter;
    const std::scoped_lock lock(from_.sources_mutex_);
    const ProfileFigures figures = from_.profiles_ ? from_.profiles_() : ProfileFigures{};
    add_single(families,
               family("weir_profiles",
                      "Merchants, devices, addresses and cards whose profile is kept.", kGauge),
               {}, figures.profiles);
    add_single(families, family("weir_profile_bytes", "Memory of those profiles.", kGauge), {},
               figures.bytes);
    add_single(
        families,
        family("weir_profile_records_total", "Records read from the topic of profiles.", kCounter),
        {}, figures.records);
    add_single(
        families,
        family("weir_profile_bad_records_total", "Of those: refused as no profiles.", kCounter), {},
        figures.bad_records);
  }

  void add_spans(std::vector<MetricFamily>& families) const {
    const std::scoped_lock lock(from_.sources_mutex_);
    const SpanFigures figures = from_.spans_ ? from_.spans_() : SpanFigures{};
    add_single(
        families,
        family("weir_spans_sent_total", "Spans that the collector took.", MetricType::Counter), {},
        figures.sent);
    add_single(
        families,
        family("weir_spans_failed_total",
               "Spans that the collector refused, or that were given up after several tries.",
               MetricType::Counter),
        {}, figures.failed);
  }

  void add_console(std::vector<MetricFamily>& families) const {
    constexpr auto kGauge = MetricType::Gauge;
    constexpr auto kCounter = MetricType::Counter;
    const std::scoped_lock lock(from_.sources_mutex_);
    const ConsoleFigures figures = from_.console_ ? from_.console_() : ConsoleFigures{};
    add_single(families, family("weir_console_clients", "Live feeds of the console.", kGauge), {},
               figures.clients);
    add_single(families,
               family("weir_console_verdicts", "Verdicts that the console keeps.", kGauge), {},
               figures.verdicts);
    add_single(families,
               family("weir_console_refused_feeds_total",
                      "Feeds refused because all places were taken.", kCounter),
               {}, figures.refused_feeds);
    add_single(families,
               family("weir_console_dropped_feeds_total",
                      "Feeds ended because their client read too slowly.", kCounter),
               {}, figures.dropped_feeds);
    auto counts = family("weir_console_dispositions_total",
                         "Decisions of analysts that Kafka has acknowledged.", kCounter);
    constexpr std::array<std::string_view, 3> kWhat = {"fraud", "good", "escalate"};
    for (std::size_t i = 0; i < kWhat.size(); ++i) {
      add_value(counts, {{"disposition", std::string(kWhat[i])}}, figures.dispositions[i]);
    }
    families.push_back(std::move(counts));
  }

  void add_identity(std::vector<MetricFamily>& families) const {
    constexpr auto kGauge = MetricType::Gauge;
    add_single(
        families,
        family("weir_ready", "1 when partitions are assigned and state is restored.", kGauge), {},
        from_.health_.waiting_for().empty() ? 1 : 0);
    add_single(families, family("weir_live", "1 when every worker moves.", kGauge), {},
               from_.health_.stalled().empty() ? 1 : 0);
    add_single(families, family("weir_build_info", "The running build.", kGauge),
               {{"version", from_.build_.version}, {"revision", from_.build_.revision}}, 1);
    const std::scoped_lock lock(from_.model_mutex_);
    add_single(families, family("weir_model_info", "The model in use; empty labels: none.", kGauge),
               {{"name", from_.model_.name},
                {"version", from_.model_.version},
                {"digest", from_.model_.digest}},
               1);
  }

  static void add_process(std::vector<MetricFamily>& families) {
    constexpr auto kGauge = MetricType::Gauge;
    const ProcessUsage usage = read_process_usage();
    add_single(families, family("process_resident_memory_bytes", "Resident memory.", kGauge), {},
               usage.resident_bytes);
    add_single(families, family("process_virtual_memory_bytes", "Virtual memory.", kGauge), {},
               usage.virtual_bytes);
    add_single(
        families,
        family("process_cpu_seconds_total", "User and system CPU time.", MetricType::Counter), {},
        usage.cpu_seconds);
    add_single(families,
               family("process_start_time_seconds", "Start, since the Unix epoch.", kGauge), {},
               usage.start_time_seconds);
    add_single(families, family("process_open_fds", "Open file descriptors.", kGauge), {},
               usage.open_fds);
    add_single(families, family("process_max_fds", "Limit of open file descriptors.", kGauge), {},
               usage.max_fds);
  }

  const Exposition& from_;
};

Exposition::Exposition(BuildInfo build, const Health& health)
    : build_(std::move(build)), health_(health) {}

void Exposition::add_worker(std::string worker_id, const WorkerMetrics& metrics) {
  workers_.emplace_back(std::move(worker_id), &metrics);
}

void Exposition::set_profiles(std::function<ProfileFigures()> read) {
  const std::scoped_lock lock(sources_mutex_);
  profiles_ = std::move(read);
}

void Exposition::set_spans(std::function<SpanFigures()> read) {
  const std::scoped_lock lock(sources_mutex_);
  spans_ = std::move(read);
}

void Exposition::set_console(std::function<ConsoleFigures()> read) {
  const std::scoped_lock lock(sources_mutex_);
  console_ = std::move(read);
}

void Exposition::set_model(ModelLabels model) {
  const std::scoped_lock lock(model_mutex_);
  model_ = std::move(model);
}

std::string Exposition::render_prometheus() const {
  return prometheus::TextSerializer().Serialize(Collector(*this).Collect());
}

std::string Exposition::render_openmetrics() const {
  const auto exemplar_of = [this](const MetricFamily& of, std::size_t worker,
                                  std::size_t bucket) -> std::optional<Exemplar> {
    if (of.name != kDelayFamily) return std::nullopt;
    return workers_[worker].second->delay_exemplars[bucket].get();
  };
  return to_openmetrics(Collector(*this).Collect(), exemplar_of);
}

}  // namespace weir::telemetry
