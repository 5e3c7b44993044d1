#pragma once
// What is asked of the cluster as a whole: identity, topics that exist, topics to be made.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/kafka/handles.h"

namespace weir::kafka {

struct TopicPlan {
  std::string name;
  bool create = false;  // make it when missing; otherwise a missing topic is an error
  std::int32_t partitions = 1;
  std::int32_t replication = 1;
  std::map<std::string, std::string> settings;  // cleanup.policy, ...
};

class Cluster {
 public:
  static Result<Cluster> connect(const Connection& connection);

  /// The cluster's id; stores of another cluster are refused by it.
  Result<std::string> id() const;
  /// Partition count of a topic; nullopt when it does not exist.
  Result<std::optional<std::int32_t>> partitions(const std::string& topic) const;
  /// Who is in a consumer group now, each as "name on host": a static member's instance id, else
  /// the client id. Empty where there is no such group.
  Result<std::vector<std::string>> members(const std::string& group) const;
  /// Settings of a topic as they are in force (retention.ms, cleanup.policy, ...).
  Result<std::map<std::string, std::string>> settings(const std::string& topic) const;
  /// Creates what is missing and may be created. The error names every topic that is missing and
  /// may not.
  Status ensure(const std::vector<TopicPlan>& plans);

 private:
  explicit Cluster(Client client) : client_(std::move(client)) {}
  Status create(const std::vector<TopicPlan>& plans);
  Client client_;
};

/// The changelog: compacted; a record stays at least ten minutes before compaction may drop it, so
/// that what a crashed at_least_once worker wrote without committing cannot displace committed
/// records before its successor repeats it.
std::map<std::string, std::string> changelog_settings(std::int32_t replication);

}  // namespace weir::kafka
