#pragma once
// Sends spans to an OpenTelemetry collector, from a thread of its own. Nobody waits for it: a
// collector that is slow or away costs spans, never a payment.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/http/http_client.h"
#include "pipeline/tracing/otlp_json.h"
#include "pipeline/tracing/span_queue.h"

namespace weir::tracing {

struct ExporterOptions {
  std::string endpoint;  // base URL of OTLP/HTTP; /v1/traces is added
  std::vector<std::pair<std::string, std::string>> headers;
  Service service;
  std::size_t queue_spans = 8'192;  // for each worker
  std::size_t request_spans = 512;
  std::chrono::milliseconds interval{200};  // between looks at the queues
  std::chrono::milliseconds timeout{3'000};
  std::chrono::milliseconds backoff_first{500};
  std::chrono::milliseconds backoff_max{30'000};
};

/// "name: value" lines, as of a file of headers; empty lines and # comments are skipped. The error
/// names the line, never what it says.
Result<std::vector<std::pair<std::string, std::string>>> parse_headers(std::string_view text);

class Exporter {
 public:
  /// Counts of spans since the start. Any thread.
  struct Figures {
    double sent = 0;
    double failed = 0;  // refused, or given up
  };

  /// One source for each worker. Starts the thread.
  Exporter(ExporterOptions options, std::vector<Source> sources);
  /// Tries once more to send what is queued, then ends.
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  /// Of worker `index`: its thread alone writes.
  [[nodiscard]] SpanQueue& queue(std::size_t index) { return queues_[index]; }
  [[nodiscard]] Figures figures() const;

 private:
  enum class Answer : std::uint8_t { kTaken, kLater, kNever };

  void run();
  bool wait(std::chrono::milliseconds length);
  std::size_t collect();
  Answer post();
  void report(const std::string& what);

  const ExporterOptions options_;
  const std::vector<Source> sources_;
  std::deque<SpanQueue> queues_;  // by source

  // The thread's.
  http::Client client_;
  std::vector<std::vector<Span>> batch_;  // by source: what the next request holds
  std::size_t batch_spans_ = 0;
  bool complained_ = false;

  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace weir::tracing
