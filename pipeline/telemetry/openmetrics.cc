#include "pipeline/telemetry/openmetrics.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace weir::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kInfo = "_info";

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void append_labels(std::string& out, const Labels& labels, std::string_view bound = {}) {
  if (labels.empty() && bound.empty()) return;
  char before = '{';
  const auto append = [&](std::string_view name, std::string_view value) {
    out += std::exchange(before, ',');
    out += name;
    out += "=\"";
    append_escaped(out, value);
    out += '"';
  };
  for (const auto& label : labels) append(label.name, label.value);
  if (!bound.empty()) append("le", bound);
  out += '}';
}

/// At most 78 of the 128 characters that an exemplar's labels may have.
void append_exemplar(std::string& out, const Exemplar& exemplar) {
  fmt::format_to(std::back_inserter(out), R"( # {{trace_id="{}",span_id="{}"}} {} {}.{:03})",
                 trace_id_text(exemplar.trace), span_id_text(exemplar.trace.span_id),
                 number_text(exemplar.value), exemplar.wall_ms / 1'000, exemplar.wall_ms % 1'000);
}

/// A family under the name that OpenMetrics gives it: what its samples add is left out.
struct Named {
  std::string_view name;
  std::string_view type;
  std::string_view sample_suffix;
};
Named named(const MetricFamily& family) {
  const std::string_view name = family.name;
  if (family.type == MetricType::Counter && name.ends_with(kTotal)) {
    return {name.substr(0, name.size() - kTotal.size()), "counter", kTotal};
  }
  if (family.type == MetricType::Gauge && name.ends_with(kInfo)) {
    return {name.substr(0, name.size() - kInfo.size()), "info", kInfo};
  }
  return {name, family.type == MetricType::Histogram ? "histogram" : "gauge", {}};
}

std::string_view unit_of(std::string_view name) {
  for (const std::string_view unit : {"seconds", "bytes"}) {
    if (name.ends_with(unit) && name[name.size() - unit.size() - 1] == '_') return unit;
  }
  return {};
}

void append_histogram(std::string& out, const MetricFamily& family, std::size_t at,
                      const ExemplarOf& exemplar_of) {
  const ClientMetric& metric = family.metric[at];
  for (std::size_t i = 0; i < metric.histogram.bucket.size(); ++i) {
    const auto& bucket = metric.histogram.bucket[i];
    out += family.name + "_bucket";
    append_labels(out, metric.label, bound_text(bucket.upper_bound));
    fmt::format_to(std::back_inserter(out), " {}", bucket.cumulative_count);
    if (const auto exemplar = exemplar_of(family, at, i)) append_exemplar(out, *exemplar);
    out += '\n';
  }
  const auto append_one = [&](std::string_view suffix, const std::string& value) {
    out += family.name;
    out += suffix;
    append_labels(out, metric.label);
    out += ' ' + value + '\n';
  };
  append_one("_count", std::to_string(metric.histogram.sample_count));
  append_one("_sum", number_text(metric.histogram.sample_sum));
}

void append_family(std::string& out, const MetricFamily& family, const ExemplarOf& exemplar_of) {
  const Named as = named(family);
  fmt::format_to(std::back_inserter(out), "# TYPE {} {}\n", as.name, as.type);
  const auto unit = unit_of(as.name);
  if (!unit.empty()) fmt::format_to(std::back_inserter(out), "# UNIT {} {}\n", as.name, unit);
  fmt::format_to(std::back_inserter(out), "# HELP {} ", as.name);
  append_escaped(out, family.help);
  out += '\n';
  for (std::size_t i = 0; i < family.metric.size(); ++i) {
    if (family.type == MetricType::Histogram) {
      append_histogram(out, family, i, exemplar_of);
      continue;
    }
    const ClientMetric& metric = family.metric[i];
    out += as.name;
    out += as.sample_suffix;
    append_labels(out, metric.label);
    const bool counts = family.type == MetricType::Counter;
    out += ' ' + number_text(counts ? metric.counter.value : metric.gauge.value) + '\n';
  }
}

}  // namespace

std::string bound_text(double bound) {
  std::string text = number_text(bound);
  if (std::isinf(bound) || text.find_first_of(".e") != text.npos) return text;
  constexpr std::size_t kDigitsMax = 6;  // from a million on with an exponent, as Go writes it
  if (text.size() <= kDigitsMax) return text + ".0";
  const std::size_t exponent = text.size() - 1;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.size() > 1) text.insert(1, 1, '.');
  return fmt::format("{}e+{:02}", text, exponent);
}

std::string to_openmetrics(const std::vector<MetricFamily>& families,
                           const ExemplarOf& exemplar_of) {
  std::string out;
  for (const MetricFamily& family : families) append_family(out, family, exemplar_of);
  return out + "# EOF\n";
}

}  // namespace weir::telemetry
