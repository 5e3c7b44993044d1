#include "pipeline/kafka/handles.h"

#include <array>

#include <fmt/core.h>

#include "pipeline/kafka/log_sink.h"

namespace weir::kafka {
namespace {

void log_line(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  // librdkafka's lines carry broker names, topics and error texts, never payloads.
  // "A consumer property will be ignored by this producer": by design, all clients share the user's
  // properties.
  if (std::string_view(facility) == "CONFWARN") level = 7;
  // What the library calls an error is a connection that will be tried again: a warning here.
  log(std::max(level, 4),
      fmt::format("kafka client {}: {}: {}", rd_kafka_name(client), facility, text));
}

}  // namespace

Result<Conf> make_conf(const Connection& connection, const Properties& ours,
                       const Properties& owned) {
  Conf conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), log_line);
  std::array<char, 512> text{};
  const auto set = [&](const std::string& key, const std::string& value) -> Status {
    if (rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK) {
      return fatal(fmt::format(
          "kafka.properties.{} is not accepted by librdkafka {}; see its CONFIGURATION.md", key,
          rd_kafka_version_str()));
    }
    return ok();
  };
  // Small messages back and forth: Nagle's algorithm only adds delay (the default since
  // librdkafka 2.10).
  WEIR_RETURN_IF_ERROR(set("socket.nagle.disable", "true"));
  WEIR_RETURN_IF_ERROR(set("bootstrap.servers", connection.brokers));
  for (const auto& [key, value] : ours) WEIR_RETURN_IF_ERROR(set(key, value));
  for (const auto& [key, value] : connection.properties) {
    if (owned.contains(key)) continue;
    WEIR_RETURN_IF_ERROR(set(key, value));
  }
  for (const auto& [key, value] : owned) WEIR_RETURN_IF_ERROR(set(key, value));
  return conf;
}

Result<Client> make_client(rd_kafka_type_t type, Conf conf) {
  std::array<char, 512> text{};
  Client client(rd_kafka_new(type, conf.get(), text.data(), text.size()));
  if (!client) return fatal(fmt::format("cannot create a Kafka client: {}", text.data()));
  (void)conf.release();  // rd_kafka_new took it over
  if (type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(client.get());
  return client;
}

std::string describe(rd_kafka_resp_err_t code) {
  return fmt::format("{} ({})", rd_kafka_err2str(code), rd_kafka_err2name(code));
}

}  // namespace weir::kafka
