#include "pipeline/config/describe.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pipeline/config/features.h"
#include "pipeline/config/keys.h"
#include "pipeline/config/units.h"

namespace weir::config {
namespace {

constexpr std::string_view kMask = "\"********\"";
constexpr std::string_view kNothing = "\"\"";

std::string describe_model(const Config& c) {
  if (c.model.package.empty())
    return fmt::format("none: every payment is assumed fraud with p = {}",
                       c.operators.decide.prior);
  return fmt::format("{} ({})", c.model.package.native(),
                     c.model.allow.empty()
                         ? "any whole package"
                         : fmt::format("{} digests allowed", c.model.allow.size()));
}

/// Where it is, and in whose name people decide there.
std::string describe_console(const ConsoleConfig& c) {
  return fmt::format("http://{}/, {}", c.listen,
                     !c.identity_header.empty()
                         ? fmt::format("who decides is told by header {}", c.identity_header)
                     : !c.analyst.empty()
                         ? fmt::format("whoever opens it decides as {}", c.analyst)
                         : "nobody may decide: set console.identity_header or console.analyst");
}

/// "15 declared: 3 of the payment, 6 over a user, 6 over a merchant; look back 37d"
std::string describe_features(const operators::Settings& settings) {
  if (settings.features.empty()) return "none declared";
  std::array<std::size_t, kFeatureEntities.size()> counts{};
  std::int64_t reach_ms = 0;
  for (const auto& feature : settings.features) {
    const auto* windowed = std::get_if<state::FeatureDeclaration>(&feature.source);
    ++counts[windowed == nullptr ? 0 : static_cast<std::size_t>(windowed->entity) + 1];
    if (windowed != nullptr)
      reach_ms = std::max(reach_ms, windowed->delay_ms + windowed->window_ms);
  }
  std::string text = fmt::format("{} declared", settings.features.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0)
      text += fmt::format("{} {} {} {}", text.ends_with("declared") ? ":" : ",", counts[i],
                          i == 0 ? "of the" : "over a", kFeatureEntities[i]);
  }
  if (reach_ms > 0) {
    text += fmt::format("; look back {}", format_duration(std::chrono::milliseconds(reach_ms)));
  }
  return text;
}

/// The value as YAML, unless it is a secret; that there is none may be seen.
std::string shown(const Key& key, Config& config, std::string_view name, const Origin& origin) {
  std::string value = value_of(key.slot, config, name);
  return origin.secret && value != kNothing ? std::string(kMask) : value;
}

/// One line of the dump: key, value, and as a comment where the value came from.
std::string dump_line(std::string_view path, std::string_view value, const Origin& origin) {
  std::string line = fmt::format("{}: {}", path, value);
  line += fmt::format("{:{}}# {}", "", line.size() < 50 ? 50 - line.size() : 2, origin.text);
  if (!origin.secret_file.empty()) line += fmt::format(", value from {}", origin.secret_file);
  return line + "\n";
}

}  // namespace

std::string describe(const Config& c) {
  const auto& o = c.operators;
  const bool exactly_once = c.delivery == Delivery::kExactlyOnce;
  std::string text = fmt::format("ok: 1 input topic, 8 operators, 4 output topics, {}\n",
                                 exactly_once ? "exactly_once" : "at_least_once");
  const auto line = [&](std::string_view word, const std::string& value) {
    text += fmt::format("  {:<10}{}\n", word, value);
  };
  line("input", fmt::format("{} from {}", c.topics.transactions, c.kafka.brokers));
  line("instance", fmt::format("{} in group {}, {} worker{}", c.instance_id, c.kafka.group_id,
                               c.workers, c.workers == 1 ? "" : "s"));
  line("operators",
       fmt::format(
           "decode, validate, dedupe ({}), history ({} rows{}), windows, score, decide, emit",
           format_duration(o.dedupe.horizon), o.history.rows,
           o.history.merchant_rows == 0
               ? std::string()
               : fmt::format(", {} of the merchant", o.history.merchant_rows)));
  line("features", describe_features(o));
  line("model", describe_model(c));
  line("decide", fmt::format("fraud_loss_share {}, false_decline {}, review {}; safe action {}",
                             o.decide.costs.fraud_loss_share, o.decide.costs.false_decline,
                             o.decide.costs.review, o.decide.safe_action));
  line("output", fmt::format("{}, {}, {}, {}", c.topics.verdicts, c.topics.features,
                             c.topics.dead_letters, c.topics.metrics));
  line("delivery", exactly_once ? fmt::format("exactly_once, one transaction a worker every {}",
                                              format_duration(c.commit.interval))
                                : fmt::format("at_least_once, offsets every {}",
                                              format_duration(c.commit.interval)));
  line("state", fmt::format("{}, {} hot, changelog {}", c.state.dir.native(),
                            format_bytes(c.state.hot_bytes), c.topics.state));
  line("admin", fmt::format("http://{}/metrics", c.admin_listen));
  if (!c.console.listen.empty()) line("console", describe_console(c.console));
  return text;
}

