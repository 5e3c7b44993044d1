#pragma once
// The local stores of one machine: what was written but not flushed may be lost with the process,
// from the end.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/restorer.h"
#include "tests/simulation/simulated_world.h"

namespace weir::simulation {

class SimulatedDisk final : public StoreHost {
 public:
  SimulatedDisk(World& world, state::UserStoreOptions options)
      : world_(world), options_(std::move(options)) {}

  Result<std::unique_ptr<state::UserStore>> open(std::int32_t partition) override;
  Status wipe(std::int32_t partition) override;

  /// The process died: of every store some of the writes since the last flush are gone. No store is
  /// open then.
  void lose_unflushed(Random& random);
  /// An older copy was put back, flushed or not.
  void roll_back(std::int32_t partition, Random& random);
  void remove(std::int32_t partition) { stores_[partition] = {}; }
  /// Blocks fail their checksums from now on, until the store is wiped.
  void damage(std::int32_t partition) { stores_[partition].damaged = true; }
  [[nodiscard]] bool is_damaged() const;

 private:
  using Batch = std::vector<KeyValueStore::Write>;
  struct Store {
    std::vector<Batch> batches;
    std::map<std::string, std::string, std::less<>> content;
    std::size_t flushed = 0;  // batches
    bool damaged = false;

    void apply(const Batch& batch);
    void cut(std::size_t size);
  };
  class View;

  World& world_;
  state::UserStoreOptions options_;
  std::map<std::int32_t, Store> stores_;
};

}  // namespace weir::simulation
