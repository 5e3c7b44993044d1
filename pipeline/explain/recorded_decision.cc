#include "pipeline/explain/recorded_decision.h"

#include <array>
#include <chrono>
#include <functional>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipeline/json_lines.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/terminal/progress.h"

namespace weir {
namespace {

using Json = nlohmann::json;

/// Takes lines of both streams in any order, keeps what speaks of one id.
class Search {
 public:
  explicit Search(const std::string& id) : id_(id) {}

  void verdict(std::string_view line) {
    const Json json = parsed(line);
    if (!names(json) || json.value("duplicate", false)) return;
    found_.verdict = line;
    verdict_id_ = json.value("verdict_id", "");
  }
  void features(std::string_view line) {
    if (names(parsed(line))) features_.emplace_back(line);
  }
  [[nodiscard]] bool has_both() const { return !found_.verdict.empty() && !features_.empty(); }

  /// The verdict with the features record of the same decision.
  [[nodiscard]] std::optional<RecordedDecision> found() {
    if (found_.verdict.empty()) return std::nullopt;
    for (const auto& line : features_) {
      if (parsed(line).value("verdict_id", "") == verdict_id_) found_.features = line;
    }
    return found_;
  }

 private:
  /// Null for what cannot speak of the id: most lines are never parsed.
  [[nodiscard]] Json parsed(std::string_view line) const {
    if (line.find(id_) == line.npos) return {};
    Json json = Json::parse(line, nullptr, false);
    return json.is_object() ? json : Json();
  }
  [[nodiscard]] bool names(const Json& json) const {
    return json.is_object() &&
           (json.value("verdict_id", "") == id_ || json.value("transaction_id", "") == id_);
  }

  const std::string& id_;
  std::string verdict_id_;
  RecordedDecision found_;
  std::vector<std::string> features_;
};

Status search_files(const ExplainArguments& arguments, Search& search) {
  WEIR_RETURN_IF_ERROR(read_lines(arguments.verdicts, [&](std::string_view line, std::size_t) {
    search.verdict(line);
    return ok();
  }));
  if (arguments.features.empty()) return ok();
  return read_lines(arguments.features, [&](std::string_view line, std::size_t) {
    search.features(line);
    return ok();
  });
}

Status search_topics(const config::Config& config, kafka::ReadFrom from, Search& search) {
  const auto& topics = config.topics;
  auto reader =
      kafka::TopicReader::open(connection(config), {topics.verdicts, topics.features}, from);
  if (!reader) return retry(reader.error().message);
  terminal::Progress progress("records looked through");
  std::uint64_t read = 0;
  while (!(*reader)->at_end()) {
    WEIR_RETURN_IF_ERROR((*reader)->poll(
        std::chrono::milliseconds(100), [&](const std::string& topic, const RawRecord& record) {
          progress.at(++read);
          topic == topics.verdicts ? search.verdict(record.value) : search.features(record.value);
          return true;
        }));
  }
  return ok();
}

}  // namespace

Result<std::optional<RecordedDecision>> find_decision(const config::Config& config,
                                                      const ExplainArguments& arguments) {
  if (!arguments.verdicts.empty()) {
    Search search(arguments.id);
    WEIR_RETURN_IF_ERROR(search_files(arguments, search));
    return search.found();
  }
  using Place = kafka::ReadFrom::Place;
  // Offsets of each partition, the whole topic at last: what is asked for is most often recent.
  constexpr std::array<kafka::ReadFrom, 3> kSteps = {
      {{Place::kLast, 5'000}, {Place::kLast, 200'000}, {Place::kBeginning, 0}}};
  for (const auto& from : kSteps) {
    Search search(arguments.id);
    WEIR_RETURN_IF_ERROR(search_topics(config, from, search));
    if (search.has_both() || from.place == Place::kBeginning) return search.found();
  }
  return std::optional<RecordedDecision>();
}

}  // namespace weir
