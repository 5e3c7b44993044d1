#include "tests/simulation/simulated_disk.h"

#include <algorithm>
#include <utility>

namespace weir::simulation {

class SimulatedDisk::View final : public KeyValueStore {
 public:
  View(World& world, Store& store) : world_(world), store_(store) {}

  Result<bool> get(std::string_view key, std::string& value) override {
    if (store_.damaged) return fatal("store: block checksum mismatch");
    const auto found = store_.content.find(key);
    if (found == store_.content.end()) return false;
    value = found->second;
    return true;
  }
  Status write(const std::vector<Write>& batch) override {
    if (world_.faults.pass("store write") != Fault::kNone) return retry("store: no space left");
    store_.apply(batch);
    store_.batches.push_back(batch);
    world_.faults.pass("store written");
    return ok();
  }
  Status start_flush() override { return ok(); }
  Status flush() override {
    if (world_.faults.pass("store flush") != Fault::kNone) return retry("store: no space left");
    store_.flushed = store_.batches.size();
    return ok();
  }
  Status scan(std::string_view first,
              const std::function<Status(std::string_view, std::string_view)>& sink) override {
    if (store_.damaged) return fatal("store: block checksum mismatch");
    auto pair = store_.content.lower_bound(std::string(first));
    for (; pair != store_.content.end(); ++pair) {
      WEIR_RETURN_IF_ERROR(sink(pair->first, pair->second));
    }
    return ok();
  }
  [[nodiscard]] std::uint64_t disk_bytes() const override { return 0; }

 private:
  World& world_;
  Store& store_;
};

void SimulatedDisk::Store::apply(const Batch& batch) {
  for (const auto& [key, value] : batch) {
    if (value) {
      content.insert_or_assign(key, *value);
    } else {
      content.erase(key);
    }
  }
}

void SimulatedDisk::Store::cut(std::size_t size) {
  batches.resize(size);
  flushed = std::min(flushed, size);
  content.clear();
  for (const auto& batch : batches) apply(batch);
}

Result<std::unique_ptr<state::UserStore>> SimulatedDisk::open(std::int32_t partition) {
  if (world_.faults.pass("store open") != Fault::kNone)
    return retry("store: held by another process");
  auto options = options_;
  options.identity.partition = partition;
  return state::UserStore::open(std::make_unique<View>(world_, stores_[partition]), options);
}

Status SimulatedDisk::wipe(std::int32_t partition) {
  world_.faults.pass("store wipe");
  remove(partition);
  return ok();
}

void SimulatedDisk::lose_unflushed(Random& random) {
  for (auto& [partition, store] : stores_) {
    store.cut(store.flushed + random.below(store.batches.size() - store.flushed + 1));
  }
}

void SimulatedDisk::roll_back(std::int32_t partition, Random& random) {
  auto& store = stores_[partition];
  store.cut(random.below(store.batches.size() + 1));
}

bool SimulatedDisk::is_damaged() const {
  return std::ranges::any_of(stores_, [](const auto& store) { return store.second.damaged; });
}

}  // namespace weir::simulation
