#include "pipeline/console/console.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "pipeline/console/case_page.h"
#include "pipeline/console/figures.h"
#include "pipeline/console/page_json.h"
#include "pipeline/console/queue.h"
#include "pipeline/console/static_files.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/telemetry/log.h"
#include "pipeline/version.h"

namespace weir::console {
namespace {

constexpr std::string_view kCasePath = "/api/case/";
constexpr std::string_view kDispositionsPath = "/api/dispositions";
constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::milliseconds kRecordPatience{2'000};
constexpr unsigned kTicksPerFigures = 4;
constexpr unsigned kTicksPerComment = 40;
constexpr std::size_t kConnectionsBesideFeeds = 128;
constexpr std::size_t kLimit = 100;
constexpr std::size_t kLimitMax = 500;

bool is_loopback_host(const std::string& host) {
  return host.starts_with("127.") || host == "::1";
}

std::string value_of(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

/// `limit` of the query; what is none counts as not given.
std::size_t limit_of(const Request& request) {
  const auto text = value_of(request, "limit");
  std::size_t limit = kLimit;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return std::clamp<std::size_t>(limit, 1, kLimitMax);
}

Reply refuse(const Refusal& refusal) {
  return error_reply(refusal.status, refusal.error, refusal.next);
}

}  // namespace

Console::Console(const config::Config& config, std::unique_ptr<Scorer> scorer, const Clock& clock,
                 Surroundings surroundings)
    : config_(config),
      clock_(clock),
      surroundings_(std::move(surroundings)),
      scorer_(std::move(scorer)),
      kept_(config.console.verdicts_max),
      named_(config.console.verdicts_max),
      feeds_(kept_, config.console.feeds_max),
      desk_(config, kept_, named_, clock, [this](std::chrono::milliseconds patience) {
        return reader_->read_all_dispositions(patience);
      }) {
  access_.analyst = config.console.analyst;
  access_.identity_header = config.console.identity_header;
  access_.trusted_proxies = config.console.trusted_proxies;
}

Result<std::unique_ptr<Console>> Console::start(const config::Config& config,
                                                std::unique_ptr<Scorer> scorer, const Clock& clock,
                                                Surroundings surroundings) {
  const auto address = telemetry::parse_listen_address(config.console.listen);
  if (!address) {
    return fatal(fmt::format("console.listen: '{}' is not an address; write 127.0.0.1:9470",
                             config.console.listen));
  }
  std::unique_ptr<Console> console(
      new Console(config, std::move(scorer), clock, std::move(surroundings)));
  console->access_.on_loopback = is_loopback_host(address->host);
  auto http = HttpServer::start({*address, config.console.identity_header,
                                 config.console.feeds_max + kConnectionsBesideFeeds},
                                console->make_handler());
  if (!http) return http.error();
  console->http_ = *std::move(http);
  auto* self = console.get();
  console->reader_ = std::make_unique<TopicsReader>(config, console->kept_, console->named_,
                                                    console->surroundings_.schemas.get(), clock);
  console->desk_thread_ =
      std::jthread([self](const std::stop_token& stop) { self->run_desk(stop); });
  console->clock_thread_ =
      std::jthread([self](const std::stop_token& stop) { self->run_clock(stop); });
  return console;
}

/// Every sleeping connection must have been woken before the HTTP thread ends.
Console::~Console() {
  {
    const std::scoped_lock lock(jobs_mutex_);
    closing_ = true;
  }
  clock_thread_ = {};
  desk_thread_ = {};  // answers what still waits
  feeds_.close();
  http_.reset();
  reader_.reset();
}

Handler Console::make_handler() {
  Handler handler;
  handler.is_slow = [this](const Request& request) {
    if (refuse_host(access_, request.caller)) return false;
    return (request.method == "GET" && request.path.starts_with(kCasePath)) ||
           (request.method == "POST" && request.path == kDispositionsPath);
  };
  handler.now = [this](const Request& request) { return answer(request); };
  handler.slow = [this](Request request, std::shared_ptr<Later> later) {
    enqueue(std::move(request), std::move(later));
  };
  handler.feed = [this](const Request& request) { return feed(request); };
  return handler;
}

Reply Console::answer(const Request& request) const {
  if (const auto refusal = refuse_host(access_, request.caller)) return refuse(*refusal);
  if (request.method != "GET" && request.method != "HEAD") {
    return error_reply(405, "method not allowed", "see the console's own page");
  }
  if (request.path == "/api/session") return session(request);
  if (request.path == "/api/verdicts") return verdicts(request);
  if (request.path == "/api/queue") return queue(request);
  if (request.path.starts_with("/api/")) {
    return error_reply(404, "there is no such question", "see pipeline/console/api.md");
  }
  return serve_file(request);
}

Reply Console::session(const Request& request) const {
  std::string why_not;
  const auto analyst = identify(access_, request.caller, why_not);
  Json model = nullptr;
  if (scorer_) {
    const ModelInfo& info = scorer_->info();
    model = {{"name", info.name}, {"version", info.version}, {"digest", info.digest}};
  }
  Json json = {{"analyst", analyst ? Json(*analyst) : Json(nullptr)},
               {"can_decide", analyst.has_value()},
               {"why_not", analyst ? Json(nullptr) : Json(why_not)},
               {"instance", config_.instance_id},
               {"version", std::string(kVersion)},
               {"model", std::move(model)}};
  const auto from = kept_.from();
  json["kept"] = {{"verdicts", kept_.size()}, {"from", from.empty() ? Json(nullptr) : Json(from)}};
  json["demo"] = surroundings_.demo;
  return json_reply(dump(json));
}

Reply Console::verdicts(const Request& request) const {
  const auto limit = limit_of(request);
  std::vector<Verdict> found;
  if (const auto user = value_of(request, "user"); !user.empty()) {
    found = kept_.of_user(user, limit);
  } else if (const auto payment = value_of(request, "payment"); !payment.empty()) {
    found = kept_.of_payment(payment, limit);
  } else if (const auto text = value_of(request, "q"); !text.empty()) {
    found = search(text, limit);
  } else {
    return error_reply(400, "user, payment or q is missing", "say whom or what to look for");
  }
  const auto from = kept_.from();
  const Json json = {
      {"verdicts", summaries(found, kept_)},
      {"complete", reader_ && reader_->caught_up() && kept_.size() < config_.console.verdicts_max},
      {"from", from.empty() ? Json(nullptr) : Json(from)}};
  return json_reply(dump(json));
}

std::vector<Verdict> Console::search(const std::string& text, std::size_t limit) const {
  auto found = kept_.search(text, limit);
  for (std::size_t kind = 0; kind < kNamedKinds.size(); ++kind) {
    for (const Spot& spot : named_.that_named(kind, text, limit)) {
      if (auto verdict = kept_.of_record(spot)) found.push_back(std::move(verdict));
    }
  }
  std::ranges::sort(found, std::ranges::greater{}, [](const Verdict& v) { return v->sequence; });
  found.erase(std::ranges::unique(found).begin(), found.end());
  if (found.size() > limit) found.resize(limit);
  return found;
}

Reply Console::queue(const Request& request) const {
  const double minutes = config_.console.minutes_per_case;
  return json_reply(dump(
      to_json(make_queue(kept_, limit_of(request), minutes), kept_, clock_.wall_ms(), minutes)));
}

std::variant<Reply, std::function<void(std::shared_ptr<Outlet>)>> Console::feed(
    const Request& request) {
  if (const auto refusal = refuse_host(access_, request.caller)) return refuse(*refusal);
  auto filter = parse_feed_filter([&](const char* name) -> const char* {
    const auto found = request.query.find(name);
    return found == request.query.end() ? nullptr : found->second.c_str();
  });
  if (!filter) return error_reply(400, filter.error().message, "correct the filter");
  if (!feeds_.has_place()) {
    refused_feeds_.fetch_add(1, std::memory_order_relaxed);
    Reply reply = error_reply(503, "all places for live feeds are taken",
                              "close a page, or raise console.feeds_max");
    reply.headers.emplace_back("Retry-After", "5");
    return reply;
  }
  return [this, filter = *std::move(filter), last = request.last_event_id](
             std::shared_ptr<Outlet> outlet) { feeds_.connect(std::move(outlet), filter, last); };
}

void Console::enqueue(Request request, std::shared_ptr<Later> later) {
  {
    const std::scoped_lock lock(jobs_mutex_);
    if (!closing_ && jobs_.size() < kJobsMax) {
      jobs_.push_back({std::move(request), std::move(later)});
      job_there_.notify_one();
      return;
    }
  }
  Reply reply = error_reply(503, "too many ask at once", "try again in a moment");
  reply.headers.emplace_back("Retry-After", "1");
  later->reply(std::move(reply));
}

void Console::run_desk(const std::stop_token& stop) {
  name_log_thread("console-desk");
  if (!access_.analyst.empty() || !access_.identity_header.empty()) desk_.open();
  for (;;) {
    Job job;
    {
      std::unique_lock lock(jobs_mutex_);
      job_there_.wait(lock, stop, [this] { return !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job.later->reply(stop.stop_requested()
                         ? error_reply(503, "the instance is stopping", "try another instance")
                         : work_on(job.request));
  }
}

Reply Console::work_on(const Request& request) {
  if (request.method == "POST") return disposition(request);
  return case_page(request.path.substr(kCasePath.size()));
}

Reply Console::case_page(const std::string& verdict_id) {
  const Verdict verdict = kept_.find(verdict_id);
  if (!verdict) {
    return error_reply(404, "this verdict is not kept here",
                       "it may be older than console.verdicts_max reaches: raise it, or search the "
                       "verdicts topic");
  }
  const kafka::Connection connection{config_.kafka.brokers, config_.kafka.properties,
                                     config_.kafka.group_id};
  CaseSources sources;
  if (const auto place = kept_.features(verdict_id)) {
    const auto record = kafka::read_record(connection, place->topic, place->partition,
                                           place->offset, kRecordPatience);
    if (record && record->has_value()) sources.features = parse_features_record(**record);
    sources.no_features = !record    ? "Kafka did not answer in time: open the case again"
                          : !*record ? "it is no longer kept on the features topic"
                                     : "it is of a version that this program does not know";
  } else {
    sources.no_features = "none was written, or it is older than what is kept";
  }
  sources.ids = desk_.ids_of(*verdict);
  if (sources.features) sources.attended = attend(scorer_.get(), *sources.features);
  if (scorer_ && sources.features && scorer_->info().digest == sources.features->model_digest) {
    sources.model_features = scorer_->info().features;
  }
  return json_reply(render_case(*verdict, kept_, named_, sources, config_));
}

Reply Console::disposition(const Request& request) {
  if (const auto refusal = refuse_change(request.caller)) return refuse(*refusal);
  std::string why_not;
  const auto analyst = identify(access_, request.caller, why_not);
  if (!analyst) return error_reply(401, "nobody may decide here now", why_not);
  Reply reply = desk_.decide(request, *analyst);
  if (reply.status == 201) {
    const auto wish = parse_wish(request.body);
    const std::size_t which = wish->what == "fraud" ? 0 : wish->what == "good" ? 1 : 2;
    dispositions_[which].fetch_add(1, std::memory_order_relaxed);
  }
  return reply;
}

void Console::run_clock(const std::stop_token& stop) {
  name_log_thread("console-clock");
  auto last = surroundings_.snapshot();
  std::mutex mutex;
  std::condition_variable_any never;
  for (unsigned tick = 1; !stop.stop_requested(); ++tick) {
    {
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, kTick, [] { return false; });
    }
    std::string figures;
    if (tick % kTicksPerFigures == 0) {
      auto now = surroundings_.snapshot();
      figures = render_figures(last, now, surroundings_.waiting_for());
      last = std::move(now);
    }
    feeds_.turn(figures, tick % kTicksPerComment == 0);
  }
}

telemetry::ConsoleFigures Console::figures() const {
  telemetry::ConsoleFigures figures;
  figures.clients = static_cast<double>(feeds_.clients());
  figures.verdicts = static_cast<double>(kept_.size());
  figures.refused_feeds = static_cast<double>(refused_feeds_.load(std::memory_order_relaxed));
  figures.dropped_feeds = static_cast<double>(feeds_.dropped());
  for (std::size_t i = 0; i < dispositions_.size(); ++i) {
    figures.dispositions[i] = static_cast<double>(dispositions_[i].load(std::memory_order_relaxed));
  }
  return figures;
}

}  // namespace weir::console
