#pragma once
// What a topic holds, as a file of lines: so that whatever reads files reads topics too.

#include <filesystem>
#include <string>

#include "pipeline/config/config.h"
#include "pipeline/core/error.h"

namespace weir {

/// Names a topic where a file is expected: topic:NAME.
inline constexpr std::string_view kTopicPrefix = "topic:";

/// Removed at the end of its life.
class TopicCopy {
 public:
  /// `source` is a file, which is then used as it is, or topic:NAME on the configured brokers:
  /// every committed record up to the end as it was during the reading, by partition and offset, so
  /// that the same topic always gives the same file. Tombstones are left out.
  static Result<TopicCopy> of(const std::string& source, const config::Config& config);
  ~TopicCopy();
  TopicCopy(TopicCopy&& other) noexcept;
  TopicCopy& operator=(TopicCopy&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  TopicCopy(std::string path, bool is_copy) : path_(std::move(path)), is_copy_(is_copy) {}
  std::string path_;
  bool is_copy_;
};

}  // namespace weir
