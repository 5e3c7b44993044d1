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
};

}  // namespace weir::kafka
