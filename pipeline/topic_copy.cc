#include "pipeline/topic_copy.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <unistd.h>

#include "pipeline/kafka/topic_client.h"
#include "pipeline/runtime_settings.h"

namespace weir {
namespace {

struct Line {
  std::int32_t partition;
  std::int64_t offset;
  std::string value;
};

Result<std::vector<Line>> read_topic(const std::string& topic, const config::Config& config) {
  auto reader =
      kafka::TopicReader::open(connection(config), {topic}, {kafka::ReadFrom::Place::kBeginning});
  if (!reader) return reader.error();
  std::vector<Line> lines;
  while (!(*reader)->at_end()) {
    WEIR_RETURN_IF_ERROR((*reader)->poll(
        std::chrono::milliseconds(100), [&](const std::string&, const RawRecord& record) {
          if (record.tombstone) return true;
          Line& line =
              lines.emplace_back(Line{record.partition, record.offset, std::string(record.value)});
          // JSON has no line break that means anything.
          std::ranges::replace(line.value, '\n', ' ');
          return true;
        }));
  }
  std::ranges::sort(lines, {}, [](const Line& l) { return std::tuple(l.partition, l.offset); });
  return lines;
}

}  // namespace

Result<TopicCopy> TopicCopy::of(const std::string& source, const config::Config& config) {
  if (!source.starts_with(kTopicPrefix)) return TopicCopy(source, false);
  const auto lines = read_topic(source.substr(kTopicPrefix.size()), config);
  if (!lines) return lines.error();
  std::string path = (std::filesystem::temp_directory_path() / "weir-topic-XXXXXX.jsonl").string();
  const int descriptor = ::mkstemps(path.data(), static_cast<int>(std::strlen(".jsonl")));
  if (descriptor < 0) {
    return retry(fmt::format("cannot create {}: {}; set TMPDIR to a folder that takes files", path,
                             std::strerror(errno)));
  }
  ::close(descriptor);
  TopicCopy copy(path, true);
  std::ofstream file(path, std::ios::binary);
  for (const Line& line : *lines) file << line.value << '\n';
  file.close();
  if (!file) return retry(fmt::format("cannot write {}; is the disk full?", path));
  return copy;
}

TopicCopy::TopicCopy(TopicCopy&& other) noexcept
    : path_(std::move(other.path_)), is_copy_(std::exchange(other.is_copy_, false)) {}

TopicCopy::~TopicCopy() {
  std::error_code ignored;
  if (is_copy_) std::filesystem::remove(path_, ignored);
}

}  // namespace weir
