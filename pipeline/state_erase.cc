// weir state erase: what the state holds of one user is gone for good, in every store and in the
// changelog.
//
// The group is stopped: a worker that runs holds the user in memory and has the next commit of the
// partition to give. That it is stopped is asked twice, before anything is read and when the marks
// lie in the log but do not count yet; and they must lie where reading ended. A worker that starts
// in between finds the open transaction when it asks where the changelog ends, and waits for it.

#include <algorithm>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "pipeline/config/units.h"
#include "pipeline/exit_code.h"
#include "pipeline/kafka/changelog_reader.h"
#include "pipeline/kafka/cluster.h"
#include "pipeline/kafka/transactional_writer.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/terminal/progress.h"
#include "state/erasure.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kReadWait{100};
/// The transaction of a worker that crashed hides what is behind it until it times out (10 s).
constexpr std::chrono::seconds kSilenceMax{60};
constexpr long long kSessionDefaultMs = 10'000;  // pipeline/kafka/kafka_input.cc
constexpr std::chrono::milliseconds kSessionSlack{5'000};
constexpr std::chrono::milliseconds kMembersPause{500};
constexpr std::chrono::seconds kSettlePatience{30};
constexpr std::chrono::seconds kWritePatience{15};
constexpr int kRoundsMax = 20;  // of reading on to an end that has moved

/// One partition of the changelog, read to an end at which it stood still.
struct ScannedPartition {
  state::ErasureScan scan;
  std::int64_t end = 0;
};
using Scanned = std::map<std::int32_t, ScannedPartition>;

/// A topic that holds records about users and is not this command's to change.
struct LeftIn {
  std::string topic;
  std::string kept;  // in words
};

Status refuse_running(const kafka::Cluster& cluster, const config::Config& config) {
  const auto members = cluster.members(config.kafka.group_id);
  if (!members) return members.error();
  if (members->empty()) return ok();
  return retry(
      fmt::format("group {} is running: {}; nothing was erased, and a worker would write the user "
                  "back: stop every instance, run this again, and start them",
                  config.kafka.group_id, fmt::join(*members, ", ")));
}

/// An instance that was stopped stays a member for its session (it is static, so that a restart
/// moves no partition): waits that long.
Status wait_until_stopped(const kafka::Cluster& cluster, const config::Config& config) {
  const auto& properties = config.kafka.properties;
  const auto configured = properties.find("session.timeout.ms");
  const auto session = std::chrono::milliseconds(
      configured == properties.end() ? kSessionDefaultMs : std::stoll(configured->second));
  const auto deadline = std::chrono::steady_clock::now() + session + kSessionSlack;
  bool told = false;
  for (;;) {
    const auto status = refuse_running(cluster, config);
    if (status || std::chrono::steady_clock::now() > deadline) return status;
    if (!told) {
      fmt::print(stderr, "weir: waiting for the group to be empty, {} at most\n",
                 config::format_duration(session + kSessionSlack));
    }
    told = true;
    std::this_thread::sleep_for(kMembersPause);
  }
}

class ChangelogScan {
 public:
  ChangelogScan(const config::Config& config, const std::string& user_id, std::int32_t partitions)
      : reader_(connection(config), config.topics.state) {
    for (std::int32_t p = 0; p < partitions; ++p) {
      scanned_.emplace(p, ScannedPartition{state::ErasureScan(user_id)});
    }
  }

  /// Reads on until no partition's end moves: what crashed workers left open is ended meanwhile.
  Result<Scanned> read_all() {
    for (int round = 0; round < kRoundsMax; ++round) {
      const auto moved = ask_ends();
      if (!moved) return moved.error();
      if (!*moved) return std::move(scanned_);
      WEIR_RETURN_IF_ERROR(read_to_ends());
    }
    return retry(
        "the changelog grows while it is read, so somebody writes to it; nothing was erased: stop "
        "every instance of Weir with this topics.state, and run this again");
  }

 private:
  Result<bool> ask_ends() {
    std::vector<PartitionOffset> positions;
    all_ = 0;
    for (auto& [partition, of] : scanned_) {
      const auto bounds = reader_.bounds(partition);
      if (!bounds) return bounds.error();
      const auto [low, high] = *bounds;
      all_ += static_cast<std::uint64_t>(high - low);
      if (high > of.end) positions.push_back({partition, std::max(of.end, low)});
      of.end = high;
    }
    if (positions.empty()) return false;
    WEIR_RETURN_IF_ERROR(reader_.start(positions));
    reading_.clear();
    for (const auto& position : positions) reading_.push_back(position.partition);
    return true;
  }

  Status read_to_ends() {
    const auto behind = [&](std::int32_t partition) {
      return reader_.position(partition) < scanned_.at(partition).end;
    };
    auto patience = std::chrono::steady_clock::now() + kSilenceMax;
    while (std::ranges::any_of(reading_, behind)) {
      if (std::chrono::steady_clock::now() > patience) {
        return retry(
            fmt::format("the changelog cannot be read to its end: nothing came for {} s; see that "
                        "every broker is up, and run this again",
                        kSilenceMax.count()));
      }
      WEIR_RETURN_IF_ERROR(
          reader_.read(kReadWait, [&](const kafka::KafkaChangelogReader::Record& record) -> Status {
            progress_.at(++read_, all_);
            patience = std::chrono::steady_clock::now() + kSilenceMax;
            auto& of = scanned_.at(record.partition);
            return record.offset < of.end ? of.scan.take(record.key, record.value, record.tombstone)
                                          : ok();
          }));
    }
    return ok();
  }

  kafka::KafkaChangelogReader reader_;
  Scanned scanned_;
  std::vector<std::int32_t> reading_;
  terminal::Progress progress_{"records of the changelog read"};
  std::uint64_t read_ = 0;
  std::uint64_t all_ = 0;
};

Status erase_in(kafka::TransactionalWriter& writer, const kafka::Cluster& cluster,
                const config::Config& config, std::int32_t partition, const ScannedPartition& of) {
  if (const auto settled = writer.settle(kSettlePatience); !settled) return settled.error();
  std::vector<kafka::TopicRecord> records;
  for (auto& record : of.scan.records()) {
    records.push_back({config.topics.state, std::move(record.key), std::move(record.value),
                       partition, record.tombstone});
  }
  const auto may_commit = [&](std::int64_t first) -> Status {
    WEIR_RETURN_IF_ERROR(refuse_running(cluster, config));
    if (first == of.end) return ok();
    return retry(
        fmt::format("somebody wrote to partition {} of the changelog meanwhile; nothing was "
                    "erased: stop every instance, and run this again",
                    partition));
  };
  const auto written = writer.write(records, kWritePatience, may_commit);
  if (written) return ok();
  return retry(
      with_next_step(written.error(), "run this again: what is erased already is not found again")
          .message);
}

std::string kept_text(const std::map<std::string, std::string>& settings) {
  const auto value = [&](const char* name) {
    const auto found = settings.find(name);
    return found == settings.end() ? std::string() : found->second;
  };
  if (value("cleanup.policy") == "compact") return "compacted: the last record of each key stays";
  const auto retention = value("retention.ms");
  if (retention.empty()) return "for how long was not told";
  if (retention == "-1") return "kept for ever";
  return fmt::format("kept {}",
                     config::format_duration(std::chrono::milliseconds(std::stoll(retention))));
}

std::vector<LeftIn> left_in(const kafka::Cluster& cluster, const config::Config& config) {
  const auto& topics = config.topics;
  std::vector<std::string> names{topics.transactions, topics.verdicts, topics.dead_letters};
  for (const auto* topic : {&topics.labels, &topics.features, &topics.audit, &topics.entities}) {
    if (!topic->empty()) names.push_back(*topic);
  }
  std::vector<LeftIn> left;
  for (const auto& name : names) {
    const auto partitions = cluster.partitions(name);
    if (!partitions || !partitions->has_value()) continue;
    const auto settings = cluster.settings(name);
    // Rights to read settings are rarely given: the topic is named all the same.
    left.push_back({name, kept_text(settings ? *settings : std::map<std::string, std::string>())});
  }
  return left;
}

void tell(const Scanned& scanned, const std::vector<LeftIn>& left,
          const StateEraseArguments& arguments, const config::Config& config) {
  const auto& changelog = config.topics.state;
  const bool entities = needs_entities(config);
  std::size_t records = 0;
  nlohmann::ordered_json partitions = nlohmann::ordered_json::array();
  for (const auto& [partition, of] : scanned) {
    if (of.scan.found() == 0) continue;
    records += of.scan.found();
    partitions.push_back({{"partition", partition}, {"records", of.scan.found()}});
  }
  if (arguments.json) {
    nlohmann::ordered_json topics = nlohmann::ordered_json::array();
    for (const auto& [topic, kept] : left) topics.push_back({{"topic", topic}, {"kept", kept}});
    const nlohmann::ordered_json line{{"erased", arguments.yes ? records : 0},
                                      {"found", records},
                                      {"dry_run", !arguments.yes},
                                      {"topic", changelog},
                                      {"partitions", partitions},
                                      {"left_in", topics}};
    fmt::print("{}\n", line.dump());
    return;
  }
  if (records == 0) {
    fmt::print("nothing of this user is in {}\n", changelog);
  } else {
    fmt::print("{} {} records of this user in {}\n", arguments.yes ? "erased" : "would erase",
               records, changelog);
  }
  if (arguments.yes && records != 0) {
    fmt::print(
        "Stores under state.dir forget the user as they start, before their first payment. The "
        "broker removes the bytes when it next compacts {}.\n",
        changelog);
  }
  fmt::print("Records about users are in these topics too, and stay there:\n");
  for (const auto& [topic, kept] : left) fmt::print("  {:<24} {}\n", topic, kept);
  if (entities) {
    fmt::print(
        "Windows of merchants, devices, addresses and cards go on counting the user's payments, by "
        "a hash of the id.\n");
  }
  if (!arguments.yes && records != 0) {
    fmt::print("nothing was erased; stop the group and add --yes to erase\n");
  }
}

Result<Scanned> scan_changelog(const kafka::Cluster& cluster, const config::Config& config,
                               const std::string& user_id) {
  const auto partitions = cluster.partitions(config.topics.state);
  if (!partitions) return partitions.error();
  if (!partitions->has_value()) {
    return fatal(fmt::format(
        "topic {} does not exist; check topics.state: the group that wrote it has another name "
        "there, or never ran",
        config.topics.state));
  }
  auto scanned = ChangelogScan(config, user_id, **partitions).read_all();
  if (!scanned) return scanned;
  for (const auto& [partition, of] : *scanned) {
    if (of.scan.found() != 0 && !of.scan.saw_commit()) {
      return fatal(
          fmt::format("partition {} of {} holds records of this user that no commit covers, left "
                      "by a worker that crashed; start the group once, stop it, and run this again",
                      partition, config.topics.state));
    }
  }
  return scanned;
}

Status erase(const config::Config& config, const StateEraseArguments& arguments) {
  auto cluster = kafka::Cluster::connect(connection(config));
  if (!cluster) return cluster.error();
  if (const auto id = cluster->id(); !id) return id.error();
  if (arguments.yes) WEIR_RETURN_IF_ERROR(wait_until_stopped(*cluster, config));
  const auto scanned = scan_changelog(*cluster, config, arguments.user_id);
  if (!scanned) return scanned.error();
  kafka::TransactionalWriter writer(connection(config), config.kafka.group_id + "-erase");
  for (const auto& [partition, of] : *scanned) {
    if (!arguments.yes || of.scan.found() == 0) continue;
    WEIR_RETURN_IF_ERROR(erase_in(writer, *cluster, config, partition, of));
  }
  tell(*scanned, left_in(*cluster, config), arguments, config);
  return ok();
}

}  // namespace

int state_erase_command(const StateEraseArguments& arguments) {
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  if (arguments.user_id.empty() || arguments.user_id.find('\0') != std::string::npos) {
    return report(fatal("the user's id is empty; give it as it stands in user_id"), kExitUsage);
  }
  const auto status = erase(loaded->config, arguments);
  return status ? kExitOk : report(status.error(), kExitData, kAskBroker);
}

}  // namespace weir
