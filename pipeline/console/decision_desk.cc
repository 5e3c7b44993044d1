#include "pipeline/console/decision_desk.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "operators/card_number.h"
#include "operators/digest.h"
#include "pipeline/console/page_json.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/telemetry/log.h"

namespace weir::console {
namespace {

constexpr std::size_t kNoteCharactersMax = 500;
// Together below the 15 s that the page waits for an answer.
constexpr std::chrono::milliseconds kSettlePatience{3'000};
constexpr std::chrono::milliseconds kReadPatience{2'000};
constexpr std::chrono::milliseconds kWritePatience{3'000};  // twice: acknowledged, then committed

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Error refuse(std::string message) {
  return {ErrorKind::kRejectEvent, std::move(message)};
}

Result<Wish> read_wish(const Json& json) {
  Wish wish;
  wish.verdict_id = json.at("verdict_id");
  wish.what = json.at("disposition");
  if (wish.what != "fraud" && wish.what != "good" && wish.what != "escalate") {
    return refuse("disposition must be fraud, good or escalate");
  }
  if (json.contains("note") && !json.at("note").is_null()) wish.note = json.at("note");
  if (characters(wish.note) > kNoteCharactersMax) {
    return refuse("the note is longer than 500 characters");
  }
  if (operators::contains_card_number(wish.note)) {
    return refuse(
        "the note contains a card number: write it without, or only its last four digits");
  }
  if (json.contains("revision") && !json.at("revision").is_null()) {
    const auto& revision = json.at("revision");
    if (!revision.is_number_unsigned() || revision.get<std::uint64_t>() > UINT32_MAX) {
      return refuse("revision must be a whole number");
    }
    wish.revision = revision.get<std::uint32_t>();
  }
  return wish;
}

void add_if_known(Json& json, const char* name, const std::string& id) {
  if (!id.empty()) json[name] = id;
}

}  // namespace

Result<Wish> parse_wish(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return refuse("the body must be one JSON object");
  try {
    return read_wish(json);
  } catch (const Json::exception&) {
    return refuse("verdict_id, disposition and note must be texts");
  }
}

Disposition make_disposition(const Wish& wish, const KeptVerdict& verdict,
                             const std::optional<Disposition>& before, const std::string& analyst,
                             std::int64_t now_ms) {
  Disposition said;
  said.verdict_id = verdict.verdict_id;
  said.transaction_id = verdict.transaction_id;
  said.user_id = verdict.user_id;
  said.what = wish.what;
  said.analyst = analyst;
  said.note = wish.note;
  said.at = wall_time(now_ms);
  said.revision = before ? before->revision + 1 : 1;
  if (wish.what != "escalate") {
    said.label_id =
        "console-" + operators::sha256_hex(verdict.verdict_id + '\n' + analyst).substr(0, 32);
  }
  return said;
}

std::string label_record(const Disposition& said, const KeptVerdict& verdict, const NamedIds& ids) {
  const bool fraud = said.what == "fraud";
  Json json = {{"label_id", said.label_id},
               {"transaction_id", said.transaction_id},
               {"user_id", said.user_id},
               {"merchant_id", verdict.merchant_id},
               {"is_fraud", fraud},
               {"event_time", verdict.event_time},
               {"label_time", said.at},
               {"revision", said.revision},
               {"type", fraud ? "analyst_fraud" : "analyst_good"},
               {"source", "console"}};
  add_if_known(json, "device_id", ids.device_id);
  add_if_known(json, "ip", ids.ip);
  add_if_known(json, "card_token", ids.card_token);
  return dump(json);
}

std::string audit_record(const Disposition& said, const KeptVerdict& verdict,
                         const std::optional<Disposition>& before, const std::string& instance,
                         const std::string& from) {
  Json json = {{"what", "disposition"},
               {"at", said.at},
               {"analyst", said.analyst},
               {"from", from},
               {"instance", instance},
               {"verdict_id", said.verdict_id},
               {"transaction_id", said.transaction_id},
               {"user_id", said.user_id},
               {"merchant_id", verdict.merchant_id},
               {"action", verdict.action}};
  json["before"] = before ? Json{{"disposition", before->what},
                                 {"analyst", before->analyst},
                                 {"revision", before->revision}}
                          : Json(nullptr);
  json["after"] = {{"disposition", said.what}, {"revision", said.revision}};
  json["note"] = said.note;
  json["label_id"] = said.label_id.empty() ? Json(nullptr) : Json(said.label_id);
  return dump(json);
}

DecisionDesk::DecisionDesk(const config::Config& config, KeptVerdicts& kept,
                           const NamedPayments& named, const Clock& clock,
                           ReadDispositions read_dispositions)
    : config_(config),
      kept_(kept),
      named_(named),
      clock_(clock),
      read_dispositions_(std::move(read_dispositions)),
      reader_(config.operators, nullptr),
      // No worker's: theirs end in a number.
      writer_({config.kafka.brokers, config.kafka.properties, config.kafka.group_id},
              fmt::format("{}-{}-console", config.kafka.group_id, config.instance_id)) {}

void DecisionDesk::open() {
  if (const auto settled = writer_.settle(kSettlePatience); !settled) {
    log_warn("console: decisions cannot be written yet: {}", settled.error().message);
  }
}

Status DecisionDesk::know_what_was_said() {
  const auto fresh = writer_.settle(kSettlePatience);
  if (!fresh) return fresh.error();
  may_not_know_ = may_not_know_ || *fresh;
  if (may_not_know_ && !read_dispositions_(kReadPatience)) {
    return retry(fmt::format("topic {} could not be read to its end", config_.topics.audit));
  }
  may_not_know_ = false;
  return ok();
}

Reply DecisionDesk::decide(const Request& request, const std::string& analyst) {
  const auto wish = parse_wish(request.body);
  if (!wish) return error_reply(400, wish.error().message, "correct it and send it again");
  const Verdict verdict = kept_.find(wish->verdict_id);
  if (!verdict) {
    return error_reply(404, "this verdict is not kept here",
                       "it may be older than console.verdicts_max reaches; send a label instead");
  }
  const auto unconfirmed = [](const Error& why) {
    log_warn("console: a decision is not confirmed: {}", why.message);
    Reply reply = error_reply(503, "Kafka has not confirmed the decision: " + why.message,
                              "send it again: the same decision twice counts once");
    reply.headers.emplace_back("Retry-After", "2");
    return reply;
  };
  if (const auto known = know_what_was_said(); !known) return unconfirmed(known.error());
  const auto before = kept_.disposition(wish->verdict_id);
  const bool same = before && before->what == wish->what && before->analyst == analyst &&
                    before->note == wish->note;
  Reply reply;
  reply.status = 201;
  if (same) {  // pressed twice, or sent again because the first answer was lost
    reply.body = dump(to_json(*before));
    return reply;
  }
  if (wish->revision && *wish->revision != (before ? before->revision : 0)) {
    const Json conflict = {{"error", "somebody has decided meanwhile"},
                           {"next", "look at what they said, then decide again"},
                           {"disposition", before ? to_json(*before) : Json(nullptr)}};
    reply.status = 409;
    reply.body = dump(conflict);
    return reply;
  }
  const auto said = make_disposition(*wish, *verdict, before, analyst, clock_.wall_ms());
  if (const auto written = write(said, *verdict, before, request.caller.address); !written) {
    return unconfirmed(written.error());
  }
  kept_.add(said);
  reply.body = dump(to_json(said));
  return reply;
}

NamedIds DecisionDesk::ids_of(const KeptVerdict& verdict) {
  if (auto known = named_.at(verdict.spot())) return *std::move(known);
  const auto& [topic, partition, offset] = verdict.input;
  const auto record =
      kafka::read_record({config_.kafka.brokers, config_.kafka.properties, config_.kafka.group_id},
                         topic, partition, offset, kReadPatience);
  if (!record || !record->has_value()) return {};
  RawRecord payment;
  payment.value = **record;
  return reader_.read(payment);
}

Status DecisionDesk::write(const Disposition& said, const KeptVerdict& verdict,
                           const std::optional<Disposition>& before, const std::string& from) {
  std::vector<kafka::TopicRecord> records;
  if (!said.label_id.empty()) {
    records.push_back({config_.topics.labels, said.user_id,
                       label_record(said, verdict, ids_of(verdict)), verdict.input.partition});
  }
  records.push_back({config_.topics.audit, said.user_id,
                     audit_record(said, verdict, before, config_.instance_id, from)});
  return writer_.write(records, kWritePatience);
}

}  // namespace weir::console
