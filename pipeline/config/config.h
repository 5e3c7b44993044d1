#pragma once
// Everything an operator of Weir can set, as plain values. What each key means, its unit, limits
// and effect stand in keys.cc, the one table that also drives the loader and `weir check`;
// configs/handbook.yaml shows all of them in use. The values below are the defaults, and the only
// place where defaults are written.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "operators/settings.h"
#include "pipeline/telemetry/log.h"

namespace weir::config {

enum class Delivery : std::uint8_t {
  kExactlyOnce,  // results, changelog and input offsets become visible together
  kAtLeastOnce,  // verdicts are sent at once; after a crash some come again, byte for byte the same
};

struct KafkaConfig {
  std::string brokers;  // required
  std::string group_id = "weir";
  std::map<std::string, std::string> properties;  // handed to librdkafka unchanged
};

struct TopicsConfig {
  std::string transactions = "transactions";
  std::string labels = "labels";
  std::string verdicts = "verdicts";
  std::string features = "features";
  std::string dead_letters = "dead-letters";
  std::string metrics = "metrics";
  std::string state = "weir-state-decisions";
  std::string entities = "entities";
  std::string entity_profiles = "entity-profiles";
  std::string entity_state = "weir-state-entities";
  std::string audit = "audit";
  bool create = false;
  std::uint64_t partitions = 4;
  std::uint64_t replication = 1;
};

struct CommitConfig {
  std::chrono::milliseconds interval{20};
  std::chrono::milliseconds settle{2};
  std::uint64_t records_max = 10'000;
};

struct BatchConfig {
  std::uint64_t records_max = 128;
};

struct StateConfig {
  std::filesystem::path dir;  // required
  std::uint64_t hot_bytes = 128ULL << 20;
  std::chrono::milliseconds write_back_interval{1'000};
};

struct ModelConfig {
  std::filesystem::path package;   // empty: no model
  std::vector<std::string> allow;  // "sha256:<64 hex>"; empty: any package that is whole
};

/// Merchants, devices, addresses and cards: the profiles that payments see of them.
struct EntitiesConfig {
  std::uint64_t workers = 1;
  std::chrono::milliseconds max_staleness{60'000};
  std::chrono::milliseconds refresh{600'000};
};

/// Spans, and the collector they go to.
struct TracingConfig {
  std::string endpoint;                // base URL of OTLP/HTTP; empty: no spans
  std::filesystem::path headers_file;  // lines of "name: value"; empty: none
  double ratio = 0.01;
  std::uint64_t queue_max = 8'192;
};

/// The page for analysts: where it is served, to whom, and how much it keeps.
struct ConsoleConfig {
  std::string listen;           // empty: no console
  std::string analyst;          // everybody who can open it is this person
  std::string identity_header;  // names the person, set by a proxy that has asked who it is
  std::vector<std::string> trusted_proxies;  // addresses whose header is believed, beside loopback
  std::uint64_t verdicts_max = 50'000;
  std::uint64_t feeds_max = 64;
  double minutes_per_case = 5;
};

/// One entry of `features`, as written; compile_features() makes operators.features of them.
struct FeatureConfig {
  std::string name;
  std::size_t entity = 0;  // indices into the names in features.h
  std::size_t function = 0;
  std::size_t field = 0;
  std::chrono::milliseconds window{86'400'000};  // used when given only, as all below
  std::chrono::milliseconds delay{86'400'000};
  std::string filter;
  std::uint64_t rows = 0;
  double default_value = 0;
};

/// The schema registry: where the ids in front of records lead to.
struct RegistryConfig {
  std::vector<std::string> urls;  // empty: none
  std::string user;               // with password; empty: no basic authentication
  std::string password;
  std::string bearer_token;
  std::filesystem::path ca_certificates;  // empty: the system's
  std::chrono::milliseconds timeout{2'000};
  bool auto_register = false;
};

struct Config {
  KafkaConfig kafka;
  TopicsConfig topics;
  Delivery delivery = Delivery::kExactlyOnce;
  std::string instance_id = "weir-0";
  std::uint64_t workers = 1;
  CommitConfig commit;
  BatchConfig batch;
  StateConfig state;
  ModelConfig model;
  std::vector<FeatureConfig> features;
  EntitiesConfig entities;
  RegistryConfig registry;
  operators::Settings operators;  // input.*, formats.*, mapping.*, dedupe.*, ..., compiled features
  std::string admin_listen = "127.0.0.1:9464";
  ConsoleConfig console;
  std::chrono::milliseconds metrics_interval{10'000};
  std::vector<std::string> metrics_currencies{"EUR", "USD"};  // ISO codes
  TracingConfig tracing;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::chrono::milliseconds shutdown_timeout{10'000};
};

}  // namespace weir::config
