#include "pipeline/kafka/embedded_broker.h"

#include <fmt/core.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "pipeline/kafka/handles.h"

namespace weir::kafka {

struct EmbeddedBroker::Impl {
  Client host;                                 // talks to nobody but the cluster inside it
  rd_kafka_mock_cluster_t* cluster = nullptr;  // the client's
};

EmbeddedBroker::EmbeddedBroker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedBroker::~EmbeddedBroker() = default;

Result<std::unique_ptr<EmbeddedBroker>> EmbeddedBroker::start(int brokers) {
  auto conf = make_conf(
      {.brokers = "embedded", .properties = {}}, {},
      {{"client.id", "embedded-broker"}, {"test.mock.num.brokers", std::to_string(brokers)}});
  if (!conf) return conf.error();
  auto client = make_client(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!client) return client.error();
  auto impl = std::make_unique<Impl>();
  impl->host = *std::move(client);
  impl->cluster = rd_kafka_handle_mock_cluster(impl->host.get());
  if (impl->cluster == nullptr) return fatal("cannot start the embedded broker");
  return std::unique_ptr<EmbeddedBroker>(new EmbeddedBroker(std::move(impl)));
}

std::string EmbeddedBroker::bootstrap() const {
  return rd_kafka_mock_cluster_bootstraps(impl_->cluster);
}

Status EmbeddedBroker::create_topic(const std::string& name, int partitions) {
  if (const auto code = rd_kafka_mock_topic_create(impl_->cluster, name.c_str(), partitions, 1)) {
    return fatal(fmt::format("embedded broker: cannot create topic {}: {}", name, describe(code)));
  }
  return ok();
}

void EmbeddedBroker::fail_requests(int api_key, const std::vector<int>& codes) {
  std::vector<rd_kafka_resp_err_t> errors;
  errors.reserve(codes.size());
  for (const int code : codes) errors.push_back(static_cast<rd_kafka_resp_err_t>(code));
  rd_kafka_mock_push_request_errors_array(impl_->cluster, static_cast<int16_t>(api_key),
                                          errors.size(), errors.data());
}

void EmbeddedBroker::set_broker_up(int id, bool up) {
  if (up) {
    rd_kafka_mock_broker_set_up(impl_->cluster, id);
  } else {
    rd_kafka_mock_broker_set_down(impl_->cluster, id);
  }
}

}  // namespace weir::kafka
