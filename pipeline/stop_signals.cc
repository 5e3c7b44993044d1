#include "pipeline/stop_signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace weir {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const auto set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool StopSignals::wait(std::chrono::milliseconds timeout) {
  const auto set = stop_set();
  const timespec limit{timeout.count() / 1'000, timeout.count() % 1'000 * 1'000'000};
  return sigtimedwait(&set, nullptr, &limit) > 0;
}

void StopSignals::leave_at_once_on_next() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { _exit(128 + signal); };  // async-signal-safe
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  const auto set = stop_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace weir
