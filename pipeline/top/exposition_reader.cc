#include "pipeline/top/exposition_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include <fmt/core.h>

namespace weir::top {
namespace {

/// One line from left to right; every step says whether the text was as it should be.
class Line {
 public:
  explicit Line(std::string_view text) : left_(text) {}

  std::optional<Sample> sample() {
    Sample sample;
    const auto end = left_.find_first_of("{ ");
    if (end == left_.npos || end == 0) return std::nullopt;
    sample.name = take(end);
    if (left_.front() == '{' && !labels(sample.labels)) return std::nullopt;
    skip_spaces();
    if (!number(sample.value)) return std::nullopt;
    return sample;
  }

 private:
  std::string take(std::size_t size) {
    std::string text(left_.substr(0, size));
    left_.remove_prefix(size);
    return text;
  }
  void skip_spaces() {
    while (!left_.empty() && left_.front() == ' ') left_.remove_prefix(1);
  }

  bool labels(Labels& labels) {
    left_.remove_prefix(1);
    while (!left_.empty() && left_.front() != '}') {
      const auto equals = left_.find("=\"");
      if (equals == left_.npos) return false;
      const std::string name = take(equals);
      left_.remove_prefix(2);
      std::string value;
      while (!left_.empty() && left_.front() != '"') {
        if (left_.front() == '\\') left_.remove_prefix(1);
        if (left_.empty()) return false;
        value += left_.front();
        left_.remove_prefix(1);
      }
      if (left_.empty()) return false;
      left_.remove_prefix(1);
      labels[name] = std::move(value);
      if (!left_.empty() && left_.front() == ',') left_.remove_prefix(1);
    }
    if (left_.empty()) return false;
    left_.remove_prefix(1);
    return true;
  }

  bool number(double& value) {
    const auto word = left_.substr(0, left_.find(' '));
    if (word == "+Inf" || word == "NaN") {
      value = word == "NaN" ? std::numeric_limits<double>::quiet_NaN()
                            : std::numeric_limits<double>::infinity();
      return true;
    }
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    return error == std::errc() && end == word.data() + word.size();
  }

  std::string_view left_;
};

}  // namespace

Result<std::vector<Sample>> read_exposition(std::string_view text) {
  std::vector<Sample> samples;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    auto sample = Line(line).sample();
    if (!sample) return fatal(fmt::format("line {} is no metric", number));
    samples.push_back(*std::move(sample));
  }
  return samples;
}

}  // namespace weir::top
