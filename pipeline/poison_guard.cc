#include "pipeline/poison_guard.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

namespace weir {
namespace {

constexpr std::uint64_t kMagic = 0x31'64'72'61'75'67'77'00;  // "wguard1"
constexpr std::uint32_t kCrashesAlone = 2;

std::int32_t input_of(const RawRecord& record) {
  return record.lane == Lane::kEvents ? record.partition : ~record.partition;
}

}  // namespace

Result<std::unique_ptr<PoisonGuard>> PoisonGuard::open(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0 || ::ftruncate(descriptor, sizeof(File)) != 0) {
    const std::string reason = std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    return fatal(fmt::format("cannot open {}: {}; state.dir must be writable", file, reason));
  }
  void* mapped = ::mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  if (mapped == MAP_FAILED)
    return fatal(fmt::format("cannot map {}: {}", file, std::strerror(errno)));
  std::unique_ptr<PoisonGuard> guard(new PoisonGuard(static_cast<File*>(mapped)));
  guard->load();
  return guard;
}

PoisonGuard::~PoisonGuard() {
  ::munmap(file_, sizeof(File));
}

void PoisonGuard::load() {
  if (file_->magic != kMagic || file_->in_process > kRanges) *file_ = {};
  file_->magic = kMagic;
  for (std::size_t i = 0; i < file_->in_process; ++i) {
    Range range = file_->ranges[i];
    const bool alone = file_->in_process == 1 && range.first == range.last;
    range.crashes_alone = alone ? range.crashes_alone + 1 : 0;
    suspects_[range.input] = range;
  }
  file_->in_process = 0;
}

const PoisonGuard::Range* PoisonGuard::suspect(const RawRecord& record) const {
  if (suspects_.empty()) return nullptr;
  const auto found = suspects_.find(input_of(record));
  if (found == suspects_.end()) return nullptr;
  const auto& range = found->second;
  return record.offset >= range.first && record.offset <= range.last ? &range : nullptr;
}

std::size_t PoisonGuard::batch_limit(std::span<const RawRecord> records) const {
  if (suspects_.empty()) return records.size();
  const auto first =
      std::ranges::find_if(records, [&](const RawRecord& r) { return suspect(r) != nullptr; });
  if (first == records.begin()) return std::min<std::size_t>(1, records.size());
  return static_cast<std::size_t>(first - records.begin());
}

bool PoisonGuard::is_poison(const RawRecord& record) const {
  const auto* range = suspect(record);
  return range != nullptr && range->crashes_alone >= kCrashesAlone;
}

bool PoisonGuard::is_untouchable(const RawRecord& record) const {
  const auto* range = suspect(record);
  return range != nullptr && range->crashes_alone > kCrashesAlone;
}

void PoisonGuard::begin(std::span<const RawRecord> records) {
  std::size_t used = 0;
  for (const auto& record : records) {
    auto* const end = file_->ranges + used;
    auto* const known = std::find_if(file_->ranges, end,
                                     [&](const Range& r) { return r.input == input_of(record); });
    if (known != end) {
      known->last = std::max(known->last, record.offset);
    } else if (used < kRanges) {
      const auto* range = suspect(record);
      const std::uint32_t crashes_alone = range != nullptr ? range->crashes_alone : 0;
      file_->ranges[used++] = {input_of(record), crashes_alone, record.offset, record.offset};
    }
  }
  std::atomic_signal_fence(
      std::memory_order_release);  // ranges first: a crash in between notes nothing
  file_->in_process = used;
}

void PoisonGuard::end() {
  for (std::size_t i = 0; i < file_->in_process; ++i) {
    // A suspect range shrinks from the front as its records turn out well, and is forgotten when
    // used up. A poison record stays one: an abort may bring it back.
    const auto found = suspects_.find(file_->ranges[i].input);
    if (found == suspects_.end() || found->second.crashes_alone >= kCrashesAlone) continue;
    found->second.first = std::max(found->second.first, file_->ranges[i].last + 1);
    if (found->second.first > found->second.last) suspects_.erase(found);
  }
  file_->in_process = 0;
}

}  // namespace weir
