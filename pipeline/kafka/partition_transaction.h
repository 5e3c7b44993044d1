#pragma once
// A few records into one partition, all or none, by somebody who is no worker (`weir state erase`).
// Where they came to lie is known before they count, so that the caller can see whether anybody
// else wrote in between and give up.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"
#include "pipeline/kafka/connection.h"

namespace weir::kafka {

class PartitionTransaction {
 public:
  /// `transactional_id`: the same for all who must not do this at the same time; the later one
  /// wins, the earlier one fails.
  static Result<std::unique_ptr<PartitionTransaction>> begin(const Connection& connection,
                                                             const std::string& transactional_id,
                                                             const std::string& topic,
                                                             std::int32_t partition);
  /// What was not committed is aborted.
  ~PartitionTransaction();

  Status send(std::string_view key, std::string_view value, bool tombstone);
  /// All are acknowledged; the offset of the first one.
  Result<std::int64_t> flush();
  /// kFatal: it is not known how it ended.
  Status commit();

 private:
  struct Impl;
  explicit PartitionTransaction(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::kafka
