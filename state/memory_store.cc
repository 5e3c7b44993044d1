#include <map>
#include <memory>

#include "state/user_store.h"

namespace weir::state {
namespace {

class MemoryStore final : public KeyValueStore {
 public:
  Result<bool> get(std::string_view key, std::string& value) override {
    const auto found = pairs_.find(key);
    if (found == pairs_.end()) return false;
    value = found->second;
    return true;
  }

  Status write(const std::vector<Write>& batch) override {
    for (const auto& [key, value] : batch) {
      if (value) {
        pairs_.insert_or_assign(key, *value);
      } else {
        pairs_.erase(key);
      }
    }
    return ok();
  }

  Status flush() override { return ok(); }
  Status start_flush() override { return ok(); }

  Status scan(std::string_view first,
              const std::function<Status(std::string_view, std::string_view)>& sink) override {
    for (auto pair = pairs_.lower_bound(first); pair != pairs_.end(); ++pair) {
      WEIR_RETURN_IF_ERROR(sink(pair->first, pair->second));
    }
    return ok();
  }

  [[nodiscard]] std::uint64_t disk_bytes() const override { return 0; }

 private:
  std::map<std::string, std::string, std::less<>> pairs_;
};

}  // namespace

std::unique_ptr<KeyValueStore> make_memory_store() {
  return std::make_unique<MemoryStore>();
}

}  // namespace weir::state
