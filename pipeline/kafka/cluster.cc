#include "pipeline/kafka/cluster.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "pipeline/kafka/log_sink.h"

namespace weir::kafka {
namespace {

constexpr int kTimeoutMs = 10'000;
constexpr int kVisibleTries = 100;  // a new topic is known to every broker after a moment
constexpr std::chrono::milliseconds kVisiblePause{50};

using AdminOptions =
    std::unique_ptr<rd_kafka_AdminOptions_t, Deleter<rd_kafka_AdminOptions_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Deleter<rd_kafka_NewTopic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Deleter<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Deleter<rd_kafka_event_destroy>>;

using ConfigResource =
    std::unique_ptr<rd_kafka_ConfigResource_t, Deleter<rd_kafka_ConfigResource_destroy>>;

/// One request of the admin client; `send` puts it on its way, the answer is the event.
template <class Send>
Result<Event> ask(rd_kafka_t* client, rd_kafka_admin_op_t what, std::string_view about,
                  const Send& send) {
  std::array<char, 512> text{};
  const AdminOptions options(rd_kafka_AdminOptions_new(client, what));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMs, text.data(), text.size());
  const Queue queue(rd_kafka_queue_new(client));
  send(options.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), kTimeoutMs * 2));
  if (!event) return retry(fmt::format("no answer about {}; check kafka.brokers", about));
  if (rd_kafka_event_error(event.get())) {
    return retry(fmt::format("{}: {}", about, rd_kafka_event_error_string(event.get())));
  }
  return event;
}

}  // namespace

Result<Cluster> Cluster::connect(const Connection& connection) {
  // A consumer, although it reads nothing: a producer that asks for a missing topic makes it, with
  // the broker's defaults (auto.create.topics.enable), and a changelog made so is not compacted.
  // A consumer does not, unless told to (and kafka.properties may not tell it to).
  auto conf = make_conf(connection, {}, {});
  if (!conf) return conf.error();
  auto client = make_client(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!client) return client.error();
  return Cluster(*std::move(client));
}

Result<std::string> Cluster::id() const {
  char* id = rd_kafka_clusterid(client_.get(), kTimeoutMs);
  if (id == nullptr) {
    return retry(
        "no Kafka broker answered; check kafka.brokers, the network and "
        "kafka.properties.security.*");
  }
  std::string text(id);
  rd_kafka_mem_free(client_.get(), id);
  return text;
}

Result<std::optional<std::int32_t>> Cluster::partitions(const std::string& topic) const {
  const TopicHandle handle(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  if (const auto code = rd_kafka_metadata(client_.get(), 0, handle.get(), &metadata, kTimeoutMs)) {
    return retry(
        fmt::format("no answer about topic {}: {}; check kafka.brokers", topic, describe(code)));
  }
  std::optional<std::int32_t> count;
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (metadata->topic_cnt == 1) {
    code = metadata->topics[0].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) count = metadata->topics[0].partition_cnt;
  }
  rd_kafka_metadata_destroy(metadata);
  const bool missing = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                       code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
                       code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
  if (count || missing) return count;
  return retry(fmt::format("topic {}: {}", topic, describe(code)));
}

Result<std::vector<std::string>> Cluster::members(const std::string& group) const {
  const auto about = fmt::format("group {}", group);
  const char* asked = group.c_str();
  auto event = ask(client_.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, about,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_DescribeConsumerGroups(client_.get(), &asked, 1, options, queue);
                   });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
  if (count != 1) return retry(fmt::format("no answer about {}", about));
  if (const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[0])) {
    return retry(fmt::format("{}: {}", about, rd_kafka_error_string(error)));
  }
  std::vector<std::string> members;
  const std::size_t all = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
  for (std::size_t i = 0; i < all; ++i) {
    const auto* member = rd_kafka_ConsumerGroupDescription_member(groups[0], i);
    const char* name = rd_kafka_MemberDescription_group_instance_id(member);
    if (name == nullptr) name = rd_kafka_MemberDescription_client_id(member);
    members.push_back(fmt::format("{} on {}", name, rd_kafka_MemberDescription_host(member)));
  }
  return members;
}

