#include "pipeline/cases/report.h"

#include <algorithm>

#include <fmt/core.h>

#include "pipeline/terminal/style.h"

namespace weir::cases {
namespace {

using terminal::Tone;

std::string failure_text(const Ran& one, const Failure& failure) {
  return fmt::format("{}:{}:{}: {}\n  expected {}\n  got      {}\n", one.file, failure.place.line,
                     failure.place.column, failure.what, failure.expected, failure.got);
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= ' ' ? c : '?';
    }
  }
  return out;
}

auto failed_of(const std::vector<Ran>& cases) {
  return std::ranges::count_if(cases, [](const Ran& r) { return !r.result.failures.empty(); });
}

}  // namespace

std::string as_text(const std::vector<Ran>& cases, bool coloured) {
  std::string text;
  for (const Ran& one : cases) {
    const bool passed = one.result.failures.empty();
    text += fmt::format(
        "{} {}\n",
        terminal::toned(passed ? "ok  " : "FAIL", passed ? Tone::kGood : Tone::kBad, coloured),
        one.name);
    for (const Failure& failure : one.result.failures) text += failure_text(one, failure);
  }
  return text + fmt::format("{} cases, {} failed\n", cases.size(), failed_of(cases));
}

std::string as_json(const std::vector<Ran>& cases) {
  std::string text;
  for (const Ran& one : cases) {
    nlohmann::ordered_json line{{"file", one.file},
                                {"line", one.place.line},
                                {"name", one.name},
                                {"passed", one.result.failures.empty()},
                                {"checks", one.result.checks},
                                {"seconds", one.seconds},
                                {"failures", nlohmann::ordered_json::array()}};
    for (const Failure& failure : one.result.failures) {
      line["failures"].push_back({{"line", failure.place.line},
                                  {"column", failure.place.column},
                                  {"what", failure.what},
                                  {"expected", failure.expected},
                                  {"got", failure.got}});
    }
    text += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
  }
  return text;
}

std::string as_junit(const std::vector<Ran>& cases) {
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"weir\" "
      "tests=\"{}\" failures=\"{}\">\n",
      cases.size(), failed_of(cases));
  for (const Ran& one : cases) {
    text += fmt::format("<testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", xml(one.file),
                        xml(one.name), one.seconds);
    if (one.result.failures.empty()) {
      text += "/>\n";
      continue;
    }
    std::string told;
    for (const Failure& failure : one.result.failures) told += failure_text(one, failure);
    text += fmt::format("><failure message=\"{}\">{}</failure></testcase>\n",
                        xml(one.result.failures.front().what), xml(told));
  }
  return text + "</testsuite></testsuites>\n";
}

}  // namespace weir::cases
