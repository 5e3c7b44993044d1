#include "pipeline/stores.h"

#include <system_error>

#include <fmt/core.h>

namespace weir {

std::filesystem::path partition_directory(const std::filesystem::path& directory,
                                          std::int32_t partition) {
  return directory / fmt::format("p{}", partition);
}

Result<std::unique_ptr<state::UserStore>> LocalStores::open(std::int32_t partition) {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) {
    return retry(fmt::format("cannot create {}: {}; state.dir must be writable",
                             directory_.string(), error.message()));
  }
  auto backing = state::open_rocksdb_store(partition_directory(directory_, partition).string());
  if (!backing) return backing.error();
  auto options = options_;
  options.identity.partition = partition;
  return state::UserStore::open(*std::move(backing), options);
}

Status LocalStores::wipe(std::int32_t partition) {
  return state::wipe_store(partition_directory(directory_, partition).string());
}

Result<std::unique_ptr<state::UserStore>> MemoryStores::open(std::int32_t partition) {
  auto options = options_;
  options.identity.partition = partition;
  return state::UserStore::open(state::make_memory_store(), options);
}

}  // namespace weir
