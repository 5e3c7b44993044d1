// Ready is every worker running; alive is every worker moving.

#include "pipeline/telemetry/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/telemetry/listen_address.h"
#include "tests/unit/telemetry/fake_clock.h"

namespace weir::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Health, IsReadyOnlyWhenEveryWorkerRuns) {
  const StillClock clock;
  Health health(clock, 2);
  EXPECT_THAT(health.waiting_for(), ElementsAre("worker-0: starting", "worker-1: starting"));
  health.worker(0).set_phase(WorkerPhase::kRunning);
  health.worker(1).set_phase(WorkerPhase::kRestoring);
  EXPECT_THAT(health.waiting_for(), ElementsAre("worker-1: restoring state"));
  health.worker(1).set_phase(WorkerPhase::kRunning);
  EXPECT_THAT(health.waiting_for(), IsEmpty());
  health.worker(0).set_phase(WorkerPhase::kDraining);
  EXPECT_THAT(health.waiting_for(), ElementsAre("worker-0: draining"));
}

TEST(Health, IsAliveUpToThePatienceAndNoLonger) {
  StillClock clock;
  Health health(clock, 2, 30s);
  clock.advance(30s);
  EXPECT_THAT(health.stalled(), IsEmpty());
  clock.advance(1ms);
  health.worker(1).beat();
  EXPECT_THAT(health.stalled(), ElementsAre("worker-0: no heartbeat for 30s"));
  health.worker(0).beat();
  EXPECT_THAT(health.stalled(), IsEmpty());
}

TEST(Health, LongRestoreThatBeatsIsAliveButNotReady) {
  StillClock clock;
  Health health(clock, 1, 30s);
  health.worker(0).set_phase(WorkerPhase::kRestoring);
  for (int i = 0; i < 10; ++i) {
    clock.advance(29s);
    health.worker(0).beat();
  }
  EXPECT_THAT(health.stalled(), IsEmpty());
  EXPECT_FALSE(health.waiting_for().empty());
}

TEST(ListenAddress, TakesNumericAddressesAndLocalhostOnly) {
  EXPECT_EQ(to_string(*parse_listen_address("127.0.0.1:9464")), "127.0.0.1:9464");
  EXPECT_EQ(to_string(*parse_listen_address("localhost:0")), "127.0.0.1:0");
  EXPECT_EQ(to_string(*parse_listen_address("[::1]:65535")), "[::1]:65535");
  EXPECT_EQ(to_string(*parse_listen_address("0.0.0.0:80")), "0.0.0.0:80");
  for (const char* bad :
       {"", ":", "9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:1x", "::1:80", "[::1:80", "host.example:80", "1.2.3:80", ":9464"}) {
    EXPECT_FALSE(parse_listen_address(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace weir::telemetry