nlohmann::ordered_json described_as_json(const Config& c) {
  using Json = nlohmann::ordered_json;
  const auto& o = c.operators;
  const bool exactly_once = c.delivery == Delivery::kExactlyOnce;
  Json model = nullptr;
  if (!c.model.package.empty())
    model = {{"package", c.model.package.native()}, {"digests_allowed", c.model.allow.size()}};
  Json features = Json::array();
  for (const auto& feature : o.features) features.push_back(feature.name);
  return {
      {"input", {{"brokers", c.kafka.brokers}, {"topic", c.topics.transactions}}},
      {"instance", {{"id", c.instance_id}, {"group", c.kafka.group_id}, {"workers", c.workers}}},
      {"dedupe_horizon", format_duration(o.dedupe.horizon)},
      {"history_rows", o.history.rows},
      {"merchant_rows", o.history.merchant_rows},
      {"features", std::move(features)},
      {"model", std::move(model)},
      {"prior", o.decide.prior},
      {"costs",
       {{"fraud_loss_share", o.decide.costs.fraud_loss_share},
        {"false_decline", o.decide.costs.false_decline},
        {"review", o.decide.costs.review}}},
      {"safe_action", o.decide.safe_action},
      {"output",
       {{"verdicts", c.topics.verdicts},
        {"features", c.topics.features},
        {"dead_letters", c.topics.dead_letters},
        {"metrics", c.topics.metrics}}},
      {"delivery", exactly_once ? "exactly_once" : "at_least_once"},
      {"commit_interval", format_duration(c.commit.interval)},
      {"state", {{"dir", c.state.dir.native()}, {"changelog", c.topics.state}}},
      {"admin", c.admin_listen}};
}

std::string dump_resolved(const Loaded& loaded) {
  Config config = loaded.config;  // fields are found through a function that may write
  std::string text;
  for (const Key& key : all_keys()) {
    if (key.path.find('*') == std::string_view::npos) {
      const auto origin = loaded.origins.find(std::string(key.path));
      const Origin& from = origin == loaded.origins.end() ? Origin{} : origin->second;
      text += dump_line(key.path, shown(key, config, {}, from), from);
      continue;
    }
    if (key.path == "features.*.name") text += dump_features(loaded);
    if (key.path.starts_with("features.")) continue;
    for (const auto& [path, origin] : loaded.origins) {  // keys with a `*` have no defaults
      const auto match = find_key(path);
      if (!match || match->key != &key) continue;
      text += dump_line(path, shown(key, config, match->name, origin), origin);
    }
  }
  return text;
}

std::string resolved_as_json(const Loaded& loaded) {
  Config config = loaded.config;
  auto list = nlohmann::ordered_json::array();
  const auto add = [&](const std::string& path, const Key& key, std::string_view name,
                       const Origin& origin) {
    nlohmann::ordered_json item = {{"key", path}};
    item["value"] = origin.secret ? "********" : value_of(key.slot, config, name);
    item["from"] = origin.text;
    if (!origin.secret_file.empty()) item["file"] = origin.secret_file;
    list.push_back(std::move(item));
  };
  for (const Key& key : all_keys()) {
    if (key.path.find('*') == std::string_view::npos) {
      const std::string path(key.path);
      const auto origin = loaded.origins.find(path);
      add(path, key, {}, origin == loaded.origins.end() ? Origin{} : origin->second);
      continue;
    }
    for (const auto& [path, origin] : loaded.origins) {
      const auto match = find_key(path);
      if (match && match->key == &key) add(path, key, match->name, origin);
    }
  }
  using Json = nlohmann::ordered_json;
  return list.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string keys_as_json() {
  Config defaults;
  auto list = nlohmann::ordered_json::array();
  for (const Key& key : all_keys()) {
    const bool has_default = !key.required && key.path.find('*') == std::string_view::npos;
    nlohmann::ordered_json item = {{"key", key.path}, {"type", type_of(key.slot)}};
    item["required"] = key.required;
    item["default"] = nullptr;
    if (has_default) item["default"] = value_of(key.slot, defaults, {});
    item["effect"] = key.effect;
    list.push_back(std::move(item));
  }
  return list.dump(1) + "\n";
}

std::string list_keys() {
  Config defaults;
  std::string text;
  for (const Key& key : all_keys()) {
    std::string fallback = "required";
    if (key.path.find('*') != std::string_view::npos) {
      fallback = "not set";
    } else if (!key.required) {
      fallback = fmt::format("default {}", value_of(key.slot, defaults, {}));
    }
    text += fmt::format("{}: {}; {}\n    {}\n", key.path, type_of(key.slot), fallback, key.effect);
  }
  return text;
}

}  // namespace weir::config
