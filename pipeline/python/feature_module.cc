// The declared features and the merchants' rows as arrays, for training: the replay runtime behind
// `weir features`, called from Python. And what the features mean, for packages.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/ranges.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "operators/features/declared_feature.h"
#include "operators/features/merchant_rows.h"
#include "pipeline/config/load.h"
#include "pipeline/feature_record.h"
#include "pipeline/replay/replay.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/telemetry/log.h"

namespace py = pybind11;

namespace weir {
namespace {

struct Columns {
  std::vector<std::string> names;
  std::vector<std::string> transaction_ids;
  std::vector<std::string> user_ids;
  std::vector<std::int64_t> event_times_ms;
  std::vector<double> values;  // row by row
  std::size_t merchant_rows = 0;
  std::vector<float> merchant;  // payment by payment, merchant_rows of kMerchantFeatureCount each
  std::vector<float> merchant_mask;
  std::uint64_t dead_letters = 0;
  std::uint64_t bad_labels = 0;
  std::vector<std::string> first_bad_labels;
};

Status add(FeatureRecordReader& reader, std::string_view json, Columns& columns) {
  const auto row = reader.read(json);
  if (!row) return row.error();
  columns.transaction_ids.emplace_back(row->transaction_id);
  columns.user_ids.emplace_back(row->user_id);
  columns.event_times_ms.push_back(row->event_time.ms);
  columns.values.insert(columns.values.end(), row->values.begin(), row->values.end());
  const std::size_t there = row->merchant.size() / operators::kMerchantFeatureCount;
  WEIR_CHECK(there <= columns.merchant_rows);
  const std::size_t payments = columns.transaction_ids.size();
  columns.merchant.insert(columns.merchant.end(), row->merchant.begin(), row->merchant.end());
  columns.merchant.resize(payments * columns.merchant_rows * operators::kMerchantFeatureCount);
  columns.merchant_mask.resize((payments - 1) * columns.merchant_rows + there, 1);
  columns.merchant_mask.resize(payments * columns.merchant_rows, 0);
  return ok();
}

/// Python notes a Ctrl-C and waits until it is asked; while the engine runs nobody else asks.
void throw_if_interrupted() {
  const py::gil_scoped_acquire held;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

Result<config::Config> load(const std::string& config, const std::vector<std::string>& settings) {
  configure_log(LogLevel::kError, LogFormat::kText);  // stderr belongs to the program around us
  auto loaded = config::load_config(config, settings);
  if (loaded.ok()) return std::move(loaded.config);
  std::vector<std::string> lines;
  for (const auto& found : loaded.diagnostics) lines.push_back(config::to_string(found));
  return fatal(fmt::format("{}", fmt::join(lines, "\n")));
}

Result<Columns> columns_of(const std::string& config, const std::string& transactions,
                           const std::string& labels, const std::vector<std::string>& settings) {
  const auto loaded = load(config, settings);
  if (!loaded) return loaded.error();
  auto options = replay_options(*loaded);
  if (options.operators.features.empty()) return fatal(config + " declares no features");
  options.transactions = transactions;
  options.labels = labels;
  options.progress = [](std::uint64_t, std::uint64_t) { throw_if_interrupted(); };

  Columns columns;
  for (const auto& feature : options.operators.features) columns.names.push_back(feature.name);
  columns.merchant_rows = options.operators.history.merchant_rows;
  FeatureRecordReader reader(columns.names);
  Status status = ok();
  replay::ReplaySinks sinks;
  sinks.features_record = [&](std::string_view json) {
    if (status) status = add(reader, json, columns);
  };
  replay::ReplayResult result;
  WEIR_RETURN_IF_ERROR(replay::run_replay(options, nullptr, sinks, result));
  if (!status) return status.error();
  columns.dead_letters = result.dead_letters;
  columns.bad_labels = result.bad_label_count;
  columns.first_bad_labels = std::move(result.bad_labels);
  return columns;
}

/// numpy takes the vector over, without a copy.
template <class T>
py::array_t<T> array_of(std::vector<T> values, std::vector<py::ssize_t> shape) {
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  const T* data = owned->data();
  const py::capsule owner(owned.release(),
                          [](void* vector) { delete static_cast<std::vector<T>*>(vector); });
  return py::array_t<T>(std::move(shape), data, owner);
}

py::dict compute(const std::string& config, const std::string& transactions,
                 const std::string& labels, const std::vector<std::string>& settings) {
  auto columns = [&] {
    const py::gil_scoped_release released;
    return columns_of(config, transactions, labels, settings);
  }();
  if (!columns) throw py::value_error(columns.error().message);
  const auto rows = static_cast<py::ssize_t>(columns->transaction_ids.size());
  const auto features = static_cast<py::ssize_t>(columns->names.size());
  py::dict out;
  out["names"] = columns->names;
  out["transaction_id"] = columns->transaction_ids;
  out["user_id"] = columns->user_ids;
  out["event_time_ms"] = array_of(std::move(columns->event_times_ms), {rows});
  out["values"] = array_of(std::move(columns->values), {rows, features});
  const auto merchant_rows = static_cast<py::ssize_t>(columns->merchant_rows);
  const auto merchant_features = static_cast<py::ssize_t>(operators::kMerchantFeatureCount);
  out["merchant"] =
      array_of(std::move(columns->merchant), {rows, merchant_rows, merchant_features});
  out["merchant_mask"] = array_of(std::move(columns->merchant_mask), {rows, merchant_rows});
  out["merchant_names"] = std::vector<std::string>(std::begin(operators::kMerchantFeatures),
                                                   std::end(operators::kMerchantFeatures));
  out["dead_letters"] = columns->dead_letters;
  out["bad_labels"] = columns->bad_labels;
  out["first_bad_labels"] = columns->first_bad_labels;
  return out;
}

/// Name and definition of each declared feature, in their order.
std::vector<std::pair<std::string, std::string>> definitions(
    const std::string& config, const std::vector<std::string>& settings) {
  const auto loaded = load(config, settings);
  if (!loaded) throw py::value_error(loaded.error().message);
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& feature : loaded->operators.features) {
    found.emplace_back(feature.name, operators::definition_text(feature));
  }
  return found;
}

}  // namespace
}  // namespace weir

PYBIND11_MODULE(weir_features_engine, module) {
  module.doc() = "Weir's declared features; use the package weir_features.";
  module.def("compute", &weir::compute, py::arg("config"), py::arg("transactions"),
             py::arg("labels"), py::arg("settings"));
  module.def("definitions", &weir::definitions, py::arg("config"), py::arg("settings"));
}
