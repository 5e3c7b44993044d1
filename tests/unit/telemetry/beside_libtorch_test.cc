// LibTorch and its dependencies take a large part of every thread's stack for thread-local storage;
// with a stack of 100 KiB, as one known HTTP library asks for, no thread starts in such a process.
// Ours must.

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/telemetry/admin_server.h"
#include "tests/unit/telemetry/fake_clock.h"
#include "tests/unit/telemetry/http_client.h"

namespace weir::telemetry {
namespace {

TEST(AdminServerBesideLibTorch, StartsAndAnswers) {
  std::ostringstream maps;
  maps << std::ifstream("/proc/self/maps").rdbuf();
  ASSERT_THAT(maps.str(), testing::HasSubstr("libtorch_cpu"))
      << "this test must run with LibTorch loaded";

  const StillClock clock;
  const Health health(clock, 1);
  const Exposition exposition({"0.1.0", "abc"}, health);
  const auto server = AdminServer::start({"127.0.0.1", 0}, exposition, health);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_THAT(fetch((*server)->port(), "GET", "/livez"), testing::StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace weir::telemetry
