// The admin endpoint on a real socket: answers, codes, and no client that can keep a probe waiting.

#include "pipeline/telemetry/admin_server.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/telemetry/fake_clock.h"
#include "tests/unit/telemetry/http_client.h"

namespace weir::telemetry {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest() {
    exposition_.add_worker("0", metrics_);
    auto started = AdminServer::start({"127.0.0.1", 0}, exposition_, health_);
    if (started) server_ = std::move(started).value();
  }
  void SetUp() override { ASSERT_NE(server_, nullptr); }

  [[nodiscard]] std::string get(std::string_view path) const {
    return fetch(server_->port(), "GET", path);
  }

  StillClock clock_;
  Health health_{clock_, 1};
  WorkerMetrics metrics_;
  Exposition exposition_{{"0.1.0", "abc"}, health_};
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, PortZeroTakesAFreeOneAndTellsIt) {
  EXPECT_NE(server_->port(), 0);
}

TEST_F(AdminServerTest, MetricsAreServedAsPrometheusText) {
  metrics_.events_in.add(42);
  const std::string response = get("/metrics");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(response, HasSubstr("weir_events_consumed_total{worker=\"0\"} 42\n"));
}

// Elsewhere the thread that asks also writes. Here a worker does, as in the program, for
// ThreadSanitizer to watch.
TEST_F(AdminServerTest, ScrapesWhileAWorkerWrites) {
  std::atomic<bool> stop{false};
  double written = 0;
  std::thread worker([&] {
    health_.worker(0).set_phase(WorkerPhase::kRunning);
    do {
      metrics_.events_in.add();
      metrics_.step_seconds[0].observe(1e-5);
      health_.worker(0).beat();
      ++written;
    } while (!stop);
  });
  for (const char* version : {"1", "2", "3"}) {
    exposition_.set_model({"model", version, "sha256:0"});
    EXPECT_THAT(get("/metrics"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 "));
  }
  stop = true;
  worker.join();
  EXPECT_EQ(metrics_.events_in.get(), written);
  EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ReadyzSaysWhatItWaitsForUntilNothingIsLeft) {
  health_.worker(0).set_phase(WorkerPhase::kRestoring);
  std::string response = get("/readyz");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(response, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(response,
              EndsWith("{\"ready\":false,\"waiting_for\":[\"worker-0: restoring state\"]}\n"));
  health_.worker(0).set_phase(WorkerPhase::kRunning);
  response = get("/readyz");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(response, EndsWith("{\"ready\":true,\"waiting_for\":[]}\n"));
}

TEST_F(AdminServerTest, LivezFailsWhenAWorkerStandsStill) {
  EXPECT_THAT(get("/livez"), EndsWith("{\"live\":true,\"stalled\":[]}\n"));
  clock_.advance(std::chrono::seconds(151));
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(get("/livez"),
              EndsWith("{\"live\":false,\"stalled\":[\"worker-0: no heartbeat for 151s\"]}\n"));
}

TEST_F(AdminServerTest, HeadGivesTheHeadOnly) {
  const std::string response = fetch(server_->port(), "HEAD", "/livez");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(response, EndsWith("\r\n\r\n"));
}

TEST_F(AdminServerTest, UnknownPathsAndMethodsAreAnsweredInJson) {
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(get("/metrics/"), HasSubstr("\"paths\":[\"/metrics\",\"/livez\",\"/readyz\"]"));
  const std::string response = fetch(server_->port(), "DELETE", "/metrics");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(response, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(response, HasSubstr("\"error\":\"method not allowed\""));
}

TEST_F(AdminServerTest, PostWithABodyIsRefusedNotRead) {
  const Connection connection(server_->port());
  connection.send(
      "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\nabc");
  EXPECT_THAT(connection.read_all(), StartsWith("HTTP/1.1 405 "));
}

TEST_F(AdminServerTest, GetWithABodyClosesItsConnectionAndNothingElse) {
  const Connection connection(server_->port());
  connection.send("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc");
  EXPECT_THAT(connection.read_all(), Not(HasSubstr("200 OK")));
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, QueryStringsAreIgnored) {
  EXPECT_THAT(get("/livez?verbose=1"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, GarbageClosesItsConnectionAndNothingElse) {
  const Connection connection(server_->port());
  connection.send("\x16\x03\x01 not http\r\n\r\n");
  EXPECT_THAT(connection.read_all(), Not(HasSubstr("200 OK")));
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, TakenPortIsAClearError) {
  const auto second = AdminServer::start({"127.0.0.1", server_->port()}, exposition_, health_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kFatal);
  EXPECT_THAT(
      second.error().message,
      HasSubstr(
          "admin.listen cannot be used: Address already in use; another process has the port, "
          "choose a free one: 127.0.0.1:" +
          std::to_string(server_->port())));
}

TEST_F(AdminServerTest, PortIsFreeAgainAfterwards) {
  const std::uint16_t port = server_->port();
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 "));
  server_.reset();
  EXPECT_TRUE(AdminServer::start({"127.0.0.1", port}, exposition_, health_));
}

// Two hundred clients that connect and say nothing, two hundred that never end their request:
// probes answer at once.
TEST_F(AdminServerTest, IdleAndDribblingClientsCannotStarveAProbe) {
  const auto expect_prompt = [&](const char* when) {
    const auto before = std::chrono::steady_clock::now();
    EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 ")) << when;
    // Far below the ten seconds after which idle connections are dropped: places were made, not
    // waited for.
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(4)) << when;
  };
  std::vector<Connection> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(server_->port());
    ASSERT_TRUE(clients.back().connected()) << i;
  }
  expect_prompt("200 idle");
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(server_->port());
    clients.back().send("GET /metrics HTTP/1.1\r\nX-Slow: ");
  }
  expect_prompt("200 dribbling");
  for (int round = 0; round < 3; ++round) {
    for (const Connection& client : clients) client.send("x");
    expect_prompt("every client sends a byte");
  }
  EXPECT_TRUE(clients.front().closed_by_server());
}

TEST_F(AdminServerTest, ClientThatNeverReadsItsAnswersCannotStarveAProbe) {
  const Connection deaf(server_->port());
  for (int i = 0; i < 200; ++i) {
    if (!deaf.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")) break;
  }
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, OneConnectionServesManyRequests) {
  const Connection connection(server_->port());
  for (int i = 0; i < 3; ++i) connection.send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  connection.send("GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string responses = connection.read_all();
  std::size_t lives = 0;
  for (auto at = responses.find("\"live\":true"); at != std::string::npos;
       at = responses.find("\"live\":true", at + 1)) {
    ++lives;
  }
  EXPECT_EQ(lives, 3U);
  EXPECT_THAT(responses, HasSubstr("\"ready\":false"));
}

}  // namespace
}  // namespace weir::telemetry
