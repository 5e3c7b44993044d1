#pragma once
// The backing store of one partition's state, as a port: RocksDB live, memory in tests and replay.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/core/error.h"

namespace weir {

class KeyValueStore {
 public:
  using Write = std::pair<std::string, std::optional<std::string>>;  // nullopt deletes
  virtual ~KeyValueStore() = default;
  /// Absent is not an error. A damaged block is (kFatal): the store must then be rebuilt, never
  /// trusted.
  virtual Result<bool> get(std::string_view key, std::string& value) = 0;
  /// All or none, also after a crash.
  virtual Status write(const std::vector<Write>& batch) = 0;
  /// Makes everything written so far survive a crash of the machine.
  virtual Status flush() = 0;
  /// Begins the same without waiting for it.
  virtual Status start_flush() = 0;
  /// Every pair from key `first` on in key order; stops at the first error.
  virtual Status scan(std::string_view first,
                      const std::function<Status(std::string_view, std::string_view)>& sink) = 0;
  [[nodiscard]] virtual std::uint64_t disk_bytes() const = 0;
};

}  // namespace weir
