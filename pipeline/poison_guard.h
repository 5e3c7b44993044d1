#pragma once
// Finds the record that takes the process down with it. A crash inside the event path would
// otherwise repeat for ever: the restart reads the same record and dies again.
//
// Method: before a batch is processed its offset ranges are noted in a small memory-mapped file,
// after it they are cleared. The mapping survives the death of the process (not of the machine:
// then nothing was proven). What is still noted at the next start was being processed during a
// crash: such a range is processed one record at a time, and a record that was alone in process in
// two crashes is poison: dead letter and safe verdict instead of a third try. A kill -9 that
// happens to fall into a batch only costs that batch its batching.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "pipeline/core/error.h"
#include "pipeline/core/record.h"

namespace weir {

class PoisonGuard {
 public:
  /// Maps `file` (created when missing) and reads what an earlier process left there.
  static Result<std::unique_ptr<PoisonGuard>> open(const std::string& file);
  ~PoisonGuard();
  PoisonGuard(const PoisonGuard&) = delete;
  PoisonGuard& operator=(const PoisonGuard&) = delete;

  /// How many of these records may go into the next batch: all, or one when a suspect is at the
  /// front.
  [[nodiscard]] std::size_t batch_limit(std::span<const RawRecord> records) const;
  [[nodiscard]] bool is_poison(const RawRecord& record) const;
  /// It crashed even without being scored: not even decoded again, a dead letter only.
  [[nodiscard]] bool is_untouchable(const RawRecord& record) const;
  void begin(std::span<const RawRecord> records);
  void end();

 private:
  struct Range {
    std::int32_t input;           // partition; of labels, its complement
    std::uint32_t crashes_alone;  // crashes in which this one record was all that was in process
    std::int64_t first;
    std::int64_t last;
  };
  static constexpr std::size_t kRanges = 256;
  struct File {
    std::uint64_t magic;
    std::uint64_t in_process;  // ranges[0, in_process) are being processed
    Range ranges[kRanges];
  };

  explicit PoisonGuard(File* file) : file_(file) {}
  void load();
  [[nodiscard]] const Range* suspect(const RawRecord& record) const;

  File* file_;
  std::map<std::int32_t, Range>
      suspects_;  // by input: the range that was in process at the last crash
};

}  // namespace weir
