#pragma once
// How every client of this process reaches the cluster.

#include <map>
#include <string>

namespace weir::kafka {

using Properties = std::map<std::string, std::string>;

struct Connection {
  std::string brokers;
  Properties
      properties;  // kafka.properties: handed to librdkafka unchanged, never keys that Weir owns
  /// Readers that assign partitions by hand join no group, yet librdkafka asks the broker about the
  /// one they are named after. Named after the pipeline's, its rights cover them.
  std::string group = "weir";
};

}  // namespace weir::kafka
