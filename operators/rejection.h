#pragma once
// Why a record became a dead letter. Made by decode and validate, written by emit.

#include <cstddef>
#include <string>
#include <string_view>

#include "pipeline/telemetry/worker_metrics.h"

namespace weir::operators {

using telemetry::RejectReason;

struct Rejection {
  std::size_t record = 0;  // index into the batch
  RejectReason reason = RejectReason::kDecode;
  std::string detail;  // static text and the name of a field; never a value
};

}  // namespace weir::operators
