#include "pipeline/config/starter.h"

#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "pipeline/config/keys.h"
#include "pipeline/core/error.h"

namespace weir::config {
namespace {

constexpr std::size_t kWidth = 100;

/// A key, and what to write instead of its default.
struct Line {
  std::string_view path;
  std::string_view value = {};
};
constexpr std::array kLines = {
    Line{"kafka.brokers", "${KAFKA_BROKERS:localhost:9092}"},
    Line{"kafka.group_id"},
    Line{"topics.transactions"},
    Line{"topics.labels"},
    Line{"topics.verdicts"},
    Line{"topics.create", "true"},
    Line{"topics.replication"},
    Line{"delivery"},
    Line{"instance.id", "${WEIR_INSTANCE:weir-0}"},
    Line{"state.dir", "weir-state"},
    Line{"model.package"},
    Line{"decide.costs.fraud_loss_share"},
    Line{"decide.costs.false_decline"},
    Line{"decide.costs.review"},
    Line{"admin.listen"},
    Line{"log.format"},
};

constexpr std::string_view kBegin =
    "# Weir decides payments. What to do with this file:\n"
    "#\n"
    "#   weir check --offline --config weir.yaml    is it right, and what would it run?\n"
    "#   weir run --config weir.yaml                run it\n"
    "#   weir check --keys                          every key there is; all others have defaults\n"
    "#   weir check --schema > weir.schema.json     for editors that read the next line\n"
    "# yaml-language-server: $schema=weir.schema.json\n";

constexpr std::string_view kFeatures =
    "\n# What is known of a payment's user and merchant beside the payment itself, for models and "
    "for\n"
    "# people who look at verdicts: exact windows that end at the payment's own time. Labels take "
    "time\n"
    "# to come: delay leaves that time out.\n"
    "features:\n"
    "  - {name: user_payments_1d, entity: user, function: count, window: 1d}\n"
    "  - {name: user_mean_amount_30d, entity: user, function: mean, field: amount, window: 30d}\n"
    "  - {name: merchant_fraud_share_30d, entity: merchant, function: mean, field: fraud, window: "
    "30d,\n"
    "     delay: 7d, default: 0}\n";

std::string comment(std::string_view text) {
  std::string lines;
  std::string line = "#";
  while (!text.empty()) {
    const auto space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (line.size() + 1 + word.size() > kWidth) {
      lines += line + "\n";
      line = "#";
    }
    line += " ";
    line += word;
    text.remove_prefix(space == text.npos ? text.size() : space + 1);
  }
  return lines + line + "\n";
}

}  // namespace

std::string starter() {
  Config defaults;
  std::string text(kBegin);
  for (const Line& line : kLines) {
    const std::optional<KeyMatch> match = find_key(line.path);
    WEIR_CHECK(match.has_value());
    const Key& key = *match->key;
    text += fmt::format(
        "\n{}{}: {}\n", comment(fmt::format("{} ({})", key.effect, type_of(key.slot))), line.path,
        line.value.empty() ? value_of(key.slot, defaults, {}) : std::string(line.value));
  }
  return text + std::string(kFeatures);
}

}  // namespace weir::config
