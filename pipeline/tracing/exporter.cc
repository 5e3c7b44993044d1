#include "pipeline/tracing/exporter.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pipeline/telemetry/log.h"

namespace weir::tracing {
namespace {

constexpr int kTries = 5;  // of one request, before its spans are given up
constexpr std::size_t kAnswerBytesMax = 64U << 10;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// What OTLP calls retryable.
bool is_passing(long status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

/// Of an answer that took the request: how many spans it refused all the same.
std::uint64_t refused_spans(const std::string& body) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  if (!answer.is_object()) return 0;
  const auto partial = answer.find("partialSuccess");
  if (partial == answer.end() || !partial->is_object()) return 0;
  const auto refused = partial->find("rejectedSpans");
  if (refused == partial->end()) return 0;
  if (refused->is_number_unsigned()) return refused->get<std::uint64_t>();
  return refused->is_string() ? std::strtoull(refused->get<std::string>().c_str(), nullptr, 10) : 0;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_headers(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const auto colon = line.find(':');
    const auto name = trimmed(line.substr(0, std::min(colon, line.size())));
    const bool is_name = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
    if (colon == line.npos || !is_name) {
      return fatal(
          fmt::format("line {}: write name: value, such as Authorization: Bearer ...", number));
    }
    headers.emplace_back(name, trimmed(line.substr(colon + 1)));
  }
  return headers;
}

Exporter::Exporter(ExporterOptions options, std::vector<Source> sources)
    : options_(std::move(options)),
      sources_(std::move(sources)),
      client_({.timeout = options_.timeout, .response_bytes_max = kAnswerBytesMax}),
      batch_(sources_.size()) {
  for (std::size_t i = 0; i < sources_.size(); ++i) queues_.emplace_back(options_.queue_spans);
  thread_ = std::thread([this] { run(); });
}

Exporter::~Exporter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  thread_.join();
}

Exporter::Figures Exporter::figures() const {
  return {static_cast<double>(sent_.load(std::memory_order_relaxed)),
          static_cast<double>(failed_.load(std::memory_order_relaxed))};
}

/// False: the end has come.
bool Exporter::wait(std::chrono::milliseconds length) {
  std::unique_lock lock(mutex_);
  return !woken_.wait_for(lock, length, [this] { return stopping_; });
}

void Exporter::run() {
  name_log_thread("tracing");
  bool going_on = true;
  int tries = 0;
  auto pause = options_.interval;
  while (going_on) {
    going_on = wait(pause);
    pause = options_.interval;
    while (batch_spans_ > 0 || collect() > 0) {
      const Answer answer = post();
      if (answer == Answer::kLater && going_on && ++tries < kTries) {
        pause = std::min(options_.backoff_max, options_.backoff_first * (1 << (tries - 1)));
        break;
      }
      if (answer != Answer::kTaken) {
        failed_.fetch_add(batch_spans_, std::memory_order_relaxed);
        pause = options_.backoff_max;  // who refused is not asked again at once
      }
      tries = 0;
      for (auto& spans : batch_) spans.clear();
      batch_spans_ = 0;
      if (answer != Answer::kTaken) break;
    }
  }
}

std::size_t Exporter::collect() {
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    batch_spans_ += queues_[i].pop(batch_[i], options_.request_spans - batch_spans_);
  }
  return batch_spans_;
}

Exporter::Answer Exporter::post() {
  std::vector<SourceSpans> sources;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (!batch_[i].empty()) sources.push_back({&sources_[i], batch_[i]});
  }
  http::Request request;
  request.method = "POST";
  request.url = options_.endpoint + "/v1/traces";
  request.headers = {"Content-Type: application/json"};
  for (const auto& [name, value] : options_.headers) {
    request.headers.push_back(fmt::format("{}: {}", name, value));
  }
  request.body = to_otlp_json(options_.service, sources);
  const auto response = client_.send(request);
  if (!response) {
    report(response.error().message);
    return Answer::kLater;
  }
  if (response->status >= 200 && response->status < 300) {
    const auto refused = std::min<std::uint64_t>(refused_spans(response->body), batch_spans_);
    failed_.fetch_add(refused, std::memory_order_relaxed);
    sent_.fetch_add(batch_spans_ - refused, std::memory_order_relaxed);
    if (refused > 0) report(fmt::format("the collector refused {} spans", refused));
    if (refused == 0) complained_ = false;
    return Answer::kTaken;
  }
  report(fmt::format("the collector answers {}", response->status));
  return is_passing(response->status) ? Answer::kLater : Answer::kNever;
}

/// Once, until all is well again: payments go on, and weir_spans_total tells how many are lost.
void Exporter::report(const std::string& what) {
  if (std::exchange(complained_, true)) return;
  log_warn("spans are not sent: {}; tried again, payments do not wait", what);
}

}  // namespace weir::tracing
