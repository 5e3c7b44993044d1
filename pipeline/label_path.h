#pragma once
// The way of one label: decode, the windows of its user, its entities told, counted. A label
// changes what later payments see; no verdict is made from it and none is changed.

#include <functional>
#include <span>
#include <vector>

#include "operators/decode_label.h"
#include "operators/features/feature_engine.h"
#include "operators/link.h"
#include "operators/settings.h"
#include "pipeline/core/error.h"
#include "pipeline/core/record.h"
#include "pipeline/telemetry/worker_metrics.h"
#include "state/user_store.h"

namespace weir {

class LabelPath {
 public:
  /// Where a label of an input partition takes effect: its store, and the first payment of that
  /// partition not yet processed.
  struct Place {
    state::UserStore& store;
    std::int64_t next_payment;
  };
  using PlaceOf = std::function<Place(std::int32_t partition)>;

  /// `engine` may be null: labels are then only checked and counted. `schemas` may be null: no
  /// label is then in a registered format. All must outlive this.
  LabelPath(const operators::Settings& settings, operators::FeatureEngine* engine, PlaceOf place_of,
            telemetry::WorkerMetrics& metrics, SchemaSource* schemas = nullptr);

  /// Stages what the labels change and appends dead letters and records for entities to `out`.
  /// Every record that is no tombstone is applied or leaves one dead letter. An Error is a store's
  /// or the schema source's: the caller rolls back.
  Status process(std::span<const RawRecord> records, std::vector<OutputRecord>& out);

 private:
  Status apply(const operators::ValidLabel& label);

  operators::DecodeLabels decode_;
  operators::FeatureEngine* engine_;
  operators::Link link_;
  PlaceOf place_of_;
  telemetry::WorkerMetrics& metrics_;
  std::string topic_;
  operators::BatchTraces traces_;
  std::vector<operators::ValidLabel> valid_;
  std::vector<operators::Rejection> rejected_;
};

}  // namespace weir
