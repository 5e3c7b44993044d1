#pragma once
// Where the local stores live: a RocksDB per partition under state.dir, or memory.

#include <filesystem>
#include <memory>

#include "pipeline/restorer.h"
#include "state/user_store.h"

namespace weir {

/// <directory>/p<partition>: one directory a partition, so that moving a partition is moving a
/// directory.
std::filesystem::path partition_directory(const std::filesystem::path& directory,
                                          std::int32_t partition);

class LocalStores final : public StoreHost {
 public:
  /// `options.identity.partition` is filled in per partition.
  LocalStores(std::filesystem::path directory, state::UserStoreOptions options)
      : directory_(std::move(directory)), options_(std::move(options)) {}
  Result<std::unique_ptr<state::UserStore>> open(std::int32_t partition) override;
  Status wipe(std::int32_t partition) override;

 private:
  std::filesystem::path directory_;
  state::UserStoreOptions options_;
};

class MemoryStores final : public StoreHost {
 public:
  explicit MemoryStores(state::UserStoreOptions options) : options_(std::move(options)) {}
  Result<std::unique_ptr<state::UserStore>> open(std::int32_t partition) override;
  Status wipe(std::int32_t) override { return ok(); }

 private:
  state::UserStoreOptions options_;
};

}  // namespace weir
