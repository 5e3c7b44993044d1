// weir top: rate, lag and delay of running instances, step by step, from their /metrics.

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "pipeline/exit_code.h"
#include "pipeline/http/http_client.h"
#include "pipeline/stop_signals.h"
#include "pipeline/terminal/style.h"
#include "pipeline/top/screen.h"

namespace weir {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kMetricsBytesMax = 16U << 20U;
constexpr const char* kClearScreen = "\x1b[H\x1b[2J";

/// Keys come at once and unseen, for as long as this lives.
class Keys {
 public:
  Keys() : is_terminal_(isatty(STDIN_FILENO) != 0 && tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!is_terminal_) return;
    termios now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &now);
  }
  ~Keys() {
    if (is_terminal_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  [[nodiscard]] bool asks_to_leave() const {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (is_terminal_ && ::poll(&input, 1, 0) > 0) {
      char key = 0;
      if (::read(STDIN_FILENO, &key, 1) != 1) return true;
      if (key == 'q' || key == 'Q') return true;
    }
    return false;
  }

 private:
  termios before_{};
  bool is_terminal_;
};

/// One instance and what it said last.
class Instance {
 public:
  explicit Instance(std::string url)
      : url_(std::move(url)), client_({.response_bytes_max = kMetricsBytesMax, .ca_file = {}}) {}

  /// Looks again. The figures are of the time since the look before; of the first look, none.
  top::InstanceFigures look() {
    top::InstanceFigures shown{http::shown_url(url_), {}, {}};
    auto samples = fetch();
    const auto at = Steady::now();
    if (!samples) {
      shown.failure = samples.error().message;
      return shown;
    }
    const bool first = last_.empty();
    before_ = std::exchange(last_, *std::move(samples));
    seconds_ = std::chrono::duration<double>(at - std::exchange(looked_at_, at)).count();
    shown.figures = top::figures_between(first ? last_ : before_, last_, first ? 1 : seconds_);
    return shown;
  }
  [[nodiscard]] const std::vector<top::Sample>& before() const { return before_; }
  [[nodiscard]] const std::vector<top::Sample>& last() const { return last_; }
  [[nodiscard]] double seconds() const { return seconds_; }

 private:
  Result<std::vector<top::Sample>> fetch() {
    http::Request request;
    request.url = url_ + "/metrics";
    const auto answer = client_.send(request);
    if (!answer) return answer.error();
    if (answer->status != 200)
      return retry(fmt::format("{} answered {}", http::shown_url(request.url), answer->status));
    auto samples = top::read_exposition(answer->body);
    const auto is_ours = [](const top::Sample& s) { return s.name.starts_with("weir_"); };
    if (!samples || std::ranges::none_of(*samples, is_ours))
      return retry(
          fmt::format("{} is not the metrics of a Weir instance", http::shown_url(request.url)));
    return samples;
  }

  std::string url_;
  http::Client client_;
  std::vector<top::Sample> before_;
  std::vector<top::Sample> last_;
  Steady::time_point looked_at_;
  double seconds_ = 1;
};

struct Look {
  std::vector<top::InstanceFigures> instances;
  top::Figures all;
  [[nodiscard]] bool nobody_answers() const {
    return std::ranges::all_of(instances, [](const auto& i) { return !i.failure.empty(); });
  }
};

Look look(std::vector<std::unique_ptr<Instance>>& instances) {
  Look look;
  std::vector<top::Sample> before;
  std::vector<top::Sample> last;
  double seconds = 0;
  for (auto& instance : instances) {
    look.instances.push_back(instance->look());
    if (!look.instances.back().failure.empty()) continue;
    std::ranges::copy(instance->before().empty() ? instance->last() : instance->before(),
                      std::back_inserter(before));
    std::ranges::copy(instance->last(), std::back_inserter(last));
    seconds = std::max(seconds, instance->seconds());
  }
  look.all = top::figures_between(before, last, seconds);
  return look;
}

int nobody(const Look& look) {
  for (const auto& instance : look.instances) fmt::print(stderr, "weir: {}\n", instance.failure);
  fmt::print(
      stderr,
      "weir: no instance answers; is `weir run` up, and is its admin.listen what --url says? "
      "More than one: repeat --url\n");
  return kExitUnavailable;
}

void print(const Look& look, const TopArguments& arguments, bool coloured) {
  if (arguments.json) {
    fmt::print("{}\n", top::to_json(look.instances, look.all).dump());
  } else {
    fmt::print("{}", top::page(look.instances, look.all, coloured));
  }
  std::fflush(stdout);
}

/// `admin.listen` is often an address that takes connections to any.
std::string url_of(const std::string& listen) {
  constexpr std::string_view kAny = "0.0.0.0:";
  if (listen.starts_with(kAny)) return "http://127.0.0.1:" + listen.substr(kAny.size());
  return "http://" + listen;
}

std::string with_scheme(std::string url) {
  if (url.find("://") == std::string::npos) url.insert(0, "http://");
  for (const std::string_view end : {"/metrics", "/"}) {
    if (url.ends_with(end)) url.resize(url.size() - end.size());
  }
  return url;
}

}  // namespace

int top_command(const TopArguments& arguments) {
  std::vector<std::unique_ptr<Instance>> instances;
  for (const auto& url : arguments.urls)
    instances.push_back(std::make_unique<Instance>(with_scheme(url)));
  if (instances.empty()) {
    const auto loaded = load_or_complain(arguments.config);
    if (!loaded) return kExitConfig;
    instances.push_back(std::make_unique<Instance>(url_of(loaded->config.admin_listen)));
  }
  StopSignals signals;
  const bool is_screen = isatty(STDOUT_FILENO) != 0 && !arguments.once && !arguments.json;
  const bool coloured = terminal::takes_colour(stdout);
  const auto interval =
      std::chrono::milliseconds(static_cast<std::int64_t>(arguments.interval_seconds * 1e3));
  if (const Look first = look(instances); first.nobody_answers()) return nobody(first);
  const Keys keys;
  for (;;) {
    for (auto until = Steady::now() + interval; Steady::now() < until;) {
      if (keys.asks_to_leave() || signals.wait(std::chrono::milliseconds(50))) return kExitOk;
    }
    const Look now = look(instances);
    if (is_screen) fmt::print("{}", kClearScreen);
    print(now, arguments, coloured);
    if (is_screen) fmt::print("\nq: leave\n");
    if (arguments.once) return now.nobody_answers() ? nobody(now) : int{kExitOk};
  }
}

}  // namespace weir