Result<std::map<std::string, std::string>> Cluster::settings(const std::string& topic) const {
  const auto about = fmt::format("the settings of topic {}", topic);
  const ConfigResource resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* asked = resource.get();
  auto event = ask(client_.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, about,
                   [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                     rd_kafka_DescribeConfigs(client_.get(), &asked, 1, options, queue);
                   });
  if (!event) return event.error();
  std::size_t count = 0;
  const auto* results = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  if (count != 1) return retry(fmt::format("no answer about {}", about));
  if (const auto code = rd_kafka_ConfigResource_error(results[0])) {
    return retry(fmt::format("{}: {}", about, describe(code)));
  }
  std::map<std::string, std::string> settings;
  const auto* entries = rd_kafka_ConfigResource_configs(results[0], &count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);  // null where it is a secret
    if (value != nullptr) settings.emplace(rd_kafka_ConfigEntry_name(entries[i]), value);
  }
  return settings;
}

Status Cluster::ensure(const std::vector<TopicPlan>& plans) {
  std::vector<TopicPlan> to_create;
  std::vector<std::string> missing;
  for (const auto& plan : plans) {
    const auto count = partitions(plan.name);
    if (!count) return count.error();
    if (count->has_value()) continue;
    if (plan.create) {
      to_create.push_back(plan);
    } else {
      missing.push_back(plan.name);
    }
  }
  if (!missing.empty()) {
    return fatal(fmt::format("missing topics: {}; create them, or set topics.create: true",
                             fmt::join(missing, ", ")));
  }
  if (to_create.empty()) return ok();
  return create(to_create);
}

Status Cluster::create(const std::vector<TopicPlan>& plans) {
  std::vector<NewTopic> owned;
  std::vector<rd_kafka_NewTopic_t*> topics;
  std::array<char, 512> text{};
  for (const auto& plan : plans) {
    owned.emplace_back(rd_kafka_NewTopic_new(plan.name.c_str(), plan.partitions, plan.replication,
                                             text.data(), text.size()));
    if (!owned.back())
      return fatal(fmt::format("cannot create topic {}: {}", plan.name, text.data()));
    for (const auto& [key, value] : plan.settings) {
      rd_kafka_NewTopic_set_config(owned.back().get(), key.c_str(), value.c_str());
    }
    topics.push_back(owned.back().get());
  }
  const AdminOptions options(
      rd_kafka_AdminOptions_new(client_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMs, text.data(), text.size());
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), kTimeoutMs, text.data(), text.size());
  const Queue queue(rd_kafka_queue_new(client_.get()));
  rd_kafka_CreateTopics(client_.get(), topics.data(), topics.size(), options.get(), queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), kTimeoutMs * 2));
  if (!event) return retry("no answer to the creation of topics");
  if (rd_kafka_event_error(event.get())) {
    return retry(fmt::format("cannot create topics: {}", rd_kafka_event_error_string(event.get())));
  }
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      return fatal(fmt::format("cannot create topic {}: {}; create it by hand or allow Weir to",
                               rd_kafka_topic_result_name(results[i]), describe(code)));
    }
    log(6, fmt::format("created topic {}", rd_kafka_topic_result_name(results[i])));
  }
  for (const auto& plan : plans) {
    for (int i = 0; i < kVisibleTries; ++i) {
      const auto seen = partitions(plan.name);
      if (seen && seen->has_value()) break;
      std::this_thread::sleep_for(kVisiblePause);
    }
  }
  return ok();
}

std::map<std::string, std::string> changelog_settings(std::int32_t replication) {
  return {{"cleanup.policy", "compact"},
          {"min.compaction.lag.ms", "600000"},
          {"min.insync.replicas", replication >= 3 ? "2" : "1"},
          {"unclean.leader.election.enable", "false"}};
}

}  // namespace weir::kafka
